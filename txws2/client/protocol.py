"""The protocol class of a client, and the factory of its connections."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Self, TypeVar, Unpack

from twisted.internet.interfaces import IAddress
from twisted.logger import Logger

from txws2._checks.options import check_options
from txws2._connection.factory import ConnectionFactory, ConnectionOptions
from txws2._connection.handle import driver_of
from txws2._connection.protocol import WebSocketProtocol, check_arguments
from txws2._connection.protocol_class import check_class_attribute, check_made_once, made_wrongly
from txws2._time.sharing import shared
from txws2.client.driver import ClientDriver
from txws2.wire.handshake.client import build_request
from txws2.wire.handshake.extra_fields import HeadersLike, repeatable, without_credentials
from txws2.wire.http.cookie_jar import CookieJar
from txws2.wire.http.heads import Request, Response
from txws2.wire.http.uris import WebSocketURI, parse_uri

__all__ = [
    "RequestOptions",
    "WebSocketClientFactory",
    "WebSocketClientProtocol",
]


T = TypeVar("T")


class WebSocketClientProtocol(WebSocketProtocol):
    """The client's end of a connection."""

    def __new__(cls, *arguments: Any, **options: Any) -> Self:
        """Make an instance with its driver; the arguments are for ``__init__``."""
        if arguments or options:
            check_arguments(cls)
        return WebSocketProtocol.__new__(cls, ClientDriver())


class RequestOptions(ConnectionOptions, total=False):
    """The options that clients of every kind take, except for the headers."""

    origin: str | None
    subprotocols: Sequence[str]
    user_agent_header: str | None


class WebSocketClientFactory(ConnectionFactory[WebSocketClientProtocol]):
    """Makes the client's end of connections to one URI, for any stream endpoint.

    Args:
        uri: the ws or wss URI to ask for; the endpoint decides where to connect to.
        create_protocol: makes the protocol: a subclass, or a functools.partial of one.
        origin: the value of the Origin header; by default there is none.
        subprotocols: the subprotocols to offer, best first.
        additional_headers: headers to send besides those of the handshake: a mapping, or pairs.
            An Authorization among them is sent instead of the URI's credentials, a User-Agent
            instead of user_agent_header.
        user_agent_header: the value of User-Agent; by default there is none.
        reactor: the reactor to run on; None for the global one.
        **options: those of `ConnectionFactory`.

    Attributes:
        uri: the URI that is asked for, in its parts.
        server_name: the name that the server's certificate must have; errors of TLS show it.
        authorization: the value of Authorization, in place of any other; None to use the others.

    Raises:
        InvalidURI: the URI isn't a WebSocket URI.
        InvalidHandshake: a value can't be put in a request, or is there twice.
        TypeError: the URI, a header or a subprotocol isn't a str; create_protocol can't make such
            protocols, or makes one that has the hooks of another library; an option is unknown, or
            of the wrong type.
    """

    def __init__(
        self,
        uri: str,
        *,
        create_protocol: Callable[[], WebSocketClientProtocol] = WebSocketClientProtocol,
        origin: str | None = None,
        subprotocols: Sequence[str] = (),
        additional_headers: HeadersLike = (),
        user_agent_header: str | None = None,
        reactor: Any = None,
        **options: Unpack[ConnectionOptions],
    ) -> None:
        check_options(type(self), options, ConnectionOptions.__optional_keys__)
        check_class_attribute(self, create_protocol, WebSocketClientProtocol)
        check_made_once(create_protocol, WebSocketClientProtocol)
        super().__init__(reactor=reactor, **options)
        self.log = Logger(namespace="txws2.client")
        self.uri: WebSocketURI = parse_uri(uri)
        self.server_name = self.uri.host
        self._cookies: CookieJar | None = None
        self.authorization: str | None = None
        self.create_protocol = create_protocol
        self.origin = origin
        # An iterator would be used up by the first request.
        one = isinstance(subprotocols, (str, bytes))
        self.subprotocols = subprotocols if one else tuple(subprotocols)
        self.additional_headers: HeadersLike = repeatable(additional_headers)
        self.user_agent_header = user_agent_header
        # A mistake in the options raises an exception here, and not only in the handshake.
        request = self.build_request()
        ours = type(self).build_request is WebSocketClientFactory.build_request
        self._ready: Request | None = request if ours else None
        self._ready_for = self._parts_of_request()

    def _timed(self, make: Callable[..., T], *arguments: object) -> T:
        # Nearly every client has a factory of its own. A thousand of them need one timer together.
        return shared(make, self.clock, *arguments)

    def keep_cookies(self, response: Response) -> None:
        """Send the cookies that a response sets with later requests to its origin."""
        values = response.headers.get_all("Set-Cookie")
        if values:
            if self._cookies is None:
                self._cookies = CookieJar()
            self._cookies.receive(values, self.uri, self.reactor.seconds())

    def redirect(self, uri: WebSocketURI) -> None:
        """Ask for another URI from now on; another origin doesn't get the credentials."""
        if uri.origin != self.uri.origin:
            self._cookies = None
            self.additional_headers = without_credentials(self.additional_headers)
        self.uri = uri
        self.server_name = uri.host

    def build_request(self) -> Request:
        """Return a request to send, each time with a new key."""
        request = build_request(
            self.uri,
            origin=self.origin,
            subprotocols=self.subprotocols,
            compression=self.compression,
            additional_headers=self.additional_headers,
            user_agent_header=self.user_agent_header,
            authorization=self.authorization,
        )
        if self._cookies is not None:
            self._cookies.add_to(request.headers, self.uri)
        return request

    def next_request(self) -> Request:
        """Return the request for a new connection; the one of the first is there already."""
        ready, self._ready = self._ready, None
        # A mapping may have been changed since.
        if (
            ready is None
            or self.additional_headers != ()
            or self._parts_of_request() != self._ready_for
        ):
            return self.build_request()
        return ready

    def _parts_of_request(self) -> tuple[object, ...]:
        return (
            type(self).build_request,
            self.uri,
            self.origin,
            self.subprotocols,
            self.compression,
            self.user_agent_header,
            self.authorization,
            self._cookies,
        )

    def buildProtocol(  # type: ignore[override]
        self, addr: IAddress | None
    ) -> WebSocketClientProtocol:
        """Make the protocol for a connection."""
        protocol = self.create_protocol()
        if not isinstance(protocol, WebSocketClientProtocol) or type(protocol).__hash__ is None:
            raise made_wrongly(protocol, WebSocketClientProtocol)
        driver_of(protocol).factory = self
        return protocol

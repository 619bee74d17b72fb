"""The client's side of a connection, and the factory of such."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Unpack

from twisted.internet.interfaces import IAddress, IDelayedCall, ITransport
from twisted.logger import Logger
from twisted.python.failure import Failure

from txws2._checks.options import check_options
from txws2._connection.factory import ConnectionFactory, ConnectionOptions
from txws2._connection.protocol import WebSocketProtocol
from txws2._connection.protocol_class import check_class_attribute, check_made_once, made_wrongly
from txws2._deferreds.isolation import isolated
from txws2._time.deadlines import call_off
from txws2._transport.capabilities import abort
from txws2.client.tls import is_shaking_hands, tls_failure
from txws2.exceptions import InvalidHandshake, InvalidMessage, InvalidStatus, OpeningTimeout
from txws2.wire.handshake.client import build_request, check_compression, check_response
from txws2.wire.handshake.extra_fields import HeadersLike, repeatable, without_credentials
from txws2.wire.handshake.redirects import is_redirect
from txws2.wire.http.bodies import BODY_PATIENCE, BodyReader
from txws2.wire.http.cookie_jar import CookieJar
from txws2.wire.http.heads import Request, Response
from txws2.wire.http.readers import ResponseReader
from txws2.wire.http.uris import WebSocketURI, parse_uri

__all__ = [
    "RequestOptions",
    "WebSocketClientFactory",
    "WebSocketClientProtocol",
]


class WebSocketClientProtocol(WebSocketProtocol):
    """The client's end of a connection."""

    factory: WebSocketClientFactory

    _client = True
    _reader: ResponseReader
    _body: BodyReader | None = None
    # For the end of that.
    _waiting: IDelayedCall | None = None

    def makeConnection(self, transport: ITransport) -> None:
        """Take a transport; the opening handshake begins."""
        try:
            super().makeConnection(transport)
        except BaseException as exc:
            self._opening_raised(exc)

    def _begin_opening(self) -> None:
        if self._settled:
            return
        skipped = None if self._tracer is None else partial(self._tracer.head, "<")
        self._reader = ResponseReader(self.factory.head_limits, skipped)
        self.request = self.factory.build_request()
        head = self.request.serialize()
        if self._tracer is not None:
            self._tracer.head(">", head)
        self._outbox.write(head)

    def _receive_opening(self, data: bytes) -> None:
        try:
            super()._receive_opening(data)
        except BaseException as exc:
            self._opening_raised(exc)

    def _application_failed(self, failure: Failure) -> None:
        super()._application_failed(failure)
        if self._connection is None:
            assert failure.value is not None
            self._opening_raised(failure.value)

    def _opening_raised(self, exc: BaseException) -> None:
        """Have no connection, as something raises that runs before it is open.

        Those who wait for it are told at once: nothing else is sure to work.
        """
        if self._connection is not None:
            # As for all that a transport calls then, it is the reactor that ends the connection.
            raise exc
        if self._settled:
            return
        self._stop_waiting()
        if self._never_opened is None:
            self._never_opened = _as_reason(exc)
        self._set_deadline(None)
        isolated(abort, self._transport)
        self._settle(exc)

    def _receive_head(self, data: bytes) -> None:
        if self._body is not None:
            self._receive_body(data)
            return
        reader = self._reader
        assert self.request is not None
        try:
            response = reader.receive(data)
            if response is None:
                return
            self.response = response
            if self._tracer is not None:
                self._tracer.head("<", reader.head)
            self.subprotocol = check_response(self.request, response)
            self._deflate = check_compression(response, self.factory.compression)
        except InvalidStatus as exc:
            self._body = BodyReader(exc.response)
            self._receive_body(reader.rest)
            if self._never_opened is None:
                self._expect_body(exc.response)
        except InvalidHandshake as exc:
            self._hang_up(exc)
        else:
            self._open(reader.rest)

    def _receive_body(self, data: bytes) -> None:
        """Gather what the server says when it refuses."""
        assert self._body is not None
        self._body.receive(data)
        if self._body.complete:
            self._hang_up(self._refused())

    def _expect_body(self, response: Response) -> None:
        """Wait for the rest of a body, but not for long: it may never end."""
        if is_redirect(response):
            self._give_up()
        else:
            self._waiting = self.factory.clock.callLater(BODY_PATIENCE, self._give_up)

    def _stop_waiting(self) -> None:
        waiting, self._waiting = self._waiting, None
        call_off(waiting)

    def _fail_opening(self, reason: Exception) -> None:
        self._stop_waiting()
        super()._fail_opening(reason)

    def _refused(self) -> InvalidStatus:
        assert self._body is not None
        assert self.response is not None
        self.response.body = self._body.body
        return InvalidStatus(self.response)

    def _hang_up(self, reason: InvalidHandshake) -> None:
        """Give the opening handshake up."""
        self._fail_opening(reason)
        abort(self._transport)

    def _opening_missed(self) -> None:
        """Wait no longer for the response."""
        self._give_up()

    def _give_up(self) -> Exception:
        """Wait no longer for the response; return why there is no connection."""
        if self._never_opened is None:
            self._hang_up(self._verdict())
        assert self._never_opened is not None
        return self._never_opened

    def _verdict(self) -> InvalidHandshake:
        if self._body is not None:
            # The head of the refusal says more than that its end didn't come.
            return self._refused()
        if is_shaking_hands(self._transport):
            return OpeningTimeout("the TLS handshake")
        return OpeningTimeout("the server's answer")

    def _lost_while_opening(self, cause: BaseException) -> Exception:
        self._stop_waiting()
        try:
            return self._reason_of(cause)
        except BaseException as exc:
            return _as_reason(exc)

    def _reason_of(self, cause: BaseException) -> Exception:
        if self._body is not None:
            # A response without Content-Length ends with the connection.
            return self._refused()
        failure: Exception | None = tls_failure(cause, self._transport, self.factory.server_name)
        if failure is None:
            failure = InvalidMessage("did not receive a valid HTTP response")
            failure.__cause__ = cause
        return failure


class RequestOptions(ConnectionOptions, total=False):
    """The options of a client, whatever handles its connection, but for the headers."""

    origin: str | None
    subprotocols: Sequence[str]
    user_agent_header: str | None


class WebSocketClientFactory(ConnectionFactory[WebSocketClientProtocol]):
    """Makes the client's end of connections to one URI, for any stream endpoint.

    Args:
        uri: the ws or wss URI; where to connect to is the endpoint's affair.
        create_protocol: makes the protocol: a subclass, or a functools.partial of one.
        origin: the value of the Origin header; by default there is none.
        subprotocols: those to offer, best first.
        additional_headers: headers to send besides those of the handshake: a mapping, or pairs.
            An Authorization among them is sent instead of the URI's credentials, a User-Agent
            instead of user_agent_header.
        user_agent_header: the value of User-Agent; by default there is none.
        reactor: the reactor to run on; None for the global one.
        **options: those of `ConnectionFactory`.

    Attributes:
        uri: the URI that is asked for, in its parts.
        server_name: whose certificate is expected, for what is said of another.
        authorization: the value of Authorization in place of any other; None for those.

    Raises:
        InvalidURI: it isn't a WebSocket URI.
        InvalidHandshake: something to be sent can't be put in a request, or is there twice.
        TypeError: the URI, a header or a subprotocol isn't a str; create_protocol can't make such
            protocols, or one that has the hooks of another library; there is no such option, or
            one is of the wrong kind.
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
        # A mistake in them is to be seen here, not once the server is reached.
        self.build_request()

    def keep_cookies(self, response: Response) -> None:
        """Send the cookies that a response sets with what is asked of its origin from now on."""
        values = response.headers.get_all("Set-Cookie")
        if values:
            if self._cookies is None:
                self._cookies = CookieJar()
            self._cookies.receive(values, self.uri, self.reactor.seconds())

    def redirect(self, uri: WebSocketURI) -> None:
        """Ask for another URI from now on; credentials stay with the origin that they are for."""
        if uri.origin != self.uri.origin:
            self._cookies = None
            self.additional_headers = without_credentials(self.additional_headers)
        self.uri = uri
        self.server_name = uri.host

    def build_request(self) -> Request:
        """Return a request to send; its key is new each time."""
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

    def buildProtocol(  # type: ignore[override]
        self, addr: IAddress | None
    ) -> WebSocketClientProtocol:
        """Make the protocol for a connection."""
        protocol = self.create_protocol()
        if not isinstance(protocol, WebSocketClientProtocol):
            raise made_wrongly(protocol, WebSocketClientProtocol)
        protocol.factory = self
        return protocol


def _as_reason(exc: BaseException) -> Exception:
    """Return what a connection may fail with: a SystemExit is nothing that others are to die of."""
    if isinstance(exc, Exception):
        return exc
    reason = InvalidHandshake(f"{type(exc).__name__} was raised while the connection was opened")
    reason.__cause__ = exc
    return reason

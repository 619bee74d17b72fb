"""The client's side of a connection, and the factory of such."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Unpack

from twisted.internet.interfaces import IAddress
from twisted.logger import Logger

from txws2.certificates import is_shaking_hands, tls_failure
from txws2.exceptions import InvalidHandshake, InvalidMessage, InvalidStatus, OpeningTimeout
from txws2.factory import ConnectionFactory, ConnectionOptions
from txws2.protocol import WebSocketProtocol
from txws2.transports import abort
from txws2.wire.body import BodyReader
from txws2.wire.gathering import ResponseReader
from txws2.wire.http import Request
from txws2.wire.requesting import (
    HeadersLike,
    build_request,
    check_compression,
    check_response,
    without_credentials,
)
from txws2.wire.uri import WebSocketURI, parse_uri

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

    def _begin_opening(self) -> None:
        self._reader = ResponseReader(self.factory.head_limits)
        self.request = self.factory.build_request()
        head = self.request.serialize()
        if self._tracer is not None:
            self._tracer.head(">", head)
        self._outbox.write(head)

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
            # What is known of the refusal says more than that its end didn't come.
            return self._refused()
        if is_shaking_hands(self._transport):
            return OpeningTimeout("the TLS handshake")
        return OpeningTimeout("the server's answer")

    def _lost_while_opening(self, cause: BaseException) -> Exception:
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
        user_agent_header: the value of User-Agent; by default there is none.
        reactor: the reactor to run on; None for the global one.
        **options: those of `ConnectionFactory`.

    Attributes:
        uri: the URI that is asked for, in its parts.
        server_name: whose certificate is expected, for what is said of another.

    Raises:
        InvalidURI: it isn't a WebSocket URI.
        InvalidHandshake: something to be sent can't be put in a request.
        TypeError: headers or subprotocols are one string.
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
        super().__init__(reactor=reactor, **options)
        self.log = Logger(namespace="txws2.client")
        self.uri: WebSocketURI = parse_uri(uri)
        self.server_name = self.uri.host
        self.create_protocol = create_protocol
        self.origin = origin
        self.subprotocols = subprotocols
        self.additional_headers = _headers(additional_headers)
        self.user_agent_header = user_agent_header
        # Whoever made a mistake in them is to see it here, not once the server is reached.
        self.build_request()

    def redirect(self, uri: WebSocketURI) -> None:
        """Ask for another URI from now on; credentials stay with the origin that they are for."""
        if uri.origin != self.uri.origin:
            self.additional_headers = without_credentials(self.additional_headers)
        self.uri = uri
        self.server_name = uri.host

    def build_request(self) -> Request:
        """Return a request to send; its key is new each time."""
        return build_request(
            self.uri,
            origin=self.origin,
            subprotocols=self.subprotocols,
            compression=self.compression,
            additional_headers=self.additional_headers,
            user_agent_header=self.user_agent_header,
        )

    def buildProtocol(  # type: ignore[override]
        self, addr: IAddress | None
    ) -> WebSocketClientProtocol:
        """Make the protocol for a connection."""
        protocol = self.create_protocol()
        protocol.factory = self
        return protocol


def _headers(headers: HeadersLike) -> HeadersLike:
    """Return headers that can be sent again and again."""
    if isinstance(headers, (str, bytes)):
        raise TypeError(f"additional_headers is a mapping, or pairs; it is {headers!r}")
    return headers if isinstance(headers, Mapping) else tuple(headers)

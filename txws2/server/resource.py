"""`WebSocketResource`: WebSockets among the other resources of a twisted.web site."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any, Unpack

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import (
    IProtocol,
    ITransport,
)
from twisted.python.failure import Failure
from twisted.web.http import SWITCHING, HTTPChannel
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET
from twisted.web.server import Request as SiteRequest

from txws2._checks.options import check_options
from txws2._connection.handle import driver_of
from txws2._transport.handover import exchange_protocol
from txws2.exceptions import ServerClosing
from txws2.server.factory import (
    Handler,
    ServerOptions,
    WebSocketServerFactory,
    WebSocketServerProtocol,
)
from txws2.server.server import Server
from txws2.server.site_bodies import SMALL_BODY
from txws2.wire.closing import CloseCode
from txws2.wire.handshake.server import refusal
from txws2.wire.http.heads import Response

__all__ = ["WebSocketResource", "head_of", "respond"]


class WebSocketResource(Resource):
    """A resource of twisted.web on which clients open WebSocket connections.

    A request that it refuses gets a response like any other of the site's, and the client may go
    on with HTTP unless it has asked for an upgrade. When it accepts a request, it takes the
    transport from the site; for twisted.web, the request is finished when the connection is
    closed. Requests over HTTP/2 are refused, since HTTP/2 has no upgrade.

    When the reactor stops, the connections are closed with 1001. When only the site stops
    listening, they stay open: `close` closes them.

    Args:
        handler: called with each connection, as by `serve`; or a `WebSocketServerFactory`, which
            has options of its own. None if the protocol that `create_protocol` makes does the
            work. A connection's `site_request` is the request object of twisted.web.
        reactor: the reactor that the site runs on; None for the global one.
        **options: the options of `WebSocketServerFactory` and `ConnectionFactory`. The site has
            read the head already, within its own limits: 16 KiB in all, and 500 headers, unless
            its channels say otherwise. max_line_size and max_headers can only lower these.

    Attributes:
        factory: makes the connections.

    Raises:
        TypeError: there are both a factory and options; or as `WebSocketServerFactory` says.
        ValueError: an option is out of range.
    """

    isLeaf = True

    def __init__(
        self,
        handler: Handler | WebSocketServerFactory | None = None,
        *,
        reactor: Any = None,
        **options: Unpack[ServerOptions],
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        check_options(type(self), options, ServerOptions.__optional_keys__)
        if not isinstance(handler, WebSocketServerFactory):
            options.setdefault("max_line_size", sys.maxsize)
            options.setdefault("max_headers", sys.maxsize)
            handler = WebSocketServerFactory(handler, reactor=reactor, **options)
        elif options or reactor is not None:
            raise TypeError("a factory has its options already; give them to it")
        self.factory = handler
        self._server = Server(handler, ())

    def largest_body(self, segments: Sequence[bytes]) -> int:
        """Return the bytes of the largest body of a request; see `txws2.server.site_bodies`."""
        return SMALL_BODY

    def render(self, request: SiteRequest) -> int:
        """Answer a request, for twisted.web."""
        channel = getattr(request, "channel", None)
        if channel is None:
            # The client has left before the site has found this resource.
            return NOT_DONE_YET
        upgrading = (
            request.requestHeaders.hasHeader(b"Upgrade") and request.clientproto != b"HTTP/2"
        )
        if upgrading:
            _end_behind(request, channel)
        if self._server.is_serving():
            connection = self.factory.buildProtocol(request.getClientAddress())
            connection.site_request = request
            upgrade = _SiteUpgrade(request, channel.transport, connection)
            driver_of(connection).answer(connection, upgrade, head_of(request))
        else:
            respond(request, refusal(ServerClosing()))
        return NOT_DONE_YET

    def close(
        self,
        close_connections: bool = True,
        code: int = CloseCode.GOING_AWAY,
        reason: str = "",
    ) -> Deferred[None]:
        """Close every connection, and answer requests with 503 from now on.

        Args:
            close_connections: False to let the open connections go on until they end by
                themselves, for as long as that takes; `close()` then still closes them.
            code: the close code that the open connections get.
            reason: the close reason, at most 123 bytes of UTF-8.

        Returns:
            A Deferred that fires when all connections are closed and their handlers done, or
            close_timeout after the closing began: handlers that aren't done by then are
            cancelled.

        Raises:
            ProtocolError: the code may not be sent, or the reason is too long.
        """
        return self._server.close(close_connections, code, reason)


class _SiteUpgrade:
    """A request that a twisted.web site has read; see `Upgrade`.

    Until the transport is taken over, the site stays as it is: HTTPChannel buffers the few bytes
    that the client may send, and tells the request when the client leaves.
    """

    def __init__(
        self,
        request: SiteRequest,
        transport: ITransport,
        connection: WebSocketServerProtocol,
    ) -> None:
        self.transport = transport
        self._request = request
        self._connection = connection
        self._answered = False
        # The protocol that the transport had before it was taken over.
        self._site: IProtocol | None = None
        request.notifyFinish().addBoth(self._finished)

    def refuse(self, response: Response) -> None:
        """Answer with this response, as any other resource does."""
        self._answered = True
        respond(self._request, response)

    def take_over(self, protocol: WebSocketServerProtocol) -> bytes:
        """Take the transport from the site."""
        channel = self._request.channel
        early = _take_early(channel, self._request)
        self._site = _take_transport(channel, protocol)
        # Finishing the request must not end the connection from now on.
        channel.persistent = True
        self._answered = True
        self._request.setResponseCode(SWITCHING)
        # Finishing the request must not write the head of a response.
        self._request.startedWriting = 1
        return early

    def header_lines(self) -> bytes:
        """Return the cookies and headers that other resources of the site add to responses."""
        headers = self._request.responseHeaders.copy()
        for cookie in self._request.cookies:
            headers.addRawHeader(b"Set-Cookie", cookie)
        return b"".join(
            name + b": " + value + b"\r\n"
            for name, values in headers.getAllRawHeaders()
            if not name.lower().startswith(_NOT_OF_AN_UPGRADE)
            for value in values
        )

    def lost(self, reason: Failure) -> None:
        """Finish the request, so that the site logs it and forgets it."""
        if not self._request.finished:
            self._request.finish()
        assert self._site is not None
        self._site.connectionLost(reason)

    def _finished(self, result: Failure | None) -> None:
        """Called when the client has left, or when other code has answered the request."""
        if not self._answered:
            self._connection.connectionLost(result or Failure(ConnectionDone()))


# Headers of a body, of the connection, and of the handshake.
_NOT_OF_AN_UPGRADE = (
    b"content-",
    b"transfer-encoding",
    b"connection",
    b"upgrade",
    b"sec-websocket-",
)


def head_of(request: SiteRequest) -> bytes:
    """Return the head of a request, with the empty line that ends it."""
    version = b"HTTP/2.0" if request.clientproto == b"HTTP/2" else request.clientproto
    lines = [b" ".join((request.method, request.uri, version))]
    for name, values in request.requestHeaders.getAllRawHeaders():
        lines += (name + b": " + value for value in values)
    return b"\r\n".join(lines) + b"\r\n\r\n"


def _end_behind(request: SiteRequest, channel: HTTPChannel) -> None:
    """Let the connection end after the response, unless the upgrade is accepted.

    The client may have sent bytes ahead that aren't HTTP, and a proxy in between may have taken
    the following bytes for the inside of a tunnel. None of them may be read as a request (RFC 9112
    sections 9.3 and 11.2).
    """
    channel.persistent = False
    request.responseHeaders.setRawHeaders(b"Connection", [b"close"])


def respond(request: SiteRequest, response: Response) -> None:
    """Answer a request as any other resource does."""
    request.setResponseCode(response.status_code, response.reason_phrase.encode())
    headers = request.responseHeaders
    for name, values in response.headers.getAllRawHeaders():
        if name == b"Set-Cookie":
            # twisted.web drops the cookies in the headers if the request has cookies of its own.
            request.cookies.extend(values)
        elif name != b"Connection":
            # The response of a hook doesn't decide whether the connection stays open.
            headers.setRawHeaders(name, values)
    if headers.hasHeader(b"Upgrade"):
        # RFC 9110 section 7.8: a sender of Upgrade must also send "Upgrade" in Connection.
        headers.addRawHeader(b"Connection", b"Upgrade")
    request.write(response.body)
    request.finish()


def _take_early(channel: Any, request: SiteRequest) -> bytes:
    """Take the bytes that came after a request from its HTTPChannel, which has kept them.

    A channel has no method for that. But when a request is done, the channel gives the kept bytes
    to `setLineMode`, so a list takes them in its place. Then the request goes back to its channel,
    because for all other code it isn't done.
    """
    early: list[bytes] = []
    channel.setLineMode = early.append
    channel.persistent = True
    channel.requestDone(request)
    channel.requests.insert(0, request)
    # The channel has begun to wait for another request, with a timeout.
    channel.setTimeout(None)
    kept: bytes = channel.clearLineBuffer()
    return b"".join(early) + kept


def _take_transport(channel: HTTPChannel, protocol: IProtocol) -> IProtocol:
    """Take the transport away from an HTTPChannel; return the protocol that the transport had.

    twisted.web has no method for that, either. Its own WebSockets use private names, and lose the
    bytes that came after the request.
    """
    transport: Any = channel.transport
    # The channel is the producer that the transport pauses while its buffer is full.
    transport.unregisterProducer()
    site = exchange_protocol(transport, protocol)
    # The channel has paused the transport if much came ahead, or if the transport's buffer was
    # full.
    transport.resumeProducing()
    return site

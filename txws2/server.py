"""The server's side of a connection, and the factory of such."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from email.utils import formatdate
from typing import Any, Unpack

from twisted.internet.defer import CancelledError, Deferred, maybeDeferred
from twisted.internet.interfaces import IAddress
from twisted.logger import Logger
from twisted.python.failure import Failure

from txws2.exceptions import InvalidHandshake, InvalidMessage, OpeningTimeout
from txws2.factory import ConnectionFactory, ConnectionOptions
from txws2.protocol import WebSocketProtocol
from txws2.transports import close_softly
from txws2.wire.accepting import (
    accept,
    acceptance,
    check_origin,
    check_request,
    refusal,
    select_compression,
    select_subprotocol,
)
from txws2.wire.connection import State
from txws2.wire.handshake import check_subprotocols
from txws2.wire.http import Request, RequestReader, Response

__all__ = [
    "FactoryOptions",
    "Handler",
    "ServerOptions",
    "WebSocketServerFactory",
    "WebSocketServerProtocol",
]

Handler = Callable[[Any], object]
"""Called with each connection: a coroutine function, or one that may return a Deferred."""


class WebSocketServerProtocol(WebSocketProtocol):
    """The server's end of a connection."""

    factory: WebSocketServerFactory

    _client = False
    # While a request arrives in parts.
    _reader: RequestReader | None = None
    # What isn't asked for stays a few bytes: once the connection is open, the head of the request
    # as it came, and of the response what the extensions are.
    _request: Request | bytes | None = None
    _response: Response | None = None
    _extensions: str | None = None

    @property
    def request(self) -> Request | None:
        """The client's request, once it is known."""
        request = self._request
        if isinstance(request, bytes):
            request = self._request = Request.received(request)
        return request

    @request.setter
    def request(self, request: Request | None) -> None:
        self._request = request

    @property
    def response(self) -> Response | None:
        """The server's response, once it is known."""
        if self._response is None and self._connection is not None:
            assert self.request is not None
            self._response = accept(self.request, self.subprotocol, self._extensions)
        return self._response

    @response.setter
    def response(self, response: Response | None) -> None:
        self._response = response

    def _receive_head(self, data: bytes) -> None:
        reader = self._reader or RequestReader()
        try:
            request = reader.receive(data)
            if request is None:
                self._reader = reader
                return
            self.request = request
            if self._tracer is not None:
                self._tracer.head("<", reader.head)
            self._judge(request)
            subprotocol = select_subprotocol(request, self.factory.subprotocols)
            if subprotocol is not None:
                self.subprotocol = subprotocol
            compressed = select_compression(request, self.factory.compression)
        except InvalidHandshake as exc:
            self.refuse(exc)
            return
        if compressed is not None:
            self._deflate, self._extensions = compressed
        self._write_head(acceptance(request, self.subprotocol, self._extensions))
        if self._reader is not None:
            self._reader = None
        self._request = reader.head
        self._open(reader.rest)

    def _judge(self, request: Request) -> None:
        """Make sure that a request may open the connection, whatever is negotiated then.

        Raises:
            InvalidHandshake: it may not.
        """
        check_request(request)
        check_origin(request, self.factory.origins)

    def refuse(self, reason: InvalidHandshake) -> None:
        """Answer the request with an HTTP response that says why not."""
        if self._never_opened is not None:
            return
        response = self.response = refusal(reason)
        # RFC 9110 section 6.6.1.
        date = formatdate(self.factory.clock.seconds(), usegmt=True)
        response.headers.addRawHeader("Date", date)
        self._write_head(response.serialize())
        self._fail_opening(reason)
        self._outbox.end(lambda: close_softly(self._transport))

    def _write_head(self, head: bytes) -> None:
        if self._tracer is not None:
            self._tracer.head(">", head)
        self._outbox.write(head)

    def opening_missed(self) -> None:
        """Refuse a request that took too long to come."""
        self.refuse(OpeningTimeout())

    def _lost_while_opening(self, cause: BaseException) -> Exception:
        exception = InvalidMessage("did not receive a valid HTTP request")
        exception.__cause__ = cause
        return exception

    def _run_handler(self) -> None:
        handler = self.factory.handler
        if handler is None or self.state is not State.OPEN:
            return
        running = maybeDeferred(handler, self)
        self.factory.running.add(running)
        running.addCallbacks(lambda _: self.close(), self._handler_failed)
        running.addBoth(self._handler_done, running)

    def _handler_failed(self, failure: Failure) -> None:
        # The server that is stopping cancels the handlers that haven't noticed.
        if not (self.factory.stopping and failure.check(CancelledError)):
            self._application_failed(failure)

    def _handler_done(self, _: object, running: Deferred[Any]) -> None:
        self.factory.running.discard(running)


class FactoryOptions(ConnectionOptions, total=False):
    """The options of a server, whatever handles its connections."""

    subprotocols: Sequence[str]
    origins: Sequence[str | None] | None


class ServerOptions(FactoryOptions, total=False):
    """The options of `serve` that are the factory's."""

    create_protocol: Callable[[], WebSocketServerProtocol]


class WebSocketServerFactory(ConnectionFactory[WebSocketServerProtocol]):
    """Makes the server's end of each connection that an endpoint accepts.

    Args:
        handler: called with each connection once it is open, in pull style. The connection is
            closed with 1000 when it returns, or when its coroutine or Deferred is done; with
            1011, and an event in the log, when it raises. None if the protocol does the work.
        create_protocol: makes the protocol: a subclass, or a functools.partial of one.
        subprotocols: those that the server speaks, best first.
        origins: the values of Origin to accept, as "https://example.com"; None among them
            accepts programs, which send none. By default all are accepted: then any page that
            somebody visits can connect as that person, with their cookies.
        reactor: the reactor to run on; None for the global one.
        **options: those of `ConnectionFactory`.

    Attributes:
        running: the Deferreds of the handlers that aren't done.
        stopping: whether handlers may be cancelled.
    """

    def __init__(
        self,
        handler: Handler | None = None,
        *,
        create_protocol: Callable[[], WebSocketServerProtocol] = WebSocketServerProtocol,
        subprotocols: Sequence[str] = (),
        origins: Sequence[str | None] | None = None,
        reactor: Any = None,
        **options: Unpack[ConnectionOptions],
    ) -> None:
        super().__init__(reactor=reactor, **options)
        self.log = Logger(namespace="txws2.server")
        check_subprotocols(subprotocols)
        if isinstance(origins, str):
            raise TypeError(f"origins is a sequence of strings, as [{origins!r}]")
        self.handler = handler
        self.create_protocol = create_protocol
        self.subprotocols = subprotocols
        self.origins = origins
        self.running: set[Deferred[Any]] = set()
        self.stopping = False

    def buildProtocol(  # type: ignore[override]
        self, addr: IAddress | None
    ) -> WebSocketServerProtocol:
        """Make the protocol for a connection."""
        protocol = self.create_protocol()
        protocol.factory = self
        return protocol

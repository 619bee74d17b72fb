"""The server's end of a connection: it answers the request, and runs the handler."""

from __future__ import annotations

from dataclasses import replace
from email.utils import formatdate
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, cast

from twisted.internet.defer import CancelledError, Deferred, maybeDeferred
from twisted.internet.interfaces import ISSLTransport, ITransport
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure

from txws2._connection.driver import state_of
from txws2._connection.hook_queue import Succession
from txws2._connection.journal import log_ended, log_refused, only_ended
from txws2._deferreds.callables import to_await
from txws2._deferreds.calls import Call
from txws2._deferreds.tasks import running_loop
from txws2._transport.capabilities import Address, abort, can_be_told, close_softly
from txws2.exceptions import (
    ConnectionClosed,
    InvalidHandshake,
    InvalidMessage,
    OpeningTimeout,
    ServerClosing,
)
from txws2.server.hooks import Deciding
from txws2.server.upgrade import Upgrade
from txws2.wire.connection import State
from txws2.wire.handshake.origins import check_origin
from txws2.wire.handshake.server import (
    accept,
    acceptance,
    check_request,
    refusal,
    select_compression,
    select_subprotocol,
)
from txws2.wire.http.forwarded import Client
from txws2.wire.http.heads import Request, Response
from txws2.wire.http.hosts import check_host
from txws2.wire.http.readers import RequestReader

if TYPE_CHECKING:
    import twisted.web.server

__all__ = ["WebSocketServerProtocol"]

# No client may send anything before it has the answer (RFC 6455 section 4.1).
_MAX_EARLY = 64 * 1024


class WebSocketServerProtocol(Deciding):
    """The server's end of a connection.

    Attributes:
        username: who has shown that they are, where `basic_auth` asked; None otherwise.
        site_request: what twisted.web has of the request, where a `WebSocketResource` got it:
            sessions, cookies, and who is logged in. None otherwise.
    """

    username: str | None = None
    site_request: twisted.web.server.Request | None = None

    _client = False
    # While a request arrives in parts.
    _reader: RequestReader | None = None
    # How the request is answered, if it was somebody else who has read it.
    _upgrade: Upgrade | None = None
    # Who the client is, if it was a trusted proxy that has sent the request.
    _behind_proxy: Client | None = None
    # What isn't asked for stays a few bytes: once the connection is open, the head of the request
    # as it came, and of the response what the extensions are.
    _request: Request | bytes | None = None
    _more_lines = b""
    # While hooks run that aren't done when they return.
    _hooks_call: Call | None = None

    @property
    def request(self) -> Request:
        """The client's request; None until it is known."""
        return cast(Request, self._known_request())

    @request.setter
    def request(self, request: Request) -> None:
        self._request = request

    @property
    def response(self) -> Response:
        """The server's response; None until it is known."""
        if self._response is None and self._connection is not None:
            request = self._known_request()
            assert request is not None
            self._response = self._acceptance(request)
        return cast(Response, self._response)

    @response.setter
    def response(self, response: Response) -> None:
        self._response = response

    @property
    def remote_address(self) -> Address:
        """(host, port) of the client, or the path of a Unix socket.

        If the request came from one of the `trusted_proxies`, it is what that tells; the port
        is 0 then if it doesn't tell it.
        """
        return self._peer_address()

    @property
    def secure(self) -> bool:
        """Whether the client came with TLS, which may be ended by one of the `trusted_proxies`."""
        client = self._behind_proxy
        if client is None or client.secure is None:
            return bool(ISSLTransport.providedBy(self._transport))
        return client.secure

    def _answer(self, upgrade: Upgrade, head: bytes) -> None:
        """Answer a request that somebody else has read; in place of `makeConnection`.

        Args:
            upgrade: what can be done about it. Its transport isn't touched before the request
                is accepted.
            head: the head of the request, with the empty line that ends it.
        """
        self._upgrade = upgrade
        self._expect(upgrade.transport)
        self._receive_head(head)

    def _known_request(self) -> Request | None:
        request = self._request
        if isinstance(request, bytes):
            request = self._request = Request.received(request)
        return request

    def _peer_address(self) -> Address:
        client = self._behind_proxy
        if client is None or client.host is None:
            return super()._peer_address()
        return client.host, client.port

    def _expect(self, transport: ITransport) -> None:
        # CPython has the attributes of an instance in one small array, if the first instances of
        # its class had the same ones. Where a hundred are accepted before the first of them is
        # open, those that come later would take 400 bytes more for each.
        self._request = self._deflate = self._extensions = None
        super()._expect(transport)

    def _receive_head(self, data: bytes) -> None:
        reader = self._reader or RequestReader(self.factory.head_limits)
        if self._deciding is not None:
            reader.rest += data
            if len(reader.rest) > _MAX_EARLY:
                self._turn_away(InvalidMessage("too much came before the answer to the request"))
            return
        admission = self.factory.admission
        try:
            if self.factory._shutting_down:
                raise ServerClosing()
            if admission is not None and self._reader is None:
                admission.enter(self, self._transport.getPeer())
            request = reader.receive(data)
            if request is None:
                self._reader = reader
                return
            self._request = request
            if self._tracer is not None:
                self._tracer.head("<", reader.head)
            if admission is not None:
                self._behind_proxy = admission.identify(
                    self, self._transport.getPeer(), request.fields
                )
        except InvalidHandshake as exc:
            self._turn_away(exc)
            return
        if self.factory.hooks is None:
            self._accept(request, reader)
        else:
            self._reader = reader
            self._decide(self.factory.hooks, request, reader)

    def _accept(self, request: Request, reader: RequestReader) -> None:
        """Open the connection, if the request is as it must be."""
        try:
            self._judge(request)
            self._agree(request, select_subprotocol(request, self.factory.subprotocols))
        except InvalidHandshake as exc:
            self._turn_away(exc)
            return
        self._request = reader.head
        head = acceptance(request, self.subprotocol, self._extensions, self._more_lines)
        self._go_ahead(head, reader)

    def _judge(self, request: Request) -> None:
        """Make sure that a request may open the connection, whatever is negotiated then.

        Raises:
            InvalidHandshake: it may not.
        """
        check_request(request)
        if self.factory.hosts is not None:
            check_host(request, self.factory.hosts)
        check_origin(request, self.factory.origins)

    def _agree(self, request: Request, subprotocol: str | None) -> None:
        """Settle what the response that accepts has in it.

        Raises:
            InvalidHandshake: the extensions that the client offers are malformed.
        """
        if subprotocol is not None:
            self.subprotocol = subprotocol
        elif "Sec-WebSocket-Protocol" in request.fields:
            self.factory._warnings.unanswered(self, request)
        compressed = select_compression(request, self.factory.compression)
        if compressed is not None:
            self._deflate, self._extensions = compressed
        if self._upgrade is not None:
            self._more_lines = self._upgrade.header_lines()

    def _acceptance(self, request: Request) -> Response:
        return accept(request, self.subprotocol, self._extensions, self._more_lines)

    def _go_ahead(self, head: bytes, reader: RequestReader) -> None:
        """Open the connection with this head."""
        early = reader.rest
        if self._upgrade is not None:
            early += self._upgrade.take_over(self)
            self._connect()
        if self._tracer is not None:
            self._tracer.head(">", head)
        if self._reader is not None:
            self._reader = None
        self._open(early, head)

    def _turn_away(self, reason: InvalidHandshake) -> None:
        """Answer the request with an HTTP response that says why not."""
        if self._never_opened is None:
            self._turn_down(refusal(reason), reason)

    def _give_in(self, reason: InvalidHandshake) -> None:
        if self._request is None and self._upgrade is None:
            # There is no request to answer (RFC 9112 section 9.2).
            super()._give_in(reason)
        elif self._never_opened is None:
            text = f"The WebSocket handshake failed: {reason}.\n"
            self._turn_down(Response.plain(HTTPStatus.FORBIDDEN, text), reason)

    def _turn_down(self, response: Response, reason: InvalidHandshake) -> None:
        if isinstance(self._request, Request) and self._request.method == "HEAD":
            # RFC 9110 section 9.3.2: the answer to it has no body.
            response = replace(response, body=b"")
        self._response = response
        if self.factory.log_connections:
            log_refused(self.factory.log, self, response.status_code, reason)
        self.factory._warnings.refused(self, response.status_code, reason)
        if self._upgrade is not None:
            self._never_opened = reason
            self._upgrade.refuse(response)
            self._transport_lost(Failure(reason))
            return
        headers = response.headers
        # RFC 9110 section 6.6.1.
        headers.setRawHeaders("Date", [formatdate(self.factory.reactor.seconds(), usegmt=True)])
        connection = ",".join(headers.get_all("Connection")).lower()
        if "close" not in (option.strip(" \t") for option in connection.split(",")):
            # RFC 9112 section 9.6; an application may say other things of the connection.
            headers.addRawHeader("Connection", "close")
        head = response.serialize()
        if self._tracer is not None:
            self._tracer.head(">", head)
        self._outbox.write(head)
        self._fail_opening(reason)
        self._outbox.end(lambda: close_softly(self._transport))
        self._stop_deciding()

    def _opening_missed(self) -> None:
        """Refuse a request that took too long to come."""
        self._turn_away(OpeningTimeout())
        if not can_be_told(self._transport):
            # It would wait for a handshake of TLS, to end that in due form.
            abort(self._transport)

    def _transport_lost(self, reason: Failure = connectionDone) -> None:
        taken_over = self._outbox is not None
        if not taken_over:
            assert reason.value is not None
            self._never_connect(reason.value)
        super()._transport_lost(reason)
        self._stop_deciding()
        if self._upgrade is not None and taken_over:
            self._upgrade.lost(reason)

    def _never_connect(self, cause: BaseException) -> None:
        """Be a connection to the application all the same, though the site keeps the transport.

        As with a factory, whatever a connection's end undoes was done by connectionMade.
        """
        if self._never_opened is None:
            self._never_opened = self._lost_while_opening(cause)
        self._tell(Protocol.makeConnection, self, self._transport)

    def _lost_while_opening(self, cause: BaseException) -> Exception:
        exception: InvalidHandshake
        if self._request is None:
            exception = InvalidMessage("did not receive a valid HTTP request")
        else:
            exception = InvalidHandshake("the connection ended before the request was answered")
        exception.__cause__ = cause
        return exception

    def _run_handler(self) -> None:
        handler = self.factory.handler
        if handler is None or state_of(self) is not State.OPEN:
            return
        call = Call(self)
        running = call.start(maybeDeferred, lambda: to_await(handler(self)))
        running.addCallbacks(lambda _: WebSocketServerProtocol.close(self), self._handler_failed)
        self._follow(running, call)

    def _handler_failed(self, failure: Failure) -> None:
        exception, connection = failure.value, self._connection
        assert exception is not None
        assert connection is not None
        closing = connection.closing
        if self._settled and only_ended(closing, exception):
            log_ended(self.factory.log, self, ConnectionClosed.of(closing))
            self.factory._warnings.failed(self, closing.cause)
            return
        # The server that is stopping cancels the handlers that haven't noticed.
        if not (self.factory.stopping and failure.check(CancelledError)):
            self._application_failed(failure)

    def _await(self, result: object) -> Deferred[Any] | None:
        call = self._hooks_call = self._hooks_call or Call(self)
        running = call.run(to_await, result)
        # Where its transport is lost at once, connectionLost was called in it, and may be done.
        self._hooks_call = call
        return running

    def _hook_returned(self, result: object) -> None:
        super()._hook_returned(result)
        if self._succession is None:
            self._hooks_call = None

    def _begin_succession(self) -> Succession:
        succession, call = super()._begin_succession(), self._hooks_call
        assert call is not None
        # The server that stops waits for hooks as it does for handlers.

        def cancel(running: Deferred[None]) -> None:
            self._cancel_hooks()
            if not running.called and running_loop() is not None:
                # A task ends later.
                running.callback(None)

        running: Deferred[None] = Deferred(cancel)
        running.addCallback(lambda _: None if succession.idle else succession.wait())
        call.running = running
        self._follow(running, call)
        succession.wait().addCallback(_fire, running)
        return succession

    def _hook_failed(self, failure: Failure) -> None:
        if not (self.factory.stopping and failure.check(CancelledError)):
            super()._hook_failed(failure)

    def _follow(self, running: Deferred[Any], call: Call) -> None:
        """Have a server that stops wait for what is running."""
        self.factory.running.add(running)
        running.addBoth(self._handler_done, running, call)
        for stop in self.factory._stops:
            # It may have closed the server itself.
            stop.add(call)

    def _handler_done(self, _: object, running: Deferred[Any], call: Call) -> None:
        self.factory.running.discard(running)
        call.over(None)
        if call is self._hooks_call:
            self._hooks_call = None


def _fire(_: None, running: Deferred[None]) -> None:
    """Tell that it is done, unless it was cancelled."""
    if not running.called:
        running.callback(None)

"""The server's side of an opening handshake: it reads the request, and answers it."""

from __future__ import annotations

from dataclasses import replace
from email.utils import formatdate
from http import HTTPStatus

from twisted.python.failure import Failure

from txws2._connection.handshake import Agreement, Handshake
from txws2._connection.journal import log_refused
from txws2._connection.phases import CONNECTING
from txws2._transport.capabilities import abort, can_be_told, close_softly
from txws2.exceptions import InvalidHandshake, InvalidMessage, OpeningTimeout, ServerClosing
from txws2.server.hooks import Decision
from txws2.server.plain_requests import answer_to
from txws2.wire.handshake.server import (
    NEGOTIATING,
    accept,
    acceptance,
    select_compression,
    select_subprotocol,
)
from txws2.wire.http.heads import Request, Response
from txws2.wire.http.readers import RequestReader

__all__ = ["ServerHandshake", "acceptance_of"]

# No client may send anything before it has the answer (RFC 6455 section 4.1).
_MAX_EARLY = 64 * 1024


def acceptance_of(agreement: Agreement | Handshake, request: Request) -> Response:
    """Return the response that opens a connection with this agreement."""
    return accept(request, agreement.subprotocol, agreement.extensions, agreement.more_lines)


class ServerHandshake(Handshake):
    """The server's side of one opening handshake.

    Args:
        driver: the driver of the connection.

    Attributes:
        decision: the application's decision on the request; None if no hooks decide.
    """

    decision: Decision | None = None
    # Set while a request arrives in parts, or waits for a decision.
    _reader: RequestReader | None = None

    def result(self) -> Agreement | bytes:
        """Return the result, which is kept; mostly, it is only the raw head of the request."""
        agreed = self.subprotocol or self.extensions or self.response or self.more_lines
        if agreed or self.client or self.upgrade or not isinstance(self.request, bytes):
            return super().result()
        return self.request

    def receive(self, data: bytes) -> None:
        """Take bytes of the request, or bytes that come too early."""
        reader = self._reader or RequestReader(self.driver.factory.head_limits)
        if self.decision is not None:
            reader.rest += data
            if len(reader.rest) > _MAX_EARLY:
                self.turn_away(InvalidMessage("too much came before the answer to the request"))
            return
        driver, factory = self.driver, self.driver.factory
        try:
            if factory._shutting_down:
                raise ServerClosing()
            if factory.admission is not None and self._reader is None:
                factory.admission.enter(driver, self.transport.getPeer())
            request = reader.receive(data)
            if request is None:
                self._reader = reader
                return
            self.request = request
            if driver.tracer is not None:
                driver.tracer.head("<", reader.head)
            if factory.admission is not None:
                peer = self.transport.getPeer()
                self.client = factory.admission.identify(driver, peer, request.fields)
        except InvalidHandshake as exc:
            self.turn_away(exc)
            return
        if factory.hooks is None:
            self._accept(request, reader)
        else:
            self._reader = reader
            self.decision = Decision(self, factory.hooks, request)
            self.decision.begin(reader)

    def _accept(self, request: Request, reader: RequestReader) -> None:
        """Open the connection, if the request is valid."""
        factory = self.driver.factory
        try:
            factory._judge(request)
            if self.upgrade is not None or any(request.fields.said(NEGOTIATING)):
                self.agree(request, select_subprotocol(request, factory.subprotocols))
        except InvalidHandshake as exc:
            self.turn_away(exc)
            return
        self.request = reader.head
        self.accept_by_itself(request, reader)

    def accept_by_itself(self, request: Request, reader: RequestReader) -> None:
        """Open the connection with the server's own response."""
        head = acceptance(request, self.subprotocol, self.extensions, self.more_lines)
        self.go_ahead(head, reader)

    def agree(self, request: Request, subprotocol: str | None) -> None:
        """Decide on the contents of the response that accepts.

        Raises:
            InvalidHandshake: the extensions that the client offers are malformed.
        """
        factory = self.driver.factory
        if subprotocol is not None:
            self.subprotocol = subprotocol
        elif "Sec-WebSocket-Protocol" in request.fields:
            factory._warnings.unanswered(self.driver, request)
        compressed = select_compression(request, factory.compression)
        if compressed is not None:
            self.deflate, self.extensions = compressed
        if self.upgrade is not None:
            self.more_lines += self.upgrade.header_lines()

    def acceptance(self, request: Request) -> Response:
        """Return the response that opens the connection."""
        return acceptance_of(self, request)

    def go_ahead(self, head: bytes, reader: RequestReader) -> None:
        """Open the connection with this head."""
        early = reader.rest
        if self.upgrade is not None:
            early += self.upgrade.take_over(self.driver.application)
            self.connect()
            if self.driver.phase is not CONNECTING:
                # The application has closed it in its connectionMade.
                return
        if self.driver.tracer is not None:
            self.driver.tracer.head(">", head)
        self.open(early, head)

    def turn_away(self, reason: InvalidHandshake) -> None:
        """Refuse the request with an HTTP response that says why."""
        if self.driver.phase is CONNECTING:
            self.turn_down(*answer_to(self.driver, self.request, reason))

    def give_in(self, reason: Exception) -> None:
        """Answer the request with 403, as the application wants no connection."""
        if self.request is None and self.upgrade is None:
            # There is no request to answer (RFC 9112 section 9.2).
            super().give_in(reason)
        elif self.driver.phase is CONNECTING:
            text = f"The WebSocket handshake failed: {reason}.\n"
            self.turn_down(Response.plain(HTTPStatus.FORBIDDEN, text), reason)

    def turn_down(self, response: Response, reason: Exception) -> None:
        """Answer with a response that doesn't open the connection."""
        driver, factory = self.driver, self.driver.factory
        if isinstance(self.request, Request) and self.request.method == "HEAD":
            # RFC 9110 section 9.3.2: the response to HEAD has no body.
            response = replace(response, body=b"")
        self.response = response
        if factory.log_connections:
            log_refused(factory.log, driver, response.status_code, reason)
        if factory.access_log is not None and self.upgrade is None:
            factory.access_log(driver, response.status_code)
        factory._warnings.refused(driver, response.status_code, reason)
        if self.upgrade is not None and driver.outbox is None:
            self.refuse(reason)
            try:
                self.upgrade.refuse(response)
            finally:
                # The other server may have lost the client in that; then it raises.
                driver(Failure(reason))
            return
        head = self._closing_head(response)
        if driver.tracer is not None:
            driver.tracer.head(">", head)
        driver.outbox.write(head)
        self.fail(reason)
        driver.outbox.end(lambda: close_softly(self.transport))
        self.end()

    def _closing_head(self, response: Response) -> bytes:
        """Return the bytes of a response, the last on its transport."""
        headers = response.headers
        # RFC 9110 section 6.6.1: a response has a Date.
        now = self.driver.factory.reactor.seconds()
        headers.setRawHeaders("Date", [formatdate(now, usegmt=True)])
        connection = ",".join(headers.get_all("Connection")).lower()
        if "close" not in (option.strip(" \t") for option in connection.split(",")):
            # RFC 9112 section 9.6; the application may have set other connection options.
            headers.addRawHeader("Connection", "close")
        return response.serialize()

    def miss(self) -> None:
        """Refuse a request that took too long to come."""
        self.turn_away(OpeningTimeout())
        if not can_be_told(self.transport):
            # The transport would wait for the TLS handshake, to close TLS properly.
            abort(self.transport)

    def lost(self, cause: BaseException) -> Exception:
        """Return the reason for the failed handshake, as the transport is gone."""
        exception: InvalidHandshake
        if self.request is None:
            exception = InvalidMessage("did not receive a valid HTTP request")
        else:
            exception = InvalidHandshake("the connection ended before the request was answered")
        exception.__cause__ = cause
        return exception

    def never_connect(self, cause: BaseException) -> None:
        """Call connectionMade all the same, though the connection never gets the site's transport.

        As with a factory, connectionLost then undoes only what connectionMade has done.
        """
        self.refuse(self.lost(cause))
        self.tell_made()

    def end(self) -> None:
        """Stop asking the application."""
        if self.decision is not None:
            self.decision.stop()

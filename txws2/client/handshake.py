"""The client's side of an opening handshake: it sends the request, and reads the response."""

from __future__ import annotations

from functools import partial

from twisted.internet.interfaces import IDelayedCall

from txws2._connection.handshake import Handshake
from txws2._connection.phases import CONNECTING, SETTLED
from txws2._deferreds.isolation import isolated
from txws2._time.deadlines import call_off
from txws2._transport.capabilities import abort
from txws2.client.tls_failures import is_shaking_hands, tls_failure
from txws2.exceptions import InvalidHandshake, InvalidMessage, InvalidStatus, OpeningTimeout
from txws2.wire.handshake.client import check_compression, check_response
from txws2.wire.handshake.redirects import is_redirect
from txws2.wire.http.bodies import BODY_PATIENCE, BodyReader
from txws2.wire.http.heads import Request, Response
from txws2.wire.http.readers import ResponseReader

__all__ = ["ClientHandshake"]


class ClientHandshake(Handshake):
    """The client's side of one opening handshake.

    Args:
        driver: the driver of the connection.
    """

    request: Request

    _reader: ResponseReader
    # The body of a response that refuses.
    _body: BodyReader | None = None
    # The limit of the time that the body has.
    _waiting: IDelayedCall | None = None

    def begin(self) -> None:
        """Send the request."""
        driver = self.driver
        if driver.phase >= SETTLED:
            return
        skipped = None if driver.tracer is None else partial(driver.tracer.head, "<")
        self._reader = ResponseReader(driver.factory.head_limits, skipped)
        self.request = driver.factory.next_request()
        head = self.request.serialize()
        if driver.tracer is not None:
            driver.tracer.head(">", head)
        driver.outbox.write(head)

    def receive(self, data: bytes) -> None:
        """Take bytes of the response."""
        if self._body is not None:
            self._receive_body(self._body, data)
            return
        reader = self._reader
        try:
            response = reader.receive(data)
            if response is None:
                return
            self._check(response, reader.head)
        except InvalidStatus as exc:
            self._body = BodyReader(exc.response)
            self._receive_body(self._body, reader.rest)
            if self.driver.phase is CONNECTING:
                self._expect_body(exc.response)
        except InvalidHandshake as exc:
            self._hang_up(exc)
        else:
            self.open(reader.rest)

    def _check(self, response: Response, head: bytes) -> None:
        """Make sure that a response opens the connection, and take the agreement from it.

        Raises:
            InvalidHandshake: the response doesn't open the connection.
        """
        driver, request = self.driver, self.request
        self.response = response
        if driver.tracer is not None:
            driver.tracer.head("<", head)
        self.subprotocol = check_response(request, response)
        self.deflate = check_compression(response, driver.factory.compression)

    def _receive_body(self, body: BodyReader, data: bytes) -> None:
        """Gather the body of a response that refuses."""
        body.receive(data)
        if body.complete:
            self._hang_up(self._refused(body))

    def _expect_body(self, response: Response) -> None:
        """Wait for the rest of a body, but not for long: it may never end."""
        if is_redirect(response):
            self.give_up()
        else:
            clock = self.driver.factory.clock
            self._waiting = clock.callLater(BODY_PATIENCE, self.give_up)

    def _stop_waiting(self) -> None:
        waiting, self._waiting = self._waiting, None
        call_off(waiting)

    def fail(self, reason: Exception) -> None:
        """Give up the opening handshake; the transport is being closed."""
        self._stop_waiting()
        super().fail(reason)

    def _refused(self, body: BodyReader) -> InvalidStatus:
        assert self.response is not None
        self.response.body = body.body
        return InvalidStatus(self.response)

    def _hang_up(self, reason: InvalidHandshake) -> None:
        """Give up the opening handshake, and abort the transport."""
        self.fail(reason)
        abort(self.transport)

    def miss(self) -> None:
        """Wait no longer for the response."""
        self.give_up()

    def give_up(self) -> None:
        """Wait no longer for the response, unless the handshake has failed already."""
        if self.driver.phase is CONNECTING:
            self._hang_up(self._verdict())

    def _verdict(self) -> InvalidHandshake:
        if self._body is not None:
            # The head of the refusal tells more than a timeout would.
            return self._refused(self._body)
        if is_shaking_hands(self.transport):
            return OpeningTimeout("the TLS handshake")
        return OpeningTimeout("the server's answer")

    def raised(self, exc: BaseException) -> None:
        """Give up the connection, as this was raised before it is open.

        Those who wait for it are told at once: nothing else is sure to work.
        """
        if self.driver.phase >= SETTLED:
            return
        self._stop_waiting()
        self.refuse(_as_reason(exc))
        self.driver.need_ending().call_off(self.driver)
        isolated(abort, self.transport)
        self.driver.settle(exc)

    def lost(self, cause: BaseException) -> Exception:
        """Return the reason for the failed handshake, as the transport is gone."""
        self._stop_waiting()
        try:
            return self._reason_of(cause)
        except BaseException as exc:
            return _as_reason(exc)

    def _reason_of(self, cause: BaseException) -> Exception:
        if self._body is not None:
            # A response without Content-Length ends with the connection.
            return self._refused(self._body)
        server_name = self.driver.factory.server_name
        failure: Exception | None = tls_failure(cause, self.transport, server_name)
        if failure is None:
            failure = InvalidMessage("did not receive a valid HTTP response")
            failure.__cause__ = cause
        return failure


def _as_reason(exc: BaseException) -> Exception:
    """Return a reason that is an Exception: a SystemExit of one connection must not end others."""
    if isinstance(exc, Exception):
        return exc
    reason = InvalidHandshake(f"{type(exc).__name__} was raised while the connection was opened")
    reason.__cause__ = exc
    return reason

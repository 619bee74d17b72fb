"""The driver of the server's end: it runs the handler, and a server that stops waits for hooks."""

from __future__ import annotations

from typing import Any, ClassVar

from twisted.internet.defer import CancelledError, Deferred, maybeDeferred
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure

from txws2._connection.driver import Driver
from txws2._connection.ending import Ending
from txws2._connection.handshake import Handshake
from txws2._connection.hook_calls import hook_failed, hook_returned
from txws2._connection.hook_queue import Succession
from txws2._connection.journal import log_ended, only_ended
from txws2._connection.phases import OPEN, SETTLED
from txws2._deferreds.callables import to_await
from txws2._deferreds.calls import Call
from txws2._deferreds.tasks import running_loop
from txws2.exceptions import ConnectionClosed, InvalidHandshake
from txws2.server.handshake import ServerHandshake
from txws2.server.upgrade import Upgrade

__all__ = ["ServerDriver"]


class ServerDriver(Driver):
    """The driver of the server's end of a connection."""

    __slots__ = ()

    client: ClassVar[bool] = False
    make_handshake: ClassVar[type[Handshake]] = ServerHandshake

    # A WebSocketServerFactory, whose module imports this one.
    factory: Any

    def answer(self, application: Any, upgrade: Upgrade, head: bytes) -> None:
        """Answer a request that another HTTP server has read, in place of `makeConnection`.

        Args:
            application: the application's object.
            upgrade: refuses the request or takes it over. Its transport isn't touched before the
                request is accepted.
            head: the head of the request, with the empty line that ends it.
        """
        self.expect(application, upgrade.transport).upgrade = upgrade
        self.receive_opening(head)

    def turn_away(self, reason: InvalidHandshake) -> None:
        """Refuse the request, if it isn't answered yet, with a response that says why."""
        if isinstance(self.handshake, ServerHandshake):
            self.handshake.turn_away(reason)

    def __call__(self, reason: Failure = connectionDone) -> None:
        """Take the end of the transport; the HTTP server that has read the request is told, too."""
        handshake, taken_over = self.handshake, self.outbox is not None
        if not taken_over:
            assert isinstance(handshake, ServerHandshake)
            assert reason.value is not None
            handshake.never_connect(reason.value)
        admission, ending = self.factory.admission, self.ending
        if admission is not None:
            admission.leave(self)
        if ending is None:
            # The same as in `need_ending`, without the call.
            ending = self.ending = Ending()
        ending.transport_lost(self, reason)
        if handshake is not None:
            handshake.end()
        if taken_over and not isinstance(self.kept, bytes) and self.upgrade is not None:
            self.upgrade.lost(reason)

    # The handler.

    def run_handler(self) -> None:
        """Start the handler, if there is one; the connection is closed when it is done."""
        handler = self.factory.handler
        if handler is None or self.phase is not OPEN:
            return
        application = self.application
        call = Call(application)
        running = call.start(maybeDeferred, lambda: to_await(handler(application)))
        running.addCallbacks(lambda _: self.close(), self._handler_failed)
        self._follow(running, call)

    def _handler_failed(self, failure: Failure) -> None:
        exception, connection = failure.value, self.connection
        assert exception is not None
        assert connection is not None
        closing = connection.closing
        if self.phase >= SETTLED and only_ended(closing, exception):
            log_ended(self.factory.log, self, ConnectionClosed.of(closing))
            self.factory._warnings.failed(self, closing.cause)
            # The traceback has the frames of all that is running, and one of them has the
            # exception. Without this, the connection would wait for the garbage collector.
            exception.__traceback__ = failure.tb = None
            return
        # A server that is stopping cancels the handlers that haven't ended.
        if not (self.factory.stopping and failure.check(CancelledError)):
            self.application_failed(failure)

    # Hooks that aren't done when they return.

    def await_hook(self, result: object) -> Deferred[Any] | None:
        """Return a Deferred for the result of a hook; None if there is no need to wait."""
        intake = self.need_intake()
        call = intake.call = intake.call or Call(self.application)
        running = call.run(to_await, result)
        # If the transport was lost in it, connectionLost was called there, and may be done.
        intake.call = call
        return running

    def hook_returned(self, result: object) -> None:
        """Await the result of a hook; the hooks after it wait for that."""
        hook_returned(self, result)
        intake = self.need_intake()
        if intake.succession is None:
            intake.call = None

    def begin_succession(self) -> Succession:
        """Call the hooks one after the other from now on; a server that stops waits for them."""
        succession, call = super().begin_succession(), self.need_intake().call
        assert call is not None

        def cancel(running: Deferred[None]) -> None:
            if self.succession is not None:
                self.succession.cancel()
            if not running.called and running_loop() is not None:
                # A task ends later.
                running.callback(None)

        running: Deferred[None] = Deferred(cancel)
        running.addCallback(lambda _: None if succession.idle else succession.wait())
        call.running = running
        self._follow(running, call)
        succession.wait().addCallback(_fire, running)
        return succession

    def hook_failed(self, failure: Failure) -> None:
        """Take the failure of a hook whose result was awaited."""
        if not (self.factory.stopping and failure.check(CancelledError)):
            hook_failed(self, failure)

    def _follow(self, running: Deferred[Any], call: Call) -> None:
        """Make a server that stops wait for this Deferred."""
        self.factory.running.add(running)
        running.addBoth(self._handler_done, running, call)
        for stop in self.factory._stops:
            # The handler or hook may have closed the server itself.
            stop.add(call)

    def _handler_done(self, _: object, running: Deferred[Any], call: Call) -> None:
        self.factory.running.discard(running)
        call.over(None)
        intake = self.intake
        if intake is not None and call is intake.call:
            intake.call = None


def _fire(_: None, running: Deferred[None]) -> None:
    """Fire this Deferred, unless it was cancelled."""
    if not running.called:
        running.callback(None)

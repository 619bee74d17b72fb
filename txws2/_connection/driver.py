"""The driver of a connection, from the first byte on its transport to the last."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.interfaces import ITransport
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure

from txws2._connection import reception
from txws2._connection.closing_handshake import give_up_silent, start_closing
from txws2._connection.ending import Moment
from txws2._connection.event_delivery import deliver, deliver_later, open_up, take_control
from txws2._connection.frame_log import Tracer
from txws2._connection.handshake import Handshake
from txws2._connection.hook_calls import (
    application_failed,
    go_on,
    hook_failed,
    hook_returned,
    tell,
)
from txws2._connection.hook_queue import Succession
from txws2._connection.inbox import Inbox
from txws2._connection.parts import Parts
from txws2._connection.phases import CONNECTING, DISCARDING, GONE, OPEN, SETTLED
from txws2._connection.receiver import has_hook, keep_messages, keeps_messages, take_back
from txws2._connection.sender import send, send_now, when_not_open
from txws2._deferreds.callables import to_await
from txws2._deferreds.lean import Done
from txws2._transport.capabilities import keep_little_unsent, read_more_at_once
from txws2._transport.progress import Progress
from txws2.exceptions import InvalidState, PayloadTooBig, ProtocolError
from txws2.wire.closing import CloseCode
from txws2.wire.events import Event

__all__ = ["Driver"]


class Driver(Parts):
    """Moves bytes between a transport and a `wire.Connection`, and events to the application.

    It stands behind the application's object of the connection. Each side has a subclass, which
    makes the opening handshake; that opens the connection, or fails.
    """

    __slots__ = ()

    # A subclass provides this.

    def run_handler(self) -> None:
        """Start the handler, if there is one."""

    # Opening.

    def expect(self, application: Any, transport: ITransport) -> Handshake:
        """Become a connection, which has to open in time, without touching the transport.

        Raises:
            InvalidState: it has no factory.
        """
        if self.factory is None:
            name = type(application).__name__
            raise InvalidState(
                f"{name} has no factory, which has its options: make it with buildProtocol() of a "
                f"factory that has create_protocol={name}, or set its attribute factory"
            )
        self.application = self.receiver = application
        self.keep_thread()
        # We set only this name on the application's object. The transport has to reach us although
        # the application overrides connectionLost, and the application gets another reason than
        # the transport's.
        application.connectionLost = self
        factory = self.factory
        factory.enter(application)
        handshake = self.handshake
        if handshake is None:
            handshake = self.handshake = self.make_handshake(self)
        handshake.transport = transport
        if factory.debug:
            self.tracer = Tracer(factory.log, self.id)
        self.change_phase(CONNECTING)
        if factory.opening_deadlines is not None:
            factory.opening_deadlines.add(self)
        return handshake

    def begin(self, application: Any, transport: ITransport) -> None:
        """Take a transport; the opening handshake begins."""
        handshake = self.expect(application, transport)
        handshake.connect()
        if self.client:
            # A server waits for the request.
            handshake.begin()

    def opening_missed(self) -> None:
        """Give up the opening handshake; `Deadlines` calls this."""
        assert self.handshake is not None
        self.handshake.miss()

    def wait_opened(self) -> Deferred[Any]:
        """Return a Deferred of the application's object that fires when the connection is open."""
        if self.phase >= SETTLED:
            return when_not_open(self)
        if self.opened:
            return succeed(self.application)
        return self.need_handshake().wait_opened()

    # Inward.

    def receive_opening(self, data: bytes) -> None:
        """Take bytes of the opening handshake."""
        # Once the handshake has failed, the peer's bytes don't matter any more.
        if self.phase is CONNECTING:
            assert self.handshake is not None
            self.handshake.receive(data)

    def receive(self, data: bytes) -> None:
        """Take bytes of any frames, and deliver their events."""
        reception.receive(self, data)

    def control_received(self, opcode: int, payload: bytes) -> None:
        """Do as a control frame demands."""
        take_control(self, opcode, payload)

    def ping_received(self, payload: bytes) -> None:
        """Tell the application of a ping that was answered."""
        if has_hook(self.application.pingReceived):
            tell(self, "pingReceived", payload)

    def read_ended(self) -> None:
        """Do what waits for the end of a read, and note a message that hasn't ended."""
        connection = self.connection
        assert connection is not None
        if self.intake is not None:
            self.intake.end_read(self)
        elif connection.unfinished:
            read_more_at_once(self.transport)

    def let_catch_up(self) -> None:
        """Wake those who wait; if they leave too much, the rest of the read waits."""
        reception.let_catch_up(self)

    def receive_rest(self) -> None:
        """Receive the rest of a read that waits, if the application has taken enough by now."""
        reception.receive_rest(self)

    def hold_read(self, data: bytes) -> None:
        """Keep bytes that arrive while another read is being processed."""
        reception.hold_read(self, data)

    def receive_held(self) -> None:
        """Receive the bytes that were kept."""
        reception.receive_held(self)

    def refuse(self, exception: Exception) -> None:
        """Fail the connection because decoding raised this, if it is the peer's fault."""
        assert self.connection is not None
        if not isinstance(exception, (ProtocolError, PayloadTooBig)):
            raise exception
        deliver(self, [self.connection.refuse(exception)])

    def deliver_later(self, events: list[Event]) -> None:
        """Deliver events that have waited."""
        deliver_later(self, events)

    def open_up(self) -> None:
        """Let messages take the fast path, unless they have to wait or are dropped."""
        open_up(self)

    # Hooks.

    @property
    def pushes(self) -> bool:
        """True if the application overrides messageReceived."""
        application = self.application
        return application is self.receiver is not None and not keeps_messages(application)

    def await_hook(self, result: object) -> Deferred[Any] | None:
        """Return a Deferred for the result of a hook; None if there is no need to wait."""
        return to_await(result)

    def begin_succession(self) -> Succession:
        """Call the hooks one after the other from now on."""
        intake = self.need_intake()
        intake.succession = Succession(self.go_on)
        return intake.succession

    def hook_returned(self, result: object) -> None:
        """Await the result of a hook; the hooks after it wait for that."""
        hook_returned(self, result)

    def hook_failed(self, failure: Failure) -> None:
        """Take the failure of a hook whose result was awaited."""
        hook_failed(self, failure)

    def go_on(self) -> None:
        """Call the hooks that wait."""
        if self.succession is not None:
            go_on(self, self.succession)

    def transport_closed(self) -> None:
        """Deliver nothing more if the application, in push style, has closed the transport."""
        if self.pushes and not (self.ending is not None and self.ending.ours):
            self.discard_messages()

    def discard_messages(self) -> None:
        """Give the application no more messages."""
        if self.delivery is not DISCARDING:
            self.change_delivery(DISCARDING)
        if self.succession is not None:
            self.succession.clear()

    def message_failed(self, exception: BaseException) -> None:
        """Close the connection: a hook or a producer has raised this."""
        self.application_failed(Failure(exception))

    def application_failed(self, failure: Failure) -> None:
        """Close the connection: the application has failed."""
        application_failed(self, failure)

    # Outward.

    def send_otherwise(
        self, message: Any, text: bool | None = None, *, compress: bool | None = None
    ) -> None:
        """Send a message that isn't ordinary, or can't be sent now."""
        send_now(self, message, text, compress)

    def send_and_wait(
        self, message: Any, text: bool | None = None, *, compress: bool | None = None
    ) -> Deferred[None]:
        """Send a message; return a Deferred that fires when there is room for more."""
        try:
            if text is None and compress is None and self.send_ordinary(message):
                drained: Deferred[None] = self.outbox.drained()
                return drained
            return send(self, message, text, compress)
        except UnicodeError:
            return fail()

    # To those who receive.

    def recv_otherwise(
        self, decode: bool | None = None, *, timeout: float | None = None
    ) -> Deferred[Any]:
        """Return a Deferred of the next message, unless the handle could do so at once."""
        if self.is_elsewhere():
            self.check_thread()
        if not self.opened:
            return when_not_open(self)
        inbox: Inbox = self.need_inbox()
        keep_messages(self, inbox)
        if timeout is None:
            return inbox.get(decode)
        return inbox.get_within(timeout, self.factory.clock, decode)

    def left_unread(self) -> None:
        """Give messages that nobody waits for to the application, if it has a hook for them.

        An application may set a hook on its object after it has received the first messages.
        """
        take_back(self)
        if self.need_inbox().pausing:
            self.need_intake().keep_bytes(self)

    # The keepalive.

    def keepalive_ping(self) -> None:
        """Send a ping; `Keepalive` calls this."""
        assert self.connection is not None
        if self.intake is not None:
            self.intake.reading.listen()
        self.connection.rest()
        payload = self.need_pings().add_for_keepalive(self.factory.clock.seconds())
        self.note("sending keepalive ping")
        self.outbox.write_control(self.connection.send_ping(payload))

    def keepalive_progress(self) -> Progress:
        """Tell how far the sent bytes have come; `Keepalive` calls this for a silent peer."""
        keep_little_unsent(self.transport)
        return self.progress()

    def keepalive_failed(self) -> None:
        """Give up the connection; `Keepalive` calls this."""
        give_up_silent(self)

    # Closing.

    def start_closing(
        self, code: int = CloseCode.NORMAL_CLOSURE, reason: str = ""
    ) -> Deferred[None]:
        """Close as `close` does, for callers other than the application's hooks.

        In push style, too, messages that come before the peer's close frame are delivered.
        """
        self.check_thread()
        start_closing(self, code, reason)
        return self.wait_closed()

    def close(self, code: int = 1000, reason: str = "") -> Deferred[None]:
        """Close the connection for the application; see `WebSocketProtocol.close`."""
        closed = self.start_closing(code, reason)
        if self.opened and self.pushes:
            self.discard_messages()
        return closed

    def wait_closed(self) -> Deferred[None]:
        """Return a Deferred that fires when the connection is closed."""
        self.check_thread()
        if self.phase >= SETTLED:
            return Done()
        return self.need_ending().wait(Moment.CLOSED)

    def wait_told(self) -> Deferred[None]:
        """Return a Deferred that fires when all others who wait for the end were told."""
        if self.phase >= SETTLED:
            return Done()
        return self.need_ending().wait(Moment.TOLD)

    def wait_gone(self) -> Deferred[None]:
        """Return a Deferred that fires when the transport is gone, too."""
        if self.phase is GONE:
            return Done()
        return self.need_ending().wait(Moment.GONE)

    def closing_missed(self) -> None:
        """Wait on if the peer still reads, else give up; `Deadlines` calls this."""
        self.need_ending().missed(self)

    def parting_missed(self) -> None:
        """End TCP, since the peer doesn't; `Deadlines` calls this."""
        self.need_ending().parting_missed(self)

    def give_up_closing(self) -> None:
        """Wait no longer for the connection to close, if it is closing."""
        if self.phase not in (OPEN, GONE):
            self.need_ending().give_up(self)

    def __call__(self, reason: Failure = connectionDone) -> None:
        """Take the end of the transport, which calls this as the application's connectionLost."""
        self.need_ending().transport_lost(self, reason)

    def settle(self, cause: BaseException) -> None:
        """Tell all who wait for the end, once."""
        self.need_ending().settle(self, cause)

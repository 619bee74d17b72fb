"""What drives a connection, from the first byte on its transport to the last."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import ITransport
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure

from txws2._connection.ending import Moment
from txws2._connection.event_delivery import deliver, deliver_later, open_up
from txws2._connection.frame_log import Tracer
from txws2._connection.handshake import Handshake
from txws2._connection.hook_calls import (
    application_failed,
    go_on,
    hook_failed,
    hook_returned,
)
from txws2._connection.hook_queue import Succession
from txws2._connection.parts import Parts
from txws2._connection.phases import CLOSING, CONNECTING, DEAF, GONE, OPEN, SETTLED
from txws2._connection.receiver import keeps_messages
from txws2._connection.sender import send_now, when_not_open
from txws2._deferreds.callables import to_await
from txws2._deferreds.lean import Done
from txws2._transport.capabilities import (
    keep_little_unsent,
)
from txws2._transport.progress import Progress
from txws2.exceptions import (
    InvalidHandshake,
    InvalidState,
    PayloadTooBig,
    ProtocolError,
)
from txws2.wire.closing import Close, CloseCode
from txws2.wire.events import Event

__all__ = ["Driver"]


class Driver(Parts):
    """Moves bytes between a transport and a `wire.Connection`, and events to the application.

    It is behind the object that an application has of the connection. A subclass is one side: it
    makes the opening handshake, which has the connection open when it is done, or fails it.
    """

    __slots__ = ()

    # A subclass provides this.

    def run_handler(self) -> None:
        """Start what handles the connection in pull style, if there is such a thing."""

    # Opening.

    def expect(self, application: Any, transport: ITransport) -> Handshake:
        """Be a connection from now on, within its deadline, without touching the transport.

        Raises:
            InvalidState: it has no factory.
        """
        if self.factory is None:
            name = type(application).__name__
            raise InvalidState(
                f"{name} has no factory, which has its options: make it with buildProtocol() of "
                f"one, with create_protocol={name}, or set its attribute factory"
            )
        self.application = self.receiver = application
        self.keep_thread()
        # The one name of the application's object that is taken: the transport has to reach us
        # although the application overrides connectionLost, and the application is to get another
        # reason than the transport has.
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
        """Give the opening handshake up, for `Deadlines`."""
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
        """Take what belongs to the opening handshake."""
        # Once it has failed, what the peer says doesn't matter any more.
        if self.phase is CONNECTING:
            assert self.handshake is not None
            self.handshake.receive(data)

    def receive(self, data: bytes) -> None:
        """Take whatever it may be, and deliver what is in it."""
        connection = self.connection
        assert connection is not None
        if self.intake is not None:
            self.intake.begin_read()
        deliver(self, connection.receive(data))
        if self.intake is not None:
            self.intake.end_read(self)
        elif connection.unfinished and self.phase < SETTLED:
            self.need_intake().message_arrives(self)

    def hold_read(self, data: bytes) -> None:
        """Keep what arrives while a read is being worked off."""
        intake = self.need_intake()
        if intake.reads is None:
            intake.reads = []
        intake.reads.append(data)
        self.holds = True

    def receive_held(self) -> None:
        """Receive what was kept."""
        while self.holds:
            for data in self.take_held():
                self.receive(data)

    def take_held(self) -> list[bytes]:
        """Return what was read while another read was being worked off."""
        self.holds = False
        intake = self.need_intake()
        reads, intake.reads = intake.reads or [], None
        return reads

    def refuse(self, exception: Exception) -> None:
        """Fail the connection for what inflating has raised, if that is the peer's fault."""
        assert self.connection is not None
        if not isinstance(exception, (ProtocolError, PayloadTooBig)):
            raise exception
        deliver(self, [self.connection.refuse(exception)])

    def deliver_later(self, events: list[Event]) -> None:
        """Deliver what has waited."""
        deliver_later(self, events)

    def open_up(self) -> None:
        """Let messages go the short way, unless something is against it."""
        open_up(self)

    # Hooks.

    @property
    def pushes(self) -> bool:
        """Whether the application overrides messageReceived."""
        application = self.application
        return application is self.receiver is not None and not keeps_messages(application)

    def await_hook(self, result: object) -> Deferred[Any] | None:
        """Return a Deferred for what a hook has returned, None if that is done."""
        return to_await(result)

    def begin_succession(self) -> Succession:
        """Keep the hooks in order from now on."""
        intake = self.need_intake()
        intake.succession = Succession(self.go_on)
        return intake.succession

    def hook_returned(self, result: object) -> None:
        """Await what a hook has returned; the hooks that come now wait for it."""
        hook_returned(self, result)

    def hook_failed(self, failure: Failure) -> None:
        """Take what a hook has failed with after it has returned."""
        hook_failed(self, failure)

    def go_on(self) -> None:
        """Call the hooks that wait."""
        if self.succession is not None:
            go_on(self, self.succession)

    def has_hung_up(self) -> bool:
        """Tell whether the application has closed the transport; then it hears no more."""
        if self.delivery is not DEAF and self.outbox is not None and self.outbox.hung_up():
            self.transport_closed()
        return self.delivery is DEAF

    def transport_closed(self) -> None:
        """Hear nothing more if it is the application, in push style, who has closed it."""
        if self.pushes and not (self.ending is not None and self.ending.ours):
            self.deafen()

    def deafen(self) -> None:
        """Give the application no more messages."""
        if self.delivery is not DEAF:
            self.change_delivery(DEAF)
        if self.succession is not None:
            self.succession.clear()

    def message_failed(self, exception: BaseException) -> None:
        """Close the connection: a hook, or a producer, has raised this."""
        self.application_failed(Failure(exception))

    def application_failed(self, failure: Failure) -> None:
        """Close the connection: the application has failed."""
        application_failed(self, failure)

    def let_go_of_application(self) -> None:
        """Refer to the application no more, once all is over: each would keep the other."""
        intake = self.intake
        if self.phase is GONE and (intake is None or intake.succession is None):
            if self.delivery is not DEAF:
                self.change_delivery(DEAF)
            self.application = self.receiver = None

    # Outward.

    def send_otherwise(
        self, message: Any, text: bool | None = None, *, compress: bool | None = None
    ) -> None:
        """Send what isn't ordinary, or can't be sent now."""
        send_now(self, message, text, compress)

    # The keepalive.

    def keepalive_ping(self) -> None:
        """Send a ping, for `Keepalive`."""
        assert self.connection is not None
        if self.intake is not None:
            self.intake.reading.listen()
        self.connection.rest()
        payload = self.need_pings().add_for_keepalive(self.factory.clock.seconds())
        self.note("sending keepalive ping")
        self.outbox.write_control(self.connection.send_ping(payload))

    def keepalive_progress(self) -> Progress:
        """Tell how far what was sent has come, for `Keepalive`: the peer is silent, or slow."""
        keep_little_unsent(self.transport)
        return self.progress()

    def keepalive_failed(self) -> None:
        """Give the connection up, for `Keepalive`."""
        assert self.connection is not None
        if self.intake is not None and not self.intake.reading.listening:
            # It is we who haven't read; the peer may have said a lot.
            return
        self.note("timed out waiting for keepalive pong")
        frame = self.connection.fail(CloseCode.INTERNAL_ERROR, "keepalive ping timeout")
        self.outbox.discard()
        self.outbox.write_control(frame)
        self.begin_closing()
        self.need_ending().close_with(self, self.transport.loseConnection)
        # A peer that is gone won't answer, so nobody is to wait until the transport knows.
        self.settle(TimeoutError("no sign of life within ping_timeout"))

    # Closing.

    def start_closing(
        self, code: int = CloseCode.NORMAL_CLOSURE, reason: str = ""
    ) -> Deferred[None]:
        """Close as `close` does, for what stops a connection without being asked to by its hooks.

        In push style, too, all is received that came before the peer's close frame.
        """
        self.check_thread()
        if self.phase < OPEN:
            Close(code, reason).payload()
            told = f": {reason}" if reason else ""
            self.need_handshake().give_in(
                InvalidHandshake(f"closed before the connection was open{told}")
            )
        elif self.phase is OPEN:
            assert self.connection is not None
            self.outbox.write(self.connection.send_close(code, reason))
            self.begin_closing()
        return self.wait_closed()

    def close(self, code: int = 1000, reason: str = "") -> Deferred[None]:
        """Close the connection for the application; see `WebSocketProtocol.close`."""
        closed = self.start_closing(code, reason)
        if self.opened and self.pushes:
            self.deafen()
        return closed

    def wait_closed(self) -> Deferred[None]:
        """Return a Deferred that fires when the connection is closed."""
        self.check_thread()
        if self.phase >= SETTLED:
            return Done()
        return self.need_ending().wait(Moment.CLOSED)

    def wait_told(self) -> Deferred[None]:
        """Return a Deferred that fires when all who wait for the connection know that it ended."""
        if self.phase >= SETTLED:
            return Done()
        return self.need_ending().wait(Moment.TOLD)

    def wait_gone(self) -> Deferred[None]:
        """Return a Deferred that fires when the transport is gone, too."""
        if self.phase is GONE:
            return Done()
        return self.need_ending().wait(Moment.GONE)

    def begin_closing(self, at_once: bool = False) -> None:
        """Expect the connection to end, or the peer to read, within close_timeout.

        Args:
            at_once: whether the transport is closed when all that waits was written to it.
        """
        if self.phase is OPEN:
            self.change_phase(CLOSING)
        if self.factory.keepalive is not None:
            self.factory.keepalive.discard(self)
        if self.intake is not None:
            self.intake.begin_closing(self)
        ending = self.need_ending()
        if not ending.limited:
            ending.limit(self, at_once)

    def closing_missed(self) -> None:
        """Go on waiting for the connection to close if the peer still reads, for `Deadlines`."""
        self.need_ending().missed(self)

    def parting_missed(self) -> None:
        """End TCP, which the peer doesn't, for `Deadlines`."""
        self.need_ending().parting_missed(self)

    def give_up_closing(self) -> None:
        """Wait no longer for the connection to close, if it still does."""
        if self.phase not in (OPEN, GONE):
            self.need_ending().give_up(self)

    def __call__(self, reason: Failure = connectionDone) -> None:
        """Take the end from the transport, to which this is the application's connectionLost."""
        self.need_ending().transport_lost(self, reason)

    def settle(self, cause: BaseException) -> None:
        """Tell the end to all who wait for it, once."""
        self.need_ending().settle(self, cause)

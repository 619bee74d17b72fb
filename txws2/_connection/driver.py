"""What drives a connection, from the first byte on its transport to the last."""

from __future__ import annotations

from threading import current_thread
from typing import Any, ClassVar
from uuid import uuid4

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import ITransport
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure

from txws2._connection.counters import ConnectionCounters, Standing
from txws2._connection.ending import Ending, Moment
from txws2._connection.event_delivery import deliver, deliver_later, open_up
from txws2._connection.exchange import Exchange
from txws2._connection.factory import ConnectionFactory
from txws2._connection.frame_log import Tracer
from txws2._connection.handle import driver_of
from txws2._connection.handshake import Agreement, Handshake
from txws2._connection.hook_calls import (
    application_failed,
    go_on,
    hook_failed,
    hook_returned,
    tell_lost,
)
from txws2._connection.hook_queue import Succession
from txws2._connection.inbox import Inbox
from txws2._connection.intake import Intake
from txws2._connection.journal import log_opened
from txws2._connection.phases import (
    STATES,
    Delivery,
    Phase,
    check_delivery,
    check_phase,
)
from txws2._connection.pings import PendingPings
from txws2._connection.receiver import keeps_messages
from txws2._connection.sender import send_now, when_not_open
from txws2._deferreds.callables import to_await
from txws2._deferreds.lean import Done
from txws2._transport.capabilities import (
    Address,
    address_of,
    keep_little_unsent,
)
from txws2._transport.progress import Progress, progress_of
from txws2._transport.socket_writer import WriteThrough
from txws2.exceptions import (
    ConcurrencyError,
    ConnectionClosed,
    InvalidHandshake,
    PayloadTooBig,
    ProtocolError,
)
from txws2.interfaces import PushProducer
from txws2.wire.closing import Close, CloseCode
from txws2.wire.connection import Connection, State
from txws2.wire.events import Event
from txws2.wire.http.heads import Request

__all__ = ["Driver", "state_of"]


class Driver(Exchange):
    """Moves bytes between a transport and a `wire.Connection`, and events to the application.

    It is behind the object that an application has of the connection. A subclass is one side: it
    makes the opening handshake, which calls `open` when it is done, or `fail_opening`. What few
    connections need, or need for a while, are objects of their own, made when they are first
    needed: of most connections there are many, and idle.

    Attributes:
        application: the application's object; None before there is a transport, and when all is
            over.
        factory: has the options.
        phase: where the connection is in its life; `change_phase` changes it.
        delivery: what becomes of messages; `change_delivery` changes it.
        handshake: the opening handshake; None once it is done, or all is over.
        intake: what was read and waits; None if nothing ever had to.
        ending: how it ends, and who waits for that; None if nobody does and it hasn't begun to.
        pings: those that wait for their pongs; None if none was ever sent.
        tracer: the debug log; None if there is none.
    """

    __slots__ = (
        "_agreement",
        "_id",
        "application",
        "delivery",
        "ending",
        "factory",
        "handshake",
        "intake",
        "phase",
        "pings",
        "tracer",
    )

    client: ClassVar[bool]

    def __init__(self) -> None:
        super().__init__()
        self.application: Any = None
        self.factory: ConnectionFactory[Any]
        self.phase = Phase.NEW
        self.delivery = Delivery.DELIVERING
        self.handshake: Handshake | None = None
        self.intake: Intake | None = None
        self.ending: Ending | None = None
        self.pings: PendingPings | None = None
        self.tracer: Tracer | None = None
        # What the opening handshake has come to; of a server, mostly only the request's head.
        self._agreement: Agreement | bytes | None = None
        self._id: str | None = None

    # A subclass provides these.

    def make_handshake(self) -> Handshake:
        """Make the opening handshake."""
        raise NotImplementedError

    def run_handler(self) -> None:
        """Start what handles the connection in pull style, if there is such a thing."""

    # Its states.

    def change_phase(self, phase: Phase) -> None:
        """Come into the next phase of its life.

        Raises:
            RuntimeError: the table has no such transition.
        """
        before = self.phase
        self.phase = check_phase(before, phase)
        if self.tracer is not None and (
            STATES[phase] is not STATES[before] or phase is Phase.CONNECTING
        ):
            self.tracer.state(STATES[phase])

    def change_delivery(self, delivery: Delivery) -> None:
        """Do something else with the messages that come.

        Raises:
            RuntimeError: the table has no such transition.
        """
        self.delivery = check_delivery(self.delivery, delivery)
        self.shut = True

    @property
    def id(self) -> str:
        """A name for this connection, unlike any other's; log events have it."""
        if self._id is None:
            self._id = str(uuid4())
        return self._id

    @property
    def connected(self) -> bool:
        """Whether the application was told of its connection."""
        return self.phase is not Phase.NEW and (self.handshake is None or self.handshake.made)

    @property
    def transport(self) -> Any:
        """The transport; None before there is one."""
        if self.outbox is not None:
            return self.outbox.transport
        known = self.handshake or self.upgrade
        return None if known is None else known.transport

    @property
    def own_transport(self) -> Any:
        """The transport; None as long as it is somebody else's."""
        return None if self.outbox is None else self.outbox.transport

    @property
    def agreement(self) -> Agreement:
        """What the opening handshake has come to, as far as it has come."""
        if self.handshake is not None:
            return self.handshake
        if not isinstance(self._agreement, Agreement):
            self._agreement = Agreement(self._agreement)
        return self._agreement

    @property
    def succession(self) -> Any:
        """What keeps the hooks in order; None if none is running."""
        return None if self.intake is None else self.intake.succession

    @property
    def known_request(self) -> Request | None:
        """The client's request, once it is known."""
        return self.agreement.known_request

    @property
    def subprotocol(self) -> str | None:
        """The subprotocol agreed on, None if there is none."""
        agreed = self.handshake or self._agreement
        return agreed.subprotocol if isinstance(agreed, Agreement) else None

    @property
    def upgrade(self) -> Any:
        """How the request is answered, if it was somebody else who has read it."""
        agreed = self.handshake or self._agreement
        return agreed.upgrade if isinstance(agreed, Agreement) else None

    @property
    def peer_address(self) -> Address:
        """The address of the other end, as far as it is known."""
        agreed = self.handshake or self._agreement
        client = agreed.client if isinstance(agreed, Agreement) else None
        if client is not None and client.host is not None:
            return client.host, client.port
        return address_of(self.transport.getPeer())

    def check_thread(self) -> None:
        """Make sure that this is called in the reactor's thread.

        Raises:
            ConcurrencyError: it isn't.
        """
        if self.is_elsewhere():
            raise ConcurrencyError(
                f"a connection is the reactor's thread's, and this is {current_thread().name}; "
                "use reactor.callFromThread(connection.sendMessage, message), or, to wait for "
                "the result, blockingCallFromThread(reactor, connection.send, message)"
            )

    def note(self, text: str) -> None:
        """Tell the debug log, if there is one."""
        if self.tracer is not None:
            self.tracer.note(text)

    # Opening.

    def expect(self, application: Any, transport: ITransport) -> None:
        """Be a connection from now on, within its deadline, without touching the transport."""
        self.application = self.receiver = application
        self.keep_thread()
        # The one name of the application's object that is taken: the transport has to reach us
        # although the application overrides connectionLost, and the application is to get another
        # reason than the transport has.
        application.connectionLost = self
        factory = self.factory
        factory.enter(application)
        self.need_handshake().transport = transport
        if factory.debug:
            self.tracer = Tracer(factory.log, self.id)
        self.change_phase(Phase.CONNECTING)
        if factory.opening_deadlines is not None:
            factory.opening_deadlines.add(self)

    def begin(self, application: Any, transport: ITransport) -> None:
        """Take a transport; the opening handshake begins."""
        self.expect(application, transport)
        handshake = self.handshake
        assert handshake is not None
        handshake.connect()
        handshake.begin()

    def wait_opened(self) -> Deferred[Any]:
        """Return a Deferred of the application's object that fires when the connection is open."""
        if self.phase >= Phase.SETTLED:
            return when_not_open(self)
        if self.connection is not None:
            return succeed(self.application)
        return self.need_handshake().wait_opened()

    def was_adopted(self) -> None:
        """Take it that a shared epoll has the transport now, for `EpollSharing`."""
        if isinstance(self.outbox, WriteThrough):
            self.outbox.find_readers()

    def begin_frames(self, connection: Connection, agreement: Agreement | bytes) -> None:
        """Speak frames from now on: the opening handshake has come to this."""
        factory = self.factory
        self.connection = connection
        self.drop_handshake(agreement)
        self.change_phase(Phase.OPEN)
        factory.books.opened += 1
        if factory.log_connections:
            log_opened(factory.log, self)
        if factory.keepalive is not None:
            factory.keepalive.add(self)

    def drop_handshake(self, agreement: Agreement | bytes) -> None:
        """Keep nothing of the opening handshake but this."""
        self._agreement = agreement
        self.handshake = None

    def opening_missed(self) -> None:
        """Give the opening handshake up, for `Deadlines`."""
        assert self.handshake is not None
        self.handshake.miss()

    def need_handshake(self) -> Handshake:
        """Return the opening handshake, which is still to be done."""
        if self.handshake is None:
            self.handshake = self.make_handshake()
        return self.handshake

    def need_ending(self) -> Ending:
        """Return the ending, which begins to matter."""
        if self.ending is None:
            self.ending = Ending()
        return self.ending

    def need_intake(self) -> Intake:
        """Return what keeps what was read and waits."""
        if self.intake is None:
            self.intake = Intake(self)
        return self.intake

    def need_inbox(self) -> Inbox:
        """Return the inbox, in which messages wait for `recv`."""
        intake = self.intake
        if intake is None:
            intake = self.need_intake()
        return intake.inbox or intake.need_inbox(self)

    def need_pings(self) -> PendingPings:
        """Return the pings that wait for their pongs."""
        if self.pings is None:
            self.pings = PendingPings()
        return self.pings

    # Inward.

    def receive_opening(self, data: bytes) -> None:
        """Take what belongs to the opening handshake."""
        # Once it has failed, what the peer says doesn't matter any more.
        if self.phase is Phase.CONNECTING:
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
        elif connection.unfinished and self.phase < Phase.SETTLED:
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

    def tell_lost(self) -> None:
        """Tell the application the end of its connection, if it was told of its beginning."""
        if self.connected:
            tell_lost(self)

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

    @property
    def is_deaf(self) -> bool:
        """Whether the application gets no more messages."""
        return self.delivery is Delivery.DEAF

    def has_hung_up(self) -> bool:
        """Tell whether the application has closed the transport; then it hears no more."""
        if self.is_deaf:
            return True
        if self.outbox is not None and self.outbox.hung_up():
            self.transport_closed()
        return self.is_deaf

    def transport_closed(self) -> None:
        """Hear nothing more if it is the application, in push style, who has closed it."""
        if self.pushes and not (self.ending is not None and self.ending.ours):
            self.deafen()

    def deafen(self) -> None:
        """Give the application no more messages."""
        if self.delivery is not Delivery.DEAF:
            self.change_delivery(Delivery.DEAF)
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
        if self.phase is Phase.GONE and self.succession is None:
            self.deafen()
            self.application = self.receiver = None

    # Outward.

    def send_otherwise(
        self, message: Any, text: bool | None = None, *, compress: bool | None = None
    ) -> None:
        """Send what isn't ordinary, or can't be sent now."""
        send_now(self, message, text, compress)

    def register_producer(self, producer: PushProducer) -> None:
        """Have this paused while too much waits to be sent; the connection ends if it raises."""
        self.outbox.register_producer(producer, self)

    def unregister_producer(self) -> None:
        """Let the producer be."""
        self.outbox.unregister_producer()

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

    def progress(self) -> Progress:
        """Tell how far what was sent has come."""
        return progress_of(self.transport, self.outbox)

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

    # Counting.

    def standing(self) -> Standing:
        """Tell how the connection stands, for its factory's counters and its own."""
        inbox = None if self.intake is None else self.intake.inbox
        return Standing(
            self.connection,
            0.0 if self.pings is None else self.pings.latency,
            0 if inbox is None else inbox.waiting,
            0 if self.outbox is None else self.outbox.waiting,
        )

    def count(self) -> ConnectionCounters:
        """Return what has gone over the connection."""
        lasted = None if self.ending is None else self.ending.lasted
        uptime = self.factory.uptime_of(self.application) if lasted is None else lasted
        return ConnectionCounters.of(self.standing(), uptime)

    # Closing.

    def start_closing(
        self, code: int = CloseCode.NORMAL_CLOSURE, reason: str = ""
    ) -> Deferred[None]:
        """Close as `close` does, for what stops a connection without being asked to by its hooks.

        In push style, too, all is received that came before the peer's close frame.
        """
        self.check_thread()
        if self.phase < Phase.OPEN:
            Close(code, reason).payload()
            told = f": {reason}" if reason else ""
            self.need_handshake().give_in(
                InvalidHandshake(f"closed before the connection was open{told}")
            )
        elif self.phase is Phase.OPEN:
            assert self.connection is not None
            self.outbox.write(self.connection.send_close(code, reason))
            self.begin_closing()
        return self.wait_closed()

    def close(self, code: int = 1000, reason: str = "") -> Deferred[None]:
        """Close the connection for the application; see `WebSocketProtocol.close`."""
        closed = self.start_closing(code, reason)
        if self.connection is not None and self.pushes:
            self.deafen()
        return closed

    def wait_closed(self) -> Deferred[None]:
        """Return a Deferred that fires when the connection is closed."""
        self.check_thread()
        if self.phase >= Phase.SETTLED:
            return Done()
        return self.need_ending().wait(Moment.CLOSED)

    def wait_told(self) -> Deferred[None]:
        """Return a Deferred that fires when all who wait for the connection know that it ended."""
        if self.phase >= Phase.SETTLED:
            return Done()
        return self.need_ending().wait(Moment.TOLD)

    def wait_gone(self) -> Deferred[None]:
        """Return a Deferred that fires when the transport is gone, too."""
        if self.phase is Phase.GONE:
            return Done()
        return self.need_ending().wait(Moment.GONE)

    def begin_closing(self, at_once: bool = False) -> None:
        """Expect the connection to end, or the peer to read, within close_timeout.

        Args:
            at_once: whether the transport is closed when all that waits was written to it.
        """
        if self.phase is Phase.OPEN:
            self.change_phase(Phase.CLOSING)
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
        if self.phase not in (Phase.OPEN, Phase.GONE):
            self.need_ending().give_up(self)

    def __call__(self, reason: Failure = connectionDone) -> None:
        """Take the end from the transport, to which this is the application's connectionLost."""
        self.transport_lost(reason)

    def transport_lost(self, reason: Failure) -> None:
        """Take the end from the transport."""
        self.need_ending().transport_lost(self, reason)

    def settle(self, cause: BaseException) -> None:
        """Tell the end to all who wait for it, once."""
        self.need_ending().settle(self, cause)

    def ended_with(self) -> Exception:
        """Return an exception that tells how it ended, for those who want to know."""
        if self.connection is not None:
            return ConnectionClosed.of(self.connection.closing)
        refusal = self.need_ending().refusal
        assert refusal is not None
        return refusal


def state_of(connection: Any) -> State:
    """Return the state that a connection is in.

    The application's class may have a method or an attribute of any name; so what isn't a hook is
    asked here, or of our own class, wherever we need it ourselves.
    """
    phase: Phase = driver_of(connection).phase
    return STATES[phase]

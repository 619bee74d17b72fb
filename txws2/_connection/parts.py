"""The parts of a connection, and its states."""

from __future__ import annotations

from threading import current_thread
from typing import Any, ClassVar
from uuid import uuid4

from txws2._connection.counters import ConnectionCounters, Standing
from txws2._connection.ending import Ending
from txws2._connection.exchange import Exchange
from txws2._connection.frame_log import Tracer
from txws2._connection.handle import driver_of
from txws2._connection.handshake import Agreement, Handshake
from txws2._connection.inbox import Inbox
from txws2._connection.intake import Intake
from txws2._connection.phases import (
    CONNECTING,
    DELIVERIES,
    DELIVERING,
    NEW,
    PHASES,
    STATES,
    Delivery,
    Phase,
)
from txws2._connection.pings import PendingPings
from txws2._transport.capabilities import Address, address_of
from txws2._transport.progress import Progress, progress_of
from txws2._transport.socket_writer import WriteThrough
from txws2.exceptions import ConcurrencyError, ConnectionClosed
from txws2.wire.connection import State
from txws2.wire.http.heads import Request

__all__ = ["Parts", "state_of"]


class Parts(Exchange):
    """Holds the parts of a connection, and its states.

    A part that few connections need, or need for a while, is made when it is first needed: most
    connections are idle.

    Attributes:
        application: the application's object; None before there is a transport, and when all is
            over.
        factory: has the options, a ConnectionFactory; None if no factory has made this.
        phase: the phase of the connection's life; `change_phase` changes it.
        delivery: the treatment of messages; `change_delivery` changes it.
        handshake: the opening handshake; None once it is done, or all is over.
        kept: the result of the handshake, once it is done; a server mostly keeps only the head of
            the request. `agreement` always has the result as an object.
        intake: keeps the events that wait; None if none ever had to wait.
        ending: the end, and those who wait for it; None until it begins or somebody waits.
        pings: the pings that wait for their pongs; None if none was ever sent.
        tracer: the debug log; None if there is none.
    """

    __slots__ = (
        "_id",
        "application",
        "delivery",
        "ending",
        "factory",
        "handshake",
        "intake",
        "kept",
        "phase",
        "pings",
        "tracer",
    )

    client: ClassVar[bool]
    # The class of the opening handshake.
    make_handshake: ClassVar[type[Handshake]]

    def __init__(self) -> None:
        self.application: Any = None
        # Any, as it is None only until there is a transport.
        self.factory: Any = None
        self.phase = NEW
        self.delivery = DELIVERING
        self.handshake: Handshake | None = None
        self.intake: Intake | None = None
        self.ending: Ending | None = None
        self.pings: PendingPings | None = None
        self.tracer: Tracer | None = None
        self.kept: Agreement | bytes | None = None
        self._id: str | None = None

    # Its states.

    def change_phase(self, phase: Phase) -> None:
        """Enter the next phase of the connection's life.

        Raises:
            RuntimeError: the table has no such transition.
        """
        before = self.phase
        if phase not in PHASES[before]:
            raise RuntimeError(f"a connection that is {before.name} can't become {phase.name}")
        self.phase = phase
        if self.tracer is not None and (STATES[phase] is not STATES[before] or phase is CONNECTING):
            self.tracer.state(STATES[phase])

    def change_delivery(self, delivery: Delivery) -> None:
        """Treat the messages that come in another way.

        Raises:
            RuntimeError: the table has no such transition.
        """
        if delivery not in DELIVERIES[self.delivery]:
            before = self.delivery.name
            raise RuntimeError(f"a delivery that is {before} can't become {delivery.name}")
        self.delivery = delivery
        self.shut = True

    @property
    def id(self) -> str:
        """The connection's unique name; log events have it."""
        if self._id is None:
            self._id = str(uuid4())
        return self._id

    @property
    def connected(self) -> bool:
        """True once the application was told of its connection."""
        return self.phase is not NEW and (self.handshake is None or self.handshake.made)

    @property
    def transport(self) -> Any:
        """The transport; None before there is one."""
        if self.outbox is not None:
            return self.outbox.transport
        known = self.handshake or self.upgrade
        return None if known is None else known.transport

    @property
    def own_transport(self) -> Any:
        """The transport; None until it is ours."""
        return None if self.outbox is None else self.outbox.transport

    @property
    def agreement(self) -> Agreement | Handshake:
        """The result of the opening handshake, as far as it has come."""
        if self.handshake is not None:
            return self.handshake
        kept = self.kept
        if kept is None or isinstance(kept, bytes):
            kept = self.kept = Agreement(kept)
        return kept

    @property
    def _is_plain(self) -> bool:
        """True if the agreement is only the head of the request."""
        return self.handshake is None and isinstance(self.kept, bytes)

    @property
    def succession(self) -> Any:
        """The object that keeps the hooks in order; None if no hook is running."""
        return None if self.intake is None else self.intake.succession

    @property
    def stopped(self) -> bool:
        """True if the rest of a read waits until the application has taken its first messages."""
        return self.intake is not None and self.intake.reading.stopped

    @property
    def known_request(self) -> Request | None:
        """The client's request, once it is known."""
        agreed = self.agreement
        if isinstance(agreed.request, bytes):
            agreed.request = Request.received(agreed.request)
        return agreed.request

    @property
    def subprotocol(self) -> str | None:
        """The subprotocol agreed on, None if there is none."""
        return None if self._is_plain else self.agreement.subprotocol

    @property
    def upgrade(self) -> Any:
        """The request, if another HTTP server has read it; None otherwise."""
        return None if self._is_plain else self.agreement.upgrade

    @property
    def peer_address(self) -> Address:
        """The address of the client that a trusted proxy tells, else of the other end."""
        client = None if self._is_plain else self.agreement.client
        if client is not None and client.host is not None:
            return client.host, client.port
        return address_of(self.transport.getPeer())

    def check_thread(self) -> None:
        """Make sure that this is called in the reactor's thread.

        Raises:
            ConcurrencyError: it is called in another thread.
        """
        if self.is_elsewhere():
            raise ConcurrencyError(
                "a connection belongs to the reactor's thread, and this is "
                f"{current_thread().name}; use "
                "reactor.callFromThread(connection.sendMessage, message), or, to wait for "
                "the result, blockingCallFromThread(reactor, connection.send, message)"
            )

    def note(self, text: str) -> None:
        """Write this to the debug log, if there is one."""
        if self.tracer is not None:
            self.tracer.note(text)

    # Its parts.

    def need_handshake(self) -> Handshake:
        """Return the opening handshake, making it if there is none."""
        if self.handshake is None:
            self.handshake = self.make_handshake(self)
        return self.handshake

    def need_ending(self) -> Ending:
        """Return the ending, making it if there is none."""
        if self.ending is None:
            self.ending = Ending()
        return self.ending

    def need_intake(self) -> Intake:
        """Return the intake, making it if there is none."""
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

    def was_adopted(self) -> None:
        """Note that a shared epoll has the transport now; `EpollSharing` calls this."""
        if isinstance(self.outbox, WriteThrough):
            self.outbox.find_readers()

    def progress(self) -> Progress:
        """Tell how far the sent bytes have come."""
        return progress_of(self.transport, self.outbox)

    def standing(self) -> Standing:
        """Return the values from which its factory's counters and its own are made."""
        inbox = None if self.intake is None else self.intake.inbox
        return Standing(
            self.connection,
            0.0 if self.pings is None else self.pings.latency,
            0 if inbox is None else inbox.waiting,
            0 if self.outbox is None else self.outbox.waiting,
        )

    def count(self) -> ConnectionCounters:
        """Return the connection's counters."""
        lasted = None if self.ending is None else self.ending.lasted
        uptime = self.factory.uptime_of(self.application) if lasted is None else lasted
        return ConnectionCounters.of(self.standing(), uptime)

    def ended_with(self) -> Exception:
        """Return an exception that tells how the connection ended."""
        if self.connection is not None:
            return ConnectionClosed.of(self.connection.closing)
        refusal = self.need_ending().refusal
        assert refusal is not None
        return refusal


def state_of(connection: Any) -> State:
    """Return the state that a connection is in.

    The application's class may have another meaning for any name that isn't a hook. So our own code
    calls this function, or the methods of our own class.
    """
    phase: Phase = driver_of(connection).phase
    return STATES[phase]

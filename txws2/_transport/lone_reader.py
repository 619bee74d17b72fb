"""The reading of a connection that shares no epoll, without a turn of the reactor for each read."""

from __future__ import annotations

import select
from time import monotonic
from typing import Any, ClassVar, cast

from twisted.internet.interfaces import IHalfCloseableDescriptor, IReadWriteDescriptor
from twisted.internet.tcp import Connection as TCPTransport
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from txws2._accelerator import accelerated
from txws2._private_names import EPOLL_REACTOR
from txws2._transport.capabilities import TCP_IS_KNOWN, has_unsent
from txws2._transport.epoll import StandIn
from txws2._transport.socket_reader import read_through

try:
    from twisted.internet.epollreactor import EPollReactor
except ImportError:
    # This system has no epoll.
    EPollReactor = None  # type: ignore[assignment,misc]

_log = Logger(namespace="txws2.epoll")

__all__ = ["NEAR", "LoneReader", "attend", "note_other_read", "read_on"]

NEAR = 0.01
"""The number of seconds to wait for the next bytes. A timer that ends earlier costs more than a
turn of the reactor: Linux sets the hardware's timer for it."""

# The number of reads in quick succession after which more are likely to come.
_DENSE = 3

_CAN_ATTEND = EPollReactor is not None and EPOLL_REACTOR.are_in(EPollReactor) and TCP_IS_KNOWN


def attend(transport: TCPTransport) -> None:
    """Read for a transport in place of its reactor, if its reactor is Twisted's on epoll."""
    if _CAN_ATTEND and isinstance(transport.reactor, EPollReactor):
        LoneReader(transport)


def note_other_read() -> None:
    """Note that a descriptor of another kind has something to read, again and again.

    To wait for connections alone would be in vain: the other descriptor is ready first.
    """
    LoneReader._undisturbed = False


@accelerated
def read_on(
    transport: TCPTransport, descriptor: int, readers: list[Any], reactor: Any, poller: Any, /
) -> Exception | int | None:
    """Have a transport read, again and again while nothing else is to be done.

    It returns as soon as another descriptor is ready or the reactor has a timer to attend to, and
    after `NEAR` seconds without anything to read, or twice that in any case.

    Args:
        transport: a TCP transport, as for `read_through`.
        descriptor: its socket's.
        readers: by descriptor, the transports that want to read.
        reactor: the reactor.
        poller: the reactor's epoll.

    Returns:
        Why there is nothing more to read, None if there may be. If only the transport of another
        of the readers has something to read now, its descriptor.
    """
    end = monotonic() + NEAR
    while True:
        why = read_through(transport, descriptor)
        if why or not _is_quiet(reactor) or monotonic() > end:
            return why
        if readers[descriptor] is not transport:
            return None
        ready = _wait_for_one(poller)
        if ready != descriptor:
            return ready if 0 <= ready < len(readers) and readers[ready] is not None else None
        if readers[descriptor] is not transport:
            return None


def _wait_for_one(poller: Any) -> int:
    """Wait for a moment; return the descriptor that has something to read.

    Return -1 if it isn't the only one to which something has happened.
    """
    events = poller.poll(NEAR, 2)
    if len(events) != 1 or events[0][1] != select.EPOLLIN:
        return -1
    return int(events[0][0])


def _is_quiet(reactor: Any) -> bool:
    """Tell whether the reactor has only to wait, and its next timer is some time away."""
    if reactor._justStopped or not reactor.running:
        return False
    timeout = reactor.timeout()
    return timeout is None or timeout > 2 * NEAR


@implementer(IReadWriteDescriptor, IHalfCloseableDescriptor)
class LoneReader(StandIn):
    """Stands in the reactor for a transport, and for the transport it stands in for the reactor.

    A turn of the reactor takes longer than reading, decoding and answering a small message. So when
    reads follow each other quickly, this waits for the next one itself, on the reactor's own
    epoll, and for those of others of its kind, such as the other end of a connection that is
    forwarded. The reactor gets its turn as soon as there is anything else to do.

    Args:
        transport: the transport, which is reading; its reactor is an `EPollReactor`.
    """

    # By descriptor, the transports that this class reads for, for all instances.
    readers: ClassVar[list[Any]] = []  # type: ignore[misc]
    # True if the reactor has called no descriptor of another kind since the last read.
    _undisturbed: ClassVar[bool] = False

    def __init__(self, transport: TCPTransport) -> None:
        reactor = transport.reactor
        self._reactor = reactor
        self._transport = transport
        self._descriptor = transport.fileno()
        self._heard = 0.0
        self._dense = 0
        self.readers.extend([None] * (self._descriptor + 1 - len(self.readers)))
        if self._take_place():
            return
        writing = has_unsent(transport)
        transport.stopReading()
        if writing:
            transport.stopWriting()
        transport.reactor = cast(Any, self)
        transport.startReading()
        if writing:
            transport.startWriting()

    def _take_place(self) -> bool:
        """Take the place of a transport that only reads; return False if it does anything else.

        The epoll needn't be told: the reactor looks up by descriptor which object to call.
        """
        reactor, transport, descriptor = self._reactor, self._transport, self._descriptor
        if descriptor not in reactor._reads or descriptor in reactor._writes:
            return False
        if reactor._selectables.get(descriptor) is not transport:
            return False
        reactor._selectables[descriptor] = self
        transport.reactor = cast(Any, self)
        self.readers[descriptor] = transport
        return True

    def leave(self) -> None:
        """Give the transport back to its reactor."""
        transport, reactor = self._transport, self._reactor
        reading, writing = self in reactor.getReaders(), self in reactor.getWriters()
        transport.stopReading()
        transport.stopWriting()
        transport.reactor = reactor
        if reading:
            transport.startReading()
        if writing:
            transport.startWriting()

    # Methods that the transport calls on its reactor.

    def addReader(self, transport: TCPTransport) -> None:
        """Call doRead when there is something to read."""
        self._reactor.addReader(self)
        self.readers[self._descriptor] = transport

    def removeReader(self, transport: TCPTransport) -> None:
        """Don't call doRead any more."""
        if self.readers[self._descriptor] is transport:
            self.readers[self._descriptor] = None
        self._reactor.removeReader(self)

    def addWriter(self, transport: TCPTransport) -> None:
        """Call doWrite when there is room to write."""
        self._reactor.addWriter(self)

    def removeWriter(self, transport: TCPTransport) -> None:
        """Don't call doWrite any more."""
        self._reactor.removeWriter(self)

    def afterwards(self, call: object) -> bool:
        """Return False: there is no batch at whose end a function could be called."""
        return False

    # Methods that the reactor calls.

    def fileno(self) -> int:
        """Return the descriptor of the transport."""
        return int(self._transport.fileno())

    def logPrefix(self) -> str:
        """Return the name of the transport in the log."""
        return self._transport.logPrefix()

    def doRead(self) -> Any:
        """Have the transport read, once or more often."""
        now = monotonic()
        undisturbed, LoneReader._undisturbed = LoneReader._undisturbed, True
        self._dense = self._dense + 1 if undisturbed and now - self._heard < NEAR / 2 else 0
        self._heard = now
        if self._dense < _DENSE or not _is_quiet(self._reactor):
            return read_through(self._transport, self._descriptor)
        found = self._read_on()
        while isinstance(found, int):
            if monotonic() - now > NEAR:
                return None
            reader = self.readers[found].reactor
            if reader._reactor is not self._reactor:
                # A reactor that runs no more has left it there; the descriptor is another's now.
                return None
            found = self._read_on_for(reader)
        return found

    def _read_on(self) -> Exception | int | None:
        reactor = self._reactor
        found = read_on(self._transport, self._descriptor, self.readers, reactor, reactor._poller)
        self._heard = monotonic()
        return found

    def _read_on_for(self, reader: LoneReader) -> Exception | int | None:
        """Have a transport read that is ready now; end it, and it alone, as the reactor does."""
        if reader is self:
            return self._read_on()
        try:
            found = reader._read_on()
        except BaseException as exc:
            _log.failure("unexpected error of a protocol")
            why: BaseException = exc
        else:
            if not isinstance(found, Exception):
                return found
            why = found
        self._reactor._disconnectSelectable(reader, why, True)
        return None

    def doWrite(self) -> Any:
        """Have the transport write."""
        return self._transport.doWrite()

    def readConnectionLost(self, reason: Failure) -> None:
        """Tell the transport that its peer writes no more."""
        # The reactor has removed this from its readers.
        self.removeReader(self._transport)
        self._transport.readConnectionLost(reason)

    def writeConnectionLost(self, reason: Failure) -> None:
        """Tell the transport that its peer reads no more."""
        self._transport.writeConnectionLost(reason)

    def connectionLost(self, reason: Failure) -> None:
        """Tell the transport that it has ended."""
        self._transport.connectionLost(reason)

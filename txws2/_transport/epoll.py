"""One epoll for many connections, which is itself one descriptor of the reactor's."""

from __future__ import annotations

import select
from collections.abc import Callable
from time import monotonic
from typing import Any

from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.interfaces import (
    IHalfCloseableDescriptor,
    IReadDescriptor,
)
from twisted.internet.tcp import Connection as TCPTransport
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from txws2._deferreds.isolation import isolated
from txws2._transport.socket_reader import read_through

__all__ = ["SharedEpoll", "StandIn"]

_log = Logger(namespace="txws2.epoll")

_READ = getattr(select, "EPOLLIN", 0)
_WRITE = getattr(select, "EPOLLOUT", 0)

# As a reactor has them: they are made once, and nobody adds to them.
_FAILURES: dict[type[BaseException], Failure] = {
    kind: Failure(kind()) for kind in (ConnectionDone, ConnectionLost)
}

# Few enough that the reactor's timers, and its other descriptors, don't wait long.
_BATCH_SIZE = 256

# Where so many are ready at once, it looks for more, for so many seconds: a reactor's turn costs as
# much as several messages.
_BUSY = 2
_TURN = 0.001


@implementer(IReadDescriptor)
class SharedEpoll:
    """Waits for what happens to many transports, in place of the reactor.

    A reactor does more for each event than a small message costs: it sets up a context for the
    log and looks the descriptor up in several tables. Here it does so once for all that are
    ready.

    Args:
        reactor: what it is a reader of, as long as it has transports.

    Raises:
        OSError: the system has no descriptor left for it.

    Attributes:
        readers: by descriptor, the transports that it reads for, and None where it doesn't. One
            that is closed or aborted, or begins to be, is no more among them.
        stand_in: what is the reactor to its transports.
    """

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor
        self._epoll = select.epoll()
        # Both by descriptor; the second is what the transport waits for.
        self._transports: dict[int, TCPTransport] = {}
        self._interests: dict[int, int] = {}
        self.readers: list[TCPTransport | None] = []
        # Descriptors that came during a batch, which may have an event of another's in it.
        self._new: set[int] = set()
        # What is to be done at the end of the batch; None outside of one.
        self._afterwards: list[Callable[[], None]] | None = None
        self.stand_in = StandIn(reactor, self)

    def adopt(self, selectable: Any, *, reading: bool, writing: bool) -> None:
        """Take over from its reactor what that waits for.

        Args:
            selectable: a transport, or a port.
            reading: whether the reactor has it as a reader.
            writing: whether the reactor has it as a writer.

        Raises:
            OSError: the system refuses; the reactor has it as before.
        """
        # This may fail, so it comes first. Until the reactor has let go, both know of it.
        self._change(selectable, reading * _READ | writing * _WRITE, 0)
        if reading:
            selectable.stopReading()
        if writing:
            selectable.stopWriting()
        selectable.reactor = self.stand_in

    def afterwards(self, call: Callable[[], None]) -> bool:
        """Call this when all that is ready now was served; return False if nothing is."""
        if self._afterwards is None:
            return False
        self._afterwards.append(call)
        return True

    # What a transport asks of its reactor.

    def addReader(self, transport: TCPTransport) -> None:
        """Call doRead when there is something to read."""
        self._change(transport, _READ, 0)

    def removeReader(self, transport: TCPTransport) -> None:
        """Don't call doRead any more."""
        self._change(transport, 0, _READ)

    def addWriter(self, transport: TCPTransport) -> None:
        """Call doWrite when there is room to write."""
        self._change(transport, _WRITE, 0)

    def removeWriter(self, transport: TCPTransport) -> None:
        """Don't call doWrite any more."""
        self._change(transport, 0, _WRITE)

    def _change(self, transport: TCPTransport, more: int, less: int) -> None:
        fd = transport.fileno()
        before = self._interests.get(fd, 0)
        interest = (before | more) & ~less
        if interest == before:
            return
        if not before:
            if not self._transports:
                self._reactor.addReader(self)
            self._epoll.register(fd, interest)
            self._transports[fd] = transport
            self._new.add(fd)
            self.readers.extend([None] * (fd + 1 - len(self.readers)))
        elif interest:
            self._epoll.modify(fd, interest)
        self.readers[fd] = transport if interest & _READ else None
        if interest:
            self._interests[fd] = interest
        else:
            self._epoll.unregister(fd)
            del self._transports[fd], self._interests[fd]
            if not self._transports:
                self._reactor.removeReader(self)

    # What the reactor calls.

    def fileno(self) -> int:
        """Return the descriptor of the epoll itself."""
        return self._epoll.fileno()

    def logPrefix(self) -> str:
        """Return how the log names this."""
        return "txws2"

    def doRead(self) -> None:
        """Serve the transports that are ready, and those that become so meanwhile."""
        end = monotonic() + _TURN
        while True:
            events = self._epoll.poll(0, _BATCH_SIZE)
            self._serve_all(events)
            if len(events) < _BUSY or monotonic() > end:
                break

    def _serve_all(self, events: list[tuple[int, int]]) -> None:
        new, interests = self._new, self._interests
        new.clear()
        self._afterwards = []
        for fd, event in events:
            transport = self._transports.get(fd)
            if transport is not None and fd not in new:
                try:
                    if event & interests[fd] == _READ:
                        # Nearly always; as `_serve` has it.
                        why = read_through(transport, fd)
                        if why:
                            self._disconnect(transport, why, reading=True)
                    else:
                        self._serve(transport, fd, event)
                except BaseException as exc:
                    # As the reactor has it: of any class, it ends this transport and no other.
                    _log.failure("unexpected error of a protocol")
                    isolated(self._drop, transport, exc)
        calls, self._afterwards = self._afterwards, None
        for call in calls:
            isolated(call)

    def connectionLost(self, reason: Failure) -> None:
        """Take it that the reactor ends, and with it every transport."""
        for transport in list(self._transports.values()):
            isolated(transport.connectionLost, reason)

    def _serve(self, transport: TCPTransport, fd: int, event: int) -> None:
        """Do what the reactor does for an event."""
        interest = self._interests[fd]
        if event & interest & _READ:
            why = read_through(transport, fd)
            if why:
                self._disconnect(transport, why, reading=True)
                return
        elif event & ~(_READ | _WRITE):
            # The peer is gone, and all that it said was read.
            reading = bool(interest & _READ)
            self._disconnect(
                transport, ConnectionDone() if reading else ConnectionLost(), reading=reading
            )
            return
        # Reading may have ended it, or put another in its place.
        if event & _WRITE and self._interests.get(fd, 0) & _WRITE and fd not in self._new:
            why = transport.doWrite()
            if why:
                self._disconnect(transport, why, reading=False)

    def _disconnect(self, transport: TCPTransport, why: Exception, *, reading: bool) -> None:
        half = reading and isinstance(why, ConnectionDone)
        if half and IHalfCloseableDescriptor.providedBy(transport):
            # It may still have something to write.
            self._change(transport, 0, _READ)
            transport.readConnectionLost(_failure(why))
        else:
            self._drop(transport, why)

    def _drop(self, transport: TCPTransport, why: BaseException) -> None:
        self._change(transport, 0, _READ | _WRITE)
        transport.connectionLost(_failure(why))


def _failure(why: BaseException) -> Failure:
    return _FAILURES.get(type(why)) or Failure(why)


class StandIn:
    """What the transports of a `SharedEpoll` have for their reactor; what it doesn't do, that does.

    Args:
        reactor: the reactor.
        shared: what does some of it instead.
    """

    def __init__(self, reactor: Any, shared: SharedEpoll) -> None:
        self._reactor = reactor
        # All that is asked of an object with `__getattr__` takes longer, so they are asked once.
        self.addReader = shared.addReader
        self.removeReader = shared.removeReader
        self.addWriter = shared.addWriter
        self.removeWriter = shared.removeWriter
        self.afterwards = shared.afterwards
        self.readers = shared.readers

    def __getattr__(self, name: str) -> Any:
        return getattr(self._reactor, name)

"""One epoll for many connections; the reactor sees it as one descriptor."""

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
from twisted.internet.tcp import Port
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from txws2._deferreds.isolation import isolated
from txws2._private_names import SHORT_CONNECTIONS
from txws2._transport.socket_reader import read_through

__all__ = ["SharedEpoll", "StandIn"]

_log = Logger(namespace="txws2.epoll")

_READ = getattr(select, "EPOLLIN", 0)
_WRITE = getattr(select, "EPOLLOUT", 0)
_ENDED = getattr(select, "EPOLLHUP", 0) if SHORT_CONNECTIONS.are_in(TCPTransport, Port) else 0

# Made once, as in a reactor. Nobody changes them.
_FAILURES: dict[type[BaseException], Failure] = {
    kind: Failure(kind()) for kind in (ConnectionDone, ConnectionLost)
}

# Small enough that the reactor's timers and its other descriptors don't wait long.
_BATCH_SIZE = 256

# If so many transports are ready at once, the epoll looks for more, for at most so many seconds: a
# turn of the reactor costs as much as several messages.
_BUSY = 2
_TURN = 0.001


@implementer(IReadDescriptor)
class SharedEpoll:
    """Waits for the events of many transports, in place of the reactor.

    For each event, a reactor sets up a context for the log and looks the descriptor up in several
    tables, which costs more than a small message does. With a shared epoll, the reactor does that
    once for all transports that are ready.

    Args:
        reactor: the reactor. The epoll is one of its readers as long as it has transports.

    Raises:
        OSError: the system has no descriptor left for it.

    Attributes:
        readers: by descriptor, the transport that it reads for, or None. A transport is removed as
            soon as it begins to close, or is aborted.
        stand_in: the object that its transports have for a reactor.
    """

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor
        self._epoll = select.epoll()
        # Both by descriptor. An interest is the events that the transport waits for.
        self._transports: dict[int, TCPTransport] = {}
        self._interests: dict[int, int] = {}
        self.readers: list[TCPTransport | None] = []
        # Descriptors that came during a batch. The batch may have an event of an earlier transport
        # with the same number.
        self._new: set[int] = set()
        # Functions to call at the end of the batch; None outside of a batch.
        self._afterwards: list[Callable[[], None]] | None = None
        self.stand_in = StandIn(reactor, self)

    def adopt(self, selectable: Any, *, reading: bool, writing: bool) -> None:
        """Take a transport over from its reactor.

        Args:
            selectable: a transport, or a port.
            reading: whether the reactor has it as a reader.
            writing: whether the reactor has it as a writer.

        Raises:
            OSError: the system refuses. The reactor goes on with the transport.
        """
        # This may fail, so it comes first. For a moment, both the reactor and this have it.
        self._change(selectable, reading * _READ | writing * _WRITE, 0)
        if reading:
            selectable.stopReading()
        if writing:
            selectable.stopWriting()
        selectable.reactor = self.stand_in

    def afterwards(self, call: Callable[[], None]) -> bool:
        """Call a function at the end of the batch; return False outside of a batch."""
        if self._afterwards is None:
            return False
        self._afterwards.append(call)
        return True

    # Methods that a transport calls on its reactor.

    def addReader(self, transport: TCPTransport) -> None:
        """Call doRead when there is something to read."""
        self._change(transport, _READ, 0)

    def removeReader(self, transport: TCPTransport) -> None:
        """Don't call doRead any more."""
        # A transport that has ended calls this, and `removeWriter`, once more.
        if self._interests.get(transport.fileno(), 0) & _READ:
            self._change(transport, 0, _READ)

    def addWriter(self, transport: TCPTransport) -> None:
        """Call doWrite when there is room to write."""
        self._change(transport, _WRITE, 0)

    def removeWriter(self, transport: TCPTransport) -> None:
        """Don't call doWrite any more."""
        if self._interests.get(transport.fileno(), 0) & _WRITE:
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
            if fd >= len(self.readers):
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

    # Methods that the reactor calls.

    def fileno(self) -> int:
        """Return the descriptor of the epoll itself."""
        return self._epoll.fileno()

    def logPrefix(self) -> str:
        """Return the name of this in the log."""
        return "txws2"

    def doRead(self) -> None:
        """Serve the transports that are ready, and those that become ready meanwhile."""
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
                        # Nearly all events are of this kind. `_serve` does the same.
                        why = read_through(transport, fd)
                        if why:
                            if event & _ENDED:
                                # The peer has reset the connection. Twisted would shut the socket
                                # down before it closes it, which fails then, and takes 2 % of a
                                # short connection.
                                transport._shouldShutdown = False
                            self._disconnect(transport, why, reading=True)
                    else:
                        self._serve(transport, fd, event)
                except BaseException as exc:
                    # As in the reactor, an exception of any class ends this transport and no other.
                    _log.failure("unexpected error of a protocol")
                    isolated(self._drop, transport, exc)
        calls, self._afterwards = self._afterwards, None
        for call in calls:
            # The same as in `isolated`, without the call.
            try:
                call()
            except BaseException:
                _log.failure("unexpected error of one connection; the others go on")

    def connectionLost(self, reason: Failure) -> None:
        """End every transport: the reactor has ended."""
        for transport in list(self._transports.values()):
            isolated(transport.connectionLost, reason)

    def _serve(self, transport: TCPTransport, fd: int, event: int) -> None:
        """Handle an event as the reactor does."""
        interest = self._interests[fd]
        if event & interest & _READ:
            why = read_through(transport, fd)
            if why:
                self._disconnect(transport, why, reading=True)
                return
        elif event & ~(_READ | _WRITE):
            # The peer is gone, and all its bytes were read.
            reading = bool(interest & _READ)
            self._disconnect(
                transport, ConnectionDone() if reading else ConnectionLost(), reading=reading
            )
            return
        # Reading may have ended the transport, and another may have got its descriptor.
        if event & _WRITE and self._interests.get(fd, 0) & _WRITE and fd not in self._new:
            why = transport.doWrite()
            if why:
                self._disconnect(transport, why, reading=False)

    def _disconnect(self, transport: TCPTransport, why: Exception, *, reading: bool) -> None:
        half = reading and isinstance(why, ConnectionDone)
        if half and IHalfCloseableDescriptor.providedBy(transport):
            # The transport may still have something to write.
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
    """The reactor of transports that share an epoll; it passes most calls on to the real one.

    Args:
        reactor: the real reactor.
        shared: the epoll, which reads and writes in place of the reactor.
    """

    def __init__(self, reactor: Any, shared: SharedEpoll) -> None:
        self._reactor = reactor
        # To look an attribute up by `__getattr__` takes longer, so these are kept here.
        self.addReader = shared.addReader
        self.removeReader = shared.removeReader
        self.addWriter = shared.addWriter
        self.removeWriter = shared.removeWriter
        self.afterwards = shared.afterwards
        self.readers = shared.readers

    def __getattr__(self, name: str) -> Any:
        return getattr(self._reactor, name)

    def give_back(self, transport: Any, *, writing: bool) -> None:
        """Give a transport back to the real reactor.

        Args:
            transport: the transport, which is open.
            writing: whether it waits until it can write.
        """
        reading = self.readers[transport.fileno()] is transport
        if reading:
            transport.stopReading()
        if writing:
            transport.stopWriting()
        transport.reactor = self._reactor
        if reading:
            transport.startReading()
        if writing:
            transport.startWriting()

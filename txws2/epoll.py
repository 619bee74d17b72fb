"""One epoll for many connections, which is itself one descriptor of the reactor's."""

from __future__ import annotations

import select
from collections.abc import Callable
from typing import Any, cast

from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.interfaces import (
    IHalfCloseableDescriptor,
    IReactorFDSet,
    IReadDescriptor,
    ITransport,
)
from twisted.internet.tcp import Connection as TCPTransport
from twisted.logger import Logger
from twisted.protocols.tls import TLSMemoryBIOProtocol
from twisted.python.failure import Failure
from zope.interface import implementer

from txws2.readthrough import read_through
from txws2.transports import has_unsent

__all__ = ["EpollSharing", "SharedEpoll"]

_log = Logger(namespace="txws2.epoll")

_READ = getattr(select, "EPOLLIN", 0)
_WRITE = getattr(select, "EPOLLOUT", 0)

# With fewer connections, going through two epolls costs more than it saves.
_WORTH_WHILE = 4

# Few enough that the reactor's timers, and its other descriptors, don't wait long.
_BATCH_SIZE = 256


@implementer(IReadDescriptor)
class SharedEpoll:
    """Waits for what happens to many transports, in place of the reactor.

    A reactor does more for each event than a small message costs: it sets up a context for the
    log and looks the descriptor up in several tables. Here it does so once for all that are
    ready. To its transports, this is the reactor; what it doesn't do itself, that one does.

    Args:
        reactor: what it is a reader of, as long as it has transports.
    """

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor
        self._epoll: select.epoll | None = None
        # Both by descriptor; the second is what the transport waits for.
        self._transports: dict[int, TCPTransport] = {}
        self._interests: dict[int, int] = {}
        # Descriptors that came during a batch, which may have an event of another's in it.
        self._new: set[int] = set()
        # What is to be done at the end of the batch; None outside of one.
        self._afterwards: list[Callable[[], None]] | None = None

    def adopt(self, transport: TCPTransport) -> None:
        """Take a transport that reads over from its reactor."""
        # An HTTP server, or a TLS handshake, may have left it something to write.
        writing = has_unsent(transport)
        transport.stopReading()
        if writing:
            transport.stopWriting()
        transport.reactor = cast(IReactorFDSet, self)
        transport.startReading()
        if writing:
            transport.startWriting()

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

    def __getattr__(self, name: str) -> Any:
        return getattr(self._reactor, name)

    def _change(self, transport: TCPTransport, more: int, less: int) -> None:
        fd = transport.fileno()
        before = self._interests.get(fd, 0)
        interest = (before | more) & ~less
        if interest == before:
            return
        if self._epoll is None:
            self._epoll = select.epoll()
        if not before:
            if not self._transports:
                self._reactor.addReader(self)
            self._transports[fd] = transport
            self._new.add(fd)
            self._epoll.register(fd, interest)
        elif interest:
            self._epoll.modify(fd, interest)
        else:
            self._epoll.unregister(fd)
            del self._transports[fd], self._interests[fd]
            if not self._transports:
                self._reactor.removeReader(self)
            return
        self._interests[fd] = interest

    # What the reactor calls.

    def fileno(self) -> int:
        """Return the descriptor of the epoll itself."""
        return -1 if self._epoll is None else self._epoll.fileno()

    def logPrefix(self) -> str:
        """Return how the log names this."""
        return "txws2"

    def doRead(self) -> None:
        """Serve the transports that are ready."""
        assert self._epoll is not None
        new, interests = self._new, self._interests
        new.clear()
        self._afterwards = []
        for fd, event in self._epoll.poll(0, _BATCH_SIZE):
            transport = self._transports.get(fd)
            if transport is not None and fd not in new:
                try:
                    if event == _READ and interests[fd] & _READ:
                        # Nearly always; as `_serve` has it.
                        why = read_through(transport, fd)
                        if why:
                            self._disconnect(transport, why, reading=True)
                    else:
                        self._serve(transport, fd, event)
                except Exception as exc:
                    _log.failure("unexpected error of a protocol")
                    self._disconnect(transport, exc, reading=False)
        calls, self._afterwards = self._afterwards, None
        for call in calls:
            try:
                call()
            except Exception:
                _log.failure("unexpected error of a protocol")

    def connectionLost(self, reason: Failure) -> None:
        """Take it that the reactor ends, and with it every transport."""
        for transport in list(self._transports.values()):
            transport.connectionLost(reason)

    def _serve(self, transport: TCPTransport, fd: int, event: int) -> None:
        """Do what the reactor does for an event."""
        interest = self._interests[fd]
        if event & interest & _READ:
            why = transport.doRead()
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
        transport.stopReading()
        half = reading and isinstance(why, ConnectionDone)
        if half and IHalfCloseableDescriptor.providedBy(transport):
            # It may still have something to write.
            transport.readConnectionLost(Failure(why))
        else:
            transport.stopWriting()
            transport.connectionLost(Failure(why))


class EpollSharing:
    """Lets the connections of a factory share an epoll, once there are enough of them."""

    def __init__(self) -> None:
        self._shared: SharedEpoll | None = None

    def offer(self, transport: ITransport, connections: int) -> None:
        """Take a new connection's transport over if that can be done, and is worth while.

        Args:
            transport: the transport; it is reading.
            connections: how many there are, with this one.
        """
        below = transport.transport if isinstance(transport, TLSMemoryBIOProtocol) else transport
        if connections >= _WORTH_WHILE and isinstance(below, TCPTransport):
            if self._shared is None:
                if not (hasattr(select, "epoll") and IReactorFDSet.providedBy(below.reactor)):
                    return
                self._shared = SharedEpoll(below.reactor)
            self._shared.adopt(below)

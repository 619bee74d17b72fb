"""The choice of connections that share an epoll: those of a factory, once there are enough."""

from __future__ import annotations

import select
from collections.abc import Callable, Iterable
from typing import Any, Protocol, cast

from twisted.internet.interfaces import IProtocolFactory, IReactorFDSet, ITransport
from twisted.internet.tcp import Connection as TCPTransport
from twisted.internet.tcp import Port, Server
from twisted.protocols.tls import TLSMemoryBIOFactory, TLSMemoryBIOProtocol

from txws2._transport.capabilities import TCP_IS_KNOWN, has_unsent
from txws2._transport.epoll import SharedEpoll
from txws2._transport.lone_reader import LoneReader, attend

__all__ = ["EpollSharing"]

_CAN_BE_SHARED = TCP_IS_KNOWN and hasattr(select, "epoll")

# With fewer connections, going through two epolls costs more than it saves.
_WORTH_WHILE = 4


class _Driver(Protocol):
    @property
    def own_transport(self) -> Any: ...

    def was_adopted(self) -> None: ...


class EpollSharing:
    """Lets the connections of a factory share an epoll, once there are enough of them.

    Args:
        factory: the factory.
    """

    def __init__(self, factory: IProtocolFactory) -> None:
        self._factory = factory
        self._shared: SharedEpoll | None = None

    def offer(
        self, transport: ITransport, count: int, drivers: Callable[[], Iterable[_Driver]]
    ) -> None:
        """Take the transport of a new connection over, if that is possible and worth while.

        Args:
            transport: the transport, which is reading.
            count: the number of connections.
            drivers: returns the drivers of all connections. The new one has no transport yet.
        """
        shared = self._shared
        if shared is not None and getattr(transport, "reactor", None) is shared.stand_in:
            # A port that was taken over has made it.
            return
        below = _socket_of(transport)
        if below is None:
            return
        if count < _WORTH_WHILE:
            attend(below)
            return
        try:
            self._take_over(below, drivers)
        except OSError:
            # The system has no descriptor left, or no memory. The reactor keeps this transport.
            return

    def _take_over(self, below: TCPTransport, drivers: Callable[[], Iterable[_Driver]]) -> None:
        shared = self._shared
        if shared is None:
            if not (_CAN_BE_SHARED and IReactorFDSet.providedBy(below.reactor)):
                return
            shared = self._shared = SharedEpoll(below.reactor)
            self._adopt_all(shared, below.reactor, drivers())
        if cast(Any, below.reactor) is not shared.stand_in:
            shared.adopt(below, reading=True, writing=has_unsent(below))
            port = below.server if isinstance(below, Server) else None
            if port is not None and self._owns(port):
                # The port accepts for this factory alone, so new transports can begin here.
                shared.adopt(port, reading=port in port.reactor.getReaders(), writing=False)

    def _owns(self, port: Port) -> bool:
        factory: Any = port.factory
        if isinstance(factory, TLSMemoryBIOFactory):
            factory = factory.wrappedFactory
        return factory is self._factory

    def _adopt_all(self, shared: SharedEpoll, reactor: Any, drivers: Iterable[_Driver]) -> None:
        """Take over earlier connections, too: they would have fewer turns than the others."""
        known = list(drivers)
        for driver in known:
            below = _socket_of(driver.own_transport)
            if below is not None and isinstance(below.reactor, LoneReader):
                below.reactor.leave()
        readers, writers = set(reactor.getReaders()), set(reactor.getWriters())
        for driver in known:
            below = _socket_of(driver.own_transport)
            if below is not None and below.reactor is reactor:
                shared.adopt(below, reading=below in readers, writing=below in writers)
                driver.was_adopted()


def _socket_of(transport: ITransport | None) -> TCPTransport | None:
    """Return the transport that has the socket, if it is of TCP, or of TLS over TCP."""
    below = transport.transport if isinstance(transport, TLSMemoryBIOProtocol) else transport
    return below if isinstance(below, TCPTransport) else None

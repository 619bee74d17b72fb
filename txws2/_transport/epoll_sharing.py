"""Which connections share an epoll: those of one factory, once there are enough of them."""

from __future__ import annotations

import select
from collections.abc import Collection
from typing import Any, Protocol, cast

from twisted.internet.interfaces import IProtocolFactory, IReactorFDSet, ITransport
from twisted.internet.tcp import Connection as TCPTransport
from twisted.internet.tcp import Server
from twisted.protocols.tls import TLSMemoryBIOProtocol

from txws2._transport.capabilities import TCP_IS_KNOWN, has_unsent
from txws2._transport.epoll import SharedEpoll

__all__ = ["EpollSharing"]

_CAN_BE_SHARED = TCP_IS_KNOWN and hasattr(select, "epoll")

# With fewer connections, going through two epolls costs more than it saves.
_WORTH_WHILE = 4


class _Connected(Protocol):
    transport: Any

    def _was_adopted(self) -> None: ...


class EpollSharing:
    """Lets the connections of a factory share an epoll, once there are enough of them.

    Args:
        factory: whose connections they are.
    """

    def __init__(self, factory: IProtocolFactory) -> None:
        self._factory = factory
        self._shared: SharedEpoll | None = None

    def offer(self, transport: ITransport, connections: Collection[_Connected]) -> None:
        """Take a new connection's transport over if that can be done, and is worth while.

        Args:
            transport: the transport; it is reading.
            connections: all of them; this one doesn't have its transport yet.
        """
        below = _socket_of(transport)
        if below is None or len(connections) < _WORTH_WHILE:
            return
        try:
            self._take_over(below, connections)
        except OSError:
            # The system has no descriptor left, or no memory: the reactor goes on with this one.
            return

    def _take_over(self, below: TCPTransport, connections: Collection[_Connected]) -> None:
        shared = self._shared
        if shared is None:
            if not (_CAN_BE_SHARED and IReactorFDSet.providedBy(below.reactor)):
                return
            shared = self._shared = SharedEpoll(below.reactor)
            self._adopt_all(shared, below.reactor, connections)
        if cast(Any, below.reactor) is not shared.stand_in:
            shared.adopt(below, reading=True, writing=has_unsent(below))
            port = below.server if isinstance(below, Server) else None
            if port is not None and port.factory is self._factory:
                # It accepts for us alone, so the next ones can be there from the first.
                shared.adopt(port, reading=port in port.reactor.getReaders(), writing=False)

    def _adopt_all(
        self, shared: SharedEpoll, reactor: Any, connections: Collection[_Connected]
    ) -> None:
        """Take over those that came before: they would have fewer turns than the others."""
        readers, writers = set(reactor.getReaders()), set(reactor.getWriters())
        for connection in connections:
            below = _socket_of(connection.transport)
            if below is not None and below.reactor is reactor:
                shared.adopt(below, reading=below in readers, writing=below in writers)
                connection._was_adopted()


def _socket_of(transport: ITransport | None) -> TCPTransport | None:
    """Return the transport that has the socket, if it is one of TCP, or of TLS over it."""
    below = transport.transport if isinstance(transport, TLSMemoryBIOProtocol) else transport
    return below if isinstance(below, TCPTransport) else None

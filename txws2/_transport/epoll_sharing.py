"""The choice of connections that share an epoll: those of a factory, once there are enough."""

from __future__ import annotations

import select
import socket
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from math import inf
from typing import Any, Protocol, cast

from twisted.internet.interfaces import IProtocolFactory, IReactorFDSet, ITransport
from twisted.internet.tcp import Connection as TCPTransport
from twisted.internet.tcp import Port, Server
from twisted.protocols.tls import TLSMemoryBIOFactory, TLSMemoryBIOProtocol

from txws2._transport.accepting import accept_with_less
from txws2._transport.capabilities import TCP_IS_KNOWN, has_unsent
from txws2._transport.epoll import SharedEpoll, StandIn
from txws2._transport.lone_reader import LoneReader, attend

__all__ = ["EpollSharing", "give_back"]

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
        # For each port that was taken over, the number of its transports to come that may have no
        # TCP_NODELAY yet. A port whose transports are known to have it isn't here.
        self._earlier: dict[Port, float] = {}

    def offer(
        self, transport: ITransport, count: int, drivers: Callable[[], Iterable[_Driver]]
    ) -> bool:
        """Take the transport of a new connection over, if that is possible and worth while.

        Args:
            transport: the transport, which is reading.
            count: the number of connections.
            drivers: returns the drivers of all connections. The new one has no transport yet.

        Returns:
            True if the transport has TCP_NODELAY already, from the port that has made it.
        """
        shared = self._shared
        if shared is not None and getattr(transport, "reactor", None) is shared.stand_in:
            # A port that was taken over has made it.
            return not self._earlier or self._has_no_delay(cast(Server, _socket_of(transport)))
        below = _socket_of(transport)
        if below is None:
            return False
        if count < _WORTH_WHILE:
            attend(below)
            return False
        # The system may have no descriptor left, or no memory. Then the reactor keeps it.
        with suppress(OSError):
            self._take_over(below, drivers)
        return False

    def accompany(self, transport: TCPTransport, companion: ITransport) -> None:
        """Have a transport wait for its events where another does, to which its bytes go.

        Args:
            transport: the transport, which is reading.
            companion: the transport of a connection of the factory.
        """
        below, shared = _socket_of(companion), self._shared
        if below is None:
            return
        if isinstance(below.reactor, LoneReader):
            attend(transport)
        elif shared is not None and cast(Any, below.reactor) is shared.stand_in:
            with suppress(OSError):
                shared.adopt(transport, reading=True, writing=has_unsent(transport))

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
                self._pass_no_delay_on(port)
                accept_with_less(port)

    def _pass_no_delay_on(self, port: Port) -> None:
        """Let the sockets that a port accepts have TCP_NODELAY from the beginning.

        In Linux, a socket has the options that the socket which listens had when the connection was
        made. Connections that wait to be accepted were made before.
        """
        try:
            port.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._earlier[port] = _waiting_at(port.socket)
        except OSError:
            # It is of another kind than TCP.
            self._earlier[port] = inf

    def _has_no_delay(self, transport: Server) -> bool:
        """Tell whether a transport has TCP_NODELAY from the port that has made it."""
        port = transport.server
        earlier = self._earlier.get(port, 0)
        if earlier:
            self._earlier[port] = earlier - 1
            return False
        if port in self._earlier:
            # Systems that only resemble Linux may not pass the option on.
            if not transport.getTcpNoDelay():
                self._earlier[port] = inf
                return False
            del self._earlier[port]
        return True

    def _owns(self, port: Port) -> bool:
        factory: Any = port.factory
        if isinstance(factory, TLSMemoryBIOFactory):
            factory = factory.wrappedFactory
        # A factory that sorts connections for several others names the one that may have the port.
        return getattr(factory, "epoll_owner", factory) is self._factory

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


def give_back(transport: ITransport) -> None:
    """Give a transport back to its reactor, if a port that was taken over has made it.

    Args:
        transport: the transport, whose protocol doesn't belong to the factory of the epoll.
    """
    below = _socket_of(transport)
    stand_in: Any = None if below is None else below.reactor
    if below is not None and isinstance(stand_in, StandIn) and below.fileno() >= 0:
        stand_in.give_back(below, writing=has_unsent(below))


def _waiting_at(listening: socket.socket) -> int:
    """Return the number of connections that wait to be accepted.

    Raises:
        OSError: the socket isn't of TCP.
    """
    # The struct tcp_info of Linux begins with eight bytes, after which each field has four. In
    # the one of a listening socket, tcpi_unacked has this number.
    info = listening.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 28)
    return int.from_bytes(info[24:28], sys.byteorder)


def _socket_of(transport: ITransport | None) -> TCPTransport | None:
    """Return the transport that has the socket, if it is of TCP, or of TLS over TCP."""
    below = transport.transport if isinstance(transport, TLSMemoryBIOProtocol) else transport
    return below if isinstance(below, TCPTransport) else None

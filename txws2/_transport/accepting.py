"""The transports that a port accepts once it shares an epoll: they are made with less."""

from __future__ import annotations

import socket
from functools import cached_property
from typing import Any

from twisted.internet.protocol import Protocol
from twisted.internet.tcp import Connection as TCPTransport
from twisted.internet.tcp import Port, Server

from txws2._private_names import SHORT_CONNECTIONS

__all__ = ["AcceptedTransport", "accept_with_less"]

_CAN_SAVE = SHORT_CONNECTIONS.are_in(TCPTransport, Port)


class AcceptedTransport(Server):
    """The same as its base, but makes its texts for the log and for debuggers when asked.

    Twisted makes both texts for each connection. That takes 3 % of the time of a short connection,
    and 0.3 KiB, a sixth of the memory of an idle one.
    """

    def __init__(
        self,
        sock: socket.socket,
        protocol: Any,
        client: tuple[Any, ...],
        server: Port,
        sessionno: int,
        reactor: Any,
    ) -> None:
        self._kind = kind = type(protocol)
        if len(client) != 2 or getattr(kind, "logPrefix", None) is not Protocol.logPrefix:
            # An address of IPv6, or a protocol with another name in the log.
            super().__init__(sock, protocol, client, server, sessionno, reactor)
            return
        TCPTransport.__init__(self, sock, protocol, reactor)
        self.server = server
        self.client = client
        self.sessionno = sessionno
        self.hostname = client[0]
        reactor.addReader(self)
        self.connected = 1

    # Both keep to the protocol's class: Twisted drops the protocol at the end of the connection.

    @cached_property
    def logstr(self) -> str:  # type: ignore[override]
        """The prefix in the log."""
        return f"{self._kind.__name__},{self.sessionno},{self.hostname}"

    @cached_property
    def repstr(self) -> str:  # type: ignore[override]
        """The description for debuggers."""
        port = self.server._realPortNumber
        return f"<{self._kind.__name__} #{self.sessionno} on {port}>"


class _Listening(socket.socket):
    """A socket that listens over IPv4, and knows that.

    The class of the standard library looks family and type up for each socket that it accepts,
    which takes as long as decoding several messages.
    """

    __slots__ = ()

    family = socket.AF_INET
    type = socket.SOCK_STREAM


def accept_with_less(port: Port) -> None:
    """Have a port make each connection that it accepts in less time, and of less memory."""
    if not _CAN_SAVE:
        return
    if port.transport is Server:
        port.transport = AcceptedTransport
    listening = port.socket
    if type(listening) is socket.socket and (listening.family, listening.type) == (
        _Listening.family,
        _Listening.type,
    ):
        listening.__class__ = _Listening

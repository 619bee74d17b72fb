"""Unix sockets that another process has made, as systemd: their files stay as they are."""

from __future__ import annotations

import os
import socket
from typing import Any

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.interfaces import IListeningPort, IProtocolFactory, IStreamServerEndpoint
from twisted.internet.unix import Port
from zope.interface import implementer

__all__ = ["AdoptedUNIXEndpoint"]


class _BoundSocket(socket.socket):
    """A socket that is bound and listens already."""

    def bind(self, address: Any, /) -> None:
        """Leave it bound to its file."""

    def listen(self, backlog: int = 0, /) -> None:
        """Leave it the backlog that it has."""


class _AdoptedPort(Port):
    """A port with a socket that another process has made.

    Twisted's own port would change the mode of the file to 0666, so that all users of the machine
    can connect, and would remove the file when it stops, so that nobody can connect any more.
    """

    def __init__(self, descriptor: int, factory: IProtocolFactory, reactor: Any) -> None:
        self._bound = _BoundSocket(fileno=descriptor)
        self._bound.setblocking(False)
        self._bound.set_inheritable(False)
        # An abstract name has no file. Twisted shows it in the log.
        name = os.fsencode(f"\0adopted {self._bound.getsockname()}")
        super().__init__(name, factory, reactor=reactor)

    def createInternetSocket(self) -> socket.socket:
        """Return the socket, for Twisted."""
        return self._bound


@implementer(IStreamServerEndpoint)
class AdoptedUNIXEndpoint:
    """Listens at a Unix socket that another process has made.

    Args:
        reactor: the reactor.
        descriptor: the file descriptor of the socket. The port closes it.
    """

    def __init__(self, reactor: Any, descriptor: int) -> None:
        self._reactor = reactor
        self._descriptor = descriptor

    def listen(self, factory: IProtocolFactory) -> Deferred[IListeningPort]:
        """Listen with a factory."""
        try:
            port: Any = _AdoptedPort(self._descriptor, factory, self._reactor)
            port.startListening()
        except Exception:
            return fail()
        return succeed(port)

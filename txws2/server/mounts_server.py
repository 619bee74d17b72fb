"""The servers of all factories of a `Mounts`, as one."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress, IListeningPort

from txws2._deferreds.eventual import Eventual
from txws2.server.factory import WebSocketServerFactory, WebSocketServerProtocol
from txws2.server.mounts import Mounts
from txws2.server.server import Server

__all__ = ["MountsServer", "server_of"]


class MountsServer:
    """The servers of all factories of a `Mounts`, as one; see `Server`.

    Args:
        mounts: the factory of the ports.
        ports: the listening ports.
    """

    def __init__(self, mounts: Mounts, ports: Sequence[IListeningPort]) -> None:
        self._mounts = mounts
        *mounted, rest = mounts.factories
        # The one that has the ports comes first, so that nobody connects any more.
        self._servers = [Server(rest, ports), *(Server(factory, ()) for factory in mounted)]

    @property
    def connections(self) -> Collection[WebSocketServerProtocol]:
        """The connections that are open."""
        return {each for server in self._servers for each in server.connections}

    @property
    def addresses(self) -> tuple[IAddress, ...]:
        """The addresses at which the ports listen."""
        return self._servers[0].addresses

    def close(self, close_connections: bool = True) -> Deferred[None]:
        """Stop listening, and close every connection, or let them end by themselves.

        Returns:
            A Deferred that fires when all servers are closed, and the site has answered the
            requests that it has.
        """
        closings = [
            *(server.close(close_connections) for server in self._servers),
            *self._mounts.leave(),
        ]
        return _all(closings)

    def give_up(self) -> None:
        """Close without waiting."""
        for server in self._servers:
            server.give_up()
        self._mounts.give_up()


def server_of(
    factory: WebSocketServerFactory | Mounts, ports: Sequence[IListeningPort]
) -> Server | MountsServer:
    """Return the server of a factory and its ports."""
    kind: Any = MountsServer if isinstance(factory, Mounts) else Server
    server: Server | MountsServer = kind(factory, ports)
    return server


def _all(awaited: Sequence[Deferred[None]]) -> Deferred[None]:
    """Return a Deferred that fires when all of these have fired; handlers may wait for it."""
    left = len(awaited)
    done: Deferred[None] = Eventual(lambda _: None)

    def count(_: object) -> None:
        nonlocal left
        left -= 1
        if not left and not done.called:
            done.callback(None)

    for each in awaited:
        each.addBoth(count)
    return done

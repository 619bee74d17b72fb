"""The connections of `async for` loops, which a program closes before its reactor stops.

A loop that is left begins to close its connection, and can't wait until it is closed.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred, DeferredList

from txws2._connection.protocol import WebSocketProtocol

__all__ = ["close_those_in_loops", "enter_loop", "leave_loop"]

_in_loops: set[WebSocketProtocol] = set()


def enter_loop(connection: WebSocketProtocol) -> None:
    """Remember a connection that a loop is about to use."""
    _in_loops.add(connection)


def leave_loop(connection: WebSocketProtocol) -> Deferred[None]:
    """Close a connection; return a Deferred that fires when it is closed."""

    def closed(result: Any) -> Any:
        _in_loops.discard(connection)
        return result

    return WebSocketProtocol.close(connection).addBoth(closed)


def close_those_in_loops(reactor: Any) -> Deferred[Any]:
    """Close the connections of all loops on a reactor; fire when they are closed."""
    those = [each for each in _in_loops if each.factory.reactor is reactor]
    return DeferredList([leave_loop(each) for each in those], consumeErrors=True)

"""The end of the function of `run`: it is cancelled when the reactor stops, and has time to end."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater

from txws2._connection.in_loops import close_those_in_loops
from txws2._time.deadlines import call_off
from txws2.server.reactor_stop import servers_ended

__all__ = ["end_function"]

# Seconds; as long as the default of close_timeout.
_PATIENCE = 10


def end_function(running: Deferred[Any], reactor: Any) -> Deferred[None]:
    """Cancel the function after its servers have ended, and let it close its connections.

    A function that waits for its servers ends without being cancelled.

    Args:
        running: fires when the function has ended.
        reactor: the reactor, which is stopping.

    Returns:
        A Deferred that fires when the function has ended, or hasn't for too long.
    """
    ended: Deferred[None] = Deferred()
    limit: Any = None

    def end() -> None:
        call_off(limit)
        if not ended.called:
            ended.callback(None)

    async def wait() -> None:
        nonlocal limit
        # The reactor tells the servers of its end in this turn, and they close in the next.
        await deferLater(reactor, 0)
        await servers_ended(reactor)
        limit = reactor.callLater(_PATIENCE, end)
        running.addBoth(lambda _: close_those_in_loops(reactor)).addBoth(lambda _: end())
        running.cancel()

    Deferred.fromCoroutine(wait())
    return ended

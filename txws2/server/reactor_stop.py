"""The end of all servers when the reactor stops."""

from __future__ import annotations

from functools import partial
from typing import Any

from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.interfaces import IReactorCore
from twisted.logger import Logger

from txws2._deferreds.waiters import Waiters
from txws2.server.shutdown import StoppableFactory, Stopping

__all__ = ["ReactorStop", "servers_ended", "tell_soon"]

# A reactor that is stopping waits for the connections and handlers of these factories.
_ending: dict[StoppableFactory, Waiters[None]] = {}

# Seconds after which a user may wonder why the program doesn't end.
_SOON = 1


class ReactorStop:
    """Closes a server's connections with 1001 before the reactor stops.

    The reactor refers to it only as long as there are ports or connections. So factories that are
    made for one request each, as those of a script (.rpy), don't pile up in memory.

    Args:
        factory: the factory; its reactor may be a clock that is no reactor.
    """

    def __init__(self, factory: StoppableFactory) -> None:
        self._factory = factory
        self._able = IReactorCore.providedBy(factory.reactor)
        self._watching = False
        self._trigger: Any = None

    def watch(self) -> None:
        """Ask the reactor for a call when it stops."""
        if self._able and not self._watching:
            self._watching = True
            self._trigger = self._factory.reactor.addSystemEventTrigger(
                "before", "shutdown", self._shut_down
            )

    def rest(self) -> None:
        """Withdraw that request, if there is nothing left to close."""
        # Twisted's reactors in memory return None for a trigger, and can't remove one.
        if self._trigger is None or self._factory.numPorts or self._factory.connections:
            return
        self._watching = False
        trigger, self._trigger = self._trigger, None
        self._factory.reactor.removeSystemEventTrigger(trigger)

    def _shut_down(self) -> Deferred[None]:
        # The reactor has removed the trigger, since it has called it.
        self._watching, self._trigger = False, None
        factory = self._factory
        factory._shutting_down = True
        _ending[factory] = Waiters()
        # A server that has begun to drain in this turn belongs to a service that the reactor has
        # stopped before calling us. It goes on draining, as it would if the order were reversed.
        older = [stop for stop in factory._stops if not stop.fresh]
        ended: Deferred[None] = Deferred()
        ended.addCallback(lambda _: _ending.pop(factory).fire(None))
        factory.clock.callLater(0, self._close_all, older, ended)
        return ended

    def _close_all(self, older: list[Stopping], ended: Deferred[None]) -> None:
        factory = self._factory
        for server in list(factory._servers):
            if server.is_serving():
                server.close()
        for stop in older:
            stop.end()
        Stopping(factory).end_the_rest()
        waiting = DeferredList([stop.wait() for stop in list(factory._stops)])
        waiting.addCallback(partial(_pass_on, ended))


async def servers_ended(reactor: Any) -> None:
    """Wait until the servers that a stopping reactor waits for have ended."""
    while True:
        those = [each for factory, each in _ending.items() if factory.reactor is reactor]
        if not those:
            return
        await those[0].wait()


def tell_soon(reactor: Any, log: Logger, advice: str) -> None:
    """Log what a stopping reactor waits for, if it still runs in a second.

    Args:
        reactor: the reactor, which is stopping.
        log: the log to write to.
        advice: the end of the sentence, which says what its reader can do.
    """

    def tell() -> None:
        whom = _waited_for(reactor) or "other parts of the program"
        log.info("waiting for {whom} {advice}", whom=whom, advice=advice)

    reactor.callLater(_SOON, tell)


def _waited_for(reactor: Any) -> str:
    factories = [factory for factory in _ending if factory.reactor is reactor]
    counts = {
        "connection": sum(len(factory.connections) for factory in factories),
        "handler": sum(len(factory.running) for factory in factories),
    }
    return " and ".join(
        f"{count} {noun}" if count == 1 else f"{count} {noun}s"
        for noun, count in counts.items()
        if count
    )


def _pass_on(ended: Deferred[None], _: object) -> None:
    ended.callback(None)

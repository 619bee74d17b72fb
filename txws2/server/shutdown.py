"""How all connections of a server end: when it is closed, and when the reactor stops."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from functools import partial
from typing import Any, Protocol

from twisted.internet.defer import Deferred, DeferredList, succeed
from twisted.internet.interfaces import IDelayedCall, IReactorCore
from twisted.logger import Logger

from txws2._connection.driver import state_of
from txws2._deferreds.calls import Call, current_call
from txws2._deferreds.eventual import Eventual
from txws2._deferreds.isolation import isolated
from txws2._deferreds.tasks import running_loop
from txws2._deferreds.waiters import Waiters
from txws2._time.deadlines import call_off
from txws2.exceptions import ServerClosing
from txws2.server.protocol import WebSocketServerProtocol
from txws2.wire.closing import CloseCode
from txws2.wire.connection import State

__all__ = ["ReactorStop", "Stopping", "tell_soon"]

# A reactor that was told to stop waits for the connections and handlers of these.
_ending: set[StoppableFactory] = set()

# A task of asyncio that is cancelled ends some turns of its loop later, which the reactor has to
# make: whatever cleans up in it would be left undone.
_LAST_WORDS = 1.0

# Seconds until somebody wonders why it doesn't end.
_SOON = 1


class StoppableFactory(Protocol):
    """The part of a server's factory that its end is concerned with."""

    reactor: Any
    clock: Any
    close_timeout: float | None
    numPorts: int
    running: set[Deferred[Any]]
    stopping: bool
    _shutting_down: bool
    _servers: Any
    _stops: list[Stopping]

    @property
    def connections(self) -> Collection[WebSocketServerProtocol]:
        """The connections that aren't gone."""


class Stopping:
    """The end of the connections that a factory has when it begins, and of their handlers.

    A service that is started again has the factory make others, which are none of its affair.

    Nobody waits in a circle: to a handler that waits for the end, it has come when all others
    have ended that don't wait for it themselves.

    Args:
        factory: the factory.

    Attributes:
        begun: whether no new connections are wanted.
        ended: whether all is over.
    """

    def __init__(self, factory: StoppableFactory) -> None:
        self._factory = factory
        self.begun = self.ended = False
        self._closing = self._draining = self._given_up = False
        # Both in the order in which they came.
        self._connections: dict[WebSocketServerProtocol, None] = {}
        self._handlers: dict[Deferred[Any], None] = {}
        # How many ports are about to be closed.
        self._ports = 0
        self._deadline: IDelayedCall | None = None
        # Ends the turn of the reactor in which it began to drain.
        self._aging: IDelayedCall | None = None
        self._waiters: Waiters[None] = Waiters()
        # Those who wait within a handler.
        self._inside: dict[Deferred[None], Call] = {}

    @property
    def fresh(self) -> bool:
        """Whether it has begun to drain in this very turn of the reactor."""
        return self._aging is not None

    def begin(self, ports: Iterable[Deferred[Any]] = (), *, draining: bool = False) -> None:
        """Refuse those that are still opening with 503.

        Args:
            ports: fire when the ports are closed.
            draining: whether the open connections go on until they end by themselves. Otherwise,
                `close` is to follow.
        """
        factory = self._factory
        self.begun, self._draining = True, draining
        self._connections = dict.fromkeys(factory.connections)
        self._handlers = dict.fromkeys(factory.running)
        self._follow(ports)
        if draining:
            self._aging = factory.clock.callLater(0, self._grow_old)
            self._progress()

    def begin_with_the_rest(self) -> None:
        """Likewise, but of what no other has begun with."""
        others = self._factory._stops
        self.begun = True
        self._connections = {
            each: None
            for each in self._factory.connections
            if not any(each in other._connections for other in others)
        }
        self._handlers = {
            each: None
            for each in self._factory.running
            if not any(each in other._handlers for other in others)
        }
        self._follow(())

    def add(self, call: Call) -> None:
        """Take it that a handler was started, if that is for one of these connections."""
        running = call.running
        if running is not None and call.connection in self._connections:
            self._handlers[running] = None
            if self._closing:
                running.addBoth(self._handler_done, running)

    def close(self, code: int = CloseCode.GOING_AWAY, reason: str = "") -> None:
        """Close the connections; at most close_timeout later, it is over."""
        if self._closing or self.ended:
            return
        self._closing = True
        factory = self._factory
        if factory.close_timeout is not None:
            # Each connection has its own close_timeout; this one is for the handlers.
            self._set_deadline(factory.close_timeout, self._miss)
        for connection in list(self._connections):
            if state_of(connection) is not State.CONNECTING:
                isolated(WebSocketServerProtocol._start_closing, connection, code, reason)
        for running in list(self._handlers):
            running.addBoth(self._handler_done, running)
        self._progress()

    def give_up(self) -> None:
        """Wait for nobody: handlers that aren't done are cancelled."""
        if self.ended or self._given_up:
            return
        self._given_up = self._factory.stopping = True
        for running in list(self._handlers):
            isolated(running.cancel)
        if self._handlers and running_loop() is not None:
            self._connections = {}
            self._set_deadline(_LAST_WORDS, self._end)
            self._progress()
        else:
            self._end()

    def wait(self) -> Deferred[None]:
        """Return a Deferred that fires at the end."""
        if self.ended:
            return succeed(None)
        call = current_call()
        if call is None or call.connection is None or call.connection.factory is not self._factory:
            return self._waiters.wait()
        waiter: Deferred[None] = Eventual(self._wait_no_longer)
        self._inside[waiter] = call
        self._progress()
        return waiter

    def _follow(self, ports: Iterable[Deferred[Any]]) -> None:
        """Follow what it has begun with to its end."""
        self._factory._stops.append(self)
        for port in ports:
            self._ports += 1
            port.addBoth(self._port_closed)
        for connection in list(self._connections):
            connection._wait_gone().addCallback(self._gone, connection)
            if state_of(connection) is State.CONNECTING:
                isolated(connection._turn_away, ServerClosing())

    def _wait_no_longer(self, waiter: Deferred[None]) -> None:
        del self._inside[waiter]

    def _grow_old(self) -> None:
        self._aging = None

    def _port_closed(self, _: object) -> None:
        self._ports -= 1
        self._progress()

    def _gone(self, _: None, connection: WebSocketServerProtocol) -> None:
        self._connections.pop(connection, None)
        self._progress()

    def _handler_done(self, result: Any, running: Deferred[Any]) -> Any:
        self._handlers.pop(running, None)
        self._progress()
        return result

    def _progress(self) -> None:
        """Do what it is time for."""
        if self.ended or not self.begun or self._ports:
            return
        calls = self._inside.values()
        if not self._closing:
            if self._draining and _all_in(self._connections, [call.connection for call in calls]):
                self.close()
        elif self._connections:
            return
        elif not self._handlers:
            self._end()
        elif _all_in(self._handlers, [call.running for call in calls]):
            self._fire_inside()

    def _miss(self) -> None:
        self._deadline = None
        for connection in list(self._connections):
            isolated(connection._give_up_closing)
        self.give_up()

    def _set_deadline(self, seconds: float, missed: Callable[[], None]) -> None:
        call_off(self._deadline)
        self._deadline = self._factory.clock.callLater(seconds, missed)

    def _end(self) -> None:
        if not self.ended:
            self.ended = True
            call_off(self._deadline)
            call_off(self._aging)
            self._deadline = self._aging = None
            self._factory._stops.remove(self)
            self._connections, self._handlers = {}, {}
            self._fire_inside()
            self._waiters.fire(None)

    def _fire_inside(self) -> None:
        while self._inside:
            waiter, _ = self._inside.popitem()
            waiter.callback(None)


class ReactorStop:
    """Has a server's connections closed with 1001 before the reactor stops.

    The reactor knows of it as long as there are ports or connections. Factories that are made for
    one request each, as those of a script (.rpy), don't pile up there.

    Args:
        factory: the factory; its reactor may be a clock that is no reactor.
    """

    def __init__(self, factory: StoppableFactory) -> None:
        self._factory = factory
        self._able = IReactorCore.providedBy(factory.reactor)
        self._watching = False
        self._trigger: Any = None

    def watch(self) -> None:
        """Be told when the reactor stops."""
        if self._able and not self._watching:
            self._watching = True
            self._trigger = self._factory.reactor.addSystemEventTrigger(
                "before", "shutdown", self._shut_down
            )

    def rest(self) -> None:
        """Be told no more, if there is nothing left to close."""
        # Reactors in memory have no name for a trigger, nor do they forget one.
        if self._trigger is None or self._factory.numPorts or self._factory.connections:
            return
        self._watching = False
        trigger, self._trigger = self._trigger, None
        self._factory.reactor.removeSystemEventTrigger(trigger)

    def _shut_down(self) -> Deferred[None]:
        # A trigger that was told needn't be told to forget it.
        self._watching, self._trigger = False, None
        factory = self._factory
        factory._shutting_down = True
        _ending.add(factory)
        # What has begun to drain just now is a service that the reactor has told before us. Its
        # drain counts, as does that of one that it tells after us.
        older = [stop for stop in factory._stops if not stop.fresh]
        ended: Deferred[None] = Deferred()
        ended.addCallback(lambda _: _ending.discard(factory))
        factory.clock.callLater(0, self._close_all, older, ended)
        return ended

    def _close_all(self, older: list[Stopping], ended: Deferred[None]) -> None:
        factory = self._factory
        for server in list(factory._servers):
            if server.is_serving():
                server.close()
        for stop in older:
            stop.close()
        rest = Stopping(factory)
        rest.begin_with_the_rest()
        rest.close()
        waiting = DeferredList([stop.wait() for stop in list(factory._stops)])
        waiting.addCallback(partial(_pass_on, ended))


def tell_soon(reactor: Any, log: Logger, advice: str) -> None:
    """Log for whom a reactor that was told to stop waits, if it still does in a second.

    Args:
        reactor: which one.
        log: where.
        advice: what to do about it.
    """

    def tell() -> None:
        whom = _waited_for(reactor) or "what else is to stop"
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


def _all_in(some: dict[Any, None], others: list[Any]) -> bool:
    # Mostly there are many of the first, and none of the others.
    return len(some) <= len(others) and set(others).issuperset(some)


def _pass_on(ended: Deferred[None], _: object) -> None:
    ended.callback(None)

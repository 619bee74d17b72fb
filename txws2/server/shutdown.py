"""The end of a server: its ports, its connections, and its handlers."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from enum import Enum
from typing import Any, Protocol

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IDelayedCall

from txws2._connection.handle import driver_of
from txws2._connection.parts import state_of
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

__all__ = ["Phase", "StoppableFactory", "Stopping"]

# The seconds that cancelled tasks of asyncio get to end. A task ends some turns of the loop after
# it was cancelled. If the reactor stops before these turns, the task can't clean up.
_LAST_WORDS = 1.0


class Phase(Enum):
    """The phases of a server, from serving to closed."""

    SERVING = "connections are accepted"
    DRAINING = "no connections are accepted; the open ones end by themselves"
    ENDING = "the connections are being closed, and the handlers are waited for"
    GIVING_UP = "the handlers are cancelled"
    CLOSED = "connections and handlers have ended, or nobody waits for them any more"


_NEXT = {
    Phase.SERVING: {Phase.DRAINING, Phase.ENDING},
    Phase.DRAINING: {Phase.ENDING},
    Phase.ENDING: {Phase.GIVING_UP, Phase.CLOSED},
    Phase.GIVING_UP: {Phase.CLOSED},
    Phase.CLOSED: set[Phase](),
}


class StoppableFactory(Protocol):
    """The attributes of a server's factory that `Stopping` uses."""

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
        """The connections that haven't ended."""


class Stopping:
    """The end of a factory's present connections, and of their handlers.

    The factory of a service that is started again makes new connections. These belong to another
    `Stopping`.

    A handler may wait for the end itself, also a handler of another factory. To avoid a deadlock,
    the handler's Deferred fires when all handlers that don't wait for the end have ended.

    Args:
        factory: the factory.

    Attributes:
        phase: the present `Phase`.
    """

    def __init__(self, factory: StoppableFactory) -> None:
        self._factory = factory
        self.phase = Phase.SERVING
        # Both dicts keep the order in which their keys came.
        self._connections: dict[WebSocketServerProtocol, None] = {}
        self._handlers: dict[Deferred[Any], None] = {}
        # The number of steps of the beginning that aren't done. A port that is being closed is a
        # step; a call of `drain` or `end` that hasn't returned is a step, too.
        self._steps = 0
        self._deadline: IDelayedCall | None = None
        # The call at the end of the turn of the reactor in which the server began to drain.
        self._aging: IDelayedCall | None = None
        self._waiters: Waiters[None] = Waiters()
        # The Deferreds that handlers wait for, each with the call of its handler.
        self._inside: dict[Deferred[None], Call] = {}

    @property
    def fresh(self) -> bool:
        """True if the server has begun to drain in this turn of the reactor."""
        return self._aging is not None

    def drain(self, ports: Collection[Deferred[Any]] = ()) -> None:
        """Let the open connections end by themselves; answer 503 to those that are still opening.

        Args:
            ports: fire when the ports are closed.
        """
        self._begin(Phase.DRAINING)
        self._take(self._factory.connections, self._factory.running, ports)
        if self.phase is Phase.DRAINING:
            self._aging = self._factory.clock.callLater(0, self._grow_old)
        self._step_done()

    def end(
        self,
        code: int = CloseCode.GOING_AWAY,
        reason: str = "",
        ports: Collection[Deferred[Any]] = (),
    ) -> None:
        """Close the connections; after close_timeout, abort those that aren't closed.

        Args:
            code: the close code for the connections that are open.
            reason: the close reason.
            ports: fire when the ports are closed; none unless the server was serving.
        """
        if self.phase is Phase.SERVING:
            self._begin(Phase.ENDING)
            self._take(self._factory.connections, self._factory.running, ports)
            self._close_all(code, reason)
        elif self.phase is Phase.DRAINING:
            self._begin(Phase.ENDING)
            self._close_all(code, reason)

    def end_the_rest(self) -> None:
        """Close the connections, and wait for the handlers, that no other `Stopping` has."""
        factory = self._factory
        connections = [
            each
            for each in factory.connections
            if not any(each in other._connections for other in factory._stops)
        ]
        handlers = [
            each
            for each in factory.running
            if not any(each in other._handlers for other in factory._stops)
        ]
        self._begin(Phase.ENDING)
        self._take(connections, handlers, ())
        self._close_all(CloseCode.GOING_AWAY, "")

    def add(self, call: Call) -> None:
        """Wait for a handler that has just been started, if it is for one of these connections."""
        running = call.running
        if running is not None and call.connection in self._connections:
            self._handlers[running] = None
            if self.phase is not Phase.DRAINING:
                running.addBoth(self._handler_done, running)

    def give_up(self) -> None:
        """Stop waiting: cancel the handlers that aren't done."""
        if self.phase is not Phase.ENDING:
            return
        self._pass_to(Phase.GIVING_UP)
        self._factory.stopping = True
        for running in list(self._handlers):
            isolated(running.cancel)
        if self._handlers and running_loop() is not None:
            self._connections = {}
            self._set_deadline(_LAST_WORDS, self._finish)
            self._progress()
        else:
            self._finish()

    def wait(self) -> Deferred[None]:
        """Return a Deferred that fires at the end."""
        if self.phase is Phase.CLOSED:
            return succeed(None)
        call = current_call()
        if call is None or call.connection is None:
            return self._waiters.wait()
        # The handler may be that of another server: handlers of several mounts may wait for the
        # end of all mounts, and each would wait for the others.
        waiter: Deferred[None] = Eventual(self._wait_no_longer)
        self._inside[waiter] = call
        self._progress()
        return waiter

    def _pass_to(self, phase: Phase) -> None:
        assert phase in _NEXT[self.phase]
        self.phase = phase

    def _begin(self, phase: Phase) -> None:
        """Pass to a phase that begins with several steps; `_step_done` ends the beginning."""
        self._pass_to(phase)
        self._steps += 1

    def _close_all(self, code: int, reason: str) -> None:
        timeout = self._factory.close_timeout
        if timeout is not None:
            # Each connection has its own close_timeout; this one is for the handlers.
            self._set_deadline(timeout, self._miss)
        for connection in list(self._connections):
            if state_of(connection) is not State.CONNECTING:
                isolated(driver_of(connection).start_closing, code, reason)
        for running in list(self._handlers):
            running.addBoth(self._handler_done, running)
        self._step_done()

    def _take(
        self,
        connections: Iterable[WebSocketServerProtocol],
        handlers: Iterable[Deferred[Any]],
        ports: Collection[Deferred[Any]],
    ) -> None:
        """Wait until these connections, handlers and ports have ended."""
        self._connections = dict.fromkeys(connections)
        self._handlers = dict.fromkeys(handlers)
        self._factory._stops.append(self)
        self._steps += len(ports)
        for port in ports:
            port.addBoth(lambda _: self._step_done())
        for connection in list(self._connections):
            driver_of(connection).wait_gone().addCallback(self._gone, connection)
            if state_of(connection) is State.CONNECTING:
                isolated(driver_of(connection).turn_away, ServerClosing())

    def _wait_no_longer(self, waiter: Deferred[None]) -> None:
        del self._inside[waiter]

    def _grow_old(self) -> None:
        self._aging = None

    def _step_done(self) -> None:
        self._steps -= 1
        self._progress()

    def _gone(self, _: None, connection: WebSocketServerProtocol) -> None:
        self._connections.pop(connection, None)
        self._progress()

    def _handler_done(self, result: Any, running: Deferred[Any]) -> Any:
        self._handlers.pop(running, None)
        self._progress()
        return result

    def _progress(self) -> None:
        """Enter the next phase if nothing is left to wait for in this one."""
        if self.phase in (Phase.SERVING, Phase.CLOSED) or self._steps:
            return
        calls = self._inside.values()
        if self.phase is Phase.DRAINING:
            if _all_in(self._connections, [call.connection for call in calls]):
                self.end()
        elif self._connections:
            return
        elif not self._handlers:
            self._finish()
        elif _all_in(self._handlers, [call.running for call in calls]):
            self._fire_inside()

    def _miss(self) -> None:
        self._deadline = None
        for connection in list(self._connections):
            isolated(driver_of(connection).give_up_closing)
        self.give_up()

    def _set_deadline(self, seconds: float, missed: Callable[[], None]) -> None:
        call_off(self._deadline)
        self._deadline = self._factory.clock.callLater(seconds, missed)

    def _finish(self) -> None:
        if self.phase is Phase.CLOSED:
            return
        self._pass_to(Phase.CLOSED)
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


def _all_in(some: dict[Any, None], others: list[Any]) -> bool:
    # Usually `some` is long and `others` is empty, so the comparison of the lengths saves time.
    return len(some) <= len(others) and set(others).issuperset(some)

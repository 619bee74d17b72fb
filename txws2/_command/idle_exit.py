"""`--idle-exit`: the process ends when nobody has used it for some time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from twisted.internet.error import ReactorNotRunning
from twisted.internet.interfaces import IDelayedCall

from txws2._connection.handle import driver_of
from txws2._connection.phases import SETTLED
from txws2._connection.protocol import WebSocketProtocol
from txws2._connection.typed_service import TypedService
from txws2._time.deadlines import call_off
from txws2.server.factory import WebSocketServerFactory
from txws2.server.mounts import Mounts

__all__ = ["IdleExit"]

# While no WebSocket is open, it looks so often within the time, in case one comes and goes.
_LOOKS = 10

_UNKNOWN = -1


class IdleExit(TypedService):
    """A service that stops the reactor when no WebSocket has been open for some time.

    A response over HTTP that isn't whole yet counts as well, such as a long download.

    The time is exact after a WebSocket that was open for long. One that comes and goes between two
    looks makes it a tenth longer at most.

    Args:
        seconds: the time.
        factories: the factories of the WebSockets.
        mounts: those of the factories of the ports that may have a site.
        reactor: the reactor to stop.
    """

    def __init__(
        self,
        seconds: float,
        factories: Sequence[WebSocketServerFactory],
        mounts: Sequence[Mounts],
        reactor: Any,
    ) -> None:
        self._seconds = seconds
        self._factories = factories
        self._mounts = mounts
        self._reactor = reactor
        self._opened = 0
        self._left = 0
        self._timer: IDelayedCall | None = None

    def startService(self) -> None:
        """Begin the time."""
        super().startService()
        self._begin()

    def stopService(self) -> None:
        """Forget the time: the process ends already."""
        super().stopService()
        call_off(self._timer)

    def _begin(self) -> None:
        self._opened = self._count()
        self._left = _LOOKS
        self._wait()

    def _wait(self) -> None:
        self._timer = self._reactor.callLater(self._seconds / _LOOKS, self._look)

    def _look(self) -> None:
        connection = self._open_one()
        if connection is not None:
            WebSocketProtocol.wait_closed(connection).addBoth(lambda _: self._closed())
        elif self._count() != self._opened or any(each._is_answering() for each in self._mounts):
            self._begin()
        else:
            self._left -= 1
            if self._left:
                self._wait()
            else:
                self._end()

    def _closed(self) -> None:
        """Look at once for another WebSocket that is open; begin the time if there is none."""
        if self.running:
            self._opened = _UNKNOWN
            self._timer = self._reactor.callLater(0, self._look)

    def _open_one(self) -> Any:
        """Return one of the WebSockets that are open; None if none is."""
        connections = (each for factory in self._factories for each in factory.connections)
        return next(filter(_is_open, connections), None)

    def _count(self) -> int:
        """Return the number of WebSockets that were ever open."""
        return sum(factory.books.opened for factory in self._factories)

    def _end(self) -> None:
        try:
            self._reactor.stop()
        except ReactorNotRunning:
            # It ends for another reason.
            return
        self._factories[0].log.info(
            "no WebSocket has been open for {seconds:g} seconds, so the process ends (--idle-exit)",
            seconds=self._seconds,
        )


def _is_open(connection: Any) -> bool:
    # A factory also has connections before their handshake, and until their transport is gone.
    driver: Any = driver_of(connection)
    return bool(driver.opened) and driver.phase < SETTLED

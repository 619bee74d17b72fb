"""`Status`: the status page, and the WebSocket that keeps it up to date."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus
from time import perf_counter
from typing import Any

from twisted.internet.interfaces import IDelayedCall

from txws2 import __version__
from txws2._accelerator import about
from txws2._connection.broadcast import broadcast
from txws2._connection.handle import driver_of
from txws2._pages.access import Access
from txws2._pages.documents import page, text
from txws2._pages.snapshot import snapshot
from txws2._pages.visit import Visit
from txws2.server.factory import WebSocketServerFactory
from txws2.wire.handshake.origins import SAME_ORIGIN
from txws2.wire.http.heads import Request, Response

__all__ = ["Status"]

_INTERVAL = 1
# Looking at each of a great many connections takes a while. Most of the time is for the clients.
_PART = 0.02

# Each that looks at the status costs a little.
_MOST = 64


class Status:
    """The status of a server, live.

    Nothing is counted and no timer runs while nobody looks.

    Args:
        password: the password of those who may see it; None for all on this machine.
        reactor: the reactor.

    Attributes:
        factory: serves the WebSocket of the page.
    """

    open = True

    def __init__(self, password: str | None, reactor: Any) -> None:
        self._access = Access(password)
        self._factories: Mapping[str, WebSocketServerFactory] = {}
        self._ticking: IDelayedCall | None = None
        self.factory: WebSocketServerFactory = WebSocketServerFactory(
            self._show,
            process_request=self._process_request,
            origins=[SAME_ORIGIN, None],
            max_size=1024,
            max_connections=_MOST,
            reactor=reactor,
        )
        self._clock = self.factory.clock
        self._made = self._clock.seconds()

    def watch(self, factories: Mapping[str, WebSocketServerFactory]) -> None:
        """Take the factories whose status is shown."""
        self._factories = factories

    def __call__(self, visit: Visit) -> Response:
        """Return the page; for programs, the state in JSON."""
        refusal = self._access.refuse(visit)
        if refusal is not None:
            return refusal
        if visit.wants_html:
            response = page("status.html", {"up": visit.up}, connects="'self'")
        else:
            response = text(HTTPStatus.OK, f"{self._state()}\n")
            response.headers.setRawHeaders("Content-Type", ["application/json"])
        response.headers.setRawHeaders("Cache-Control", ["no-store"])
        self._access.remember(visit, response)
        return response

    def _process_request(self, connection: Any, request: Request) -> Response | None:
        # Before the connection is open, only the handshake knows the transport of a site.
        return self._access.refuse(Visit.by(request, driver_of(connection).handshake.transport))

    async def _show(self, connection: Any) -> None:
        await connection.send(self._state())
        if self._ticking is None:
            self._ticking = self._clock.callLater(_INTERVAL, self._tick)
        # The page sends nothing.
        await connection.wait_closed()

    def _tick(self) -> None:
        self._ticking = None
        if not self.factory.connections:
            return
        begun = perf_counter()
        # A page that doesn't read misses some.
        broadcast(self.factory.connections, self._state(), slow="drop")
        seconds = max(_INTERVAL, (perf_counter() - begun) / _PART)
        self._ticking = self._clock.callLater(seconds, self._tick)

    def _state(self) -> str:
        state = snapshot(self._factories, self._clock.seconds() - self._made)
        state["version"] = f"txws2 {__version__} {about()}"
        return json.dumps(state)

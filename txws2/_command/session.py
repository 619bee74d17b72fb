"""One connection of `python -m txws2`."""

from __future__ import annotations

from contextlib import suppress
from math import inf

from twisted.internet.defer import Deferred, TimeoutError
from twisted.internet.task import LoopingCall
from twisted.python.failure import Failure

from txws2._command.console import Console
from txws2._command.stdio import say
from txws2.client.protocol import WebSocketClientProtocol
from txws2.exceptions import ConnectionClosed, ConnectionClosedOK
from txws2.wire.connection import State

__all__ = ["Session"]

_SILENCE = 1.0
"""Seconds without a message after which a pipe expects no more replies."""


class Session(WebSocketClientProtocol):
    """One connection: it shows messages, and waits for the replies to the lines of the input.

    Attributes:
        console: shows the messages; it must be set as soon as the connection is open.
    """

    console: Console
    _pinging: LoopingCall | None = None
    _sent = 0
    _received = 0
    _news: Deferred[None] | None = None

    def __init__(self) -> None:
        self._how_it_ended: Deferred[BaseException | None] = Deferred()

    def messageReceived(self, message: str | bytes) -> Deferred[None] | None:
        """Show a message; the Deferred holds the next one back until there is room."""
        self._received += 1
        shown = self.console.show(message)
        news, self._news = self._news, None
        if news is not None:
            news.callback(None)
        return shown

    def connectionLost(self, reason: Failure) -> None:  # type: ignore[override]
        """Fire the Deferred of the end; all messages were shown before."""
        if self._pinging is not None:
            self._pinging.stop()
        self._how_it_ended.callback(reason.value)

    def start_pinging(self) -> None:
        """Send a ping every second; show the time until its pong, and the server's pings."""
        self._pinging = LoopingCall(self._show_latency)
        self._pinging.start(1)

    def pingReceived(self, payload: bytes) -> None:
        """Show the ping, if pings are shown."""
        if self._pinging is not None:
            self.remark(f"ping from the server: {payload.hex(' ') or 'empty'}")

    def _show_latency(self) -> None:
        self.ping().addCallbacks(
            lambda latency: self.remark(f"pong after {latency * 1000:.2f} ms"),
            lambda _: None,  # The connection is closed, which is shown once, at the end.
        )

    def send_line(self, line: str | bytes) -> Deferred[None]:
        """Send a line of input."""
        self._sent += 1
        return self.send(line)

    def remark(self, text: str) -> None:
        """Show a remark of the program, apart from the messages."""
        if self.console.terminal:
            self.console.note(text)
        else:
            say(text)

    async def replies(self, wait: float | None) -> None:
        """Wait for the server's replies to the lines that were sent.

        Args:
            wait: the seconds to wait. None to wait until as many messages have come as lines were
                sent, or no message comes for a while.
        """
        with suppress(ConnectionClosed):
            await self.ping()
            if wait is None:
                await self._as_many()
                return
            closed = self.wait_closed()
            if wait < inf:
                closed.addTimeout(wait, self.factory.clock)
            with suppress(TimeoutError):
                await closed

    async def _as_many(self) -> None:
        while self._received < self._sent and self.state is State.OPEN:
            self._news = Deferred()
            try:
                await self._news.addTimeout(_SILENCE, self.factory.clock)
            except TimeoutError:
                return

    async def outcome(self) -> tuple[int, str]:
        """Wait for the end; return the exit status, and a line about the end."""
        ending = await self._how_it_ended
        return int(not isinstance(ending, ConnectionClosedOK)), f"closed: {ending}"

"""The conversation between a console and a server, on one connection or on several."""

from __future__ import annotations

import argparse
import sys
from collections.abc import AsyncIterator
from typing import Any, cast

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IDelayedCall
from twisted.internet.stdio import StandardIO
from twisted.python.failure import Failure

from txws2._command.connecting import explained, options_of_connect
from txws2._command.console import Console
from txws2._command.failure_watch import watch_failures
from txws2._command.session import Session
from txws2._command.stdio import say, unwritable
from txws2._connection.handle import driver_of
from txws2._time.backoff import Backoff
from txws2._time.deadlines import call_off
from txws2._time.steady import steady
from txws2.client.connections import connect
from txws2.client.protocol import WebSocketClientProtocol
from txws2.client.reconnection import Connecting
from txws2.client.retry_policy import process_exception
from txws2.exceptions import ConnectionClosed
from txws2.wire.connection import State
from txws2.wire.escaping import anonymous, escaped

__all__ = ["Conversation"]

# Seconds from a signal to the end; a server has the same time to answer a close frame.
_PATIENCE = 10.0

_REPORT = "txws2 doesn't expect this, so please report it, with the lines above"


class Conversation:
    """Sends the lines of the input, and shows the messages, until the input or the server ends.

    Args:
        reactor: the reactor to run on.
        options: the options of the command line.
    """

    def __init__(self, reactor: Any, options: argparse.Namespace) -> None:
        self._reactor = reactor
        self._options = options
        self._console: Console | None = None
        self._session: Session | None = None
        # This fires with the next connection, for a line that was read while there was none.
        self._unsent: Deferred[Session] | None = None
        # True once no other connection must be made.
        self._over = False
        self._patience: IDelayedCall | None = None
        # Remarks on unexpected exceptions.
        self._unexpected: list[str] = []
        # The URI without its password.
        self._shown = anonymous(options.uri)
        self._talking: Deferred[tuple[int, list[str]]]

    async def run(self) -> int:
        """Run the conversation to its end; return the exit status."""
        ended: Deferred[None] = Deferred()

        def stop() -> Deferred[None]:
            # The server and the reader of the output have this time to end.
            self._patience = steady(self._reactor).callLater(_PATIENCE, self._give_up)
            self._stop()
            return ended

        # When a signal stops the reactor, the shutdown waits for the conversation to end.
        self._reactor.addSystemEventTrigger("before", "shutdown", stop)
        try:
            return await self._run()
        finally:
            call_off(self._patience)
            ended.callback(None)

    async def _run(self) -> int:
        self._talking = Deferred.fromCoroutine(self._talk())
        status = 1
        last_words: list[str] = []
        with watch_failures(self._went_wrong):
            try:
                status, last_words = await self._talking
            except CancelledError:
                last_words = [f"stopped while connecting to {self._shown}"]
            except Exception:
                self._went_wrong(Failure())
            unwritten = await self._leave()
        last_words += [*unwritten, *self._unexpected[:1]]
        for words in last_words:
            say(words)
        return 1 if unwritten or self._unexpected else status

    async def _leave(self) -> list[str]:
        """Release the terminal; return an error line if not all messages could be printed."""
        if self._console is None or await self._console.leave():
            return []
        why = unwritable(sys.stdout.fileno())
        return [] if why is None else [f"can't print all messages: {why}"]

    def _went_wrong(self, failure: Failure) -> None:
        """Note an unexpected exception, and stop."""
        said = escaped(failure.getErrorMessage())
        kind = getattr(failure.type, "__name__", "exception")
        self._unexpected.append(f"unexpected {kind}: {said}; {_REPORT}")
        self._reactor.callLater(0, self._stop)

    async def _talk(self) -> tuple[int, list[str]]:
        """Use one connection after the other; return the exit status and lines about the last."""
        connections: AsyncIterator[WebSocketClientProtocol] | None = None
        while True:
            try:
                connections = connections or aiter(self._connect())
                session = cast(Session, await anext(connections))
            except CancelledError:
                raise
            except Exception as exc:
                return 1, self._explain(exc)
            self._begin(session)
            status, words = await session.outcome()
            self._session = None
            if self._over or not self._options.reconnect:
                return status, [words]
            self._remark(f"{words}; connecting again")

    def _connect(self) -> Connecting:
        return connect(
            self._options.uri,
            create_protocol=Session,
            **options_of_connect(self._options),
            process_exception=self._failed,
            backoff=Backoff(),
            reactor=self._reactor,
        )

    def _failed(self, exc: Exception) -> Exception | None:
        """Return None to try again, or the exception."""
        verdict = process_exception(exc) if self._options.reconnect else exc
        # The end of an open connection was already shown.
        if verdict is None and not isinstance(exc, ConnectionClosed):
            reason, *advice = self._explain(exc)
            for words in (f"{reason.removesuffix('.')}; trying again", *advice):
                self._remark(words)
        return verdict

    def _explain(self, exc: Exception) -> list[str]:
        return explained(exc, self._options.uri)

    def _remark(self, words: str) -> None:
        if self._console is not None and self._console.terminal:
            self._console.note(words)
        else:
            say(words)

    def _begin(self, session: Session) -> None:
        """Show the messages of this connection, and send the lines on it."""
        self._session = session
        session.console = self._console or self._open_console()
        chosen = f", speaking {session.subprotocol}" if session.subprotocol else ""
        session.console.note(f"connected to {self._shown}{chosen}; Ctrl-D to close")
        if self._options.ping:
            session.start_pinging()
        unsent, self._unsent = self._unsent, None
        if unsent is not None:
            unsent.callback(session)

    # The console calls these.

    def _open_console(self) -> Console:
        steerable = sys.stdout.isatty()
        terminal = sys.stdin.isatty() and steerable
        console = Console(self._send, terminal=terminal, steerable=steerable)
        StandardIO(console)
        self._console = console
        console.ended.addCallback(lambda _: Deferred.fromCoroutine(self._input_ended(console)))
        console.gone.addCallback(self._gone)
        return console

    def _gone(self, written: bool) -> bool:
        self._stop()
        return written

    def _send(self, line: str | bytes) -> Deferred[None]:
        """Send a line, on the next connection if none is open."""
        session = self._session
        if session is not None and session.state is State.OPEN:
            return session.send_line(line)
        self._unsent = Deferred()
        return self._unsent.addCallback(lambda session: session.send_line(line))

    async def _input_ended(self, console: Console) -> None:
        """Close the connection; if the input was a pipe or a file, wait for the replies first."""
        if not console.terminal:
            if self._unsent is not None:
                await self._unsent
            self._over = True
            if self._session is not None:
                await self._session.replies(self._options.wait)
        self._stop()

    def _give_up(self) -> None:
        if self._console is not None:
            self._console.give_up()

    def _stop(self) -> None:
        self._over = True
        if self._session is not None:
            driver_of(self._session).start_closing()
        else:
            self._talking.cancel()

"""`python -m txws2 replay`: plays to a server what a client has sent in a recording."""

from __future__ import annotations

import argparse
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure

from txws2._command.connecting import explained, options_of_connect
from txws2._command.stdio import say
from txws2.client.connections import connect
from txws2.client.protocol import WebSocketClientProtocol
from txws2.exceptions import ConnectionClosedOK
from txws2.forward.recordings import read_recording
from txws2.forward.replay import Replay
from txws2.wire.escaping import anonymous

__all__ = ["Playing"]


class Playing:
    """Plays a recording to a server.

    Args:
        reactor: the reactor to run on.
        options: the options of the command line.
    """

    def __init__(self, reactor: Any, options: argparse.Namespace) -> None:
        self._reactor = reactor
        self._options = options

    async def run(self) -> int:
        """Play the recording to its end; return the exit status."""
        ended: Deferred[None] = Deferred()
        playing = Deferred.fromCoroutine(self._run())

        def stop() -> Deferred[None]:
            playing.cancel()
            return ended

        # When a signal stops the reactor, the shutdown waits until the connection is closed.
        self._reactor.addSystemEventTrigger("before", "shutdown", stop)
        try:
            return await playing
        finally:
            ended.callback(None)

    async def _run(self) -> int:
        options = self._options
        try:
            total = self._count()
            replay = Replay(options.file, from_client=True, speed=options.speed)
        except OSError as exc:
            say(f"can't read {options.file}: {exc.strerror}")
            return 1
        except ValueError as exc:
            say(f"can't play {exc}")
            return 1
        options.subprotocol = options.subprotocol or replay.subprotocols
        try:
            connection = await connect(
                options.uri,
                create_protocol=_Player,
                **options_of_connect(options),
                reactor=self._reactor,
            )
        except CancelledError:
            say(f"stopped while connecting to {anonymous(options.uri)}")
            return 1
        except Exception as exc:
            for words in explained(exc, options.uri):
                say(words)
            return 1
        return await self._play(replay, connection, total)

    def _count(self) -> int:
        """Return the number of messages of the client, once all lines are known to be right.

        Raises:
            OSError: the file can't be read.
            ValueError: the file is damaged, or has no such message.
        """
        total = sum(each.from_client for each in read_recording(self._options.file))
        if not total:
            raise ValueError(f"{self._options.file}: no client has sent anything in it")
        return total

    async def _play(self, replay: Replay, connection: _Player, total: int) -> int:
        begun = self._reactor.seconds()
        say(f"connected to {anonymous(self._options.uri)}; {total} messages to send")
        stopped = ""
        try:
            await replay(connection)
        except CancelledError:
            stopped = "stopped; "
        seconds = self._reactor.seconds() - begun
        await connection.close()
        counters, end = connection.counters, connection.end
        sent = counters.messages_out
        say(
            f"{stopped}sent {sent} of {total} messages in {seconds:.1f} seconds, received "
            f"{counters.messages_in}; closed: {end}"
        )
        return int(sent < total or not isinstance(end, ConnectionClosedOK))


class _Player(WebSocketClientProtocol):
    """Drops all messages, and keeps the reason of its end.

    Attributes:
        end: the reason; None before it.
    """

    end: BaseException | None = None

    def messageReceived(self, message: str | bytes) -> None:
        """Drop a message."""

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Keep the reason."""
        self.end = reason.value

"""`Replay` plays a recording to each client."""

from __future__ import annotations

import os

from twisted.internet.defer import TimeoutError

from txws2._connection.protocol import WebSocketProtocol
from txws2.exceptions import ConnectionClosed
from txws2.forward.recordings import read_head, read_recording

__all__ = ["Replay"]


class Replay:
    """A handler that plays a recording: each message to the client is sent at its time.

    The messages that the client sends are dropped. The connection is closed with 1000 at the end.

    Args:
        path: the path of a recording, which `Forward` has made.

    Raises:
        OSError: the file can't be read.
        ValueError: the file is no recording, or one of another version.

    Attributes:
        subprotocols: the subprotocols for the option of that name.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = path
        subprotocol = read_head(path).subprotocol
        self.subprotocols: tuple[str, ...] = () if subprotocol is None else (subprotocol,)

    def select_subprotocol(self, connection: object, subprotocols: list[str]) -> str | None:
        """Choose the subprotocol of the recording, if the client offers it."""
        return next((each for each in self.subprotocols if each in subprotocols), None)

    async def __call__(self, connection: WebSocketProtocol) -> None:
        """Play the recording."""
        clock = connection.factory.clock
        # Nobody reads the messages of the client; so they must not wait.
        connection.messageReceived = _drop  # type: ignore[method-assign]
        began = clock.seconds()
        try:
            for time, from_client, message in read_recording(self._path):
                if from_client:
                    continue
                if await _closes_within(began + time - clock.seconds(), connection):
                    return
                await connection.send(message)
        except ConnectionClosed:
            pass


async def _closes_within(seconds: float, connection: WebSocketProtocol) -> bool:
    """Wait so many seconds; return True as soon as the connection is closed."""
    if seconds <= 0:
        return False
    try:
        await connection.wait_closed().addTimeout(seconds, connection.factory.clock)
    except TimeoutError:
        return False
    return True


def _drop(message: str | bytes) -> None:
    pass

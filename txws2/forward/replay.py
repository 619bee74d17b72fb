"""`Replay` plays one side of a recording to the other side."""

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

    With from_client, it plays the other side, to a server: call it with an open connection of a
    client. Then the caller closes the connection.

    Args:
        path: the path of a recording, which `Forward` has made.
        from_client: True to play the messages that the client has sent.
        speed: the number by which the times are divided (1): 2 takes half the time, and `math.inf`
            takes none.

    Raises:
        OSError: the file can't be read.
        ValueError: the file is no recording, or one of another version; or speed isn't over 0.

    Attributes:
        subprotocols: the subprotocols for the option of that name.
    """

    def __init__(
        self, path: str | os.PathLike[str], *, from_client: bool = False, speed: float = 1
    ) -> None:
        if not speed > 0:
            raise ValueError(f"speed must be a number over 0; it is {speed!r}")
        self._path = path
        self._from_client = from_client
        self._speed = speed
        subprotocol = read_head(path).subprotocol
        self.subprotocols: tuple[str, ...] = () if subprotocol is None else (subprotocol,)

    def select_subprotocol(self, connection: object, subprotocols: list[str]) -> str | None:
        """Choose the subprotocol of the recording, if the client offers it."""
        return next((each for each in self.subprotocols if each in subprotocols), None)

    async def __call__(self, connection: WebSocketProtocol) -> int:
        """Play the recording; return the number of messages that were sent."""
        clock = connection.factory.clock
        sent = 0
        # Nobody reads the messages of the other side; so they must not wait.
        connection.messageReceived = _drop  # type: ignore[method-assign]
        began = clock.seconds()
        try:
            for time, from_client, message in read_recording(self._path):
                if from_client is not self._from_client:
                    continue
                due = began + time / self._speed
                if await _closes_within(due - clock.seconds(), connection):
                    break
                await connection.send(message)
                sent += 1
        except ConnectionClosed:
            pass
        return sent


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

"""Records the messages of a connection in a file, with their times."""

from __future__ import annotations

import json
import os
from base64 import b64encode
from collections.abc import Callable, Iterable
from pathlib import Path
from time import time
from typing import Any

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from txws2._connection.protocol import WebSocketProtocol
from txws2.forward.recordings import FORMAT, VERSION

__all__ = ["Recorder", "Recordings"]

_log = Logger(namespace="txws2.server")


class Recordings:
    """Makes the recorders of connections, each with a file of its own.

    Args:
        directory: the directory for the files; it is made if it isn't there.
        limit: the number of bytes that a file may have.

    Raises:
        OSError: there is no such directory, and it can't be made.
    """

    def __init__(self, directory: str | os.PathLike[str], limit: int) -> None:
        self._directory = Path(directory)
        self._limit = limit
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)

    def recorder(self, ws: WebSocketProtocol) -> Recorder:
        """Begin to record a connection.

        Raises:
            OSError: the file can't be made.
        """
        return Recorder(self._directory / f"{ws.id}.jsonl", ws, self._limit)


class Recorder:
    """Records one connection. A disk that is full ends the recording, but not the connection.

    Args:
        path: the path of the file, which must not exist.
        ws: the open connection.
        limit: the number of bytes that the file may have.

    Raises:
        OSError: the file can't be made.
    """

    def __init__(self, path: Path, ws: WebSocketProtocol, limit: int) -> None:
        self._clock: IReactorTime = ws.factory.clock
        self._began: float = self._clock.seconds()
        self._path = path
        self._left = limit
        # Nobody else may read what people type, and no file or link is overwritten.
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
        self._file: Any = open(path, "wb", opener=lambda name, _: os.open(name, flags, 0o600))  # noqa: SIM115
        self._write(
            {
                "format": FORMAT,
                "version": VERSION,
                # The factory's clock may be one that nobody sets, and which doesn't know the date.
                "began": time(),
                # The query may have a token or a password in it.
                "path": ws.request.path.partition("?")[0],
                "subprotocol": ws.subprotocol,
            }
        )

    def record(self, messages: Iterable[str | bytes], from_client: bool) -> None:
        """Record messages of the client, or messages to the client."""
        for message in messages:
            self._record("client" if from_client else "server", message)

    def tap(self, ws: WebSocketProtocol) -> Callable[[str | bytes], None]:
        """Return a function that records a message and sends it."""

        def send(message: str | bytes) -> None:
            self.record([message], from_client=False)
            ws.sendMessage(message)

        return send

    def close(self, code: int | None, reason: str | None) -> None:
        """End the recording.

        Args:
            code: the close code that the client has sent.
            reason: its reason.
        """
        self._write({"time": self._time(), "close": code, "reason": reason})
        self._end()

    def _record(self, source: str, message: str | bytes) -> None:
        if self._file is None:
            return
        line: dict[str, Any] = {"time": self._time(), "from": source}
        if isinstance(message, str):
            line["text"] = message
        else:
            line["data"] = b64encode(message).decode("ascii")
        self._write(line)

    def _time(self) -> float:
        elapsed: float = self._clock.seconds() - self._began
        return round(max(0.0, elapsed), 6)

    def _write(self, line: dict[str, Any]) -> None:
        if self._file is None:
            return
        data = json.dumps(line, separators=(",", ":")).encode("ascii") + b"\n"
        if len(data) > self._left:
            self._stop("it has reached the limit of its size")
            return
        self._left -= len(data)
        try:
            self._file.write(data)
        except OSError as exc:
            self._stop(str(exc))

    def _stop(self, why: str) -> None:
        _log.warn("{path} records no more of its connection: {why}", path=str(self._path), why=why)
        self._end()

    def _end(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            try:
                file.close()
            except OSError as exc:
                _log.warn("{path} isn't complete: {why}", path=str(self._path), why=str(exc))

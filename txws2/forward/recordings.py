"""The format of recordings, and their reader.

A recording is a file of lines, each of which is a JSON object. The first line is the head:
``format`` is "txws2 recording", ``version`` is 1, ``began`` is the time of its beginning in seconds
since 1970, ``path`` is the path of the request without its query, and ``subprotocol`` is the
subprotocol agreed on, or null.

Each line after that is a message. ``time`` has the seconds since the beginning, ``from`` is
"client" or "server", and either ``text`` has the text or ``data`` has the bytes, in Base64. The
last line has ``time``, ``close`` (the close code that the client has sent) and ``reason``. It is
missing if the recording has reached the limit of its size, or if the process was killed.
"""

from __future__ import annotations

import json
import os
from base64 import b64decode
from collections.abc import Iterator
from math import inf
from typing import Any, NamedTuple

__all__ = ["FORMAT", "VERSION", "Head", "Recorded", "read_head", "read_recording"]

FORMAT = "txws2 recording"
VERSION = 1

# A path has at most 8 KiB, by the limit of lines. Another file may be one endless line.
_LONGEST_HEAD = 2**16


class Head(NamedTuple):
    """The first line of a recording.

    Attributes:
        began: the time of its beginning, in seconds since 1970.
        path: the path of the request, without its query.
        subprotocol: the subprotocol of the connection; None if there was none.
    """

    began: float
    path: str
    subprotocol: str | None


class Recorded(NamedTuple):
    """A message of a recording.

    Attributes:
        time: the seconds since the beginning.
        from_client: True if the client has sent it, False if it was sent to the client.
        message: a str for text, bytes for binary.
    """

    time: float
    from_client: bool
    message: str | bytes


def read_head(path: str | os.PathLike[str]) -> Head:
    """Return the head of a recording.

    Raises:
        OSError: the file can't be read.
        ValueError: the file is no recording, or one of another version.
    """
    with open(path, "rb") as lines:
        return _head(path, lines.readline(_LONGEST_HEAD))


def read_recording(path: str | os.PathLike[str]) -> Iterator[Recorded]:
    """Generate the messages of a recording, in their order.

    A last line that isn't complete is left out: a process that was killed leaves one.

    Args:
        path: the path of the file.

    Raises:
        OSError: the file can't be read.
        ValueError: the file is no recording, or one of another version, or a line is malformed.
    """
    with open(path, "rb") as lines:
        _head(path, lines.readline(_LONGEST_HEAD))
        for number, line in enumerate(lines, 2):
            if not line.endswith(b"\n"):
                return
            recorded = _recorded(path, number, line)
            if recorded is not None:
                yield recorded


def _head(path: str | os.PathLike[str], line: bytes) -> Head:
    try:
        head: Any = json.loads(line)
        if head["format"] == FORMAT and head["version"] == VERSION:
            return Head(float(head["began"]), str(head["path"]), head["subprotocol"])
        version = head["version"] if head["format"] == FORMAT else None
    except (ValueError, TypeError, KeyError, RecursionError):
        version = None
    if version is None:
        raise ValueError(f"{os.fspath(path)} is no recording of txws2")
    raise ValueError(
        f"{os.fspath(path)} is a recording of version {version!r}; this txws2 reads version "
        f"{VERSION}"
    )


def _recorded(path: str | os.PathLike[str], number: int, line: bytes) -> Recorded | None:
    """Return the message of a line; None for the line of the close."""
    try:
        entry: Any = json.loads(line)
        if "close" in entry:
            return None
        if "text" in entry:
            message: str | bytes = str(entry["text"])
            # No text message has a half of a surrogate pair.
            str(message).encode()
        else:
            message = b64decode(entry["data"], validate=True)
        time = float(entry["time"])
        if not 0 <= time < inf:
            raise ValueError("a time is a number of seconds")
        return Recorded(time, {"client": True, "server": False}[entry["from"]], message)
    except (ValueError, TypeError, KeyError, RecursionError) as exc:
        raise ValueError(f"{os.fspath(path)}, line {number}: this is no message") from exc

"""The wire format: JSON messages, error codes, and close codes; see docs/howto/relay.rst."""

from __future__ import annotations

import json
from base64 import b64decode
from enum import IntEnum
from typing import Any

__all__ = [
    "SUBPROTOCOL",
    "RelayCode",
    "RelayError",
    "check_data",
    "check_room",
    "comes_back",
    "dumped",
    "parsed",
    "payload_of",
    "size_of",
]

SUBPROTOCOL = "relay.1.txws2"
"""The name and the version of the wire format."""

# RFC 8259 section 6 has no infinite numbers. A browser that gets one can't read the message.
_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False)

_ROOM_SIZE = 128


class RelayCode(IntEnum):
    """The relay's own close codes: clients come back after 4500 to 4599, and not after others."""

    BAD_REQUEST = 4400
    NOT_ALLOWED = 4403
    GAP = 4410
    TOO_BIG = 4413
    FULL = 4503
    TOO_SLOW = 4508
    TOO_FAST = 4529


# A connection that ended with one of these would end so again.
_FINAL = {1002, 1003, 1007, 1008, 1009, 1010}


def comes_back(code: int) -> bool:
    """Tell whether a client connects again after this close code."""
    return code not in _FINAL and not 4400 <= code <= 4499


class RelayError(Exception):
    """A relay has refused a request.

    Attributes:
        code: a word for programs, as "not-allowed"; docs/howto/relay.rst has the table.
        text: a sentence for people.
        wait: the seconds after which the same request may succeed; None if that isn't known.
    """

    def __init__(self, code: str, text: str, wait: int | None = None) -> None:
        super().__init__(code, text)
        self.code = code
        self.text = text
        self.wait = wait

    @property
    def sentence(self) -> str:
        """The text as a sentence of its own."""
        return f"{self.text[:1].upper()}{self.text[1:]}."

    def __str__(self) -> str:
        return f"{self.code}: {self.text}"


def dumped(said: dict[str, Any]) -> str:
    """Return the text of a JSON message."""
    return _ENCODER.encode(said)


def parsed(message: str | bytes) -> dict[str, Any]:
    """Return the object that a message of a peer has.

    Raises:
        RelayError: it isn't JSON, or no object with a type.
    """
    try:
        said = json.loads(message, parse_constant=_refuse) if isinstance(message, str) else None
    except (ValueError, RecursionError):
        said = None
    if not isinstance(said, dict):
        raise RelayError("bad-json", "a message must be text with one JSON object")
    return said


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} isn't JSON")


def check_room(name: object) -> str:
    """Return the name of a room.

    Raises:
        RelayError: it isn't one.
    """
    if (
        not isinstance(name, str)
        or not name
        or not name.isprintable()
        or size_of(name) > _ROOM_SIZE
    ):
        raise RelayError(
            "bad-room", f"room must be printable text of 1 to {_ROOM_SIZE} bytes of UTF-8"
        )
    return name


def payload_of(said: dict[str, Any], limit: int) -> str | bytes:
    """Return the payload of a JSON message: text, or bytes.

    Raises:
        RelayError: there is none, or it is longer than the limit.
    """
    text, encoded = said.get("data"), said.get("base64")
    data: str | bytes
    if isinstance(text, str) and encoded is None:
        data = text
    elif isinstance(encoded, str) and text is None:
        try:
            data = b64decode(encoded, validate=True)
        except ValueError:
            raise RelayError("bad-message", "base64 must be Base64 with its padding") from None
    else:
        raise RelayError("bad-message", "there must be data, a text, or base64, bytes in Base64")
    check_data(data, limit)
    return data


def check_data(data: str | bytes, limit: int) -> int:
    """Return the size of a payload in bytes.

    Raises:
        RelayError: it is larger than the limit, or no UTF-8.
    """
    size = size_of(data)
    if size < 0:
        raise RelayError("bad-message", "a text must be valid Unicode: it has a lone surrogate")
    if size > limit:
        raise RelayError("too-big", f"a message has at most {limit} bytes; this one has {size}")
    return size


def size_of(data: str | bytes) -> int:
    """Return the size of a payload in bytes; -1 for a text that can't be UTF-8."""
    if isinstance(data, bytes) or data.isascii():
        return len(data)
    try:
        return len(data.encode())
    except UnicodeEncodeError:
        return -1

"""The option `decode` of `recv`: a message as str, or as bytes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = ["Result", "check_decode", "result_for"]

Result = Callable[[str | bytes], Any]
"""Converts a message for its receiver."""


def check_decode(decode: object) -> None:
    """Make sure that this is a value of the option decode.

    Raises:
        TypeError: it isn't.
    """
    if not (decode is None or isinstance(decode, bool)):
        raise TypeError(
            f"decode must be True, False or None; it is {decode!r} "
            "(give a timeout by its name: recv(timeout=10))"
        )


def result_for(decode: bool) -> Result:
    """Return the function that converts a message to str (True), or to bytes (False).

    Raises:
        TypeError: this is no value of the option decode.
    """
    check_decode(decode)
    return _as_text if decode else _as_bytes


def _as_text(message: str | bytes) -> str:
    return message if isinstance(message, str) else message.decode()


def _as_bytes(message: str | bytes) -> bytes:
    return message.encode() if isinstance(message, str) else message

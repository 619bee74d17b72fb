"""Who may publish: a rule for WebSocket clients, and bearer tokens for HTTP."""

from __future__ import annotations

import hmac
import os
import re
from collections.abc import Callable
from pathlib import Path
from secrets import token_bytes
from typing import Any, Literal

from txws2._checks.kinds import shown
from txws2._checks.signatures import check_hook
from txws2._deferreds.callables import result_of

__all__ = ["MayPublish", "TokenSource", "Tokens", "check_may_publish", "may_publish", "token_check"]

MayPublish = Literal["everybody", "nobody"] | Callable[[Any, str], object]
"""The WebSocket clients that may publish.

A function is called with the connection and the name of the room. It returns True or False, or an
awaitable of that.
"""

TokenSource = str | os.PathLike[str] | Callable[[str, str], object]
"""The bearer tokens with which HTTP clients may publish.

The path of a file has one token in each line. A function is called with a token and the name of the
room, and returns True or False, or an awaitable of that.
"""

Tokens = Callable[[str, str], object]

# RFC 6750 section 2.1: the form of a token.
_TOKEN = re.compile(r"[A-Za-z0-9\-._~+/]+=*", re.ASCII)


def check_may_publish(rule: object) -> None:
    """Check the option that says who may publish.

    Raises:
        TypeError: it is neither a word nor a function of a connection and a room.
        ValueError: there is no such word.
    """
    if isinstance(rule, str):
        if rule not in ("everybody", "nobody"):
            raise ValueError(f"publish must be 'everybody', 'nobody' or a function; it is {rule!r}")
    else:
        check_hook("publish", rule, ["connection", "room"])


async def may_publish(rule: MayPublish, connection: Any, room: str) -> bool:
    """Tell whether a connection may publish in a room."""
    if callable(rule):
        return bool(await result_of(rule(connection, room)))
    return rule == "everybody"


def token_check(tokens: TokenSource) -> Tokens:
    """Return the function that checks the tokens.

    Raises:
        OSError: the file can't be read.
        TypeError: it is neither a path nor a function of a token and a room.
        ValueError: a line of the file is no token.
    """
    if isinstance(tokens, (str, os.PathLike)):
        return _TokenFile(Path(tokens))
    if not callable(tokens):
        raise TypeError(f"tokens must be a path or a function; it is {shown(tokens)}")
    check_hook("tokens", tokens, ["token", "room"])
    return tokens


class _TokenFile:
    """The tokens in a file, which is read again when it has changed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        # Digests have the same length, and without the key nobody can choose one.
        self._key = token_bytes(16)
        self._stamp: tuple[int, int, int] | None = None
        self._known: list[bytes] = []
        self._read()

    def __call__(self, token: str, room: str) -> bool:
        self._read()
        given = self._digest(token)
        # All are compared, so that the time doesn't tell which of them nearly fits.
        matches = [hmac.compare_digest(given, each) for each in self._known]
        return any(matches)

    def _read(self) -> None:
        status = self._path.stat()
        stamp = status.st_mtime_ns, status.st_size, status.st_ino
        if stamp != self._stamp:
            self._known = [self._digest(token) for token in _tokens_in(self._path)]
            self._stamp = stamp

    def _digest(self, token: str) -> bytes:
        return hmac.digest(self._key, token.encode(), "sha256")


def _tokens_in(path: Path) -> list[str]:
    lines = [line.strip() for line in path.read_text().splitlines()]
    tokens = [line for line in lines if line and not line.startswith("#")]
    for number, line in enumerate(lines, 1):
        if line in tokens and not _TOKEN.fullmatch(line):
            # The text doesn't show the line, which may be secret.
            raise ValueError(f"{path}, line {number}: a token has letters, digits and -._~+/ only")
    return tokens

"""Targets by token, as websockify's token plugins have them: a file, or a directory of files."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from twisted.logger import Logger

from txws2._connection.factory import global_reactor
from txws2.forward.addresses import parse_address
from txws2.wire.http.heads import Request

__all__ = ["Targets", "short", "token_of"]

_log = Logger(namespace="txws2.server")

_SEPARATOR = re.compile(r":\s+")


def token_of(request: Request) -> str:
    """Return the token of a request; "" if it has none.

    It is the field ``token`` of the query, or else the last part of the path.
    """
    token = request.query.get("token")
    if token is None:
        token = unquote(request.path.partition("?")[0].rpartition("/")[2])
    return token


def short(token: str) -> str:
    """Return the beginning of a token, for a log: the whole token is a key."""
    return f"{token[: min(4, len(token) // 4)]}..."


class Targets:
    """Finds the target of a request by a token, in a file or in a directory of files.

    Each line of a file is ``token: target``, as websockify has them. The target is host and port,
    as ``localhost:5900``, an endpoint string, as ``unix:/run/vnc.sock``, or a ws or wss URI.
    Empty lines and those that begin with "#" are skipped. The files are read again when they have
    changed; lines with mistakes are skipped then, and the log says which.

    The token of a request is the field ``token`` of its query; without one, it is the last part of
    its path. Paths are logged, and queries aren't, so the query is the better place.

    Args:
        path: the path of the file, or of the directory. Hidden files in a directory are skipped.
        reactor: the reactor that the addresses are for; None for the global one.

    Raises:
        OSError: the file or the directory can't be read.
        ValueError: a line has a mistake; the text names the file and the line.
    """

    def __init__(self, path: str | os.PathLike[str], *, reactor: Any = None) -> None:
        self._path = Path(path)
        self._reactor = global_reactor() if reactor is None else reactor
        self._state = self._look()
        # By the hash of the token: so the time of a search tells nothing about other tokens.
        self._found: dict[bytes, str] = {}
        mistakes = self._read()
        if mistakes:
            raise ValueError(mistakes[0])

    def __call__(self, request: Request) -> str | None:
        """Return the address of the target of a request; None if its token isn't known."""
        self._refresh()
        token = token_of(request)
        return self._found.get(_key(token)) if token else None

    def _refresh(self) -> None:
        """Read the files again if they have changed; if they can't be read, keep the targets."""
        try:
            state = self._look()
            if state == self._state:
                return
            self._state = state
            mistakes = self._read()
        except (OSError, ValueError) as exc:
            if self._state is not None:
                _log.error("the targets can't be read again, so they stay: {why}", why=str(exc))
            self._state = None
            return
        for mistake in mistakes:
            _log.error("{mistake}; the line is skipped", mistake=mistake)

    def _look(self) -> list[tuple[str, int, int, int]] | None:
        """Return a description of the files that changes with them."""
        looks = []
        for path in self._files():
            status = path.stat()
            looks.append((str(path), status.st_mtime_ns, status.st_size, status.st_ino))
        return looks

    def _files(self) -> Iterable[Path]:
        if not self._path.is_dir():
            return [self._path]
        return sorted(
            path for path in self._path.iterdir() if path.is_file() and path.name[0] != "."
        )

    def _read(self) -> list[str]:
        """Read all files; return the mistakes in them."""
        found: dict[bytes, str] = {}
        mistakes = []
        for path in self._files():
            for number, line in _lines(path):
                # The line itself may have a token in it, so it isn't shown.
                token, _, address = _split(line)
                if not token or not address:
                    mistakes.append(f"{path}, line {number}: a line is 'token: host:port'")
                elif _key(token) in found:
                    mistakes.append(f"{path}, line {number}: another line has the same token")
                else:
                    try:
                        parse_address(address, self._reactor)
                        found[_key(token)] = address
                    except Exception as exc:
                        mistakes.append(f"{path}, line {number}: {exc}")
        self._found = found
        return mistakes


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    try:
        # Editors of Windows may put a byte order mark at the beginning.
        text = path.read_text("utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError(f"{path} isn't UTF-8, as a file of targets is") from None
    for number, line in enumerate(text.splitlines(), 1):
        line = line.strip()
        if line and not line.startswith("#"):
            yield number, line


def _split(line: str) -> tuple[str, str, str]:
    token, *rest = _SEPARATOR.split(line, maxsplit=1)
    return token, ":", rest[0] if rest else ""


def _key(token: str) -> bytes:
    return sha256(token.encode("utf-8", "surrogatepass")).digest()

"""`WatchedFile`: a file whose contents are read again when it has changed."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Generic, TypeVar

from twisted.logger import Logger

__all__ = ["Unreadable", "WatchedFile", "lines_of", "state_of"]

T = TypeVar("T")

# The files have names, passwords and tokens: some hundred bytes for each person.
_LARGEST = 2**24

_log = Logger(namespace="txws2.server")


class Unreadable(ValueError):
    """A file can't be read, or has a mistake in it; the text shows nothing secret of it."""


class WatchedFile(Generic[T]):
    """A file that is read again when it has changed.

    A file that has become wrong, or can't be read any more, is logged once. Until it changes
    again, the last contents that were right count.

    Args:
        path: the path of the file; a relative one begins in the present current directory, even if
            twistd changes that later.
        parse: makes a value of the lines of the file. It raises `Unreadable`.

    Raises:
        Unreadable: the file can't be read, or is wrong.
    """

    def __init__(self, path: str | os.PathLike[str], parse: Callable[[str, list[str]], T]) -> None:
        self.path = os.fspath(path)
        self._place = os.path.abspath(self.path)
        self._parse = parse
        # The state comes first: a change while the file is read is then seen the next time.
        self._state = state_of(self._place)
        self._value = self._read()

    def value(self) -> T:
        """Return the value of the file as it is now."""
        state = state_of(self._place)
        if state != self._state:
            self._state = state
            try:
                self._value = self._read()
            except Unreadable as exc:
                text = "{problem}; what was read before still counts"
                _log.error(text, problem=str(exc))
            else:
                _log.info("{path} was read again", path=self.path)
        return self._value

    def _read(self) -> T:
        return self._parse(self.path, lines_of(self.path, self._place))


def lines_of(path: str, place: str) -> list[str]:
    """Return the lines of a file, without spaces around them.

    Args:
        path: the path for the text of an error.
        place: the absolute path.

    Raises:
        Unreadable: it can't be read, is too large, or isn't UTF-8.
    """
    try:
        with open(place, "rb") as file:
            data = file.read(_LARGEST + 1)
    except OSError as exc:
        raise Unreadable(f"can't read {path!r}: {exc.strerror}") from exc
    if len(data) > _LARGEST:
        raise Unreadable(f"{path!r} is larger than {_LARGEST >> 20} MiB")
    try:
        # Editors of Windows may put a byte order mark at the beginning.
        return [line.strip() for line in data.decode("utf-8-sig").split("\n")]
    except UnicodeDecodeError:
        raise Unreadable(f"{path!r} isn't UTF-8") from None


def state_of(path: str) -> tuple[int, ...] | None:
    """Return numbers that change with the contents of a file; None if there is no such file."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino, found.st_dev

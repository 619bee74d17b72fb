"""`UserFile`: the names and passwords in a file of `htpasswd`."""

from __future__ import annotations

import hmac
import os
from collections import OrderedDict
from collections.abc import Callable
from secrets import token_bytes
from typing import Any

from twisted.internet.defer import Deferred, DeferredSemaphore
from twisted.internet.threads import deferToThreadPool

from txws2.server.password_hashes import check_hash, matches
from txws2.server.watched_file import Unreadable, WatchedFile

__all__ = ["TooManyChecks", "UserFile"]

# A hash is slow on purpose. Two threads leave the rest of the pool for others.
_AT_ONCE = 2
_WAITING = 256
_REMEMBERED = 1024


class TooManyChecks(Exception):
    """Too many passwords wait for a check."""


class UserFile:
    """The users in a file of `htpasswd`, for the check_credentials of `basic_auth`.

    Each line has a name, a colon, and a hash of bcrypt (`htpasswd -B`, with the package bcrypt),
    SHA-256-crypt or SHA-512-crypt (`openssl passwd -6`). Lines that begin with "#" are comments.
    The file is read again when it has changed; if it has become wrong, that is logged, and the
    users before count.

    Passwords are checked in two threads of the reactor, and up to 256 wait for these. The latest
    1024 right answers are remembered, as keyed digests, so a client that comes again needs no
    thread. They are forgotten when the hash of the user changes.

    Args:
        path: the path of the file. Only the server's user should be able to read it.
        reactor: the reactor whose threads check; None for the global one.

    Raises:
        ValueError: the file can't be read, or a line is wrong: it has no hash, or one of a kind
            that isn't safe. The text doesn't show the hash.
    """

    def __init__(self, path: str | os.PathLike[str], *, reactor: Any = None) -> None:
        self._file = WatchedFile(path, _parse)
        self._reactor = reactor
        self._free = DeferredSemaphore(_AT_ONCE)
        self._key = token_bytes(16)
        self._right: OrderedDict[bytes, None] = OrderedDict()

    async def __call__(self, username: str, password: str) -> bool:
        """Return True if a password is that of a user.

        Raises:
            TooManyChecks: too many wait for a check already.
        """
        users = self._file.value()
        known = users.get(username)
        # The check of an unknown name takes as long as that of a known one.
        hashed = next(iter(users.values())) if known is None else known
        text = "\0".join((username, password, hashed))
        digest = hmac.digest(self._key, text.encode(), "sha256")
        if digest in self._right:
            self._right.move_to_end(digest)
            return True
        right = await self._in_thread(matches, password, hashed)
        if not right or known is None:
            return False
        self._right[digest] = None
        if len(self._right) > _REMEMBERED:
            self._right.popitem(last=False)
        return True

    async def _in_thread(self, function: Callable[..., bool], *arguments: Any) -> bool:
        if len(self._free.waiting) >= _WAITING:
            raise TooManyChecks
        await self._free.acquire()
        reactor = self._reactor
        if reactor is None:
            from twisted.internet import reactor
        pool = reactor.getThreadPool()
        working = deferToThreadPool(reactor, pool, function, *arguments)
        # A client that leaves doesn't stop the thread, which counts until it is done.
        awaited: Deferred[bool] = Deferred()

        def done(result: Any) -> None:
            self._free.release()
            if not awaited.called:
                awaited.callback(result)

        working.addBoth(done)
        return await awaited


def _parse(path: str, lines: list[str]) -> dict[str, str]:
    users: dict[str, str] = {}
    for number, line in enumerate(lines, 1):
        if not line or line.startswith("#"):
            continue
        name, colon, hashed = line.partition(":")
        # These texts don't show the hash.
        if not (name and colon):
            raise Unreadable(f"{path}:{number}: a line must have a name, a colon and a hash")
        if name in users:
            raise Unreadable(f"{path}:{number}: {name!r} stands in a line before, too")
        try:
            check_hash(hashed)
        except ValueError as exc:
            raise Unreadable(f"{path}:{number}: {name!r} {exc}") from None
        users[name] = hashed
    if not users:
        raise Unreadable(f"{path!r} has no users; make some by `htpasswd -B {path} NAME`")
    return users

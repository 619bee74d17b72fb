"""An error of one connection stays with that connection."""

from __future__ import annotations

from collections.abc import Callable

from twisted.logger import Logger

__all__ = ["isolated"]

_log = Logger(namespace="txws2")


def isolated(call: Callable[..., object], *arguments: object) -> None:
    """Call for one connection of many; an exception of any class goes to the log.

    An application's hooks are guarded where they are called. This guards the rest, so that a
    loop goes on to the other connections: against a transport that raises, or a mistake of ours.
    """
    try:
        call(*arguments)
    except BaseException:
        _log.failure("unexpected error of one connection; the others go on")

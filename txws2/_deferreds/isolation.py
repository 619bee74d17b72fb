"""Isolation of connections: an error of one doesn't reach the others."""

from __future__ import annotations

from collections.abc import Callable

from twisted.logger import Logger

__all__ = ["isolated"]

_log = Logger(namespace="txws2")


def isolated(call: Callable[..., object], *arguments: object) -> None:
    """Call a function for one connection of many; log an exception of any class.

    An application's hooks are guarded where they are called. This function guards a loop over
    connections against a transport that raises, and against a mistake of ours: the loop goes on
    to the other connections.
    """
    try:
        call(*arguments)
    except BaseException:
        _log.failure("unexpected error of one connection; the others go on")

"""A check for the reactor's thread, the only one in which connections can be made."""

from __future__ import annotations

import sys
from threading import current_thread, get_ident

from twisted.python import threadable

from txws2.exceptions import ConcurrencyError

__all__ = ["check_reactor_thread"]


def check_reactor_thread(reactor: object, call: str) -> None:
    """Check that this is the thread of the reactor.

    Args:
        reactor: the reactor. The check knows only the thread of the global reactor.
        call: the call, in the form of arguments of `blockingCallFromThread`.

    Raises:
        ConcurrencyError: the reactor runs in another thread.
    """
    # Twisted sets ioThread when the reactor starts.
    if threadable.ioThread in (None, get_ident()):
        return
    if reactor is sys.modules.get("twisted.internet.reactor"):
        raise ConcurrencyError(
            f"the reactor runs in another thread, and this is {current_thread().name}; use "
            f"blockingCallFromThread(reactor, {call}) of twisted.internet.threads"
        )

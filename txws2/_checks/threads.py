"""The thread that the reactor runs in: nothing can be begun in another."""

from __future__ import annotations

import sys
from threading import current_thread, get_ident

from twisted.python import threadable

from txws2.exceptions import ConcurrencyError

__all__ = ["check_reactor_thread"]


def check_reactor_thread(reactor: object, call: str) -> None:
    """Make sure that what is begun now is begun in the thread in which the reactor runs.

    Args:
        reactor: which one; only of the global one it is known where it runs.
        call: what is called, as `blockingCallFromThread` would be given it.

    Raises:
        ConcurrencyError: it runs in another.
    """
    # Twisted has it once the reactor has been started.
    if threadable.ioThread in (None, get_ident()):
        return
    if reactor is sys.modules.get("twisted.internet.reactor"):
        raise ConcurrencyError(
            f"the reactor runs in another thread, and this is {current_thread().name}; use "
            f"blockingCallFromThread(reactor, {call}) of twisted.internet.threads"
        )

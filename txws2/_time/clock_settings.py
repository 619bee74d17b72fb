"""Notices of changes to the system's clock, by a timerfd of Linux."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from twisted.internet.interfaces import IReadDescriptor
from twisted.python.failure import Failure
from zope.interface import implementer

from txws2._private_names import INTERNAL_READERS

__all__ = ["ClockSettings", "watch"]

# Constants of time.h and sys/timerfd.h.
_REALTIME, _ABSTIME, _CANCEL_ON_SET = 0, 1, 2
# A time that doesn't come: in the year 2255, or in 2038 if 32 bits hold no later one.
_NEVER = 9_000_000_000 if sys.maxsize > 2**32 else 2**31 - 1


@implementer(IReadDescriptor)
class ClockSettings:
    """Reads from a timer of the system, which becomes readable when the clock was set.

    Args:
        fd: the descriptor of the timer; it isn't blocking.
        arm: called with the descriptor before each wait.
        changed: called when the clock was set.

    Raises:
        OSError: the system has no such timers.
    """

    def __init__(self, fd: int, arm: Callable[[int], object], changed: Callable[[], None]) -> None:
        self._fd = fd
        self._arm = arm
        self._changed = changed
        arm(fd)

    def fileno(self) -> int:
        """Return the descriptor."""
        return self._fd

    def logPrefix(self) -> str:
        """Return the prefix of log lines."""
        return "ClockSettings"

    def doRead(self) -> None:
        """Read from the timer; the clock was set."""
        try:
            os.read(self._fd, 8)
        except BlockingIOError:
            return
        except OSError as exc:
            # A timer with TFD_TIMER_CANCEL_ON_SET reports the change with ECANCELED.
            if exc.errno != errno.ECANCELED:
                raise
        # The timer is armed first, so it also reports a change during the callback.
        self._arm(self._fd)
        self._changed()

    def connectionLost(self, reason: Failure) -> None:
        """Do nothing: the reactor can't wait for the timer."""

    def close(self) -> None:
        """Close the descriptor."""
        os.close(self._fd)


def watch(reactor: Any, changed: Callable[[], None]) -> bool:
    """Call `changed` when the clock was set, until the reactor stops; return False if it can't."""
    # An internal reader stays until the reactor stops, and trial doesn't report it as left behind.
    # Twisted has no public way to add one.
    if not (_is_twisteds(reactor) and INTERNAL_READERS.are_in(type(reactor))):
        return False
    internal = reactor._internalReaders
    fd = -1
    try:
        fd = _create()
        reader = ClockSettings(fd, _arm, changed)
    except (AttributeError, ImportError, OSError):
        # The system isn't Linux, or it is an emulation without timerfd.
        if fd >= 0:
            os.close(fd)
        return False

    def stop() -> None:
        internal.discard(reader)
        with suppress(Exception):
            reactor.removeReader(reader)
        reader.close()

    internal.add(reader)
    reactor.addReader(reader)
    reactor.addSystemEventTrigger("after", "shutdown", stop)
    return True


def _is_twisteds(reactor: object) -> bool:
    """Return True if a reactor is one of Twisted's that wait for descriptors."""
    module = sys.modules.get("twisted.internet.posixbase")
    return module is not None and isinstance(reactor, module.PosixReactorBase)


if sys.version_info >= (3, 13):

    def _create() -> int:
        return os.timerfd_create(_REALTIME, flags=os.TFD_NONBLOCK | os.TFD_CLOEXEC)

    def _arm(fd: int) -> None:
        os.timerfd_settime(fd, flags=_ABSTIME | _CANCEL_ON_SET, initial=_NEVER)

else:

    def _create() -> int:
        return _call("timerfd_create", _REALTIME, os.O_NONBLOCK | os.O_CLOEXEC)

    def _arm(fd: int) -> None:
        from ctypes import byref, c_long

        # struct itimerspec: no interval, and the time; each in seconds and nanoseconds.
        when = (c_long * 4)(0, 0, _NEVER, 0)
        _call("timerfd_settime", fd, _ABSTIME | _CANCEL_ON_SET, byref(when), None)

    def _call(name: str, *arguments: Any) -> int:
        # This import takes milliseconds, and few programs need it.
        import ctypes

        library = ctypes.CDLL(None, use_errno=True)
        result = int(getattr(library, name)(*arguments))
        if result < 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
        return result

"""To be told when the system's clock is set: a timerfd of Linux says so."""

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

# Of time.h and sys/timerfd.h.
_REALTIME, _ABSTIME, _CANCEL_ON_SET = 0, 1, 2
# A time that doesn't come: of the year 2255, or of 2038 where no later one can be said.
_NEVER = 9_000_000_000 if sys.maxsize > 2**32 else 2**31 - 1


@implementer(IReadDescriptor)
class ClockSettings:
    """Reads from a timer of the system, which can be read when the clock was set.

    Args:
        fd: the timer; it isn't blocking.
        arm: called with it, before each wait.
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
        """Return what stands before what is logged here."""
        return "ClockSettings"

    def doRead(self) -> None:
        """Take it from the system that the clock was set."""
        try:
            os.read(self._fd, 8)
        except BlockingIOError:
            return
        except OSError as exc:
            # So the system says that the clock was set.
            if exc.errno != errno.ECANCELED:
                raise
        # If it is set again meanwhile, that is told, too.
        self._arm(self._fd)
        self._changed()

    def connectionLost(self, reason: Failure) -> None:
        """Take it that the reactor can't wait for it."""

    def close(self) -> None:
        """Give the descriptor back."""
        os.close(self._fd)


def watch(reactor: Any, changed: Callable[[], None]) -> bool:
    """Call each time when the clock was set, until the reactor stops; tell whether that works."""
    # The reader stays until the reactor stops and isn't the application's, so trial, for one, must
    # not find it. There is no public way to say so.
    if not (_is_twisteds(reactor) and INTERNAL_READERS.are_in(type(reactor))):
        return False
    internal = reactor._internalReaders
    fd = -1
    try:
        fd = _create()
        reader = ClockSettings(fd, _arm, changed)
    except (AttributeError, ImportError, OSError):
        # Another system than Linux, or one that only looks like it.
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
    """Tell whether a reactor is one of Twisted's that wait for descriptors."""
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

        # The interval, which is none, and the time, in seconds and nanoseconds.
        when = (c_long * 4)(0, 0, _NEVER, 0)
        _call("timerfd_settime", fd, _ABSTIME | _CANCEL_ON_SET, byref(when), None)

    def _call(name: str, *arguments: Any) -> int:
        # Few need it, and it takes milliseconds to import.
        import ctypes

        library = ctypes.CDLL(None, use_errno=True)
        result = int(getattr(library, name)(*arguments))
        if result < 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
        return result

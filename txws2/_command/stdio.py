"""The standard streams as a command finds them: open, closed, full, or with nobody at the end."""

from __future__ import annotations

import os
import sys
from contextlib import suppress

from txws2._command.screen import printable

__all__ = ["check_streams", "say", "unwritable"]


def say(text: str) -> None:
    """Say something in one line on stderr, where it isn't among the messages."""
    # Some of it may be the server's words. Nobody can be told that nobody is there to be told.
    if sys.stderr is not None:
        with suppress(OSError):
            print(printable(text).replace("\n", " "), file=sys.stderr, flush=True)


def check_streams() -> str | None:
    """Tell which of stdin and stdout was closed before we began; return None if neither was.

    Files that are opened later then get none of the three numbers of the standard streams.
    """
    closed = [number for number in range(3) if not _is_open(number)]
    for _ in closed:
        # The system gives the lowest number that is free.
        os.open(os.devnull, os.O_RDWR)
    if 1 in closed:
        return "standard output is closed: there is nowhere to print messages"
    if 0 in closed:
        return "standard input is closed; where there is nothing to send, write </dev/null"
    return None


def unwritable(number: int) -> str | None:
    """Return why nothing can be written there any more, None if whoever read it has gone.

    Twisted doesn't say what the system has said, so it is asked once more.

    Args:
        number: the file descriptor.
    """
    try:
        os.write(number, b"\n")
    except BrokenPipeError:
        return None
    except BlockingIOError:
        return "nobody reads them"
    except OSError as exc:
        return exc.strerror
    return "it couldn't be written for a moment"


def _is_open(number: int) -> bool:
    try:
        os.fstat(number)
    except OSError:
        return False
    return True

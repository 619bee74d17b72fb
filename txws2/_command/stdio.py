"""The standard streams of a command: open, closed, full, or without a reader."""

from __future__ import annotations

import os
import sys
from contextlib import suppress

from txws2._command.screen import printable

__all__ = ["check_streams", "say", "show", "unwritable"]


def say(text: str) -> None:
    """Print a line on stderr, apart from the messages on stdout."""
    # The text may come from the server, so it is escaped. An error here can't be reported.
    if sys.stderr is not None:
        with suppress(OSError):
            print(printable(text).replace("\n", " "), file=sys.stderr, flush=True)


def show(text: str = "") -> None:
    """Print a text on stdout, as an answer that ends the command.

    A reader that has left, as `head` does, wants no more of it.
    """
    try:
        print(text, end="", flush=True)
    except BrokenPipeError:
        # Python writes the rest again at the end of the process, and would report the error.
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def check_streams() -> str | None:
    """Return an error line if stdin or stdout was closed before the start; otherwise None.

    Closed streams are opened on /dev/null, so that no other file gets one of their numbers.
    """
    closed = [number for number in range(3) if not _is_open(number)]
    for _ in closed:
        # The system gives the lowest free number.
        os.open(os.devnull, os.O_RDWR)
    if 1 in closed:
        return "standard output is closed, so messages can't be printed"
    if 0 in closed:
        return "standard input is closed; to send nothing, write </dev/null"
    return None


def unwritable(number: int) -> str | None:
    """Return why a stream can't be written any more; None if its reader has gone.

    Twisted doesn't report the system's error, so this writes once more to get it.

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
    return "the output couldn't be written for a moment"


def _is_open(number: int) -> bool:
    try:
        os.fstat(number)
    except OSError:
        return False
    return True

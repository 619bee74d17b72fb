"""The traceback of a program that has failed, cut to the program's own lines."""

from __future__ import annotations

from types import TracebackType

from twisted.internet.error import ConnectError, DNSLookupError
from twisted.python.failure import Failure

from txws2._checks.own_files import OF_LIBRARIES
from txws2.exceptions import WebSocketException

__all__ = ["own_part"]

# The causes of these exceptions are outside the process, so the lines of libraries don't help.
_OUTSIDE = (ConnectError, DNSLookupError, WebSocketException)


def own_part(failure: Failure) -> Failure:
    """Return a failure to connect, or of a connection, with the lines of the program alone.

    The lines of Twisted and of txws2 in between would hide them. Any other failure stays as it
    is, and so does a failure without a line of the program.
    """
    exception = failure.value
    if not isinstance(exception, _OUTSIDE):
        return failure
    own = None
    for each in reversed(_entries(exception.__traceback__)):
        if not each.tb_frame.f_code.co_filename.startswith(OF_LIBRARIES):
            own = TracebackType(own, each.tb_frame, each.tb_lasti, each.tb_lineno)
    return failure if own is None else Failure(exception, type(exception), own)


def _entries(traceback: TracebackType | None) -> list[TracebackType]:
    entries = []
    while traceback is not None:
        entries.append(traceback)
        traceback = traceback.tb_next
    return entries

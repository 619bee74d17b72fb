"""Failures of handlers and hooks, which are logged and which a test has to hear of."""

from __future__ import annotations

from traceback import format_exception
from weakref import WeakValueDictionary

from twisted.internet.protocol import Protocol
from twisted.logger import ILogObserver, LogEvent, globalLogPublisher
from twisted.python.failure import Failure
from zope.interface import provider

from txws2._connection.journal import id_of
from txws2._connection.protocol import WebSocketProtocol

__all__ = ["Failures"]


class Failures:
    """The failures of handlers and hooks that txws2 has logged for these protocols.

    Args:
        *protocols: both ends of a connection.

    Attributes:
        found: those that weren't taken yet, oldest first.
    """

    def __init__(self, *protocols: Protocol) -> None:
        self.found: list[Failure] = []
        for protocol in protocols:
            if isinstance(protocol, WebSocketProtocol):
                _FAILURES[id_of(protocol)] = self
        # It is added once, and stays: an observer that went when the garbage collector takes a
        # Joined might go while the log is calling the others, and one of them would miss an event.
        globalLogPublisher.addObserver(_observe)

    def take(self) -> list[Failure]:
        """Return those that were found since the last call."""
        found = self.found[:]
        self.found.clear()
        return found

    def explain(self, exception: BaseException) -> None:
        """Note on this exception the failures that may have caused it."""
        for failure in self.found:
            # Some versions of Twisted take the traceback off the exception.
            traceback = failure.getTracebackObject()
            raised = format_exception(failure.type, failure.value, traceback)
            note = "a handler has raised:\n" + "".join(raised)
            if note not in getattr(exception, "__notes__", ()):
                exception.add_note(note)


# By the id of the connection, for as long as a test has its Joined.
_FAILURES: WeakValueDictionary[str, Failures] = WeakValueDictionary()


@provider(ILogObserver)
def _observe(event: LogEvent) -> None:
    failures = _FAILURES.get(event.get("connection", ""))
    if failures is not None and "log_failure" in event:
        failures.found.append(event["log_failure"])

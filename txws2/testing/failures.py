"""Failures of handlers and hooks: txws2 logs them, and a test must see them."""

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
        found: the failures that weren't taken yet, oldest first.
    """

    def __init__(self, *protocols: Protocol) -> None:
        self.found: list[Failure] = []
        for protocol in protocols:
            if isinstance(protocol, WebSocketProtocol):
                _FAILURES[id_of(protocol)] = self
        # The publisher keeps one observer for all tests. If the garbage collector removed an
        # observer with its Joined, it could do so during a log call, and another observer would
        # miss that event.
        globalLogPublisher.addObserver(_observe)

    def take(self) -> list[Failure]:
        """Return the failures that were found since the last call."""
        found = self.found[:]
        self.found.clear()
        return found

    def explain(self, exception: BaseException) -> None:
        """Add notes to this exception about the failures that may have caused it."""
        for failure in self.found:
            # Some versions of Twisted remove the traceback from the exception.
            traceback = failure.getTracebackObject()
            raised = format_exception(failure.type, failure.value, traceback)
            note = "a handler has raised:\n" + "".join(raised)
            if note not in getattr(exception, "__notes__", ()):
                exception.add_note(note)


# The key is the id of the connection. An entry lives as long as the test's Joined.
_FAILURES: WeakValueDictionary[str, Failures] = WeakValueDictionary()


@provider(ILogObserver)
def _observe(event: LogEvent) -> None:
    failures = _FAILURES.get(event.get("connection", ""))
    if failures is not None and "log_failure" in event:
        failures.found.append(event["log_failure"])

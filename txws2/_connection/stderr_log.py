"""Errors are shown on stderr if the application has not set up logging."""

from __future__ import annotations

import sys
from typing import cast

from twisted.logger import (
    ILogObserver,
    LogEvent,
    LogLevel,
    eventAsText,
    globalLogBeginner,
    globalLogPublisher,
)

from txws2._private_names import LOG_OBSERVERS

# This field marks the events that were shown.
_MARK = "txws2_shown"

__all__ = ["is_unobserved", "show_errors", "was_shown"]

# Until logging begins, Twisted itself shows critical events only. Info isn't shown, as nobody has
# asked for it. Debug is shown: its events exist only where debug=True has asked for them.
_SHOWN = (LogLevel.debug, LogLevel.warn, LogLevel.error)


def is_unobserved() -> bool:
    """Return True if nobody observes the log: logging hasn't begun, and no observer was added.

    Twisted has no public way to find out. If a version lacks the private names, the log counts as
    observed, and nothing is shown.
    """
    if not LOG_OBSERVERS.are_in(type(globalLogBeginner), type(globalLogPublisher)):
        return False
    # There is none once logging has begun.
    temporary = globalLogBeginner._temporaryObserver
    if temporary is None:
        return False
    return all(each is temporary or each is _show for each in globalLogPublisher._observers)


def show_errors() -> None:
    """From now on, show errors and warnings on stderr, as long as nobody observes the log."""
    globalLogPublisher.addObserver(cast(ILogObserver, _show))


def _show(event: LogEvent) -> None:
    if event.get("log_level") not in _SHOWN or sys.stderr is None:
        return
    if str(event.get("log_namespace")).split(".")[0] == "txws2" and is_unobserved():
        text = eventAsText(event, includeTimestamp=False, includeSystem=False)
        sys.stderr.write(f"{text}\n")
        sys.stderr.flush()
        event[_MARK] = True


def was_shown(event: LogEvent) -> bool:
    """Return True if an event from before logging began was shown already."""
    return _MARK in event or event.get("log_level") is LogLevel.critical

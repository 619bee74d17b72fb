"""Errors are seen on stderr where no application has set up logging."""

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

# A field of the events that were shown.
_MARK = "txws2_shown"

__all__ = ["is_unobserved", "show_errors", "was_shown"]

# Twisted itself shows critical events, and those alone, until logging begins. Above info, since
# that is for who asks for it; debug events exist only where debug=True has asked for them.
_SHOWN = (LogLevel.debug, LogLevel.warn, LogLevel.error)


def is_unobserved() -> bool:
    """Tell whether nobody observes the log: logging hasn't begun, and nobody has an observer.

    Where Twisted doesn't tell, the log counts as observed, and nothing is shown.
    """
    if not LOG_OBSERVERS.are_in(type(globalLogBeginner), type(globalLogPublisher)):
        return False
    # There is none once logging has begun.
    temporary = globalLogBeginner._temporaryObserver
    if temporary is None:
        return False
    return all(each is temporary or each is _show for each in globalLogPublisher._observers)


def show_errors() -> None:
    """From now on, show what goes wrong in an application, as long as nobody observes the log."""
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
    """Tell whether an event was shown already that was logged before logging began."""
    return _MARK in event or event.get("log_level") is LogLevel.critical

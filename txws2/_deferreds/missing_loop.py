"""Advice in the log for an application that uses asyncio without a running loop."""

from __future__ import annotations

from traceback import format_exception
from typing import Any

from twisted.logger import Logger, LogLevel
from twisted.python.failure import Failure
from twisted.python.reflect import safe_str

from txws2._deferreds.causes import causes_of
from txws2._deferreds.eventual import PAGE
from txws2._deferreds.missing_async import advice_on_async
from txws2._deferreds.tasks import running_loop

__all__ = ["advice_on", "log_failure"]

# Parts of the texts of asyncio's exceptions, and of libraries that look for its loop.
_LOOPLESS = {
    RuntimeError: (
        "no running event loop",
        "no current event loop",
        "await wasn't used with future",
        "inside a task",
        "cannot determine the parent task",
        "attached to a different loop",
        "bound to a different event loop",
        "unknown async library",
        "Not currently running on any asynchronous event loop",
    ),
    # asyncio's queues and locks raise this.
    AttributeError: ("'NoneType' object has no attribute 'create_future'",),
}

_NESTED = (
    "cannot be called from a running event loop",
    "This event loop is already running",
    "Cannot run the event loop while another loop is running",
)

_WITHOUT = (
    'asyncio needs its own reactor: txws2.run(..., reactor="asyncio") or '
    f"`twistd --reactor asyncio ws`; see {PAGE}"
)

_WITHIN = f"asyncio's loop is running already, so await the coroutine directly; see {PAGE}"


def advice_on(exception: BaseException | None) -> str | None:
    """Return advice on an exception that asyncio has raised because its loop doesn't run.

    Code that starts another loop on asyncio's reactor gets advice, too.

    Args:
        exception: an exception of an application.

    Returns:
        A sentence; None for any other exception.
    """
    # An application's exception may have a __str__ that raises.
    text = safe_str(exception)
    if running_loop() is not None:
        nested = isinstance(exception, RuntimeError) and any(each in text for each in _NESTED)
        return _WITHIN if nested else None
    for kind, texts in _LOOPLESS.items():
        if isinstance(exception, kind) and any(each in text for each in texts):
            return _WITHOUT
    return None


def log_failure(
    log: Logger,
    event: str,
    failure: Failure,
    level: Any = LogLevel.error,
    **fields: Any,
) -> None:
    """Log an exception of an application, with advice if there is any.

    Twisted doesn't show the notes of an exception, nor the exceptions in a group, so they are
    added to the event.

    Args:
        log: the log.
        event: the format of the event, with fields in braces.
        failure: the exception.
        level: the log level.
        **fields: the fields.
    """
    advice = advice_on(failure.value) or advice_on_async(failure.value)
    said = [*([advice] if advice else []), *getattr(failure.value, "__notes__", ())]
    if said:
        event, fields = f"{event}. {{advice}}", {**fields, "advice": ". ".join(said)}
    if isinstance(failure.value, BaseExceptionGroup):
        shown = (f"\n{''.join(format_exception(each))}" for each in causes_of(failure.value))
        event, fields = f"{event}{{members}}", {**fields, "members": "".join(shown)}
    log.failure(event, failure, level, **fields)

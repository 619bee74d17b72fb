"""The states of a client service, and the hook that is called with each new one."""

from __future__ import annotations

import enum
from collections.abc import Callable

from twisted.logger import Logger
from twisted.python.failure import Failure

from txws2._deferreds.missing_loop import log_failure

__all__ = ["ClientState", "StateHook", "call_state_hook"]


class ClientState(enum.Enum):
    """The state of a `WebSocketClientService`."""

    STOPPED = enum.auto()
    """The service wasn't started, was stopped, or has given up."""
    CONNECTING = enum.auto()
    """It makes a connection, and then runs `on_connect`."""
    OPEN = enum.auto()
    """It is connected."""
    BACKING_OFF = enum.auto()
    """It waits before the next attempt, because an attempt failed or a connection soon ended."""


StateHook = Callable[[ClientState], object]
"""The hook `on_state_change` of a service."""


def call_state_hook(hook: StateHook | None, state: ClientState, log: Logger) -> None:
    """Call the hook with a new state; log an exception that it raises."""
    if hook is None:
        return
    try:
        hook(state)
    except BaseException:
        log_failure(log, "{hook} failed", Failure(), hook="on_state_change")

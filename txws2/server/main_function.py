"""Checks of the main function that `run` is given when it gets no port."""

from __future__ import annotations

import inspect
from typing import Any

from twisted.internet.interfaces import IProtocolFactory

from txws2._checks.signatures import calling_fails, name_of, parameters_of, written
from txws2._connection.protocol import WebSocketProtocol
from txws2._deferreds.callables import check_function

__all__ = ["check_program", "explain_reactor"]

# Usual names of a handler's first parameter. No main function gives the reactor such a name.
_OF_HANDLERS = {
    "client",
    "conn",
    "connection",
    "protocol",
    "sock",
    "socket",
    "web_socket",
    "websocket",
    "ws",
}


def check_program(target: object, serves: bool) -> None:
    """Make sure that this is a function to be called with the reactor.

    Args:
        target: the argument of `run`, which got no port.
        serves: True if the target is known to serve connections.

    Raises:
        TypeError: the target is something else; if it serves connections, the text says that it
            needs a port.
    """
    if inspect.iscoroutine(target):
        name = target.__qualname__.rpartition(".")[2]
        target.close()
        raise TypeError(
            f"run() takes a function, and calls it with the reactor; it was given {name}(), a "
            f"coroutine: write run({name})"
        )
    if serves or IProtocolFactory.providedBy(target) or _is_protocol(target):
        raise TypeError(_without_port(target))
    check_function("the target of run() without a port", target)
    assert callable(target)
    taken = parameters_of(target) or [""]
    if taken[0] in _OF_HANDLERS:
        raise TypeError(f"{_without_port(target)}; this one takes {taken[0]!r}, a connection")
    why = calling_fails(target, ["reactor"])
    if why is not None:
        name = name_of(target)
        raise TypeError(
            f"run() calls {written(target)} with the reactor, and can't: {why}; write: "
            f"async def {name}(reactor)"
        )


def explain_reactor(exc: BaseException, target: Any, reactor: object) -> None:
    """Explain an exception of a function that took the reactor for a connection.

    Args:
        exc: the exception; the explanation is added to its text.
        target: the function.
        reactor: the reactor that it was called with.
    """
    if isinstance(exc, AttributeError):
        taken = exc.obj is reactor and hasattr(WebSocketProtocol, exc.name or "")
    else:
        got = f"__aiter__ method, got {type(reactor).__name__}"
        taken = isinstance(exc, TypeError) and got in str(exc)
    if taken:
        exc.args = (f"{exc}: it is the reactor; {_without_port(target)}",)


def _is_protocol(target: object) -> bool:
    kind = target if inspect.isclass(target) else type(target)
    return issubclass(kind, WebSocketProtocol)


def _without_port(target: object) -> str:
    name = name_of(target) if hasattr(target, "__qualname__") else "..."
    return (
        f"run({name}) needs a port to serve at, as run({name}, 'localhost', 8765); without one, "
        "it calls the main function of a program, with the reactor"
    )

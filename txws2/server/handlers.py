"""Checks of the handlers that a server calls, before it listens."""

from __future__ import annotations

import inspect
from collections.abc import Sequence

from twisted.internet.interfaces import IProtocol, IProtocolFactory

from txws2._checks.signatures import calling_fails, name_of, parameters_of, written
from txws2._connection.protocol import WebSocketProtocol
from txws2._deferreds.callables import check_function

__all__ = ["check_handler"]


def check_handler(
    handler: object, parameters: Sequence[str] | None = (), name: str = "handler"
) -> None:
    """Make sure that a handler can be called with a connection, and does something then.

    Args:
        handler: the value that was given as the handler.
        parameters: the names of its further arguments; None if they aren't known yet.
        name: its name in the text of an error.

    Raises:
        TypeError: it can't be called so; the text says what was probably meant, if that is known.
    """
    other = _something_else(handler)
    if other is not None:
        raise TypeError(f"{name} must be a function that is called with each connection; {other}")
    check_function(name, handler)
    if parameters is None:
        return
    assert callable(handler)
    why = calling_fails(handler, ["connection"], parameters)
    if why is not None:
        called = ", ".join(["connection", *(f"{each}=..." for each in parameters)])
        advice = _advice(handler, parameters)
        raise TypeError(f"{name} {written(handler)} can't be called with {called}: {why}; {advice}")


def _something_else(handler: object) -> str | None:
    """Say what a value is that is no function, and what to do with it; None for a function."""
    if inspect.ismodule(handler):
        return f"it is the module {handler.__name__}: give the function in it"
    if inspect.isclass(handler):
        return f"it is the class {handler.__qualname__}: {_of_class(handler)}"
    kind = type(handler)
    if issubclass(kind, WebSocketProtocol):
        name = kind.__qualname__
        return f"it is one connection, of {name}: give its class, as create_protocol={name}"
    if callable(handler):
        return None
    if IProtocolFactory.providedBy(handler):
        return (
            "it is a factory, which has a handler of its own: give it to run(factory, host, port), "
            "or to the listen() of an endpoint"
        )
    if isinstance(handler, str) and handler.startswith(("ws:", "wss:")):
        return f"it is {handler!r}: a server needs no URL"
    return None


def _of_class(kind: type) -> str:
    name = kind.__qualname__
    if issubclass(kind, WebSocketProtocol):
        return f"give it as create_protocol={name}, with None for the handler"
    if IProtocol.implementedBy(kind):
        return (
            f"WebSocketFactory(Factory.forProtocol({name})) serves such a protocol over WebSocket, "
            f"and a subclass of WebSocketServerProtocol is given as create_protocol"
        )
    return "give a function, for instance a method of an object of this class"


def _advice(handler: object, parameters: Sequence[str]) -> str:
    taken = parameters_of(handler) or [] if callable(handler) else []
    right = ", ".join(["ws", *parameters])
    name = name_of(handler)
    short = name.rpartition(".")[2].replace("<lambda>", "handler")
    if taken[:1] == ["self"]:
        return f"it is a method: give that of an object, as {name.rpartition('.')[0]}().{short}"
    if "path" in taken and "path" not in parameters:
        return f"the path is ws.request.path, so write: async def {short}({right})"
    if len(taken) <= len(parameters) or parameters:
        return f"write: async def {short}({right})"
    return f"functools.partial({short}, ...) can give it the others"

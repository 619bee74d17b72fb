"""`route`: a handler for each path."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from txws2._checks.kinds import shown
from txws2._checks.signatures import check_hook
from txws2._connection.handle import driver_of
from txws2.exceptions import InvalidPath
from txws2.server.factory import Handler
from txws2.server.handlers import check_handler
from txws2.server.hooks import (
    REQUEST_ARGUMENTS,
    ProcessRequest,
    SelectSubprotocol,
    ask_hooks,
    hooks_of,
    selection_of,
)
from txws2.wire.handshake.server import refusal
from txws2.wire.http.heads import Request, Response
from txws2.wire.http.routes import Routes, parameters_of

__all__ = ["RoutedHandler", "guarded", "route"]

# A warning with more paths is hard to read.
_SHOWN = 5

RoutedHandler = Callable[..., object]
"""A function of a connection, and of the parameters in its path by their names."""


def route(handlers: Mapping[str, RoutedHandler]) -> Handler:
    """Make a handler that calls a handler for each path.

    Requests for other paths get a 404. The hooks of the option process_request are called first.

    Args:
        handlers: the handler for each path. A path may have parameters, as "/chat/{room}", which
            are any text between two slashes; its handler gets them by their names, decoded:
            `handler(connection, room="lobby")`. A path without parameters goes before paths with
            parameters; among those, the first that matches is used. A path with a slash at its
            end is another path.

    Raises:
        TypeError: a handler can't be called with the connection and the parameters, or is a
            generator function.
        ValueError: a key is no path, or two paths are the same.
    """
    if not hasattr(handlers, "items"):
        raise TypeError(
            f"route() takes a mapping, as {{'/chat': chat, '/': echo}}; it is {shown(handlers)}"
        )
    for path, handler in handlers.items():
        check_handler(handler, parameters_of(path), f"the handler of {path!r}")
    return _Router(Routes(handlers), list(handlers), handlers.values())


class _Router:
    def __init__(
        self, routes: Routes[RoutedHandler], paths: list[str], handlers: Iterable[RoutedHandler]
    ) -> None:
        self._routes = routes
        self._paths = paths
        chooses = any(map(selection_of, handlers))
        self.select_subprotocol: SelectSubprotocol | None = self._select if chooses else None

    async def process_request(self, connection: Any, request: Request) -> Response | None:
        """Answer with 404 for an unknown path; else ask the hooks of the path's handler."""
        found = self._routes.find(request.path)
        if found is None:
            reason = InvalidPath(request.path.partition("?")[0])
            response = refusal(reason)
            if "Upgrade" in request.fields:
                # The log warns only of WebSocket clients: scanners try any path of any server.
                driver = driver_of(connection)
                driver.factory._warnings.refused(
                    driver, response.status_code, reason, self._advice()
                )
            return response
        return await ask_hooks(connection, hooks_of(found[0]), request)

    def _select(self, connection: Any, subprotocols: list[str]) -> object:
        """Have the handler of the path choose; it is called only after `process_request`."""
        found = self._routes.find(driver_of(connection).known_request.path)
        assert found is not None
        select = selection_of(found[0])
        return None if select is None else select(connection, subprotocols)

    def _advice(self) -> str:
        """Name the paths, so that a missing slash at the end is seen."""
        some = ", ".join(map(repr, self._paths[:_SHOWN]))
        more = ", and others" if len(self._paths) > _SHOWN else ""
        return f"route() has {some or 'none'}{more}"

    def __call__(self, connection: Any) -> object:
        # Finding the handler again is cheap; keeping it would cost memory on each connection.
        found = self._routes.find(driver_of(connection).known_request.path)
        assert found is not None
        handler, parameters = found
        return handler(connection, **parameters)


def guarded(handler: RoutedHandler, *hooks: ProcessRequest) -> RoutedHandler:
    """Return a handler that has `process_request` hooks of its own.

    In `route`, these are called for the handler's paths only. This is safer than a hook that
    compares the path itself: "/%61dmin" and "/admin" are the same to `route`.

    Args:
        handler: the handler of the connections.
        *hooks: called in turn, until one returns a response; the handler's own hook is called
            last, if it has one.

    Raises:
        TypeError: the handler or a hook can't be called, or is a generator function.
    """
    # The handler's parameters are known only when it gets a path.
    check_handler(handler, parameters=None)
    for hook in hooks:
        check_hook("process_request", hook, REQUEST_ARGUMENTS)
    return _Guarded(handler, (*hooks, *hooks_of(handler)))


class _Guarded:
    def __init__(self, handler: RoutedHandler, hooks: tuple[ProcessRequest, ...]) -> None:
        # With this name, `inspect.signature` returns the signature of the handler.
        self.__wrapped__ = handler
        self._hooks = hooks
        self.select_subprotocol = selection_of(handler)

    async def process_request(self, connection: Any, request: Request) -> Response | None:
        return await ask_hooks(connection, self._hooks, request)

    def __call__(self, connection: Any, /, **parameters: Any) -> object:
        return self.__wrapped__(connection, **parameters)

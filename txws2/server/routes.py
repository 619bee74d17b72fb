"""`route`: a handler for each path."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from txws2._checks.kinds import shown
from txws2._checks.signatures import check_hook
from txws2.exceptions import InvalidPath
from txws2.server.factory import Handler
from txws2.server.handlers import check_handler
from txws2.server.hooks import REQUEST_ARGUMENTS, ProcessRequest, ask_hooks, hooks_of
from txws2.wire.handshake.server import refusal
from txws2.wire.http.heads import Request, Response
from txws2.wire.http.routes import Routes, parameters_of

__all__ = ["RoutedHandler", "guarded", "route"]

# So many paths make a warning that can be read.
_SHOWN = 5

RoutedHandler = Callable[..., object]
"""Called with a connection, and with the parameters in its path by their names."""


def route(handlers: Mapping[str, RoutedHandler]) -> Handler:
    """Make a handler that has others for the paths that clients ask for.

    For other paths, the answer is 404. Those of the option process_request are asked before.

    Args:
        handlers: for each path, what handles its connections. A path may have parameters, as
            "/chat/{room}", which are any text between two slashes; its handler gets them by
            their names, decoded: `handler(connection, room="lobby")`. A path without any comes
            before those with, and of these the first comes first. With a slash at its end, it
            is another path.

    Raises:
        TypeError: a handler can't be called with the connection and the parameters, or is a
            generator function.
        ValueError: what should be a path isn't, or two stand for the same.
    """
    if not hasattr(handlers, "items"):
        raise TypeError(
            f"route() takes a mapping, as {{'/chat': chat, '/': echo}}; it is {shown(handlers)}"
        )
    for path, handler in handlers.items():
        check_handler(handler, parameters_of(path), f"the handler of {path!r}")
    return _Router(Routes(handlers), list(handlers))


class _Router:
    def __init__(self, routes: Routes[RoutedHandler], paths: list[str]) -> None:
        self._routes = routes
        self._paths = paths

    async def process_request(self, connection: Any, request: Request) -> Response | None:
        """Answer with 404 if there is nothing, or as what is there wants it."""
        found = self._routes.find(request.path)
        if found is None:
            reason = InvalidPath(request.path.partition("?")[0])
            response = refusal(reason)
            if "Upgrade" in request.fields:
                # Others look at any path of any server.
                connection.factory._warnings.refused(
                    connection, response.status_code, reason, self._advice()
                )
            return response
        return await ask_hooks(connection, hooks_of(found[0]), request)

    def _advice(self) -> str:
        """Tell which paths there are: a slash at the end makes another of one."""
        some = ", ".join(map(repr, self._paths[:_SHOWN]))
        more = ", and others" if len(self._paths) > _SHOWN else ""
        return f"route() has {some or 'none'}{more}"

    def __call__(self, connection: Any) -> object:
        # It is looked for again, rather than kept on each connection for as long as that lives.
        found = self._routes.find(connection._known_request().path)
        assert found is not None
        handler, parameters = found
        return handler(connection, **parameters)


def guarded(handler: RoutedHandler, *hooks: ProcessRequest) -> RoutedHandler:
    """Return a handler that has `process_request` hooks of its own.

    Used in `route`, they are asked for its paths only. To look at the path in a hook that is asked
    for all would be another matter: "/%61dmin" and "/admin" are the same to `route`.

    Args:
        handler: what handles the connections.
        *hooks: asked in turn, until one returns a response; then the handler's own, if it has
            one.

    Raises:
        TypeError: the handler or a hook can't be called, or is a generator function.
    """
    # Its parameters are known once there is a path.
    check_handler(handler, parameters=None)
    for hook in hooks:
        check_hook("process_request", hook, REQUEST_ARGUMENTS)
    return _Guarded(handler, (*hooks, *hooks_of(handler)))


class _Guarded:
    def __init__(self, handler: RoutedHandler, hooks: tuple[ProcessRequest, ...]) -> None:
        # So `inspect.signature` sees that of the handler.
        self.__wrapped__ = handler
        self._hooks = hooks

    async def process_request(self, connection: Any, request: Request) -> Response | None:
        return await ask_hooks(connection, self._hooks, request)

    def __call__(self, connection: Any, /, **parameters: Any) -> object:
        return self.__wrapped__(connection, **parameters)

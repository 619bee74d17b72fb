"""Servers: listening, the opening handshake's answer, hooks, routes, services, a resource."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

# This comes first, so that it names a missing package before another module fails to import it.
from txws2 import _prerequisites  # noqa: F401
from txws2.server.authentication import basic_auth
from txws2.server.cancellation import cancelled_on_close
from txws2.server.factory import WebSocketServerFactory
from txws2.server.mounts import Mounts
from txws2.server.program import run
from txws2.server.protocol import WebSocketServerProtocol
from txws2.server.routes import guarded, route
from txws2.server.server import Server, serve
from txws2.server.service import WebSocketService
from txws2.server.upgrade import Upgrade

if TYPE_CHECKING:
    from txws2.server.resource import WebSocketResource

__all__ = [
    "Mounts",
    "Server",
    "Upgrade",
    "WebSocketResource",
    "WebSocketServerFactory",
    "WebSocketServerProtocol",
    "WebSocketService",
    "basic_auth",
    "cancelled_on_close",
    "guarded",
    "route",
    "run",
    "serve",
]

# A type checker that saw this function would take any misspelt name for one of ours.
if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        # Only sites need twisted.web.
        if name != "WebSocketResource":
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = globals()[name] = import_module("txws2.server.resource").WebSocketResource
        return value

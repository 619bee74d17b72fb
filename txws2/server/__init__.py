"""Servers: listening, the opening handshake's answer, hooks, routes, services, a resource."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

# This comes first, so that it names a missing package before another module fails to import it.
from txws2 import _prerequisites  # noqa: F401
from txws2.server.auth_backend import backend_auth
from txws2.server.authentication import basic_auth
from txws2.server.bearer import TokenFile, bearer_auth
from txws2.server.cancellation import cancelled_on_close
from txws2.server.certificate_files import CertificateFiles
from txws2.server.client_certificates import certificate_auth
from txws2.server.factory import WebSocketServerFactory
from txws2.server.mounts import Mounts
from txws2.server.program import run
from txws2.server.protocol import WebSocketServerProtocol
from txws2.server.routes import guarded, route
from txws2.server.server import Server, serve
from txws2.server.service import WebSocketService
from txws2.server.upgrade import Upgrade
from txws2.server.user_file import UserFile

if TYPE_CHECKING:
    from txws2.server.guarded_resource import GuardedResource
    from txws2.server.resource import WebSocketResource

__all__ = [
    "CertificateFiles",
    "GuardedResource",
    "Mounts",
    "Server",
    "TokenFile",
    "Upgrade",
    "UserFile",
    "WebSocketResource",
    "WebSocketServerFactory",
    "WebSocketServerProtocol",
    "WebSocketService",
    "backend_auth",
    "basic_auth",
    "bearer_auth",
    "cancelled_on_close",
    "certificate_auth",
    "guarded",
    "route",
    "run",
    "serve",
]

# Only sites need twisted.web.
_OF_SITES = {
    "GuardedResource": "txws2.server.guarded_resource",
    "WebSocketResource": "txws2.server.resource",
}

# A type checker that saw this function would take any misspelt name for one of ours.
if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        if name not in _OF_SITES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = globals()[name] = getattr(import_module(_OF_SITES[name]), name)
        return value

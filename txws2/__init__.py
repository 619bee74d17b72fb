"""WebSockets for Twisted: RFC 6455 and RFC 7692, server and client.

A name is imported from its package when it is first used, so a client loads no server, and
`txws2.wire` needs no Twisted.
"""

from __future__ import annotations

from importlib import import_module
from threading import RLock
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    # "as" tells type checkers that the package offers a module.
    from txws2 import client as client
    from txws2 import exceptions as exceptions
    from txws2 import interfaces as interfaces
    from txws2 import server as server
    from txws2 import streams as streams
    from txws2 import wire as wire
    from txws2._connection.broadcast import broadcast
    from txws2._connection.counters import ConnectionCounters, Counters, FactoryCounters
    from txws2._connection.factory import ConnectionFactory
    from txws2._connection.protocol import WebSocketProtocol
    from txws2._connection.rooms import Rooms
    from txws2.client import (
        Backoff,
        ClientState,
        Demand,
        WebSocketClientFactory,
        WebSocketClientProtocol,
        WebSocketClientService,
        connect,
        digest_auth,
        process_exception,
        unix_connect,
    )
    from txws2.exceptions import (
        ConcurrencyError,
        ConnectionClosed,
        ConnectionClosedError,
        ConnectionClosedOK,
        InvalidHandshake,
        InvalidHost,
        InvalidOrigin,
        InvalidPath,
        InvalidProxy,
        InvalidState,
        InvalidStatus,
        InvalidURI,
        NegotiationError,
        OpeningTimeout,
        PayloadTooBig,
        ProtocolError,
        ProxyError,
        RedirectError,
        SecurityError,
        TooManyConnections,
        TooManyConnectionsFromHost,
        WebSocketException,
    )
    from txws2.interfaces import Presence
    from txws2.server import (
        Mounts,
        Server,
        WebSocketResource,
        WebSocketServerFactory,
        WebSocketServerProtocol,
        WebSocketService,
        basic_auth,
        cancelled_on_close,
        guarded,
        route,
        run,
        serve,
    )
    from txws2.streams import WebSocketClientEndpoint, WebSocketFactory, WebSocketServerEndpoint
    from txws2.wire.closing import Close, CloseCode
    from txws2.wire.connection import State
    from txws2.wire.handshake.origins import SAME_ORIGIN
    from txws2.wire.http.challenges import Challenge
    from txws2.wire.http.fields import Headers
    from txws2.wire.http.heads import Request, Response
    from txws2.wire.http.query import Query
    from txws2.wire.permessage_deflate import PerMessageDeflate

__version__ = "0.1.0"

__all__ = [
    "SAME_ORIGIN",
    "Backoff",
    "Challenge",
    "ClientState",
    "Close",
    "CloseCode",
    "ConcurrencyError",
    "ConnectionClosed",
    "ConnectionClosedError",
    "ConnectionClosedOK",
    "ConnectionCounters",
    "ConnectionFactory",
    "Counters",
    "Demand",
    "FactoryCounters",
    "Headers",
    "InvalidHandshake",
    "InvalidHost",
    "InvalidOrigin",
    "InvalidPath",
    "InvalidProxy",
    "InvalidState",
    "InvalidStatus",
    "InvalidURI",
    "Mounts",
    "NegotiationError",
    "OpeningTimeout",
    "PayloadTooBig",
    "PerMessageDeflate",
    "Presence",
    "ProtocolError",
    "ProxyError",
    "Query",
    "RedirectError",
    "Request",
    "Response",
    "Rooms",
    "SecurityError",
    "Server",
    "State",
    "TooManyConnections",
    "TooManyConnectionsFromHost",
    "WebSocketClientEndpoint",
    "WebSocketClientFactory",
    "WebSocketClientProtocol",
    "WebSocketClientService",
    "WebSocketException",
    "WebSocketFactory",
    "WebSocketProtocol",
    "WebSocketResource",
    "WebSocketServerEndpoint",
    "WebSocketServerFactory",
    "WebSocketServerProtocol",
    "WebSocketService",
    "basic_auth",
    "broadcast",
    "cancelled_on_close",
    "connect",
    "digest_auth",
    "guarded",
    "process_exception",
    "route",
    "run",
    "serve",
    "unix_connect",
]

# Type checkers read the imports above. A test compares them with this table.
_PACKAGES = {
    "txws2._connection.broadcast": "broadcast",
    "txws2._connection.counters": "ConnectionCounters Counters FactoryCounters",
    "txws2._connection.factory": "ConnectionFactory",
    "txws2._connection.protocol": "WebSocketProtocol",
    "txws2._connection.rooms": "Rooms",
    "txws2.client": (
        "Backoff ClientState Demand WebSocketClientFactory WebSocketClientProtocol "
        "WebSocketClientService connect digest_auth process_exception unix_connect"
    ),
    "txws2.exceptions": (
        "ConcurrencyError ConnectionClosed ConnectionClosedError ConnectionClosedOK "
        "InvalidHandshake InvalidHost InvalidOrigin InvalidPath InvalidProxy InvalidState "
        "InvalidStatus InvalidURI NegotiationError OpeningTimeout PayloadTooBig ProtocolError "
        "ProxyError RedirectError SecurityError TooManyConnections TooManyConnectionsFromHost "
        "WebSocketException"
    ),
    "txws2.interfaces": "Presence",
    "txws2.server": (
        "Mounts Server WebSocketResource WebSocketServerFactory WebSocketServerProtocol "
        "WebSocketService basic_auth cancelled_on_close guarded route run serve"
    ),
    "txws2.streams": "WebSocketClientEndpoint WebSocketFactory WebSocketServerEndpoint",
    "txws2.wire.closing": "Close CloseCode",
    "txws2.wire.connection": "State",
    "txws2.wire.handshake.origins": "SAME_ORIGIN",
    "txws2.wire.http.challenges": "Challenge",
    "txws2.wire.http.fields": "Headers",
    "txws2.wire.http.heads": "Request Response",
    "txws2.wire.http.query": "Query",
    "txws2.wire.permessage_deflate": "PerMessageDeflate",
}
_PACKAGE_OF = {name: package for package, names in _PACKAGES.items() for name in names.split()}
# `import txws2` is also enough for txws2.exceptions.ServerClosing, as for type checkers.
_ROOMS = {package.split(".")[1] for package in _PACKAGES if not package.startswith("txws2._")}

# Python may raise a deadlock error in a thread that imports a package while another thread imports
# one of its modules from elsewhere, as streams does with those of client.
_loading = RLock()

# With this function in sight, a type checker would accept any misspelt name.
if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        package = _PACKAGE_OF.get(name)
        if package is None and name not in _ROOMS:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        with _loading:
            if name == "wire":
                return import_module("txws2.wire")
            # This import fails with one sentence of advice if a package is missing.
            import_module("txws2._prerequisites")
            if package is None:
                return import_module(f"txws2.{name}")
            value = globals()[name] = getattr(import_module(package), name)
            return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *_ROOMS})

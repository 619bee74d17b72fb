"""WebSockets for Twisted: RFC 6455 and RFC 7692, server and client."""

# First, as it says what is missing before another module misses it.
from txws2 import prerequisites  # noqa: F401
from txws2.authenticating import Demand, digest_auth
from txws2.authentication import basic_auth
from txws2.backoff import Backoff
from txws2.broadcasting import broadcast
from txws2.cancelling import cancelled_on_close
from txws2.client import WebSocketClientFactory, WebSocketClientProtocol
from txws2.clientservice import ClientState, WebSocketClientService
from txws2.connecting import connect, unix_connect
from txws2.endpoints import WebSocketClientEndpoint, WebSocketServerEndpoint
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
from txws2.resource import WebSocketResource
from txws2.retrying import process_exception
from txws2.rooms import Rooms
from txws2.routing import guarded, route
from txws2.running import run
from txws2.server import WebSocketServerFactory, WebSocketServerProtocol
from txws2.service import WebSocketService
from txws2.serving import Server, serve
from txws2.wire.challenges import Challenge
from txws2.wire.closing import Close, CloseCode
from txws2.wire.connection import State
from txws2.wire.deflate import PerMessageDeflate
from txws2.wire.fields import Headers
from txws2.wire.http import Request, Response
from txws2.wire.origins import SAME_ORIGIN
from txws2.wire.query import Query
from txws2.wrapping import WebSocketFactory

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
    "Demand",
    "Headers",
    "InvalidHandshake",
    "InvalidHost",
    "InvalidOrigin",
    "InvalidPath",
    "InvalidProxy",
    "InvalidState",
    "InvalidStatus",
    "InvalidURI",
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

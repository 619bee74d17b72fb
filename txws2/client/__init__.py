"""Clients: `connect`, proxies, TLS, reconnection, the client service."""

# This import comes first: it says which package is missing before another import fails.
from txws2 import _prerequisites  # noqa: F401
from txws2._time.backoff import Backoff
from txws2.client.authentication import Demand, digest_auth
from txws2.client.client_state import ClientState
from txws2.client.connections import connect, unix_connect
from txws2.client.dialer import Dialer
from txws2.client.insecure import InsecureTLS
from txws2.client.protocol import WebSocketClientFactory, WebSocketClientProtocol
from txws2.client.proxy_endpoint import ProxyEndpoint
from txws2.client.reconnection import Connecting
from txws2.client.retry_policy import process_exception
from txws2.client.service import WebSocketClientService

__all__ = [
    "Backoff",
    "ClientState",
    "Connecting",
    "Demand",
    "Dialer",
    "InsecureTLS",
    "ProxyEndpoint",
    "WebSocketClientFactory",
    "WebSocketClientProtocol",
    "WebSocketClientService",
    "connect",
    "digest_auth",
    "process_exception",
    "unix_connect",
]

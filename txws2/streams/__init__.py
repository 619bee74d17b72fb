"""Any Twisted protocol over WebSocket: factories, endpoints, endpoint strings."""

# This import comes first: it says which package is missing before another import fails.
from txws2 import _prerequisites  # noqa: F401
from txws2.streams.byte_stream import ByteStream, TCPByteStream, TLSByteStream
from txws2.streams.endpoints import WebSocketClientEndpoint, WebSocketServerEndpoint
from txws2.streams.factories import WebSocketFactory

__all__ = [
    "ByteStream",
    "TCPByteStream",
    "TLSByteStream",
    "WebSocketClientEndpoint",
    "WebSocketFactory",
    "WebSocketServerEndpoint",
]

"""Publish and subscribe over WebSocket and HTTP, with rooms that forget nothing."""

from txws2.relay.client import Gap, RelayClient, Subscription
from txws2.relay.history import Batch, IHistory, MemoryHistory
from txws2.relay.messages import Message, Position
from txws2.relay.relay import Relay
from txws2.relay.wording import SUBPROTOCOL, RelayCode, RelayError

__all__ = [
    "SUBPROTOCOL",
    "Batch",
    "Gap",
    "IHistory",
    "MemoryHistory",
    "Message",
    "Position",
    "Relay",
    "RelayClient",
    "RelayCode",
    "RelayError",
    "Subscription",
]

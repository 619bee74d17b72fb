"""A transport that is handed over from one protocol to another."""

from __future__ import annotations

from typing import Any

from twisted.internet.interfaces import IProtocol, ITransport
from twisted.protocols.policies import ProtocolWrapper

__all__ = ["exchange_protocol"]


def exchange_protocol(transport: ITransport, protocol: IProtocol) -> IProtocol:
    """Have a transport call another protocol; return the one that it has called so far.

    Args:
        transport: the transport, perhaps with TLS or other wrappers around it.
        protocol: the protocol to call from now on. It doesn't get the transport here.
    """
    held: Any = transport
    former: IProtocol
    if isinstance(held, ProtocolWrapper):
        former, held.wrappedProtocol = held.wrappedProtocol, protocol
    elif isinstance(held.protocol, ProtocolWrapper):
        # startTLS leaves the transport like this.
        wrapper = held.protocol
        former, wrapper.wrappedProtocol = wrapper.wrappedProtocol, protocol
    else:
        former, held.protocol = held.protocol, protocol
    return former

"""Abilities of transports besides writing, and which transports have them."""

from __future__ import annotations

import socket
from contextlib import suppress
from typing import Any, cast

from twisted.internet import endpoints
from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.interfaces import (
    IAddress,
    IHalfCloseableDescriptor,
    ISSLTransport,
    ITCPTransport,
    ITransport,
)
from twisted.internet.tcp import Connection as TCPTransport
from twisted.protocols.policies import ProtocolWrapper
from twisted.protocols.tls import TLSMemoryBIOProtocol

from txws2._private_names import ENDPOINT_WRAPPER, TCP_TRANSPORT

__all__ = [
    "TCP_IS_KNOWN",
    "Address",
    "abort",
    "address_of",
    "can_be_told",
    "close_softly",
    "has_unsent",
    "keep_little_unsent",
    "let_go",
    "read_more_at_once",
    "read_without_wrapper",
    "set_no_delay",
    "socket_of",
    "unsent_by",
]

# A frame of 64 KiB fits in, with its header. For a read of more than 128 KiB, the C library takes
# fresh memory from the system each time, which costs more than it saves.
_LARGE_READ = 120 * 1024

_LITTLE_UNSENT = 128 * 1024

TCP_IS_KNOWN = TCP_TRANSPORT.are_in(TCPTransport)
"""True if this Twisted's TCP transport can be looked into, and its socket be used."""

# This class has no public name. Endpoints in Twisted put it around the protocol of each client.
_WRAPPER: Any = getattr(endpoints, "_WrappingProtocol", None)
_CAN_BE_UNWRAPPED = ENDPOINT_WRAPPER.are_in(_WRAPPER or object)

Address = tuple[str, int] | str | None
"""(host, port), the path of a Unix socket, or None if it is not known."""


def address_of(address: IAddress) -> Address:
    """Return the address in the form that the socket module uses."""
    if isinstance(address, (IPv4Address, IPv6Address)):
        return address.host, address.port
    if isinstance(address, UNIXAddress) and address.name is not None:
        name = address.name
        return name.decode(errors="surrogateescape") if isinstance(name, bytes) else str(name)
    return None


def set_no_delay(transport: ITransport) -> None:
    """Let small frames leave at once instead of waiting for an acknowledgement."""
    # TLS claims to be TCP, even over the pipes of a process.
    if isinstance(transport, TCPTransport) or (
        ITCPTransport.providedBy(transport) and hasattr(transport, "setTcpNoDelay")
    ):
        # Unix sockets claim it, too. Before Twisted 24.10 they raise an error here. `suppress`
        # would take as long as the call itself.
        try:  # noqa: SIM105
            transport.setTcpNoDelay(True)
        except OSError:
            pass


def _has_unsent(transport: TCPTransport) -> bool:
    """Tell whether a transport still has something to write."""
    return bool(transport.dataBuffer or transport._tempDataLen)


def _unsent_by(transport: TCPTransport) -> int:
    """Return how many bytes a transport still has to write."""
    return len(transport.dataBuffer) - transport.offset + transport._tempDataLen


def _is_writing(transport: TCPTransport) -> bool:
    # This is public, but it takes as long as the reactor has writers.
    return transport in transport.reactor.getWriters()


def _at_least_unsent_by(transport: TCPTransport) -> int:
    return int(_is_writing(transport))


has_unsent = _has_unsent if TCP_IS_KNOWN else _is_writing
unsent_by = _unsent_by if TCP_IS_KNOWN else _at_least_unsent_by


def socket_of(transport: ITransport | None) -> TCPTransport | None:
    """Return the transport that has the socket, below TLS and other wrappers; None without one."""
    while isinstance(transport, ProtocolWrapper):
        transport = transport.transport
    return transport if isinstance(transport, TCPTransport) else None


def keep_little_unsent(transport: ITransport) -> None:
    """Have the system take only the bytes that it sends soon, so that control frames don't wait.

    Otherwise Linux takes up to 4 MB, and a peer that reads 100 KB/s needs 40 seconds for them. This
    isn't for all connections: one that sends as fast as it can would cost a quarter more.
    """
    below = socket_of(transport)
    if below is not None and hasattr(socket, "TCP_NOTSENT_LOWAT"):
        with suppress(OSError):
            below.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, _LITTLE_UNSENT)


def can_be_told(transport: ITransport) -> bool:
    """Tell whether the peer can read what is written now: over TLS, the handshake comes first."""
    if not isinstance(transport, TLSMemoryBIOProtocol):
        return True
    return transport.getHandle().get_peer_finished() is not None


def read_more_at_once(transport: ITransport) -> None:
    """Have a transport that receives large messages read them in fewer pieces."""
    if isinstance(transport, TCPTransport):
        transport.bufferSize = _LARGE_READ


def read_without_wrapper(transport: ITransport) -> None:
    """Have a client's transport call its protocol, without the one that an endpoint put around it.

    The endpoint's protocol reports that the connection is made. After that, it only passes calls
    on.
    """
    below = socket_of(transport)
    if _CAN_BE_UNWRAPPED and below is not None and type(below.protocol) is _WRAPPER:
        below.protocol = cast(Any, below.protocol)._wrappedProtocol


def close_softly(transport: ITransport) -> None:
    """Close for writing only, so that the peer can still read the reason.

    While a peer is sending, closing a socket resets it. The reset destroys bytes that the peer
    hasn't read yet: our close frame or our HTTP response (RFC 9112 section 9.6).
    """
    # A TLS transport claims the abilities of the one below, but half-closing that would break TLS.
    if IHalfCloseableDescriptor.providedBy(transport) and not ISSLTransport.providedBy(transport):
        cast(ITCPTransport, transport).loseWriteConnection()
    else:
        transport.loseConnection()


def abort(transport: ITransport) -> None:
    """Close at once, and drop the bytes that aren't written yet."""
    # Nearly all transports have this method, but only ITCPTransport promises it.
    getattr(transport, "abortConnection", transport.loseConnection)()


def let_go(transport: ITransport) -> None:
    """Close without waiting for the peer, and let it read the bytes that are on their way."""
    below: ITransport | None = transport
    while below is not None:
        below.loseConnection()
        # TLS would wait until the other end has closed TLS, too.
        below = below.transport if isinstance(below, ProtocolWrapper) else None

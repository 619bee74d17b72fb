"""Listening for `serve`: at each address of a host, on the same port."""

from __future__ import annotations

from collections.abc import Sequence
from errno import EADDRINUSE, EADDRNOTAVAIL, EAFNOSUPPORT
from typing import Any

from twisted.internet.abstract import isIPv6Address
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import maybeDeferred
from twisted.internet.endpoints import TCP4ServerEndpoint, TCP6ServerEndpoint
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IAddress, IListeningPort, IProtocolFactory

from txws2._checks.kinds import check_count, shown
from txws2._transport.dns import is_address, look_up_all

__all__ = ["check_place", "listen", "uri_of"]

# RFC 6761 section 6.3: "localhost" is the loopback. The system isn't asked for it: a hosts file
# with another address would open the server to other machines.
_LOCALHOST = ("127.0.0.1", "::1")

# A kernel without IPv6 gives the first error; a kernel that has switched IPv6 off, the second.
_NOT_HERE = {EAFNOSUPPORT, EADDRNOTAVAIL}

# A port that is free for one family is rarely taken for the other, and never so often in a row.
_ATTEMPTS = 10


def check_place(caller: str, host: object, port: object, endpoint: object) -> None:
    """Make sure that a host and a port, or an endpoint, say where to listen.

    Args:
        caller: the function that they were given to.
        host: the host; None for all.
        port: the port.
        endpoint: the endpoint, or its description.

    Raises:
        TypeError: one of them is of the wrong kind, or there is no place, or there are two.
        ValueError: the host has a scheme, a port or a path, or there is no such port.
    """
    if isinstance(host, int):
        raise TypeError(
            f"{caller}() takes the host first, and then the port, as "
            f"{caller}(handler, 'localhost', 8765); the host is {shown(host)}"
        )
    if (endpoint is None) == (port is None) or not (endpoint is None or host is None):
        raise TypeError(
            f"{caller}() takes either a host and a port or endpoint=, as "
            f"{caller}(handler, 'localhost', 8765)"
        )
    if endpoint is not None and not (isinstance(endpoint, str) or hasattr(endpoint, "listen")):
        raise TypeError(
            "endpoint must be an endpoint that listens, or the description of one, as 'tcp:8765'; "
            f"it is {shown(endpoint)}"
        )
    if not (host is None or isinstance(host, str)):
        raise TypeError(f"host must be a str, as 'localhost', or None; it is {shown(host)}")
    if endpoint is None:
        check_count("port", port, 0, 65535, optional=False)
    if host and ("/" in host or (":" in host and not is_address(host))):
        raise ValueError(
            f"host must be a name or an address, without scheme, port and path; it is {host!r}"
        )


async def listen(
    reactor: Any, host: str, port: int, backlog: int, factory: IProtocolFactory
) -> list[IListeningPort]:
    """Listen at every address of a host.

    Args:
        reactor: the reactor to run on.
        host: a name or an address; "" for all of IPv4.
        port: the TCP port; 0 for one that is free at all of them.
        backlog: the number of connections that may wait to be accepted.
        factory: makes the protocols.

    Raises:
        CannotListenError: the port is taken at one address, or this machine has none of them.
        DNSLookupError: the host has no address.
    """
    addresses = await _addresses_of(reactor, host)
    for _ in range(_ATTEMPTS - 1):
        try:
            return await _listen_at(reactor, addresses, port, backlog, factory)
        except CannotListenError as exc:
            if port != 0 or exc.socketError.errno != EADDRINUSE:
                raise
    return await _listen_at(reactor, addresses, port, backlog, factory)


async def _addresses_of(reactor: Any, host: str) -> Sequence[str]:
    if not host or is_address(host):
        return (host,)
    if host.lower().removesuffix(".") == "localhost":
        return _LOCALHOST
    return await look_up_all(reactor, host)


async def _listen_at(
    reactor: Any, addresses: Sequence[str], port: int, backlog: int, factory: IProtocolFactory
) -> list[IListeningPort]:
    ports: list[IListeningPort] = []
    missing: CannotListenError | None = None
    for address in addresses:
        kind: Any = TCP6ServerEndpoint if isIPv6Address(address) else TCP4ServerEndpoint
        try:
            ports.append(await kind(reactor, port, backlog, address).listen(factory))
        except Exception as exc:
            if isinstance(exc, CannotListenError) and exc.socketError.errno in _NOT_HERE:
                missing = missing or exc
                continue
            for opened in ports:
                await maybeDeferred(opened.stopListening)
            raise
        port = port or getattr(ports[0].getHost(), "port", 0)
    if missing is not None and not ports:
        raise missing
    return ports


def uri_of(address: IAddress, secure: bool, site: bool = False) -> str | None:
    """Return the URI of a server at this address; None if the address isn't one of TCP.

    Args:
        address: the address of the port.
        secure: True if the port uses TLS.
        site: True for a site, which browsers reach by http or https.
    """
    scheme = ("http" if site else "ws") + ("s" if secure else "")
    if isinstance(address, IPv6Address):
        return f"{scheme}://[{address.host}]:{address.port}/"
    if isinstance(address, IPv4Address):
        return f"{scheme}://{address.host}:{address.port}/"
    return None

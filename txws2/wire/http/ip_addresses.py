"""IP addresses as peers and proxies have them, and the networks that they are in."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)

__all__ = ["UNIX", "IPAddress", "Networks", "group_of", "parse_ip"]

UNIX = "unix"
"""What stands for the other end of a Unix socket, which has no address."""

IPAddress = IPv4Address | IPv6Address

# What one subscriber gets, and can use at will (RFC 6177, RFC 7934 section 6).
_HOST_BITS = 64


def parse_ip(text: str) -> IPAddress | None:
    """Return the address that is written there, None if it is none.

    One of IPv4 that is written as one of IPv6, as a socket for both families has it, is the
    same as any other (RFC 4291 section 2.5.5.2).
    """
    try:
        address = ip_address(text)
    except ValueError:
        return None
    if isinstance(address, IPv6Address):
        return address.ipv4_mapped or address
    return address


def group_of(host: str) -> str:
    """Return what a host is counted as: its address, or its network if it has IPv6.

    Whoever has an IPv6 address has 2**64 of them, so that to count each would be to count none.
    """
    address = parse_ip(host)
    if isinstance(address, IPv6Address):
        return f"{IPv6Address(int(address) >> _HOST_BITS << _HOST_BITS)}/{_HOST_BITS}"
    return host if address is None else str(address)


class Networks:
    """Networks that were named.

    Args:
        names: each a network, as "10.0.0.0/8"; an address, as "::1"; or "unix", for whoever
            comes through a Unix socket.

    Raises:
        TypeError: it is one name where names are asked for.
        ValueError: a name isn't any of these, or is an address with the length of a network.
    """

    def __init__(self, names: Iterable[str]) -> None:
        if isinstance(names, str):
            raise TypeError(f"trusted_proxies is a sequence of strings, as [{names!r}]")
        if not isinstance(names, Iterable):
            raise TypeError(
                f"trusted_proxies is a sequence of strings, as ['10.0.0.0/8']; it is {names!r}"
            )
        self._unix = False
        self._networks = []
        for name in names:
            if name == UNIX:
                self._unix = True
            else:
                self._networks.append(_network(name))

    def __contains__(self, host: str | None) -> bool:
        if host is None:
            return False
        if host == UNIX:
            return self._unix
        address = parse_ip(host)
        return address is not None and any(address in network for network in self._networks)


def _network(name: str) -> IPv4Network | IPv6Network:
    if isinstance(name, (int, bytes)):
        # To Python, a number is an address.
        raise TypeError(f"a network is a str, as '10.0.0.0/8'; it is {name!r}")
    try:
        return ip_network(name)
    except ValueError as exc:
        raise ValueError(
            "a network is an address, as '::1', an address and a length that has all its bits, as "
            f"'10.0.0.0/8', or 'unix'; it is {name!r}"
        ) from exc

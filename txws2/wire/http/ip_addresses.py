"""IP addresses of peers and proxies, and the networks that they are in."""

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
"""The name for the other end of a Unix socket, which has no address."""

IPAddress = IPv4Address | IPv6Address

# One subscriber gets a network with at least so many bits for hosts, and can use any address in it
# (RFC 6177, RFC 7934 section 6).
_HOST_BITS = 64


def parse_ip(text: str) -> IPAddress | None:
    """Return the address that a text stands for, None if it is no address.

    An IPv4 address in the form of IPv6 ("::ffff:192.0.2.1") becomes an IPv4 address.
    """
    # RFC 4291 section 2.5.5.2 defines this form, which a socket for both families has for an IPv4
    # peer. Why convert it: a limit or a network for the peer must hold in either form.
    try:
        address = ip_address(text)
    except ValueError:
        return None
    if isinstance(address, IPv6Address):
        return address.ipv4_mapped or address
    return address


def group_of(host: str) -> str:
    """Return the key under which a host is counted: its address, or its network if it has IPv6."""
    # A subscriber has 2**64 addresses of IPv6. A limit for each of them would be no limit.
    address = parse_ip(host)
    if isinstance(address, IPv6Address):
        return f"{IPv6Address(int(address) >> _HOST_BITS << _HOST_BITS)}/{_HOST_BITS}"
    return host if address is None else str(address)


class Networks:
    """A set of networks.

    Args:
        names: each a network, as "10.0.0.0/8"; an address, as "::1"; or "unix", for all peers
            of a Unix socket.

    Raises:
        TypeError: `names` is a single name, or not iterable.
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
        # `ipaddress` reads a number, or four bytes, as an address.
        raise TypeError(f"a network is a str, as '10.0.0.0/8'; it is {name!r}")
    # Why not strict=False: "10.1.2.3/8" may be a typing error for "10.1.2.3/32", and would trust
    # sixteen million addresses.
    try:
        return ip_network(name)
    except ValueError as exc:
        raise ValueError(
            "a network is an address, as '::1', an address and a length that has all its bits, as "
            f"'10.0.0.0/8', or 'unix'; it is {name!r}"
        ) from exc

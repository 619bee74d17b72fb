"""The hosts that need no proxy: the text of no_proxy, in the form that curl and Go read."""

from __future__ import annotations

import re
from ipaddress import ip_network

from txws2.wire.http.hosts import is_localhost, normal_host
from txws2.wire.http.ip_addresses import IPAddress, parse_ip

__all__ = ["bypasses", "is_loopback"]

# No RFC defines no_proxy. curl and Go are the precedents for each form of an entry.
_SEPARATORS = re.compile(r"[\s,]+")
# A colon after an IPv6 address begins a port only if brackets are around the address.
_WITH_PORT = re.compile(r"(\[[^\]]*\]|[^:]*):([0-9]{1,5})")


def bypasses(no_proxy: str, host: str, port: int) -> bool:
    """Tell whether a host is to be reached without a proxy.

    An entry is "*" for every host; a name, with or without a dot before it, for that host and all
    hosts below it; "*.name" for the hosts below it only; an address; a network, "10.0.0.0/8"; or
    the beginning of an IPv4 address, "127.*". An entry may have a port after it, and holds for that
    port only then; an IPv6 address needs brackets for that. Entries of other forms are ignored.

    Args:
        no_proxy: the entries, with commas or blanks between them.
        host: a name in ASCII, or an address; an IPv6 address without brackets.
        port: the port of the connection.
    """
    name = _normal(host)
    address = parse_ip(name)
    return any(
        _matches(entry.lower(), name, address, port)
        for entry in _SEPARATORS.split(no_proxy)
        if entry
    )


def is_loopback(host: str) -> bool:
    """Tell whether a host is this machine, by its name (RFC 6761 section 6.3) or its address."""
    name = _normal(host)
    address = parse_ip(name)
    if address is not None:
        return address.is_loopback
    return is_localhost(name)


def _normal(host: str) -> str:
    """Return the form in which hosts are compared: an IPv6 address has no brackets and no zone."""
    return normal_host(f"[{host}]" if ":" in host and not host.startswith("[") else host)


def _matches(entry: str, name: str, address: IPAddress | None, port: int) -> bool:
    match = _WITH_PORT.fullmatch(entry)
    if match is not None:
        if int(match[2]) != port:
            return False
        entry = match[1]
    if entry == "*":
        return True
    return _is_below(entry, name) if address is None else _has(entry, address)


def _is_below(entry: str, name: str) -> bool:
    """Tell whether a name is that of an entry, or below it."""
    # A dot before the suffix is required, so that "example.com" doesn't match "badexample.com".
    only_below = entry.startswith("*.")
    suffix = _normal(entry.removeprefix("*").removeprefix("."))
    if not suffix:
        return False
    return name.endswith(f".{suffix}") or (name == suffix and not only_below)


def _has(entry: str, address: IPAddress) -> bool:
    """Tell whether an address is that of an entry, or in the network of the entry."""
    if entry.endswith(".*"):
        return address.version == 4 and str(address).startswith(entry[:-1])
    if "/" not in entry:
        return parse_ip(_normal(entry)) == address
    try:
        # Go reads 10.1.2.3/8 as 10.0.0.0/8, too.
        return address in ip_network(re.sub(r"[\[\]]", "", entry), strict=False)
    except ValueError:
        return False

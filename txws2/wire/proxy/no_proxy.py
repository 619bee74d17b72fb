"""The hosts that need no proxy: the text of no_proxy, as curl and Go read it."""

from __future__ import annotations

import re
from ipaddress import ip_network

from txws2.wire.http.hosts import is_localhost, normal_host
from txws2.wire.http.ip_addresses import IPAddress, parse_ip

__all__ = ["bypasses", "is_loopback"]

_SEPARATORS = re.compile(r"[\s,]+")
# A colon within an IPv6 address begins no port unless brackets are around the address.
_WITH_PORT = re.compile(r"(\[[^\]]*\]|[^:]*):([0-9]{1,5})")


def bypasses(no_proxy: str, host: str, port: int) -> bool:
    """Tell whether a host is to be reached without a proxy.

    Args:
        no_proxy: entries apart by commas or blanks: "*" for every host; a name, for that host and
            all below it, as is one with a dot before it; "*.name" for those below it only; an
            address; a network, "10.0.0.0/8"; the beginning of an IPv4 address, "127.*". Each may
            have a port behind it, and holds for that port only then; an IPv6 address has brackets
            for that. Entries of other forms hold for nothing.
        host: a name in ASCII, or an address; an IPv6 address without brackets.
        port: where it would be connected to.
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
    """Return a host as it is compared: an IPv6 address has no brackets and no zone."""
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
    only_below = entry.startswith("*.")
    suffix = _normal(entry.removeprefix("*").removeprefix("."))
    if not suffix:
        return False
    return name.endswith(f".{suffix}") or (name == suffix and not only_below)


def _has(entry: str, address: IPAddress) -> bool:
    """Tell whether an address is that of an entry, or in its network."""
    if entry.endswith(".*"):
        return address.version == 4 and str(address).startswith(entry[:-1])
    if "/" not in entry:
        return parse_ip(_normal(entry)) == address
    try:
        # Go, too, takes 10.1.2.3/8 for 10.0.0.0/8.
        return address in ip_network(re.sub(r"[\[\]]", "", entry), strict=False)
    except ValueError:
        return False

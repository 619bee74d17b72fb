"""Short forms of endpoints: a port, or an address and a port."""

from __future__ import annotations

import re

from twisted.internet.abstract import isIPAddress, isIPv6Address

__all__ = ["endpoint_of"]

_PLACE = re.compile(r"(?:(\[[^\[\]]*\]|[0-9.]*|localhost):)?([0-9]+)", re.IGNORECASE)

_EXAMPLES = "8000, :8000, 0.0.0.0:80 or [::]:443"


def endpoint_of(text: str) -> str:
    """Return the description of an endpoint, from that or from a short form.

    Args:
        text: a port, for the loopback; an address and a port; a colon and a port, for all addresses
            of IPv4; or the description of an endpoint, which stays as it is.

    Raises:
        ValueError: it looks like a short form, but there is no such port or address.
    """
    match = _PLACE.fullmatch(text)
    if match is None:
        return text
    host, port = match.groups()
    if int(port) > 65535:
        raise ValueError(f"must have a port from 0 to 65535, as {_EXAMPLES}; it is {text!r}")
    if host is None or host.lower() == "localhost":
        return f"tcp:{port}:interface=127.0.0.1"
    if not host:
        return f"tcp:{port}"
    if host.startswith("[") and isIPv6Address(host[1:-1]):
        # In the description of an endpoint, a colon separates arguments.
        escaped = host[1:-1].replace(":", "\\:")
        return f"tcp6:{port}:interface={escaped}"
    if isIPAddress(host):
        return f"tcp:{port}:interface={host}"
    raise ValueError(f"must have an address of IPv4 or IPv6, as {_EXAMPLES}; it is {text!r}")

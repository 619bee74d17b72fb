"""Hosts as a URI has them (RFC 3986 section 3.2.2), and as they are looked up."""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv6Address

import idna

__all__ = ["parse_host"]

# RFC 6874 section 2 writes the zone of a link-local address as "%25eth0". Most people write it
# as all other programs do, "%eth0"; "%25" alone is the zone 25, as curl has it.
_IPV6 = re.compile(r"\[([0-9A-Fa-f:.]+)(?:%(?:25(?!\]))?([0-9A-Za-z._~\-]+))?\]")

# No registered name has these unencoded. Host must be no way into another header.
_NO_NAME = re.compile(r"[^0-9A-Za-z._~\-!$&'()*+,;=]")

# UTS 46 section 4.
_DOTS = re.compile("[.\u3002\uff0e\uff61]")

# RFC 1035 section 2.3.4, with room for what isn't encoded. To encode longer ones takes its time.
_LONGEST_NAME = 255

# As inet_aton reads numbers. So many digits are enough for any.
_NUMBER = re.compile(r"0x(?P<hex>[0-9a-f]{1,16})|(?P<oct>0[0-7]{0,16})|(?P<dec>[1-9][0-9]{0,16})")


def parse_host(written: str) -> str:
    """Return a host as it is looked up: an address, or a name in ASCII and in lower case.

    A name in ASCII stays as it is, whatever IDNA has against it: containers, content networks and
    networks of one's own have some with underscores, or with hyphens anywhere. A name that the
    system would take for an address, as "127.1" or "0x7f.1", becomes that address, so that there is
    no other way to read it (WHATWG URL section 3.5).

    Args:
        written: the host as it is in the URI; an IPv6 address in its brackets.

    Returns:
        The host; an IPv6 address without brackets, and with its zone as in "fe80::1%eth0".

    Raises:
        ValueError: it is none; the text says what is against it.
    """
    if written.startswith("["):
        return _ipv6(written)
    if "%" in written:
        # Some would decode it, and some would not: they would connect to different hosts.
        raise ValueError("is percent-encoded; write it as it is")
    name = (written if written.isascii() else _to_ascii(written)).lower()
    wrong = _NO_NAME.search(name)
    if wrong is not None:
        raise ValueError(f"has {wrong[0]!r} in it, which no host has")
    if "" in name.removesuffix(".").split("."):
        raise ValueError("has a dot too many")
    return _ipv4(name) or name


def _ipv6(written: str) -> str:
    match = _IPV6.fullmatch(written)
    if match is None:
        raise ValueError("is malformed")
    try:
        IPv6Address(match[1])
    except ValueError as exc:
        raise ValueError("is malformed") from exc
    return match[1].lower() if match[2] is None else f"{match[1].lower()}%{match[2]}"


def _to_ascii(name: str) -> str:
    if len(name) > _LONGEST_NAME:
        raise ValueError(f"isn't a valid name: it is longer than {_LONGEST_NAME} characters")
    # Each label by itself: one in ASCII need not be good for IDNA because another isn't in ASCII.
    labels = _DOTS.split(name)
    try:
        encoded = [each if each.isascii() else _encode(each) for each in labels]
    except idna.IDNAError as exc:
        raise ValueError(f"isn't a valid name: {exc}") from exc
    return ".".join(encoded)


def _encode(label: str) -> str:
    encoded = idna.encode(label, uts46=True).decode()
    if "." in encoded:
        raise idna.IDNAError("a dot is hidden in another character")
    return encoded


def _ipv4(name: str) -> str | None:
    """Return the address that inet_aton takes a name for; None if it is really a name."""
    parts = name.removesuffix(".").split(".")
    matches = [_NUMBER.fullmatch(part) for part in parts]
    numbers = [
        int(match["hex"] or match[0], 16 if match["hex"] else 8 if match["oct"] else 10)
        for match in matches
        if match is not None
    ]
    if len(numbers) < len(parts) or len(parts) > 4:
        return None
    # The last one has all the bytes that are left.
    *first, last = numbers
    if max(first, default=0) > 0xFF or last >= 256 ** (4 - len(first)):
        return None
    return str(IPv4Address(int.from_bytes(first, "big") * 256 ** (4 - len(first)) + last))

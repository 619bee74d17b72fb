"""The host of a URI (RFC 3986 section 3.2.2), in the form in which it is looked up."""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv6Address

import idna

__all__ = ["parse_host"]

# RFC 6874 section 2 writes the zone of a link-local address as "%25eth0". Most people write
# "%eth0", as for all other programs, so both are read. "%25" alone is the zone 25, as to curl.
_IPV6 = re.compile(r"\[([0-9A-Fa-f:.]+)(?:%(?:25(?!\]))?([0-9A-Za-z._~\-]+))?\]")

# RFC 3986 section 3.2.2: reg-name = *( unreserved / pct-encoded / sub-delims ). No other character
# may get from a URI into the Host header, where it could begin another header.
_NO_NAME = re.compile(r"[^0-9A-Za-z._~\-!$&'()*+,;=]")

# UTS 46 section 2.3 has these characters for a full stop between labels, besides the ASCII one.
_DOTS = re.compile("[.\u3002\uff0e\uff61]")

# RFC 1035 section 2.3.4: names have "255 octets or less". Before it is encoded, a name has fewer
# characters than that. IDNA takes its time for longer ones, which a server could redirect to.
_LONGEST_NAME = 255

# A number as inet_aton reads it. Sixteen digits are enough for any part of an address.
_NUMBER = re.compile(r"0x(?P<hex>[0-9a-f]{1,16})|(?P<oct>0[0-7]{0,16})|(?P<dec>[1-9][0-9]{0,16})")


def parse_host(written: str) -> str:
    """Return a host as it is looked up: an address, or a name in ASCII and in lower case.

    Args:
        written: the host as it is in the URI; an IPv6 address in its brackets.

    Returns:
        The host; an IPv6 address without brackets, and with its zone as in "fe80::1%eth0".

    Raises:
        ValueError: it isn't a host. The text is the end of a sentence about it.
    """
    # RFC 3986 section 3.2.2: a host of IPv6 "is distinguished by enclosing the IP literal within
    # square brackets".
    if written.startswith("["):
        return _ipv6(written)
    if "%" in written:
        # The RFC allows percent-encoding in a name. Why not here: some programs decode it, and some
        # don't, so they would connect to different hosts.
        raise ValueError("is percent-encoded; write it as it is")
    # A name in ASCII stays the same, even if IDNA forbids it. Containers, content networks and
    # private networks have names with underscores, or with hyphens anywhere.
    name = (written if written.isascii() else _to_ascii(written)).lower()
    wrong = _NO_NAME.search(name)
    if wrong is not None:
        raise ValueError(f"has {wrong[0]!r} in it, which no host has")
    if "" in name.removesuffix(".").split("."):
        raise ValueError("has a dot too many")
    # The system takes some names for addresses: "127.1", "0x7f.1". They become that address here,
    # so that there is no other way to read them (WHATWG URL section 3.5).
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
    # Each label is encoded by itself. A label in ASCII need not be valid in IDNA only because
    # another label isn't in ASCII.
    labels = _DOTS.split(name)
    try:
        encoded = [each if each.isascii() else _encode(each) for each in labels]
    except idna.IDNAError as exc:
        raise ValueError(f"isn't a valid name: {exc}") from exc
    return ".".join(encoded)


def _encode(label: str) -> str:
    encoded = idna.encode(label, uts46=True).decode()
    # A character that is mapped to a dot would make two labels of one, so the name of another host.
    if "." in encoded:
        raise idna.IDNAError("a dot is hidden in another character")
    return encoded


def _ipv4(name: str) -> str | None:
    """Return the address that inet_aton reads from a name; None if it reads no address."""
    parts = name.removesuffix(".").split(".")
    matches = [_NUMBER.fullmatch(part) for part in parts]
    numbers = [
        int(match["hex"] or match[0], 16 if match["hex"] else 8 if match["oct"] else 10)
        for match in matches
        if match is not None
    ]
    if len(numbers) < len(parts) or len(parts) > 4:
        return None
    # The last number has all the bytes that are left: "127.1" is 127.0.0.1.
    *first, last = numbers
    if max(first, default=0) > 0xFF or last >= 256 ** (4 - len(first)):
        return None
    return str(IPv4Address(int.from_bytes(first, "big") * 256 ** (4 - len(first)) + last))

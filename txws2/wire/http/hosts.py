"""The hosts that a server answers for (RFC 9110 section 7.2), so that no other name leads to it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from contextlib import suppress
from ipaddress import IPv4Network, IPv6Network, ip_network

import idna

from txws2.wire.exceptions import InvalidHost
from txws2.wire.http.heads import Request
from txws2.wire.http.ip_addresses import parse_ip

__all__ = ["Hosts", "check_host", "is_host", "is_localhost", "normal_host"]

# An IPv6 address in brackets; the zone of a link-local address (RFC 6874) isn't captured, since it
# has a meaning on one machine only.
_ADDRESS = re.compile(r"\[([0-9A-Fa-f:.]+)(?:%[^\[\]]*)?\]")
_PORT = re.compile(r":[0-9]*\Z")
_NAME = re.compile(r"[0-9A-Za-z._~\-%]+")

# RFC 1035 section 2.3.4: names have "255 octets or less". Before it is encoded, a name has fewer
# characters than that. IDNA takes its time for longer ones, which a client could send on purpose.
_LONGEST_NAME = 255

# The limits of the set of known hosts: so many, each so long. A client must not fill the memory.
_MANY = 64
_LONG = 256


def is_localhost(name: str) -> bool:
    """Tell whether a name is one of this machine, in any case of letters (RFC 6761 section 6.3)."""
    # "The domain "localhost." and any names falling within ".localhost." are special".
    return f".{name.removesuffix('.').lower()}".endswith(".localhost")


def normal_host(host: str) -> str:
    """Return the normal form of a host: all spellings of it have the same.

    It is in lower case and in ASCII, and without a last dot. An IPv6 address is short, and without
    brackets and zone.

    Args:
        host: a name or an address, without a port; an IPv6 address in brackets.
    """
    # RFC 3986 section 3.2.2: "The host subcomponent is case-insensitive." RFC 5952 has one spelling
    # for each IPv6 address; `ipaddress` writes it.
    match = _ADDRESS.fullmatch(host)
    if match is not None:
        address = parse_ip(match[1])
        return match[1].lower() if address is None else str(address)
    if not host.isascii() and len(host) <= _LONGEST_NAME:
        # A name that can't be encoded can't be looked up either, so it matches no other spelling.
        with suppress(UnicodeError):
            host = idna.encode(host, uts46=True).decode()
    # A dot at the end marks a complete name (RFC 1034 section 3.1); it is the same host.
    return host.lower().removesuffix(".")


class Hosts:
    """A set of hosts, on any port.

    Args:
        names: each a name, an address or a network: "example.com", "::1", "127.0.0.0/8".

    Raises:
        TypeError: `names` is a single name, or not iterable.
        ValueError: a name isn't any of these.
    """

    def __init__(self, names: Iterable[str]) -> None:
        if isinstance(names, str):
            raise TypeError(f"hosts is a sequence of strings, as [{names!r}]")
        if not isinstance(names, Iterable):
            raise TypeError(f"hosts is a sequence of strings, as ['example.com']; it is {names!r}")
        self._names: set[str] = set()
        self._networks: list[IPv4Network | IPv6Network] = []
        # The accepted Host headers so far, as they came. Most clients spell the host alike, so it
        # has to be normalized once.
        self._known: set[str] = set()
        for name in names:
            network = _network(name)
            if network is not None:
                self._networks.append(network)
            else:
                self._names.add(_checked(name))

    def __contains__(self, host: str) -> bool:
        """Tell whether a Host header names one of these hosts."""
        if host in self._known:
            return True
        found = self._find(host)
        if found and len(self._known) < _MANY and len(host) <= _LONG:
            self._known.add(host)
        return found

    def _find(self, host: str) -> bool:
        name = normal_host(_PORT.sub("", host))
        if name in self._names:
            return True
        address = parse_ip(name)
        return address is not None and any(address in network for network in self._networks)


def _network(name: str) -> IPv4Network | IPv6Network | None:
    if not isinstance(name, str):
        raise TypeError(f"a host is a str, as 'example.com'; it is {name!r}")
    bracketed = _ADDRESS.fullmatch(name)
    try:
        return ip_network(name.partition("%")[0] if bracketed is None else bracketed[1])
    except ValueError:
        return None


def is_host(text: str) -> bool:
    """Return True for a name or an address; an IPv6 address may have brackets."""
    bracketed = _ADDRESS.fullmatch(text)
    address = parse_ip(text if bracketed is None else bracketed[1])
    return address is not None or _NAME.fullmatch(normal_host(text)) is not None


def _checked(name: str) -> str:
    normal = normal_host(name)
    if not _NAME.fullmatch(normal):
        raise ValueError(
            f"{name!r} isn't a host: that is a name, an address or a network, without scheme, port "
            "and path, as 'example.com' or '127.0.0.0/8'"
        )
    return normal


def check_host(request: Request, hosts: Hosts) -> None:
    """Refuse a request for a host that the server doesn't answer for.

    Args:
        request: the request, which has been checked.
        hosts: the hosts that the server answers for.

    Raises:
        InvalidHost: the request is for another host.
    """
    # RFC 9110 section 7.2: Host "provides the host and port information from the target URI,
    # enabling the origin server to distinguish among resources while servicing requests for
    # multiple host names." It also shows DNS rebinding: an attacker's name is made to lead to this
    # server, so that a page of that name has the same origin as the server. But the request still
    # asks for the attacker's name.
    host = request.fields["Host"]
    if host not in hosts:
        raise InvalidHost(host)

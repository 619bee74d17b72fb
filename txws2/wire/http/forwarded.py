"""What proxies tell of the client: X-Forwarded-For, X-Forwarded-Proto, and Forwarded (RFC 7239).

Each proxy adds, at the right, whom it was talking to. The client can have begun the list with
whatever it likes, so it is read from the right, as far as those who wrote it are known; nothing
to the left of that is looked at.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import NamedTuple

from txws2.wire.exceptions import InvalidHeaderValue
from txws2.wire.http.fields import Lookup
from txws2.wire.http.ip_addresses import Networks, parse_ip

__all__ = ["Client", "client_of"]


class Client(NamedTuple):
    """Who is at the other end of the proxies, as far as they tell.

    Attributes:
        host: its IP address; None if that isn't known.
        port: its TCP port; 0 if that isn't known.
        secure: whether it came with TLS; None if that isn't known.
    """

    host: str | None
    port: int
    secure: bool | None


_NOBODY = Client(None, 0, None)

# RFC 7239 section 6: an address of IPv6 is in brackets, and a port may be a name in its place.
# Not all proxies know of the brackets; without them, there is no telling where a port begins. Each
# of the two readings is tried once: no character of a part can begin the next.
_NODE = re.compile(
    r"(?:\[(?P<six>[0-9A-Fa-f:.]+)\]|(?P<four>[0-9.]+))(?::(?:(?P<port>[0-9]{1,5})|_[\w.\-]+))?"
    r"|(?P<bare>[0-9A-Fa-f:.]+)",
    re.ASCII,
)

_TOKEN = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_TEXT = r'[^"\\\x00-\x08\x0a-\x1f\x7f]*'
_QUOTED = rf'"({_TEXT}(?:\\[\t -~]{_TEXT})*)"'
# No character of one part can begin the next, so the time is linear.
_PAIR = re.compile(rf"[ \t]*({_TOKEN})=(?:({_TOKEN})|{_QUOTED})[ \t]*(?:;|\Z)")
_ESCAPED = re.compile(r"\\(.)")

# More proxies than anybody has in a row. One who is within a trusted network could write more.
_MAX_HOPS = 64

_SECURE = {"https": True, "wss": True, "http": False, "ws": False}


def client_of(headers: Lookup, trusted: Networks) -> Client:
    """Return whom a request is from that a trusted proxy has sent.

    That is the last one who isn't a trusted proxy itself, or the first of all if every one is.
    From what can't be read on, nobody knows who wrote it: then it is the proxy that has.

    Args:
        headers: those of the request.
        trusted: whose word is taken.

    Raises:
        InvalidHeaderValue: there are both X-Forwarded-For and Forwarded, and they don't tell the
            same. A proxy writes one of the two, and the other may be the client's invention.
    """
    old, new = headers.get_all("X-Forwarded-For"), headers.get_all("Forwarded")
    by_old, by_new = _walk(_addresses(old), trusted), _walk(_elements(new), trusted)
    if not new:
        return by_old._replace(secure=_last_scheme(headers)) if old else _NOBODY
    if old and by_old.host != by_new.host:
        raise InvalidHeaderValue("Forwarded", "it tells another client than X-Forwarded-For")
    return by_new


def _walk(hops: Iterable[Client], trusted: Networks) -> Client:
    """Go from proxy to proxy, towards the client."""
    reached = None
    for hop in islice(hops, _MAX_HOPS):
        if hop.host is None:
            return reached or hop
        reached = hop
        if hop.host not in trusted:
            break
    return reached or _NOBODY


def _from_the_right(lines: list[str]) -> Iterator[str]:
    # A comma between quotes isn't told from others: what a proxy writes has none there, and a
    # quote that the client has left open can't swallow it.
    for line in reversed(lines):
        yield from reversed(line.split(","))


def _addresses(lines: list[str]) -> Iterator[Client]:
    """Read X-Forwarded-For."""
    return (_node(text.strip(" \t")) for text in _from_the_right(lines))


def _elements(lines: list[str]) -> Iterator[Client]:
    """Read Forwarded."""
    for text in _from_the_right(lines):
        pairs = _pairs(text)
        client = _node(pairs.get("for", ""))
        yield client._replace(secure=_SECURE.get(pairs.get("proto", "").lower()))


def _pairs(element: str) -> dict[str, str]:
    """Read an element of Forwarded; one that isn't well-formed has nothing in it."""
    pairs: dict[str, str] = {}
    position = 0
    while position < len(element):
        match = _PAIR.match(element, position)
        # RFC 7239 section 4: each MUST NOT be there more than once.
        if match is None or match[1].lower() in pairs:
            return {}
        pairs[match[1].lower()] = _ESCAPED.sub(r"\1", match[3]) if match[2] is None else match[2]
        position = match.end()
    return pairs


def _node(text: str) -> Client:
    match = _NODE.fullmatch(text)
    if match is None:
        return _NOBODY
    address = parse_ip(match["six"] or match["four"] or match["bare"])
    if address is None:
        return _NOBODY
    port = int(match["port"] or 0)
    return Client(str(address), port if port < 2**16 else 0, None)


def _last_scheme(headers: Lookup) -> bool | None:
    scheme = headers.get("X-Forwarded-Proto", "").rpartition(",")[2]
    return _SECURE.get(scheme.strip(" \t").lower())

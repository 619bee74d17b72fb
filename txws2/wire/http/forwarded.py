"""The client behind proxies: X-Forwarded-For, X-Forwarded-Proto, and Forwarded (RFC 7239).

Each proxy adds the address of its own peer at the right. The client can begin the list with
anything. So the list is read from the right, as long as the proxies that wrote it are trusted;
the rest, at the left, is ignored.
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
    """The client at the other end of the proxies.

    Attributes:
        host: its IP address; None if that isn't known.
        port: its TCP port; 0 if that isn't known.
        secure: whether it connected with TLS; None if that isn't known.
    """

    host: str | None
    port: int
    secure: bool | None


_NOBODY = Client(None, 0, None)

# Section 6: node = nodename [ ":" node-port ]. A port may be obfuscated: a name with an underscore
# before it. Section 6.1: "an IPv6 address is always enclosed in square brackets." Not all proxies
# write these in X-Forwarded-For; without them, nobody can tell where a port would begin, so there
# is none. Each of the two alternatives is tried once: no character of a part can begin the next
# part.
_NODE = re.compile(
    r"(?:\[(?P<six>[0-9A-Fa-f:.]+)\]|(?P<four>[0-9.]+))(?::(?:(?P<port>[0-9]{1,5})|_[\w.\-]+))?"
    r"|(?P<bare>[0-9A-Fa-f:.]+)",
    re.ASCII,
)

# Section 4: forwarded-pair = token "=" value, and a value is a token or a quoted-string.
_TOKEN = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_TEXT = r'[^"\\\x00-\x08\x0a-\x1f\x7f]*'
_QUOTED = rf'"({_TEXT}(?:\\[\t -~]{_TEXT})*)"'
# No character of one part can begin the next part, so the time is linear.
_PAIR = re.compile(rf"[ \t]*({_TOKEN})=(?:({_TOKEN})|{_QUOTED})[ \t]*(?:;|\Z)")
_ESCAPED = re.compile(r"\\(.)")

# Nobody has more proxies in a row. A client within a trusted network could write more.
_MAX_HOPS = 64

_SECURE = {"https": True, "wss": True, "http": False, "ws": False}


def client_of(headers: Lookup, trusted: Networks) -> Client:
    """Return the client of a request that a trusted proxy has forwarded.

    The client is the last address in the list that isn't a trusted proxy, or the first address if
    all of them are. A malformed entry ends the search, since nobody knows who wrote it: then the
    proxy before it counts as the client.

    Args:
        headers: the headers of the request.
        trusted: the networks of the proxies that are believed.

    Raises:
        InvalidHeaderValue: the request has both X-Forwarded-For and Forwarded, and they name
            different clients.
    """
    # Section 8.1: the field "cannot be relied upon to be correct, as it may be modified, whether
    # mistakenly or for malicious reasons, by every node on the way to the server, including the
    # client making the request." A proxy writes one of the two headers, and passes on the other,
    # which the client may have written. Why not prefer the standard one: most proxies write the
    # other.
    old, new = headers.get_all("X-Forwarded-For"), headers.get_all("Forwarded")
    by_old, by_new = _walk(_addresses(old), trusted), _walk(_elements(new), trusted)
    if not new:
        return by_old._replace(secure=_last_scheme(headers)) if old else _NOBODY
    if old and by_old.host != by_new.host:
        raise InvalidHeaderValue("Forwarded", "it names another client than X-Forwarded-For")
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
    # A comma between quotes parts two elements, as any other comma. No proxy writes a comma there.
    # And a quote that the client has left open can't swallow the element of the proxy after it.
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
    """Read an element of Forwarded; a malformed one has no pairs."""
    pairs: dict[str, str] = {}
    position = 0
    while position < len(element):
        match = _PAIR.match(element, position)
        # Section 4: "Each parameter MUST NOT occur more than once per field-value. The parameter
        # names are case-insensitive."
        if match is None or match[1].lower() in pairs:
            return {}
        pairs[match[1].lower()] = _ESCAPED.sub(r"\1", match[3]) if match[2] is None else match[2]
        position = match.end()
    return pairs


def _node(text: str) -> Client:
    # Section 6.2 has "unknown", section 6.3 obfuscated names. They are no addresses, so they can't
    # be counted or trusted.
    match = _NODE.fullmatch(text)
    if match is None:
        return _NOBODY
    address = parse_ip(match["six"] or match["four"] or match["bare"])
    if address is None:
        return _NOBODY
    port = int(match["port"] or 0)
    return Client(str(address), port if port < 2**16 else 0, None)


def _last_scheme(headers: Lookup) -> bool | None:
    # X-Forwarded-Proto has no entry for each proxy. The last one is from the trusted proxy.
    scheme = headers.get("X-Forwarded-Proto", "").rpartition(",")[2]
    return _SECURE.get(scheme.strip(" \t").lower())

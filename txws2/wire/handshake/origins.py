"""The origins whose pages may connect (RFC 6455 section 10.2)."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from functools import lru_cache

from txws2.wire.exceptions import InvalidOrigin
from txws2.wire.handshake.rules import single
from txws2.wire.http.heads import Request
from txws2.wire.http.hosts import is_host, normal_host

__all__ = ["SAME_ORIGIN", "Origins", "check_origin", "check_origins", "host_of_origin"]

SAME_ORIGIN = "same-origin"
"""Stands for the origin of the pages that come from the host to which they connect."""

Origins = Sequence[str | re.Pattern[str] | None]
"""The accepted origins: "https://example.com", a pattern, None for programs, SAME_ORIGIN."""

# In all three patterns, no character of one part can begin the next part, so the time is linear.
#
# RFC 6454 section 6.2: an origin is a scheme, "://", a host, and a port if it isn't the default.
# Pages have the first two schemes; some clients that aren't browsers send the others.
_ORIGIN = re.compile(
    r"(http|https|ws|wss)://(\[[0-9A-Fa-f:.]+\]|[^\[\]/:@?#\s]+)(?::([0-9]{1,5}))?"
)
# Origins of other schemes, as programs have for their own pages; and "null", which RFC 6454 section
# 6.2 has for pages without an origin.
_OF_PAGES = re.compile("(?:http|ws)s?:", re.IGNORECASE)
_ANY_ORIGIN = re.compile(r"null|[A-Za-z][A-Za-z0-9+.-]*://[^/?#@\s]*")
_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+(?:%[^\[\]]*)?\]|[^\[\]:]+)(?::([0-9]{0,5}))?")
# The limits of the caches: so many entries, each so long. Many requests have the same origin, and
# clients must not fill the memory with long ones.
_MANY = 256
_LONG = 256
_PORTS = {"http": "80", "https": "443", "ws": "80", "wss": "443"}


def check_origins(origins: Origins) -> None:
    """Make sure that each accepted origin is one that a browser could send.

    Raises:
        TypeError: `origins` isn't a sequence, or has an element of another type.
        ValueError: a string isn't an origin.
    """
    if isinstance(origins, str):
        raise TypeError(f"origins is a sequence of strings, as [{origins!r}]")
    if not isinstance(origins, Collection):
        kind = type(origins).__name__
        raise TypeError(f"origins is a sequence, as ['https://example.com', None]; it is {kind}")
    for origin in origins:
        if not (origin is None or isinstance(origin, (str, re.Pattern))):
            raise TypeError(
                "an origin is a str, as 'https://example.com', a compiled pattern, or None for "
                f"programs; it is {origin!r}"
            )
        if isinstance(origin, str) and origin != SAME_ORIGIN and not _is_origin(origin):
            raise ValueError(
                f"{origin!r} isn't an origin: that is a scheme, a host and perhaps a port, without "
                "a path, as 'https://example.com'"
            )


def host_of_origin(origin: str) -> str | None:
    """Return the host that pages of an origin come from; None if its scheme isn't one of these."""
    match = _ORIGIN.fullmatch(normal_origin(origin))
    return None if match is None else match[2]


def _is_origin(text: str) -> bool:
    # A host that can't be normalized to ASCII is one that no page can come from.
    if not (_ANY_ORIGIN.fullmatch(text) and normal_origin(text).isascii()):
        return False
    if not _OF_PAGES.match(text):
        return True
    # No browser sends a pattern, as https://*.example.com.
    host = host_of_origin(text)
    return host is not None and is_host(host)


def check_origin(request: Request, origins: Origins | None) -> None:
    """Refuse an Origin that isn't accepted.

    Origins are compared in the spelling of browsers, and patterns are matched with that spelling.

    Args:
        request: the request.
        origins: the accepted origins. The element None accepts a request without Origin, as
            programs send it. A pattern must match the whole Origin. With None in place of the
            sequence, every request is accepted: any page that a user visits can connect as that
            user.

    Raises:
        InvalidOrigin: the Origin isn't accepted.
        InvalidHeader: there is more than one Origin.
    """
    # "Servers that are not intended to process input from any web page but only for certain sites
    # SHOULD verify the |Origin| field is an origin they expect." Section 4.2.1: "A connection
    # attempt lacking this header field SHOULD NOT be interpreted as coming from a browser client."
    if origins is not None:
        fields = request.fields
        origin = single(fields, "Origin") if "Origin" in fields else None
        if origin is None:
            accepted = None in origins
        else:
            normal, host = normal_origin(origin), fields.get("Host", "")
            accepted = any(_accepts(each, normal, host) for each in origins)
        if not accepted:
            raise InvalidOrigin(origin, fields.get("Host") if SAME_ORIGIN in origins else None)


def normal_origin(origin: str) -> str:
    """Return an origin in the spelling of browsers.

    Scheme and host are in lower case and in ASCII, and the default port is left out.
    """
    # RFC 6454 section 4 converts host and scheme to lower case, and the host to ASCII. Section 6.2
    # leaves the default port out.
    return _normal_again(origin) if len(origin) <= _LONG else _normal(origin)


def _normal(origin: str) -> str:
    origin = origin.lower()
    match = _ORIGIN.fullmatch(origin)
    if match is None:
        return origin
    scheme, host, port = match.groups()
    host = normal_host(host)
    if ":" in host:
        host = f"[{host}]"
    return f"{scheme}://{host}" if port in (None, _PORTS[scheme]) else f"{scheme}://{host}:{port}"


_normal_again = lru_cache(maxsize=_MANY)(_normal)


def _accepts(accepted: str | re.Pattern[str] | None, origin: str, host: str) -> bool:
    if isinstance(accepted, re.Pattern):
        return accepted.fullmatch(origin) is not None
    if accepted == SAME_ORIGIN:
        return _is_at_again(origin, host) if len(origin + host) <= _LONG else _is_at(origin, host)
    return accepted == origin or (accepted is not None and normal_origin(accepted) == origin)


def _is_at(origin: str, host: str) -> bool:
    """Tell whether an origin has the host and port of a Host header."""
    # RFC 6454 section 5 compares the schemes, too. Why not here: behind a proxy that ends TLS, only
    # the client knows the scheme. The scheme of the Origin decides which port a Host without one
    # means.
    ours, theirs = _HOST.fullmatch(host.lower()), _ORIGIN.fullmatch(origin)
    if ours is None or theirs is None:
        return False
    scheme, name, port = theirs.groups()
    default = _PORTS[scheme]
    return (normal_host(name), port or default) == (normal_host(ours[1]), ours[2] or default)


_is_at_again = lru_cache(maxsize=_MANY)(_is_at)

"""Whose pages may connect (RFC 6455 section 10.2)."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from functools import lru_cache

from txws2.wire.exceptions import InvalidOrigin
from txws2.wire.handshake.rules import single
from txws2.wire.http.heads import Request
from txws2.wire.http.hosts import normal_host

__all__ = ["SAME_ORIGIN", "Origins", "check_origin", "check_origins"]

SAME_ORIGIN = "same-origin"
"""Stands for the origin of the pages that come from the host to which they connect."""

Origins = Sequence[str | re.Pattern[str] | None]
"""Those to accept: as "https://example.com", a pattern of such, None for programs, SAME_ORIGIN."""

# In all three, no character of one part can begin the next, so the time is linear.
# RFC 6454 section 6.2. Only pages of the first two can come from where a WebSocket is; the others
# are what some clients send that aren't browsers.
_ORIGIN = re.compile(
    r"(http|https|ws|wss)://(\[[0-9A-Fa-f:.]+\]|[^\[\]/:@?#\s]+)(?::([0-9]{1,5}))?"
)
# Section 6.2, too; of pages from elsewhere, as of a program's own, and of those from nowhere.
_ANY_ORIGIN = re.compile(r"null|[A-Za-z][A-Za-z0-9+.-]*://[^/?#@\s]*")
_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+(?:%[^\[\]]*)?\]|[^\[\]:]+)(?::([0-9]{0,5}))?")
# Many pages are of the same origin: so much is kept of what was found out. What is longer isn't to
# fill the memory.
_MANY = 256
_LONG = 256
_PORTS = {"http": "80", "https": "443", "ws": "80", "wss": "443"}


def check_origins(origins: Origins) -> None:
    """Make sure that what is to be accepted can come: a browser would send nothing else.

    Raises:
        TypeError: it is one string where a sequence is asked for.
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


def _is_origin(text: str) -> bool:
    # A host that isn't ASCII by then is one that no page can come from.
    return bool(_ANY_ORIGIN.fullmatch(text)) and normal_origin(text).isascii()


def check_origin(request: Request, origins: Origins | None) -> None:
    """Refuse an Origin that isn't among those accepted.

    Both are compared as browsers spell them, which is also how a pattern gets to see the Origin.

    Args:
        request: the request.
        origins: those accepted; None in it accepts a request without one, as from programs. A
            pattern must match the whole of it. None for all of it accepts every request, so that
            any page that a user visits can connect as that user.

    Raises:
        InvalidOrigin: it isn't one of them.
        InvalidHeader: there is more than one.
    """
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
    """Return an origin as a browser sends it, however it is spelled.

    Scheme and host are in lower case and in ASCII, and there is no port where that goes without
    saying (RFC 6454 sections 4 and 6.2).
    """
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
    """Tell whether an origin has the host and port of a Host header.

    Behind a proxy that ends TLS, only the client knows the scheme: it decides which port a Host
    without one means.
    """
    ours, theirs = _HOST.fullmatch(host.lower()), _ORIGIN.fullmatch(origin)
    if ours is None or theirs is None:
        return False
    scheme, name, port = theirs.groups()
    default = _PORTS[scheme]
    return (normal_host(name), port or default) == (normal_host(ours[1]), ours[2] or default)


_is_at_again = lru_cache(maxsize=_MANY)(_is_at)

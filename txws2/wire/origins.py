"""Whose pages may connect (RFC 6455 section 10.2)."""

from __future__ import annotations

import re
from collections.abc import Sequence

from txws2.exceptions import InvalidOrigin
from txws2.wire.handshake import single
from txws2.wire.http import Request

__all__ = ["SAME_ORIGIN", "Origins", "check_origin", "check_origins"]

SAME_ORIGIN = "same-origin"
"""Stands for the origin of the pages that come from the host to which they connect."""

Origins = Sequence[str | re.Pattern[str] | None]
"""Those to accept: as "https://example.com", a pattern of such, None for programs, SAME_ORIGIN."""

# RFC 6454 section 6.2. Only pages of these schemes can come from where a WebSocket is.
_ORIGIN = re.compile(r"(http|https)://(\[[0-9A-Fa-f:.]++\]|[^\[\]/:@?#\s]++)(?::([0-9]{1,5}))?")
# Section 6.2, too; of pages from elsewhere, as of a program's own, and of those from nowhere.
_ANY_ORIGIN = re.compile(r"null|[A-Za-z][A-Za-z0-9+.-]*+://[^/?#@\s]*+")
_HOST = re.compile(r"(\[[0-9A-Fa-f:.]++\]|[^\[\]:]++)(?::([0-9]{0,5}))?")
_PORTS = {"http": "80", "https": "443"}


def check_origins(origins: Origins) -> None:
    """Make sure that what is to be accepted can come: a browser would send nothing else.

    Raises:
        TypeError: it is one string where a sequence is asked for.
        ValueError: a string isn't an origin.
    """
    if isinstance(origins, str):
        raise TypeError(f"origins is a sequence of strings, as [{origins!r}]")
    for origin in origins:
        if isinstance(origin, str) and origin != SAME_ORIGIN and not _ANY_ORIGIN.fullmatch(origin):
            raise ValueError(
                f"{origin!r} isn't an origin: that is a scheme, a host and perhaps a port, without "
                "a path, as 'https://example.com'"
            )


def check_origin(request: Request, origins: Origins | None) -> None:
    """Refuse an Origin that isn't among those accepted.

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
            host = fields.get("Host", "")
            accepted = any(_accepts(each, origin, host) for each in origins)
        if not accepted:
            raise InvalidOrigin(origin, fields.get("Host") if SAME_ORIGIN in origins else None)


def _accepts(accepted: str | re.Pattern[str] | None, origin: str, host: str) -> bool:
    if isinstance(accepted, re.Pattern):
        return accepted.fullmatch(origin) is not None
    if accepted == SAME_ORIGIN:
        return _is_at(origin, host)
    return accepted == origin


def _is_at(origin: str, host: str) -> bool:
    """Tell whether an origin has the host and port of a Host header.

    Behind a proxy that ends TLS, only the client knows the scheme: it decides which port a Host
    without one means.
    """
    ours, theirs = _HOST.fullmatch(host.lower()), _ORIGIN.fullmatch(origin.lower())
    if ours is None or theirs is None:
        return False
    scheme, name, port = theirs.groups()
    default = _PORTS[scheme]
    return (name, port or default) == (ours[1], ours[2] or default)

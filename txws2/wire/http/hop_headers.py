"""Headers that an intermediary keeps to itself (RFC 9110 section 7.6.1)."""

from __future__ import annotations

from txws2.wire.http.fields import Lookup

__all__ = ["hop_headers"]

# Section 7.6.1 has an intermediary remove these, even if Connection doesn't name them.
_ALWAYS = {
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
}


def hop_headers(headers: Lookup) -> set[str]:
    """Return the names, in lower case, of the headers that are for the next hop only.

    Args:
        headers: the headers of a message. Its Connection may name more of them.
    """
    options = ",".join(headers.get_all("Connection")).split(",")
    return _ALWAYS | {option.strip().lower() for option in options}

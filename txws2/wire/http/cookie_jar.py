"""Cookies that a server sets before the connection is open (RFC 6265 section 5)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC
from email.utils import parsedate_to_datetime

from txws2.wire.http.cookies import parse_cookies
from txws2.wire.http.fields import Headers
from txws2.wire.http.uris import WebSocketURI

__all__ = ["CookieJar"]

# Section 6.1 has a user agent keep that many at least, and that large.
_MAX_COOKIES = 50
_MAX_SIZE = 4096

# Nothing else of a server's is to get into a header of ours.
_SENDABLE = re.compile(r"[\x20-\x7e]+")
_MAX_AGE = re.compile(r"-?[0-9]+")

_SPACE = " \t"


class CookieJar:
    """Keeps the cookies of one origin while that is asked again: after a redirect, say.

    They are for one opening handshake, which takes seconds. So a cookie is either
    over or good; the time that it lasts doesn't matter.
    """

    def __init__(self) -> None:
        # By name and path.
        self._cookies: dict[tuple[str, str], str] = {}

    def receive(self, values: Iterable[str], uri: WebSocketURI, now: float) -> None:
        """Keep the cookies of a response, and forget those that it deletes.

        Args:
            values: the values of its Set-Cookie headers.
            uri: what was asked.
            now: the time, in seconds since 1970.
        """
        for value in values:
            pair, _, rest = value.partition(";")
            name, equals, text = (part.strip(_SPACE) for part in pair.partition("="))
            attributes = _attributes(rest)
            size = len(name) + len(text)
            sendable = equals and name and _SENDABLE.fullmatch(pair) and size <= _MAX_SIZE
            if not sendable or not _is_for(uri, attributes):
                continue
            path = attributes.get("path", "")
            key = name, path if path.startswith("/") else _default_path(uri)
            self._cookies.pop(key, None)
            if not _is_over(attributes, now) and len(self._cookies) < _MAX_COOKIES:
                self._cookies[key] = text

    def add_to(self, headers: Headers, uri: WebSocketURI) -> None:
        """Add the cookies for a URI of the origin to those that the headers of a request have.

        If two have one name, that of the headers is sent, which is the application's.
        """
        given = headers.get_all("Cookie")
        names = parse_cookies(given)
        path = uri.resource_name.partition("?")[0]
        # Section 5.4: those with longer paths come first.
        kept = sorted(self._cookies.items(), key=lambda item: -len(item[0][1]))
        pairs = [
            f"{name}={text}"
            for (name, of), text in kept
            if name not in names and _path_matches(path, of)
        ]
        if pairs:
            headers.setRawHeaders("Cookie", ["; ".join([*given, *pairs])])


def _attributes(text: str) -> dict[str, str]:
    """Return the attributes of a cookie; of several with one name, the last counts."""
    attributes = {}
    for part in text.split(";"):
        name, _, value = part.partition("=")
        attributes[name.strip(_SPACE).lower()] = value.strip(_SPACE)
    return attributes


def _is_for(uri: WebSocketURI, attributes: dict[str, str]) -> bool:
    """Tell whether whoever has answered for this URI may set a cookie with these attributes."""
    if "secure" in attributes and not uri.secure:
        return False
    domain, host = attributes.get("domain", "").removeprefix(".").lower(), uri.host.lower()
    # Section 5.3: wherever else it is for, it is sent to this origin only.
    return not domain or host == domain or host.endswith(f".{domain}")


def _is_over(attributes: dict[str, str], now: float) -> bool:
    age = attributes.get("max-age", "")
    if _MAX_AGE.fullmatch(age):
        # Section 5.3: Max-Age counts more than Expires. Only its sign matters: a number may have
        # more digits than Python converts.
        return age.startswith("-") or not age.strip("0")
    try:
        # Section 5.1.1: it is UTC, whatever it says.
        expires = parsedate_to_datetime(attributes.get("expires", "")).replace(tzinfo=UTC)
        return expires.timestamp() <= now
    except (ValueError, OverflowError):
        return False


def _default_path(uri: WebSocketURI) -> str:
    """Return the path of a cookie that names none (section 5.1.4): without what is behind a /."""
    return uri.resource_name.partition("?")[0].rpartition("/")[0] or "/"


def _path_matches(path: str, of: str) -> bool:
    return path == of or path.startswith(of if of.endswith("/") else f"{of}/")

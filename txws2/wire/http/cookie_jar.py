"""The cookies that a server sets before the connection is open (RFC 6265 section 5)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC
from email.utils import parsedate_to_datetime

from txws2.wire.http.cookies import parse_cookies
from txws2.wire.http.fields import Headers
from txws2.wire.http.uris import WebSocketURI

__all__ = ["CookieJar"]

# Section 6.1 has a user agent keep "At least 50 cookies per domain", each of at least 4096 bytes.
# Why not more: a hostile server could fill the memory of the client, or its next request.
_MAX_COOKIES = 50
_MAX_SIZE = 4096

# Only printable ASCII of a server may get into a header of ours. Section 5.2 has user agents take
# nearly anything; section 4.1.1 has servers send no other characters than these.
_SENDABLE = re.compile(r"[\x20-\x7e]+")
_MAX_AGE = re.compile(r"-?[0-9]+")

_SPACE = " \t"


class CookieJar:
    """Keeps the cookies of one origin while requests to it are repeated, after a redirect, say.

    The cookies are for one opening handshake, which takes seconds. So a cookie has either expired
    or is good; the time that it lasts doesn't matter.
    """

    def __init__(self) -> None:
        # Section 5.3 identifies a cookie by name, domain and path. There is one domain here.
        self._cookies: dict[tuple[str, str], str] = {}

    def receive(self, values: Iterable[str], uri: WebSocketURI, now: float) -> None:
        """Keep the cookies of a response, and forget those that it deletes.

        Args:
            values: the values of its Set-Cookie headers.
            uri: the URI of the request.
            now: the time, in seconds since 1970.
        """
        for value in values:
            # Section 5.2: "If the name-value-pair string lacks a %x3D ("=") character, ignore the
            # set-cookie-string entirely." The same holds for an empty name.
            pair, _, rest = value.partition(";")
            name, equals, text = (part.strip(_SPACE) for part in pair.partition("="))
            attributes = _attributes(rest)
            size = len(name) + len(text)
            sendable = equals and name and _SENDABLE.fullmatch(pair) and size <= _MAX_SIZE
            if not sendable or not _is_for(uri, attributes):
                continue
            # Section 5.2.4: a path that doesn't begin with a slash is replaced by the default.
            path = attributes.get("path", "")
            key = name, path if path.startswith("/") else _default_path(uri)
            self._cookies.pop(key, None)
            if not _is_over(attributes, now) and len(self._cookies) < _MAX_COOKIES:
                self._cookies[key] = text

    def add_to(self, headers: Headers, uri: WebSocketURI) -> None:
        """Add the cookies for a URI of the origin to the Cookie header of a request.

        If the application has set a cookie with the same name, only that one is sent.
        """
        given = headers.get_all("Cookie")
        names = parse_cookies(given)
        path = uri.resource_name.partition("?")[0]
        # Section 5.4: "Cookies with longer paths are listed before cookies with shorter paths."
        kept = sorted(self._cookies.items(), key=lambda item: -len(item[0][1]))
        pairs = [
            f"{name}={text}"
            for (name, of), text in kept
            if name not in names and _path_matches(path, of)
        ]
        # Section 5.4: "the user agent MUST NOT attach more than one Cookie header field."
        if pairs:
            headers.setRawHeaders("Cookie", ["; ".join([*given, *pairs])])


def _attributes(text: str) -> dict[str, str]:
    """Return the attributes of a cookie; if a name occurs several times, the last one counts."""
    # Section 5.3 takes "the last attribute in the cookie-attribute-list" with each name. Unknown
    # attributes are ignored (section 5.2).
    attributes = {}
    for part in text.split(";"):
        name, _, value = part.partition("=")
        attributes[name.strip(_SPACE).lower()] = value.strip(_SPACE)
    return attributes


def _is_for(uri: WebSocketURI, attributes: dict[str, str]) -> bool:
    """Tell whether the server of this URI may set a cookie with these attributes."""
    # Why stricter than section 5.2.5: over ws, anybody on the way can write a Secure cookie. RFC
    # 6265 permitted that; browsers refuse it by now.
    if "secure" in attributes and not uri.secure:
        return False
    domain, host = attributes.get("domain", "").removeprefix(".").lower(), uri.host.lower()
    # Section 5.3: "If the canonicalized request-host does not domain-match the domain-attribute:
    # Ignore the cookie entirely". A cookie for a whole domain is kept, but sent to this origin
    # only.
    return not domain or host == domain or host.endswith(f".{domain}")


def _is_over(attributes: dict[str, str], now: float) -> bool:
    age = attributes.get("max-age", "")
    if _MAX_AGE.fullmatch(age):
        # Section 4.1.2.2: "If a cookie has both the Max-Age and the Expires attribute, the Max-Age
        # attribute has precedence". Section 5.2.2: zero or less means a cookie that has expired.
        # Only that is found out: a number may have more digits than Python converts.
        return age.startswith("-") or not age.strip("0")
    try:
        # Section 5.1.1 reads every date as UTC, whatever zone it names.
        expires = parsedate_to_datetime(attributes.get("expires", "")).replace(tzinfo=UTC)
        return expires.timestamp() <= now
    except (ValueError, OverflowError):
        return False


def _default_path(uri: WebSocketURI) -> str:
    """Return the path of a cookie without the attribute Path (section 5.1.4)."""
    # "Output the characters of the uri-path from the first character up to, but not including, the
    # right-most %x2F ("/")." Without another slash, that is "/".
    return uri.resource_name.partition("?")[0].rpartition("/")[0] or "/"


def _path_matches(path: str, of: str) -> bool:
    # Section 5.1.4: the two are equal, or the cookie's path is a prefix that ends with a slash, or
    # is followed by one. So "/chat" doesn't match "/chatter".
    return path == of or path.startswith(of if of.endswith("/") else f"{of}/")

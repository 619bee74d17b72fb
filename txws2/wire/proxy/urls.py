"""The URLs of proxies."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import SplitResult, urlsplit

from txws2.wire.exceptions import InvalidProxy
from txws2.wire.http.credentials import unquoted
from txws2.wire.http.host_names import parse_host

__all__ = ["Proxy", "host_and_port", "parse_proxy"]

# The default port of each scheme. RFC 1928 section 3: SOCKS "is conventionally located on TCP port
# 1080."
_PORTS = {
    "http": 80,
    "https": 443,
    "socks4": 1080,
    "socks4a": 1080,
    "socks5": 1080,
    "socks5h": 1080,
}

# GNOME and its programs write "socks" for version 5, and the proxy looks names up. Only curl reads
# it as version 4, which hardly any proxy has any more.
_MEANT = {"socks": "socks5h"}

_NO_URL = (
    "it must be a URL, as http://proxy.example:3128, or a host and a port, as proxy.example:3128; "
    "proxy=None, or --proxy none, is for no proxy"
)
_NO_HOST_AND_PORT = "it must name a host, and a port from 1 to 65535 if it isn't the usual one"

# A text without a scheme is a proxy's if it has a port.
_HOST_AND_PORT = re.compile(r"(?:.*@)?(\[[^\]]*\]|[^:@/]+):[0-9]+/?", re.DOTALL)
# No host has any of these characters: those outside of printable ASCII, and those that RFC 3986 has
# for no host, or only for delimiters.
_NO_HOST = re.compile(r"[^!-~]|[\\<>\"{}|^`@\[\]]")


@dataclass(frozen=True)
class Proxy:
    """The parts of a proxy's URL.

    Attributes:
        scheme: "http" or "https" for a proxy with CONNECT, reached without or with TLS; "socks5h"
            or "socks4a" for a SOCKS proxy that looks names up; "socks5" or "socks4" for one to
            which the client gives addresses.
        host: the host; an IPv6 address without its brackets.
        port: the port.
        username: the user name, decoded; None if there is none.
        password: the password, likewise.
    """

    # Both stay out of the repr, which a traceback with local variables shows, for instance.

    scheme: str
    host: str
    port: int
    username: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)

    def __str__(self) -> str:
        """The URL without credentials, so that it may be shown to anybody."""
        return f"{self.scheme}://{host_and_port(self.host, self.port)}"


def host_and_port(host: str, port: int) -> str:
    """Return host and port as they are written in a URL."""
    # RFC 3986 section 3.2.2: an IPv6 address is enclosed in square brackets.
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def parse_proxy(text: str) -> Proxy:
    """Parse the URL of a proxy.

    Args:
        text: a URL; or a host and a port, for a proxy that is asked with plain HTTP.

    Raises:
        InvalidProxy: the text is malformed, its scheme is unknown, or it has a path, a query or a
            fragment.
    """
    url = text if "://" in text else _completed(text)
    if url is None:
        raise InvalidProxy(text, _NO_URL)
    parts = _split(url)
    if parts is None:
        raise InvalidProxy(text, _NO_HOST_AND_PORT)
    scheme = _MEANT.get(parts.scheme, parts.scheme)
    if scheme not in _PORTS:
        schemes = ", ".join(f"{each}://" for each in [*_PORTS, *_MEANT])
        raise InvalidProxy(text, f"it must begin with one of {schemes}")
    host = _host(parts.hostname)
    if host is None or parts.port == 0:
        raise InvalidProxy(text, _NO_HOST_AND_PORT)
    if parts.path not in ("", "/") or parts.query or parts.fragment:
        raise InvalidProxy(url, "it has a path, a query or a fragment")
    username, password = unquoted(parts.username or ""), unquoted(parts.password or "")
    if username is None or password is None:
        raise InvalidProxy(text, "its user information isn't percent-encoded UTF-8")
    if scheme.startswith("http") and ":" in username:
        # RFC 7617 section 2: "a user-id containing a colon character is invalid, as the first colon
        # in a user-pass string separates user-id and password from one another".
        raise InvalidProxy(text, "its user name has a colon, which would end it in the request")
    if scheme.startswith("socks") and not _fit(username, password):
        # RFC 1929 section 2: ULEN and PLEN, the two lengths, have a byte each.
        raise InvalidProxy(text, "its user name or password is longer than 255 bytes")
    return Proxy(
        scheme,
        host,
        parts.port or _PORTS[scheme],
        None if parts.username is None else username,
        None if parts.password is None else password,
    )


def _completed(text: str) -> str | None:
    """Return the URL of a proxy without a scheme; None if it doesn't have a port either."""
    # Why not take a word alone for a host: it is more often a mistake, and curl and Go disagree
    # about its port.
    match = _HOST_AND_PORT.fullmatch(text)
    if match is None or match[1].lower() in _PORTS:
        return None
    return f"http://{text}"


def _split(url: str) -> SplitResult | None:
    """Return the parts of a URL, None if it is malformed."""
    # Python's own message differs from version to version, and may quote a part of the password. So
    # its exception must not become the cause of another one.
    try:
        url.encode()
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return None
    return parts


def _host(name: str | None) -> str | None:
    """Return a host as it is looked up, None if it isn't a host.

    The same hosts are allowed as in a URI.
    """
    if not name or _NO_HOST.search(name):
        return None
    try:
        return parse_host(f"[{name}]" if ":" in name else name)
    except ValueError:
        return None


def _fit(*texts: str) -> bool:
    return all(len(text.encode()) <= 255 for text in texts)

"""What is known of a proxy: its URL."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from txws2.exceptions import InvalidProxy

__all__ = ["Proxy", "host_and_port", "parse_proxy"]

_PORTS = {
    "http": 80,
    "https": 443,
    "socks4": 1080,
    "socks4a": 1080,
    "socks5": 1080,
    "socks5h": 1080,
}

_NO_HOST_AND_PORT = "it must name a host, and a port from 1 to 65535 if it isn't the usual one"
_NO_HOST = re.compile(r"[^!-~]|[\\<>\"{}|^`@\[\]]")


@dataclass(frozen=True)
class Proxy:
    """The parts of a proxy's URL.

    Attributes:
        scheme: "http" or "https", which say how CONNECT reaches it; "socks5h" or "socks4a", which
            look names up themselves; "socks5" or "socks4", for which we do.
        host: its host; an IPv6 address without its brackets.
        port: its port.
        username: of the user information, decoded; None if there is none.
        password: likewise.
    """

    scheme: str
    host: str
    port: int
    username: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)

    def __str__(self) -> str:
        """The URL, without credentials: it may be shown to anybody."""
        return f"{self.scheme}://{host_and_port(self.host, self.port)}"


def host_and_port(host: str, port: int) -> str:
    """Return both as a URL has them."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def parse_proxy(url: str) -> Proxy:
    """Parse the URL of a proxy.

    Raises:
        InvalidProxy: it is malformed, its scheme is none that we know, or there is more in it
            than a proxy has.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        # Python's reason differs from version to version, and may quote a part of the password.
        raise InvalidProxy(url, _NO_HOST_AND_PORT) from None
    if parts.scheme not in _PORTS or "://" not in url:
        schemes = ", ".join(f"{scheme}://" for scheme in _PORTS)
        raise InvalidProxy(url, f"it must begin with one of {schemes}")
    if not parts.hostname or port == 0 or _NO_HOST.search(parts.hostname):
        raise InvalidProxy(url, _NO_HOST_AND_PORT)
    if parts.path not in ("", "/") or parts.query or parts.fragment:
        raise InvalidProxy(url, "it has a path, a query or a fragment")
    username, password = (
        None if text is None else unquote(text) for text in (parts.username, parts.password)
    )
    if parts.scheme.startswith("http") and ":" in (username or ""):
        # RFC 7617 section 2: a proxy would take what follows for the password.
        raise InvalidProxy(url, "its user name has a colon")
    if parts.scheme.startswith("socks") and not _fit(username, password):
        # RFC 1929 section 2 has a byte for the length of each.
        raise InvalidProxy(url, "its user name or password is longer than 255 bytes")
    return Proxy(parts.scheme, parts.hostname, port or _PORTS[parts.scheme], username, password)


def _fit(*texts: str | None) -> bool:
    return all(len((text or "").encode()) <= 255 for text in texts)

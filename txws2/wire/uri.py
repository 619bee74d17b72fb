"""ws and wss URIs (RFC 6455 section 3)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import SplitResult, quote, unquote, urlsplit

import idna

from txws2.exceptions import InvalidURI

__all__ = ["WebSocketURI", "parse_uri", "without_credentials"]

# RFC 3986 has no place for them anywhere in a URI, and in a request line they would be ours.
_FORBIDDEN = re.compile(r"[\x00-\x20\x7f]")

# RFC 3986 section 3.2.2: brackets are around an IPv6 address, and nowhere else.
_HOST_AND_PORT = re.compile(r"(?:\[[0-9A-Fa-f:.]+\]|[^\[\]:]+)(?::[0-9]*)?")

# A registered name, an IPv4 or an IPv6 address; Host must be no way into another header.
_HOST = re.compile(r"[0-9A-Za-z._~\-:%!$&'()*+,;=]+")

_NO_PORT = "its port must be a number from 1 to 65535"

# What RFC 3986 section 2 allows as it is; all else is percent-encoded.
_URI_CHARACTERS = "%:/?#[]@!$&'()*+,;=-._~"


@dataclass(frozen=True)
class WebSocketURI:
    """The parts of a ws or wss URI.

    Attributes:
        secure: whether it is wss.
        host: the host, in ASCII; an IPv6 address without its brackets.
        port: the port; by default 80, or 443 for wss.
        resource_name: path and query as the request line has them; at least "/".
        username: of the user information, decoded; None if there is none.
        password: likewise.
    """

    secure: bool
    host: str
    port: int
    resource_name: str
    username: str | None = None
    password: str | None = None

    def __str__(self) -> str:
        """The URI, without credentials: it may be shown to anybody."""
        return f"{'wss' if self.secure else 'ws'}://{self.host_header}{self.resource_name}"

    @property
    def origin(self) -> tuple[bool, str, int]:
        """What credentials belong to (RFC 6454 section 4): scheme, host and port."""
        return self.secure, self.host.lower(), self.port

    @property
    def host_header(self) -> str:
        """The value of the Host header (section 4.1): with the port unless it is the default."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        default = 443 if self.secure else 80
        return host if self.port == default else f"{host}:{self.port}"


def parse_uri(uri: str) -> WebSocketURI:
    """Parse a WebSocket URI; an international host name and path are encoded.

    Raises:
        InvalidURI: it is malformed, its scheme isn't ws or wss, or it has no host or a fragment.
    """
    if _FORBIDDEN.search(uri):
        raise InvalidURI(uri, "it has a space or a control character in it")
    parts = _split(uri)
    if parts.scheme not in ("ws", "wss"):
        raise InvalidURI(uri, "it must begin with ws:// or wss://")
    if not parts.hostname:
        raise InvalidURI(uri, "it names no host")
    port = _port_of(uri, parts)
    if not _HOST_AND_PORT.fullmatch(parts.netloc.rpartition("@")[2]):
        raise InvalidURI(uri, "its host is malformed")
    if "#" in uri:
        # Section 3: fragment identifiers are meaningless here and MUST NOT be used.
        raise InvalidURI(uri, "it has a fragment; write # as %23")

    username = None if parts.username is None else unquote(parts.username)
    if username and ":" in username:
        # RFC 7617 section 2: a server would take what follows for the password.
        raise InvalidURI(uri, "its user name has a colon")

    secure = parts.scheme == "wss"
    resource_name = quote(parts.path or "/", safe=_URI_CHARACTERS)
    if parts.query:
        resource_name += "?" + quote(parts.query, safe=_URI_CHARACTERS)
    return WebSocketURI(
        secure,
        _encode_host(uri, parts.hostname),
        port or (443 if secure else 80),
        resource_name,
        username,
        None if parts.password is None else unquote(parts.password),
    )


# What Python says to both isn't passed on: it differs from version to version, and may quote a part
# of a password.


def _split(uri: str) -> SplitResult:
    try:
        uri.encode()
    except UnicodeEncodeError as exc:
        raise InvalidURI(uri, "it has half of a surrogate pair in it") from exc
    try:
        return urlsplit(uri)
    except ValueError as exc:
        raise InvalidURI(uri, "its host is malformed") from exc


def _port_of(uri: str, parts: SplitResult) -> int | None:
    try:
        port = parts.port
    except ValueError as exc:
        raise InvalidURI(uri, _NO_PORT) from exc
    if port == 0:
        raise InvalidURI(uri, _NO_PORT)
    return port


def _encode_host(uri: str, host: str) -> str:
    if host.isascii():
        # Not every name is one of the internet: containers and local networks have others.
        if not _HOST.fullmatch(host):
            raise InvalidURI(uri, f"its host {host!r} has a character that no host has")
        return host
    try:
        return idna.encode(host, uts46=True).decode()
    except idna.IDNAError as exc:
        raise InvalidURI(uri, f"its host isn't a valid name: {exc}") from exc


def without_credentials(uri: str) -> str:
    """Return a URI, well-formed or not, as it may be shown to anybody."""
    return re.sub("//.*@", "//", uri)

"""ws and wss URIs (RFC 6455 section 3)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import SplitResult, quote, urlsplit

from txws2.wire.exceptions import InvalidURI
from txws2.wire.http.credentials import unquoted
from txws2.wire.http.host_names import parse_host

__all__ = ["WebSocketURI", "parse_uri"]

# RFC 3986 has no place for them anywhere in a URI, and in a request line they would be ours.
_FORBIDDEN = re.compile(r"[\x00-\x20\x7f]")

# RFC 3986 section 3.2: brackets are around an IPv6 address, and nowhere else.
_HOST_AND_PORT = re.compile(r"(\[[^\[\]]*\]|[^\[\]:]*)(?::([^\[\]]*))?")

# To some parsers, these end the user information, or the host, and to others they do not.
_AMBIGUOUS = re.compile(r"[@\\\[\]]")

# RFC 7617 section 2: there MUST NOT be control characters.
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")

_NO_PORT = "its port must be a number from 1 to 65535"

# What RFC 3986 section 2 allows as it is; all else is percent-encoded.
_URI_CHARACTERS = "%:/?#[]@!$&'()*+,;=-._~"


@dataclass(frozen=True)
class WebSocketURI:
    """The parts of a ws or wss URI.

    Attributes:
        secure: whether it is wss.
        host: the host, in ASCII: a name, with the dot at its end if there is one; or an address,
            of IPv6 without brackets and with its zone, "fe80::1%eth0".
        port: the port; by default 80, or 443 for wss.
        resource_name: path and query as the request line has them; at least "/".
        username: of the user information, decoded; None if there is none.
        password: likewise.
    """

    secure: bool
    host: str
    port: int
    resource_name: str
    # A traceback with local variables, for instance, shows what repr does.
    username: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)

    def __str__(self) -> str:
        """The URI, without credentials: it may be shown to anybody."""
        authority = self._with_port(self.host.replace("%", "%25"))
        return f"{'wss' if self.secure else 'ws'}://{authority}{self.resource_name}"

    @property
    def origin(self) -> tuple[bool, str, int]:
        """What credentials belong to (RFC 6454 section 4): scheme, host and port."""
        return self.secure, self.host.lower(), self.port

    @property
    def bare_host(self) -> str:
        """The host as others know it: without its zone, which is this machine's (RFC 6874)."""
        return self.host.partition("%")[0]

    @property
    def host_header(self) -> str:
        """The value of the Host header (section 4.1): with the port unless it is the default."""
        return self._with_port(self.bare_host)

    def _with_port(self, host: str) -> str:
        if ":" in host:
            host = f"[{host}]"
        default = 443 if self.secure else 80
        return host if self.port == default else f"{host}:{self.port}"


def parse_uri(uri: str) -> WebSocketURI:
    """Parse a WebSocket URI; an international host name and path are encoded.

    Raises:
        InvalidURI: it is malformed, its scheme isn't ws or wss, it has no host or a fragment, or
            there are two ways to read it.
        TypeError: it isn't a str.
    """
    _check_kind(uri)
    if _FORBIDDEN.search(uri):
        raise InvalidURI(uri, "it has a space or a control character in it")
    parts = _split(uri)
    if parts.scheme not in ("ws", "wss"):
        http = {"http": "; write ws for http", "https": "; write wss for https"}
        instead = http.get(parts.scheme, ", as ws://localhost:8765/ does")
        raise InvalidURI(uri, f"it must begin with ws:// or wss://{instead}")
    userinfo, _, host_and_port = parts.netloc.rpartition("@")
    if _AMBIGUOUS.search(userinfo):
        raise InvalidURI(uri, "its user information has @, [, ] or a backslash; percent-encode it")
    host, port = _host_and_port(uri, host_and_port)
    if "#" in uri:
        # Section 3: fragment identifiers are meaningless here and MUST NOT be used.
        raise InvalidURI(uri, "it has a fragment; write # as %23")
    username, password = _credentials(uri, userinfo)

    secure = parts.scheme == "wss"
    resource_name = quote(parts.path or "/", safe=_URI_CHARACTERS)
    if parts.query:
        resource_name += "?" + quote(parts.query, safe=_URI_CHARACTERS)
    return WebSocketURI(
        secure, host, port or (443 if secure else 80), resource_name, username, password
    )


def _check_kind(uri: object) -> None:
    if not isinstance(uri, str):
        # There may be a password in it, so it isn't shown.
        advice = "decode it" if isinstance(uri, bytes) else "str() of a URL object is one"
        kind = type(uri).__name__
        raise TypeError(f"a URI is a str, as 'wss://example.com/'; it is {kind}; {advice}")


# Python's reasons aren't passed on, nor kept as a cause: they differ from version to version, and
# may quote a part of a password.


def _split(uri: str) -> SplitResult:
    why = "its host is malformed"
    try:
        uri.encode()
        return urlsplit(uri)
    except UnicodeEncodeError:
        why = "it has half of a surrogate pair in it"
    except ValueError:
        pass
    raise InvalidURI(uri, why)


def _host_and_port(uri: str, text: str) -> tuple[str, int | None]:
    match = _HOST_AND_PORT.fullmatch(text)
    if match is None:
        raise InvalidURI(uri, "its host is malformed")
    host, digits = match.groups()
    if not host:
        raise InvalidURI(uri, "it names no host")
    port = None
    if digits:
        if not re.fullmatch("0*[1-9][0-9]{0,4}", digits) or int(digits) > 0xFFFF:
            raise InvalidURI(uri, _NO_PORT)
        port = int(digits)
    try:
        return parse_host(host), port
    except ValueError as exc:
        raise InvalidURI(uri, f"its host {exc}") from exc


def _credentials(uri: str, userinfo: str) -> tuple[str | None, str | None]:
    """Return user name and password, decoded."""
    if not userinfo:
        return None, None
    name, colon, word = userinfo.partition(":")
    username, password = unquoted(name), unquoted(word)
    if username is None or password is None:
        raise InvalidURI(uri, "its user information isn't UTF-8, percent-encoded")
    if ":" in username:
        # RFC 7617 section 2: a server would take what follows for the password.
        raise InvalidURI(uri, "its user name has a colon")
    if _CONTROL.search(username + password):
        raise InvalidURI(uri, "its user information has a control character")
    return username, password if colon else None

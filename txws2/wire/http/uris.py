"""The URIs of WebSockets: ws and wss (RFC 6455 section 3)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from urllib.parse import SplitResult, quote, urlsplit

from txws2.wire.exceptions import InvalidURI
from txws2.wire.http.credentials import unquoted
from txws2.wire.http.host_names import parse_host

__all__ = ["WebSocketURI", "parse_uri"]

# RFC 3986 section 2 has no space and no control character in a URI. In a request line, they would
# end the target, or the line.
_FORBIDDEN = re.compile(r"[\x00-\x20\x7f]")

# RFC 3986 section 3.2.2, of an IPv6 address in brackets: "This is the only place where square
# bracket characters are allowed in the URI syntax."
_HOST_AND_PORT = re.compile(r"(\[[^\[\]]*\]|[^\[\]:]*)(?::([^\[\]]*))?")

# Some parsers end the user information, or the host, at these characters, and others don't. They
# would connect to different hosts.
_AMBIGUOUS = re.compile(r"[@\\\[\]]")

# RFC 7617 section 2: "The user-id and password MUST NOT contain any control characters".
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")

_LONGEST_KEPT = 256

_NO_PORT = "its port must be a number from 1 to 65535"

# RFC 3986 section 2: the reserved characters, the unreserved ones that aren't letters or digits,
# and the percent sign. All other characters are percent-encoded. RFC 6455 section 11.1.1: they
# "MUST be converted from Unicode to ASCII by first encoding the characters as UTF-8".
_URI_CHARACTERS = "%:/?#[]@!$&'()*+,;=-._~"


@dataclass(frozen=True)
class WebSocketURI:
    """The parts of a ws or wss URI.

    Attributes:
        secure: whether the scheme is wss.
        host: the host, in ASCII: a name, with the dot at its end if there is one; or an address,
            of IPv6 without brackets and with its zone, "fe80::1%eth0".
        port: the port; by default 80, or 443 for wss.
        resource_name: path and query, as in the request line; at least "/".
        username: the user name, decoded; None if there is none.
        password: the password, likewise.
    """

    secure: bool
    host: str
    port: int
    resource_name: str
    # Both stay out of the repr, which a traceback with local variables shows, for instance.
    username: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)

    def __str__(self) -> str:
        """The URI without credentials, so that it may be shown to anybody."""
        authority = self._with_port(self.host.replace("%", "%25"))
        return f"{'wss' if self.secure else 'ws'}://{authority}{self.resource_name}"

    @property
    def origin(self) -> tuple[bool, str, int]:
        """The origin (RFC 6454 section 4), for which credentials hold: scheme, host and port."""
        return self.secure, self.host.lower(), self.port

    @property
    def bare_host(self) -> str:
        """The host without its zone (RFC 6874)."""
        # RFC 6874 section 3: a zone has a meaning on this machine only, so it isn't sent.
        return self.host.partition("%")[0]

    @property
    def host_header(self) -> str:
        """The value of the Host header: the host, with the port unless it is the default."""
        # Section 4.1: "/host/ plus optionally ":" followed by /port/ (when not using the default
        # port)."
        return self._with_port(self.bare_host)

    def _with_port(self, host: str) -> str:
        if ":" in host:
            host = f"[{host}]"
        default = 443 if self.secure else 80
        return host if self.port == default else f"{host}:{self.port}"


def parse_uri(uri: str) -> WebSocketURI:
    """Parse a WebSocket URI; an international host name and path are encoded.

    Raises:
        InvalidURI: the URI is malformed, its scheme isn't ws or wss, it has no host or a fragment,
            or there are two ways to read it.
        TypeError: `uri` isn't a str.
    """
    # Section 4.1: "If any of the components are invalid, the client MUST _Fail the WebSocket
    # Connection_ and abort these steps."
    _check_kind(uri)
    # Secrets in the user information and in the query aren't kept.
    plain = type(uri) is str and len(uri) < _LONGEST_KEPT and not ("@" in uri or "?" in uri)
    return _parsed_before(uri) if plain else _parse(uri)


def _parse(uri: str) -> WebSocketURI:
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
        # Section 3: "Fragment identifiers are meaningless in the context of WebSocket URIs and MUST
        # NOT be used on these URIs. As with any URI scheme, the character "#", when not indicating
        # the start of a fragment, MUST be escaped as %23."
        raise InvalidURI(uri, "it has a fragment; write # as %23")
    username, password = _credentials(uri, userinfo)

    secure = parts.scheme == "wss"
    # Section 3 concatenates the resource name: "/" if the path is empty, the path, "?" if the query
    # isn't empty, the query.
    resource_name = quote(parts.path or "/", safe=_URI_CHARACTERS)
    if parts.query:
        resource_name += "?" + quote(parts.query, safe=_URI_CHARACTERS)
    # Section 3: "The port component is OPTIONAL; the default for "ws" is port 80, while the default
    # for "wss" is port 443."
    return WebSocketURI(
        secure, host, port or (443 if secure else 80), resource_name, username, password
    )


# Most programs connect to a few URIs, again and again. An exception isn't kept.
_parsed_before = lru_cache(maxsize=64)(_parse)


def _check_kind(uri: object) -> None:
    if not isinstance(uri, str):
        # The object isn't shown, since there may be a password in it.
        advice = "decode it" if isinstance(uri, bytes) else "str() of a URL object is one"
        kind = type(uri).__name__
        raise TypeError(f"a URI is a str, as 'wss://example.com/'; it is {kind}; {advice}")


# Python's own messages are neither passed on nor kept as a cause. They differ from version to
# version, and may quote a part of a password.


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
    # RFC 3986 section 3.2.3: port = *DIGIT. So it may be empty, and then the default holds; and it
    # may have leading zeroes. Why not 0: a port of that number means "any port" to the system.
    port = None
    if digits:
        # int() has a limit on digits, which many leading zeroes exceed.
        digits = digits.lstrip("0")
        if not re.fullmatch("[0-9]{1,5}", digits) or int(digits) > 0xFFFF:
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
        raise InvalidURI(uri, "its user information isn't percent-encoded UTF-8")
    if ":" in username:
        # RFC 7617 section 2: "a user-id containing a colon character is invalid, as the first colon
        # in a user-pass string separates user-id and password from one another".
        raise InvalidURI(uri, "its user name has a colon, which would end it in the request")
    if _CONTROL.search(username + password):
        raise InvalidURI(uri, "its user information has a control character")
    return username, password if colon else None

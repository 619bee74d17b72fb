"""The heads of HTTP/1.1 (RFC 9112), as far as an opening handshake needs them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from http import HTTPStatus

from txws2.wire.exceptions import InvalidMessage, InvalidProtocol
from txws2.wire.http.cookies import format_cookie, parse_cookies
from txws2.wire.http.fields import (
    Fields,
    Headers,
    Lookup,
    parse_headers,
)
from txws2.wire.http.query import Query
from txws2.wire.http.request_heads import REQUEST_LINE, split_request, wrong_request

__all__ = ["Request", "Response"]

# RFC 9110 section 5.5, as in `fields`. One class of characters takes one pass.
_WHOLE_VALUE = re.compile(rb"[\t\x20-\x7e\x80-\xff]*")
# RFC 9112 section 4: status-line = HTTP-version SP status-code SP [ reason-phrase ]. Some servers
# leave the second space out, too, if there is no phrase.
_STATUS_LINE = re.compile(rb"(HTTP/\d\.\d) (\d{3})(?: ([\t\x20-\x7e\x80-\xff]*))?")
# RFC 9110 section 15 has renamed these, and Python did so in 3.13. All versions of Python send the
# new names here.
_RENAMED = {
    413: "Content Too Large",
    414: "URI Too Long",
    416: "Range Not Satisfiable",
    422: "Unprocessable Content",
}
# RFC 9112 sections 3.2.3 and 3.2.2: the forms of a target in a CONNECT, and in a request to a
# proxy.
_AUTHORITY_FORM = re.compile(r"(?:\[[^\[\]/?]+\]|[^\[\]:/?@]+):[0-9]{1,5}")
_ABSOLUTE_FORM = re.compile(r"(?:http|https|ws|wss)://[^/?]+(.*)", re.IGNORECASE)

_NONE = Fields({})


class Request:
    """The head of the client's request.

    Args:
        path: path and query as in the request line, "/chat?room=1"; "*" for an OPTIONS, and host
            and port for a CONNECT, which have no path.
        headers: the headers; None for none.
        method: "GET" in every handshake that succeeds.

    Attributes:
        protocol: "HTTP/1.1" in every handshake that succeeds, "HTTP/1.0" of old health checks.
        fields: the headers, to be read only.
    """

    protocol = "HTTP/1.1"

    def __init__(self, path: str, headers: Headers | None = None, method: str = "GET") -> None:
        self.path = path
        self.method = method
        self._headers = headers
        self._head = b""
        self.fields: Lookup = _NONE if headers is None else headers

    @classmethod
    def received(cls, head: bytes) -> Request:
        """Make a request from its head.

        Args:
            head: its lines, as they came.

        Raises:
            InvalidMessage: the head isn't HTTP.
            InvalidProtocol: its version isn't HTTP/1.1 or HTTP/1.0.
        """
        split = split_request(head)
        if split is None:
            raise wrong_request(head)
        method, target, protocol, values = split
        # HTTP/1.0 can't upgrade, but health checks speak it, and an application may answer them.
        if protocol not in ("HTTP/1.1", "HTTP/1.0"):
            raise InvalidProtocol(protocol)
        if target[0] != "/" or "#" in target:
            target = _path(method, target)
        request = cls(target, None, method)
        if protocol != "HTTP/1.1":
            request.protocol = protocol
        request._head = head
        request.fields = Fields(values)
        return request

    @property
    def headers(self) -> Headers:
        """The headers of the request."""
        if self._headers is None:
            # The caller may change these, so the fields that were read first don't count any more.
            self.fields = self._headers = parse_headers(self._head)
        return self._headers

    @property
    def query(self) -> Query:
        """The fields of the query, decoded."""
        return Query(self.path.partition("?")[2])

    @property
    def cookies(self) -> dict[str, str]:
        """The cookies of the request, by name (RFC 6265 section 5.4)."""
        return parse_cookies(self.fields.get_all("Cookie"))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Request):
            return NotImplemented
        mine, others = (
            (each.path, each.headers, each.method, each.protocol) for each in (self, other)
        )
        return mine == others

    def __repr__(self) -> str:
        return f"Request(path={self.path!r}, headers={self.headers!r}, method={self.method!r})"

    def serialize(self) -> bytes:
        """Return the bytes to send.

        Raises:
            InvalidMessage: something in it would end its line, or is no HTTP at all.
        """
        first_line = f"{self.method} {self.path} {self.protocol}"
        return _serialize(first_line, REQUEST_LINE, self.headers)


@dataclass
class Response:
    """The server's response.

    Attributes:
        status_code: 101 if the handshake succeeded.
        reason_phrase: the words after the status code.
        headers: the headers.
        body: the bytes after the head, if the handshake is refused.
    """

    status_code: int
    reason_phrase: str
    headers: Headers = field(default_factory=Headers)
    body: bytes = b""

    @classmethod
    def received(cls, head: bytes) -> Response:
        """Make a response from its head.

        Args:
            head: its lines, as they came.

        Raises:
            InvalidMessage: the head isn't HTTP.
            InvalidProtocol: its version isn't HTTP/1.1; a refusal may also be HTTP/1.0.
        """
        line = head.partition(b"\r\n")[0]
        match = _STATUS_LINE.fullmatch(line)
        if match is None:
            raise InvalidMessage(f"invalid status line: {line[:80]!r}")
        protocol, status, phrase = match.groups(b"")
        # Proxies and old gateways refuse in HTTP/1.0, and their reasons are worth reading. But that
        # version can't upgrade (RFC 9110 section 7.8), so a 101 in it opens nothing.
        if protocol != b"HTTP/1.1" and (protocol != b"HTTP/1.0" or status == b"101"):
            raise InvalidProtocol(protocol.decode("ascii"))
        return cls(int(status), phrase.decode(errors="replace"), parse_headers(head))

    def set_cookie(
        self,
        name: str,
        value: str,
        *,
        max_age: int | None = None,
        domain: str | None = None,
        path: str | None = "/",
        secure: bool = False,
        httponly: bool = True,
        samesite: str | None = "Lax",
    ) -> None:
        """Have the client keep a cookie (RFC 6265 section 4.1).

        Args:
            name: the name, a token.
            value: the value: ASCII, without space, quotes, comma, semicolon and backslash.
            max_age: the time in seconds to keep the cookie; 0 to forget it; None for as long as the
                browser runs.
            domain: the host that the cookie is sent to, with all hosts below it; None for this host
                alone.
            path: the path that the cookie is sent to, with all paths below it; None for the path of
                the request.
            secure: whether it is sent over TLS only. Set this on a server with TLS: otherwise,
                anybody on the way gets the cookie as soon as the user follows a link without TLS.
            httponly: whether the cookie is hidden from scripts. Otherwise, an injected script can
                read it, too.
            samesite: "Strict", "Lax" or "None": whether requests of other sites' pages have the
                cookie. "None" requires secure, and then `origins` decides who may connect.

        Raises:
            ValueError: a cookie can't have one of these.
        """
        cookie = format_cookie(
            name,
            value,
            max_age=max_age,
            domain=domain,
            path=path,
            secure=secure,
            httponly=httponly,
            samesite=samesite,
        )
        self.headers.addRawHeader("Set-Cookie", cookie)

    def serialize(self) -> bytes:
        """Return the bytes to send.

        Raises:
            InvalidMessage: something in it would end its line, or is no HTTP at all.
        """
        first_line = f"HTTP/1.1 {self.status_code} {self.reason_phrase}"
        return _serialize(first_line, _STATUS_LINE, self.headers) + self.body

    @classmethod
    def plain(cls, status: HTTPStatus, text: str) -> Response:
        """Make a response that a person can read; the connection ends with it."""
        body = text.encode()
        headers = Headers()
        headers.addRawHeader("Content-Type", "text/plain; charset=utf-8")
        headers.addRawHeader("Content-Length", str(len(body)))
        headers.addRawHeader("Connection", "close")
        phrase = _RENAMED.get(status.value, status.phrase)
        return cls(status.value, phrase, headers, body)


def _serialize(first_line: str, form: re.Pattern[bytes], headers: Headers) -> bytes:
    lines = [first_line.encode()]
    if not (first_line.isascii() and form.fullmatch(lines[0])):
        raise InvalidMessage(f"invalid first line: {first_line[:80]!r}")
    for name, values in headers.getAllRawHeaders():
        for value in values:
            # RFC 9110 section 5.5: "Field values containing CR, LF, or NUL characters are invalid
            # and dangerous". They would begin a header, or a message, that somebody else has
            # chosen.
            if not (value.isascii() and _WHOLE_VALUE.fullmatch(value)):
                raise InvalidMessage(f"invalid value of {name.decode()}: {value[:80]!r}")
            lines.append(name + b": " + value)
    return b"\r\n".join(lines) + b"\r\n\r\n"


def _path(method: str, target: str) -> str:
    """Return the path and query of a target, in any of the four forms of RFC 9112 section 3.2."""
    # None of the four forms has a fragment.
    if "#" in target:
        raise InvalidMessage(f"the request target has a fragment: {target[:80]!r}; leave it out")
    if target.startswith("/") or (method, target) == ("OPTIONS", "*"):
        return target
    if method == "CONNECT" and _AUTHORITY_FORM.fullmatch(target):
        return target
    # Section 3.2.2: "A server MUST accept the absolute-form in requests even though most HTTP/1.1
    # clients will only send the absolute-form to a proxy."
    match = _ABSOLUTE_FORM.fullmatch(target)
    if match is None:
        raise InvalidMessage(f"invalid request target: {target[:80]!r}")
    path = match.group(1)
    return path if path.startswith("/") else "/" + path

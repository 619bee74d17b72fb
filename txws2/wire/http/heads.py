"""HTTP/1.1 heads (RFC 9112), as much of them as an opening handshake needs."""

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

# RFC 9110 section 5.5, as in the fields. One class of characters takes one pass.
_WHOLE_VALUE = re.compile(rb"[\t\x20-\x7e\x80-\xff]*")
_STATUS_LINE = re.compile(rb"(HTTP/\d\.\d) (\d{3})(?: ([\t\x20-\x7e\x80-\xff]*))?")
# RFC 9110 section 15 has renamed these, and Python from 3.13 on. A peer is told the same by all.
_RENAMED = {
    413: "Content Too Large",
    414: "URI Too Long",
    416: "Range Not Satisfiable",
    422: "Unprocessable Content",
}
_AUTHORITY_FORM = re.compile(r"(?:\[[^\[\]/?]+\]|[^\[\]:/?@]+):[0-9]{1,5}")
_ABSOLUTE_FORM = re.compile(r"(?:http|https|ws|wss)://[^/?]+(.*)", re.IGNORECASE)


class Request:
    """The head of the client's request.

    Args:
        path: path and query as the request line has them, "/chat?room=1"; "*" of an OPTIONS, and
            host and port of a CONNECT, which have none.
        headers: its headers; None for none.
        method: "GET" in every handshake that succeeds.

    Attributes:
        protocol: "HTTP/1.1" in every handshake that succeeds, "HTTP/1.0" of old health checks.
    """

    protocol = "HTTP/1.1"

    def __init__(self, path: str, headers: Headers | None = None, method: str = "GET") -> None:
        self.path = path
        self.method = method
        self._headers = headers
        self._head = b""
        self._fields: Fields | None = None

    @classmethod
    def received(cls, head: bytes) -> Request:
        """Make a request of its head, the lines as they came.

        Raises:
            InvalidMessage: it isn't HTTP.
            InvalidProtocol: it is another HTTP than 1.1 and 1.0.
        """
        split = split_request(head)
        if split is None:
            raise wrong_request(head)
        method, target, protocol, values = split
        if protocol not in ("HTTP/1.1", "HTTP/1.0"):
            raise InvalidProtocol(protocol)
        request = cls(_path(method, target), None, method)
        if protocol != cls.protocol:
            request.protocol = protocol
        request._head = head
        request._fields = Fields(values)
        return request

    @property
    def headers(self) -> Headers:
        """Its headers."""
        if self._headers is None:
            self._headers = parse_headers(self._head)
            # Whoever has them may change them.
            self._fields = None
        return self._headers

    @property
    def fields(self) -> Lookup:
        """Its headers, to be read only."""
        return self.headers if self._fields is None else self._fields

    @property
    def query(self) -> Query:
        """The fields of its query, decoded."""
        return Query(self.path.partition("?")[2])

    @property
    def cookies(self) -> dict[str, str]:
        """Its cookies, by name (RFC 6265 section 5.4)."""
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
    """The server's answer.

    Attributes:
        status_code: 101 if the handshake succeeded.
        reason_phrase: the words beside the status.
        headers: its headers.
        body: what follows the head when the handshake is refused.
    """

    status_code: int
    reason_phrase: str
    headers: Headers = field(default_factory=Headers)
    body: bytes = b""

    @classmethod
    def received(cls, head: bytes) -> Response:
        """Make a response of its head, the lines as they came.

        Raises:
            InvalidMessage: it isn't HTTP.
            InvalidProtocol: it is another HTTP than 1.1, or than 1.0 if it refuses.
        """
        line = head.partition(b"\r\n")[0]
        match = _STATUS_LINE.fullmatch(line)
        if match is None:
            raise InvalidMessage(f"invalid status line: {line[:80]!r}")
        protocol, status, phrase = match.groups(b"")
        # Proxies and old gateways refuse in HTTP/1.0, and what they say is worth reading; but
        # that version can't upgrade (RFC 9110 section 7.8).
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
            name: its name, a token.
            value: ASCII, without space, quotes, comma, semicolon and backslash.
            max_age: seconds to keep it; 0 to forget it; None for as long as the browser runs.
            domain: the host, with all below it, to send it to; None for the one that sets it.
            path: the path, with all below it, to send it to; None for that of the request.
            secure: whether it is sent over TLS only. Say so if there is TLS: otherwise whoever
                is on the way gets it as soon as the user follows a link without.
            httponly: whether scripts can't see it. If they can, so can one that was injected.
            samesite: "Strict", "Lax" or "None", whether pages of other sites can have it sent;
                "None" with secure only, and then mind `origins`.

        Raises:
            ValueError: one of these can't be in a cookie.
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
            # A CR or LF here would begin a header, or a message, of somebody else's choice.
            if not (value.isascii() and _WHOLE_VALUE.fullmatch(value)):
                raise InvalidMessage(f"invalid value of {name.decode()}: {value[:80]!r}")
            lines.append(name + b": " + value)
    return b"\r\n".join(lines) + b"\r\n\r\n"


def _path(method: str, target: str) -> str:
    """Return what a request is for, of the four forms of RFC 9112 section 3.2."""
    if "#" in target:
        raise InvalidMessage(f"the request target has a fragment: {target[:80]!r}; leave it out")
    if target.startswith("/") or (method, target) == ("OPTIONS", "*"):
        return target
    if method == "CONNECT" and _AUTHORITY_FORM.fullmatch(target):
        return target
    # Section 3.2.2: a server MUST accept a whole URI, too, as proxies are sent it.
    match = _ABSOLUTE_FORM.fullmatch(target)
    if match is None:
        raise InvalidMessage(f"invalid request target: {target[:80]!r}")
    path = match.group(1)
    return path if path.startswith("/") else "/" + path

"""The request to another WebSocket server, made of a client's, and the way of its answer back."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit, urlunsplit

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.interfaces import IAddress

from txws2.exceptions import InvalidHandshake
from txws2.wire.http.fields import Headers
from txws2.wire.http.heads import Request, Response
from txws2.wire.http.hop_headers import hop_headers

__all__ = [
    "InvalidOnwardPath",
    "lines_of_acceptance",
    "onward_headers",
    "onward_uri",
    "refusal_of",
]

# Both hops have a handshake of their own, and a request to another host.
_OF_HANDSHAKE = {
    "content-length",
    "host",
    "sec-websocket-accept",
    "sec-websocket-extensions",
    "sec-websocket-key",
    "sec-websocket-protocol",
    "sec-websocket-version",
}
# These are appended to, or written anew.
_OF_PROXIES = {"forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto"}


class InvalidOnwardPath(InvalidHandshake):
    """The path of the request could leave the part of the other server that is forwarded to."""

    def _text(self) -> str:
        return "a path with the segments '.' or '..' isn't forwarded"


def onward_uri(uri: str, path: str, mount: str) -> str:
    """Return the URI to ask for.

    The part of the path below the mount is appended to the URI's path, as nginx does for a
    proxy_pass with a URI. The query is appended, too.

    Args:
        uri: the URI that stands for the mount.
        path: path and query of the client's request.
        mount: the path that the mount has, as "/" or "/chat".

    Raises:
        InvalidOnwardPath: the path has a segment "." or "..", perhaps encoded.
    """
    path, _, query = path.partition("?")
    # The other server may resolve these segments, and would serve a path outside its part then.
    if {".", ".."} & set(unquote(path).replace("\\", "/").split("/")):
        raise InvalidOnwardPath
    skipped = len(mount.rstrip("/").split("/"))
    below = "".join(f"/{segment}" for segment in path.split("/")[skipped:])
    parts = urlsplit(uri)
    whole = parts.path.rstrip("/") + below
    if not below or (below == "/" and mount == "/"):
        whole = parts.path
    query = "&".join(filter(None, [parts.query, query]))
    return urlunsplit(parts._replace(path=whole, query=query))


def onward_headers(request: Request, peer: IAddress, secure: bool) -> list[tuple[str, str]]:
    """Return the headers to send: those of the client, and those that tell of the client.

    Args:
        request: the client's request.
        peer: the address that the request has come from.
        secure: True if the client uses TLS.
    """
    headers = list(_passed_on(request.headers, _OF_HANDSHAKE | _OF_PROXIES))
    host = request.fields.get("Host", "")
    scheme = "https" if secure else "http"
    address = peer.host if isinstance(peer, (IPv4Address, IPv6Address)) else None
    if address is not None:
        headers.append(("X-Forwarded-For", _appended(request, "X-Forwarded-For", address)))
    headers.append(("X-Forwarded-Host", host))
    headers.append(("X-Forwarded-Proto", scheme))
    # RFC 7239 section 4: a value with a colon in it has to be quoted, and an IPv6 address needs
    # brackets. "unknown" is section 6.2's word for a sender without an address.
    node = f'"[{address}]"' if address and ":" in address else address or "unknown"
    element = f'for={node};host="{_quoted(host)}";proto={scheme}'
    headers.append(("Forwarded", _appended(request, "Forwarded", element)))
    return headers


def refusal_of(response: Response) -> Response:
    """Return the response with which another server has refused, for the client."""
    headers = Headers()
    body = response.body
    skipped = _OF_HANDSHAKE - {"sec-websocket-version"} | {"date"}
    for name, value in _passed_on(response.headers, skipped):
        # A server of ours sends nothing else.
        if value.isascii():
            headers.addRawHeader(name, value)
    headers.addRawHeader("Content-Length", str(len(body)))
    headers.addRawHeader("Connection", "close")
    phrase = response.reason_phrase if response.reason_phrase.isascii() else ""
    return Response(response.status_code, phrase, headers, body)


def lines_of_acceptance(response: Response) -> bytes:
    """Return the headers with which another server accepts, such as Set-Cookie, for the client.

    Returns:
        lines, each with its CRLF, without the headers of the handshake and of that connection.
    """
    return b"".join(
        f"{name}: {value}\r\n".encode("ascii")
        for name, value in _passed_on(response.headers, _OF_HANDSHAKE | {"date"})
        if value.isascii()
    )


def _passed_on(headers: Headers, skipped: set[str]) -> list[tuple[str, str]]:
    skipped = skipped | hop_headers(headers)
    return [
        (name.decode("latin-1"), value.decode("latin-1"))
        for name, values in headers.getAllRawHeaders()
        if name.decode("latin-1").lower() not in skipped
        for value in values
    ]


def _appended(request: Request, name: str, value: str) -> str:
    return ", ".join([*request.fields.get_all(name), value])


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')

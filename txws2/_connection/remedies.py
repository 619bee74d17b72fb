"""Advice for the owner of a server on clients that fail, where options may be to blame."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from txws2.exceptions import (
    HeaderLineTooLong,
    InvalidHost,
    InvalidOrigin,
    InvalidProtocol,
    InvalidUpgrade,
    NegotiationError,
    PayloadTooBig,
    RequestLineTooLong,
    TooManyConnections,
    TooManyConnectionsFromHost,
    TooManyHeaders,
)
from txws2.wire.http.heads import Request
from txws2.wire.http.hosts import normal_host

__all__ = ["Spelling", "remedy"]

# A client chooses these values, and somebody may copy them from the log into a shell or a program.
# So advice repeats a value only if it matches. No character of one part of a pattern can begin the
# next part, so that matching takes linear time.
_PLAIN_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]{0,19}://[a-z0-9._-]{1,253}(?::[0-9]{1,5})?")
_PLAIN_HOST = re.compile(r"[a-z0-9._-]{1,253}")
_PORT = re.compile(r":[0-9]*\Z")

# A larger message is more likely an attack, so no advice is given to accept it.
_LARGEST = 2**28

_FROM_A_FILE = (
    "pages that were opened from a file send this, and so can any site from a sandboxed frame: "
    "have a web server serve the page, as `python -m http.server` does, and accept its origin"
)
_BEHIND_A_PROXY = (
    "it has a Sec-WebSocket-Key, but a proxy in between passes no Upgrade on: it must use HTTP/1.1 "
    "and pass Upgrade and Connection on, as nginx does with `proxy_http_version 1.1; "
    "proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade;`"
)


class Spelling:
    """The notation of a server's options, here in Python, in advice that a user may copy."""

    def name(self, option: str) -> str:
        """Return the name of an option."""
        return option

    def set(self, option: str, value: int) -> str:
        """Return an option with its value."""
        return f"{option}={value}"

    def add(self, option: str, value: str | None) -> str:
        """Return an option that is a list, with one more value."""
        shown = None if value is None else f'"{value}"'
        return f"{option}=[..., {shown}]"


def remedy(reason: BaseException | None, connection: Any, spelling: Spelling) -> str | None:
    """Return advice on a client that has failed; None if no option is to blame.

    Args:
        reason: the reason of the refusal, or of the end of the connection.
        connection: the connection.
        spelling: the notation of options.
    """
    find = _REMEDIES.get(type(reason))
    return None if find is None else find(reason, connection, spelling)


def _of_origin(reason: InvalidOrigin, _: Any, spelling: Spelling) -> str:
    origin = reason.value
    if origin is None:
        return f"to accept programs, {spelling.add('origins', None)}"
    if origin == "null":
        return f"{_FROM_A_FILE}; on your own machine, {spelling.add('origins', origin)} will do"
    if _PLAIN_ORIGIN.fullmatch(origin):
        return f"to accept pages from there, {spelling.add('origins', origin)}"
    return f"{spelling.name('origins')} lists the accepted ones"


def _of_host(reason: InvalidHost, _: Any, spelling: Spelling) -> str:
    host = normal_host(_PORT.sub("", reason.value or ""))
    if _PLAIN_HOST.fullmatch(host):
        return f"to answer for it, {spelling.add('hosts', host)}"
    return f"{spelling.name('hosts')} lists the accepted ones"


def _of_subprotocol(_: Exception, connection: Any, spelling: Spelling) -> str | None:
    if not connection.factory.subprotocols:
        # The application itself has refused the request.
        return None
    # The offered names aren't shown: some pages send a token as a subprotocol.
    return f"{spelling.name('subprotocols')} has none that the client asks for"


def _of_line(_: Exception, connection: Any, spelling: Spelling) -> str:
    limit = connection.factory.head_limits[0]
    return f"for longer lines, as those of cookies, {spelling.set('max_line_size', 2 * limit)}"


def _of_headers(_: Exception, connection: Any, spelling: Spelling) -> str:
    limit = connection.factory.head_limits[1]
    return f"for more headers, {spelling.set('max_headers', 2 * limit)}"


def _of_connections(_: Exception, connection: Any, spelling: Spelling) -> str:
    limit = connection.factory.admission.max_connections
    return f"{spelling.set('max_connections', limit)} is reached; a larger number accepts more"


def _of_connections_of_host(_: Exception, connection: Any, spelling: Spelling) -> str:
    limit = connection.factory.admission.max_connections_per_host
    proxies = spelling.name("trusted_proxies")
    return (
        f"{spelling.set('max_connections_per_host', limit)} is reached; a larger number accepts "
        f"more; if this is the address of a proxy, name it in {proxies}, so that its clients are "
        "counted"
    )


def _of_upgrade(_: Exception, connection: Any, spelling: Spelling) -> str | None:
    request: Request | None = connection.known_request
    if request is None or "Upgrade" in request.fields:
        return None
    return _BEHIND_A_PROXY if "Sec-WebSocket-Key" in request.fields else None


def _of_message(reason: PayloadTooBig, _: Any, spelling: Spelling) -> str:
    if reason.unit != "bytes":
        return f"a larger {spelling.name('max_fragments')} accepts more"
    larger = 1 << (reason.size - 1).bit_length()
    if larger > _LARGEST:
        return f"a larger {spelling.name('max_size')} accepts it"
    return f"for larger messages, {spelling.set('max_size', larger)}"


_REMEDIES: dict[type, Callable[[Any, Any, Spelling], str | None]] = {
    HeaderLineTooLong: _of_line,
    InvalidHost: _of_host,
    InvalidOrigin: _of_origin,
    InvalidProtocol: _of_upgrade,
    InvalidUpgrade: _of_upgrade,
    NegotiationError: _of_subprotocol,
    PayloadTooBig: _of_message,
    RequestLineTooLong: _of_line,
    TooManyConnections: _of_connections,
    TooManyConnectionsFromHost: _of_connections_of_host,
    TooManyHeaders: _of_headers,
}

"""`Access`: who may see the status of a server."""

from __future__ import annotations

import hmac
from http import HTTPStatus
from secrets import token_urlsafe

from txws2._pages.documents import text
from txws2._pages.visit import Visit
from txws2.wire.http.credentials import challenge, parse_basic
from txws2.wire.http.heads import Response
from txws2.wire.http.hosts import Hosts
from txws2.wire.http.ip_addresses import parse_ip

__all__ = ["Access"]

# Proxies add these. A proxy on this machine has a loopback address, and its clients are anywhere.
_OF_PROXIES = (
    "Forwarded",
    "X-Forwarded-For",
    "X-Forwarded-Host",
    "X-Forwarded-Proto",
    "X-Real-IP",
    "Via",
)

# A proxy may pass on the name that its client asks for. A hostile page may have a name that
# resolves to the loopback (DNS rebinding).
_LOCAL = Hosts(["localhost", "127.0.0.0/8", "::1"])

_COOKIE = "txws2-status"

_ELSEWHERE = (
    "The status is shown to browsers on this machine only, at http://localhost, and not through a "
    "proxy. With --status-password FILE, it is shown to all who know a password.\n"
)


class Access:
    """Lets in clients on this machine, or all who know the password.

    Args:
        password: the password; None if only clients on this machine are let in.
    """

    def __init__(self, password: str | None) -> None:
        self._password = password
        # Not all browsers send a password when they open a WebSocket. All send cookies.
        self._token = token_urlsafe(24)

    def refuse(self, visit: Visit) -> Response | None:
        """Return the refusal of a request; None if the client is let in."""
        if self._password is None:
            return None if _is_local(visit) else text(HTTPStatus.FORBIDDEN, _ELSEWHERE)
        if self._knows(visit, self._password):
            return None
        response = text(HTTPStatus.UNAUTHORIZED, "The password of the status is needed.\n")
        response.headers.setRawHeaders("WWW-Authenticate", [challenge("status")])
        return response

    def remember(self, visit: Visit, response: Response) -> None:
        """Let the browser that gets this response open the WebSocket, too."""
        if self._password is not None:
            response.set_cookie(
                _COOKIE, self._token, path=None, secure=visit.encrypted, samesite="Strict"
            )

    def _knows(self, visit: Visit, password: str) -> bool:
        given = parse_basic(visit.request.fields.get("Authorization", ""))
        if given is not None and _equal(given[1], password):
            return True
        return _equal(visit.request.cookies.get(_COOKIE, ""), self._token)


def _is_local(visit: Visit) -> bool:
    fields = visit.request.fields
    address = parse_ip(getattr(visit.peer, "host", ""))
    if address is None or not address.is_loopback or any(name in fields for name in _OF_PROXIES):
        return False
    return fields.get("Host", "") in _LOCAL


def _equal(given: str, expected: str) -> bool:
    # The time of the comparison tells nothing.
    return hmac.compare_digest(given.encode(), expected.encode())

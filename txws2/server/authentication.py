"""`basic_auth`: clients prove who they are by a name and a password."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterable
from http import HTTPStatus
from secrets import token_bytes
from typing import Any

from txws2._deferreds.callables import result_of
from txws2.server.hooks import ProcessRequest
from txws2.server.user_file import TooManyChecks
from txws2.wire.http.credentials import challenge, parse_basic
from txws2.wire.http.heads import Request, Response

__all__ = ["CheckCredentials", "basic_auth"]

CheckCredentials = Callable[[str, str], Any]
"""A function of a name and a password.

It returns True if they are right, or an awaitable of that.
"""


def basic_auth(
    realm: str,
    *,
    credentials: tuple[str, str] | Iterable[tuple[str, str]] | None = None,
    check_credentials: CheckCredentials | None = None,
) -> ProcessRequest:
    """Make a `process_request` hook that accepts clients with a password (RFC 7617).

    The hook sets the connection's `username`, and its `auth_type` to "Basic". Clients without a
    right password get a 401.

    Passwords travel in clear text: use the hook with TLS. A browser sends them only if it has
    asked its user on a page of the same site before. From then on, it sends them for any page
    that opens a connection: set `origins`.

    Args:
        realm: the name of the protected area, which browsers show; printable ASCII.
        credentials: a pair of a name and a password, or several pairs. The time of a comparison
            tells nothing about them.
        check_credentials: a function that takes the place of credentials, such as a `UserFile`. It
            is called with a name and a password, and returns True if they are right, or a coroutine
            or Deferred of that. Compare in it with `hmac.compare_digest`.

    Raises:
        TypeError: there are both credentials and check_credentials, or neither; or the
            credentials aren't pairs of strings.
        ValueError: the realm isn't printable ASCII, or a name has a colon.
    """
    if (credentials is None) == (check_credentials is None):
        given = "neither" if credentials is None else "both"
        raise TypeError(f"basic_auth takes credentials or check_credentials; it was given {given}")
    if check_credentials is None:
        check_credentials = _comparing(_pairs(credentials))
    check = check_credentials
    asking = challenge(realm)

    async def process_request(connection: Any, request: Request) -> Response | None:
        given = parse_basic(request.fields.get("Authorization", ""))
        try:
            if given is not None and await result_of(check(*given)):
                connection.username, connection.auth_type = given[0], "Basic"
                return None
        except TooManyChecks:
            return _later()
        text = "A name and a password are needed.\n"
        response = Response.plain(HTTPStatus.UNAUTHORIZED, text)
        response.headers.setRawHeaders("WWW-Authenticate", [asking])
        return response

    return process_request


def _later() -> Response:
    text = "Too many passwords wait for a check; try again later.\n"
    response = Response.plain(HTTPStatus.SERVICE_UNAVAILABLE, text)
    response.headers.setRawHeaders("Retry-After", ["5"])
    return response


def _pairs(credentials: Any) -> list[tuple[str, str]]:
    pairs = [credentials] if _is_pair(credentials) else list(credentials)
    for pair in pairs:
        if not _is_pair(pair):
            # The text doesn't show the value, which may contain a password.
            raise TypeError("credentials must be pairs of strings, as ('ann', 'her password')")
        if ":" in pair[0]:
            raise ValueError(f"a user's name must have no colon (RFC 7617); it is {pair[0]!r}")
    return pairs


def _is_pair(pair: object) -> bool:
    return (
        isinstance(pair, tuple) and len(pair) == 2 and all(isinstance(each, str) for each in pair)
    )


def _comparing(pairs: list[tuple[str, str]]) -> CheckCredentials:
    # Digests have the same length, and without the key nobody can choose one.
    key = token_bytes(16)

    def digest(username: str, password: str) -> bytes:
        return hmac.digest(key, f"{username}:{password}".encode(), "sha256")

    known = [digest(*pair) for pair in pairs]

    def check(username: str, password: str) -> bool:
        given = digest(username, password)
        # All pairs are compared, so that an unknown name takes as long as a known one.
        matches = [hmac.compare_digest(given, each) for each in known]
        return any(matches)

    return check

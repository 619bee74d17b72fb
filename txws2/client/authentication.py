"""The answer of a client to a 401 or a 407: Digest, or the value that a hook returns."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from txws2._deferreds.callables import result_of
from txws2.exceptions import InvalidHeader
from txws2.wire.http.challenges import Challenge, parse_challenges
from txws2.wire.http.digest import answer_digest, strongest_digest
from txws2.wire.http.heads import Response

__all__ = ["MAX_ROUNDS", "Authenticate", "Authentication", "Demand", "digest_auth"]

MAX_ROUNDS = 5
"""The most calls of a hook for one server or proxy; the next 401 or 407 counts as a refusal."""

_VALUE = re.compile(r"[!-~](?:[ -~]*[!-~])?")


@dataclass(frozen=True)
class Demand:
    """A server (401) or a proxy (407) demands that the client authenticates.

    Attributes:
        challenges: the ways to authenticate that the peer offers, in its order; at least one.
        host: the host of the server or the proxy: a name, or an address without brackets.
        port: its port.
        is_proxy: True for a proxy.
        method: the method of the request to authenticate: "GET", or "CONNECT" for a proxy.
        target: the target of that request: path and query, or host and port for a proxy.
        response: the whole response.
        round: 1 in the first call of the hook, 2 after its first value was refused, and so on.
        memory: empty at first, and the same dict in all rounds of one connection. A hook may
            keep there what it needs in the next round.
    """

    challenges: tuple[Challenge, ...]
    host: str
    port: int
    is_proxy: bool
    method: str
    target: str
    response: Response
    round: int
    memory: dict[str, Any]

    def offers(self, scheme: str) -> Challenge | None:
        """Return the first challenge of a scheme, or None; letter case doesn't matter."""
        wanted = scheme.lower()
        return next((each for each in self.challenges if each.scheme.lower() == wanted), None)


Authenticate = Callable[[Demand], Awaitable[str | None] | str | None]
"""A hook that returns the value of Authorization or Proxy-Authorization, or None to give up.

It may return an awaitable of that.
"""


def digest_auth(username: str, password: str) -> Authenticate:
    """Make a hook that answers by Digest (RFC 7616), with the strongest algorithm that is offered.

    Credentials in a URL answer by Digest, too, but they are also sent as Basic at once. This hook
    never sends the password.

    Args:
        username: the user's name.
        password: the user's password.
    """

    def answer(demand: Demand) -> str | None:
        challenge = strongest_digest(demand.challenges)
        if challenge is None:
            return None
        # RFC 7616 section 3.3: stale means that the password was right, but the nonce too old.
        # One more round is enough for that.
        stale = challenge.parameters.get("stale", "").lower() == "true"
        if demand.round > (2 if stale else 1):
            return None
        return answer_digest(challenge, username, password, demand.method, demand.target)

    return answer


class Authentication:
    """The rounds of authentication with one server, or with one proxy.

    Args:
        hook: returns the answers; None if there is no hook.
        host: the peer's host.
        port: its port.
        is_proxy: True for a proxy.
    """

    def __init__(self, hook: Authenticate | None, host: str, port: int, is_proxy: bool) -> None:
        self._hook = hook
        self._host = host
        self._port = port
        self._is_proxy = is_proxy
        self._round = 0
        self._memory: dict[str, Any] = {}

    async def answer(self, response: Response, method: str, target: str) -> str | None:
        """Return the credentials for the next request, or None to take the response as a refusal.

        Args:
            response: the response with the challenges.
            method: the method of the next request.
            target: its target.

        Raises:
            InvalidHeader: the value from the hook can't stand in a header.
            Exception: the hook raised it.
        """
        status = 407 if self._is_proxy else 401
        if self._hook is None or response.status_code != status or self._round == MAX_ROUNDS:
            return None
        header = "Proxy-Authenticate" if self._is_proxy else "WWW-Authenticate"
        challenges = parse_challenges(response.headers.get_all(header))
        if not challenges:
            return None
        self._round += 1
        demand = Demand(
            tuple(challenges),
            self._host,
            self._port,
            self._is_proxy,
            method,
            target,
            response,
            self._round,
            self._memory,
        )
        return self._checked(await result_of(self._hook(demand)))

    def _checked(self, value: object) -> str | None:
        if value is None or (isinstance(value, str) and _VALUE.fullmatch(value)):
            return value
        # The error doesn't show the value, as it is a secret.
        kind = "text that no header can have" if isinstance(value, str) else type(value).__name__
        why = f"the hook must return printable ASCII or None; it has returned {kind}"
        raise InvalidHeader("Proxy-Authorization" if self._is_proxy else "Authorization", why)

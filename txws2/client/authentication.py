"""A client's answer to a 401 or a 407: by Digest, or as an application says."""

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
"""Answers that a hook is asked for before a server, or a proxy, counts as refusing."""

_VALUE = re.compile(r"[!-~](?:[ -~]*[!-~])?")


@dataclass(frozen=True)
class Demand:
    """The demand of a server (401) or a proxy (407), before it lets a client through.

    Attributes:
        challenges: the ways to authenticate that it offers, in its order; at least one.
        host: the server's host, or the proxy's: a name, or an address without brackets.
        port: its port.
        is_proxy: whether it is a proxy.
        method: the method of the request that is to be authenticated: "GET", or "CONNECT" for a
            proxy.
        target: the target of that request: path and query, or host and port for a proxy.
        response: the whole answer.
        round: 1 when the hook is asked first, 2 after its first value wasn't enough, and so on.
        memory: empty at first, and the same in all rounds of one connection: for whatever a hook
            must keep from one to the next.
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
        """Return the first challenge of a scheme, in any case of letters; None if there is none."""
        wanted = scheme.lower()
        return next((each for each in self.challenges if each.scheme.lower() == wanted), None)


Authenticate = Callable[[Demand], Awaitable[str | None] | str | None]
"""Returns the value of Authorization, or Proxy-Authorization, or None to give up; or what will."""


def digest_auth(username: str, password: str) -> Authenticate:
    """Make a hook that answers by Digest (RFC 7616), with the strongest algorithm that is offered.

    It is what credentials of a URL do, too, but those are also sent as Basic at once; this never
    sends the password.

    Args:
        username: the user's name.
        password: the user's password.
    """

    def answer(demand: Demand) -> str | None:
        challenge = strongest_digest(demand.challenges)
        if challenge is None:
            return None
        # RFC 7616 section 3.3: the password was right, but the nonce was too old. Once, that is.
        stale = challenge.parameters.get("stale", "").lower() == "true"
        if demand.round > (2 if stale else 1):
            return None
        return answer_digest(challenge, username, password, demand.method, demand.target)

    return answer


class Authentication:
    """Goes from round to round with one server, or with one proxy.

    Args:
        hook: says what to answer; None if nobody does.
        host: the peer's host.
        port: its port.
        is_proxy: whether it is a proxy.
    """

    def __init__(self, hook: Authenticate | None, host: str, port: int, is_proxy: bool) -> None:
        self._hook = hook
        self._host = host
        self._port = port
        self._is_proxy = is_proxy
        self._round = 0
        self._memory: dict[str, Any] = {}

    async def answer(self, response: Response, method: str, target: str) -> str | None:
        """Return what to send with the next request; None if there is nothing more to try.

        Args:
            response: the refusal.
            method: the method of the next request.
            target: its target.

        Raises:
            InvalidHeader: the hook's value can't be one of a header.
            Exception: what the hook raises.
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
        # The value itself is a secret.
        kind = "text that no header can have" if isinstance(value, str) else type(value).__name__
        why = f"the hook must return printable ASCII or None; it has returned {kind}"
        raise InvalidHeader("Proxy-Authorization" if self._is_proxy else "Authorization", why)

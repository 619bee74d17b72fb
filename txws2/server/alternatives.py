"""`any_of`: several ways to prove who one is, of which one is enough."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from txws2.server.hooks import ProcessRequest, ask_hooks
from txws2.wire.http.heads import Request, Response

__all__ = ["any_of"]


def any_of(*hooks: ProcessRequest) -> ProcessRequest:
    """Make a `process_request` hook that accepts the clients that one of some hooks accepts.

    A client that all refuse gets the response of the last one. If that is a 401, it has the
    challenges of all, so the client can choose (RFC 9110 section 11.6.1).

    Args:
        *hooks: the hooks. They are asked in turn, until one accepts.
    """

    async def process_request(connection: Any, request: Request) -> Response | None:
        challenges: list[str] = []
        response: Response | None = None
        for hook in hooks:
            response = await ask_hooks(connection, [hook], request)
            if response is None:
                return None
            challenges += response.headers.get_all("WWW-Authenticate")
        if response is not None and response.status_code == HTTPStatus.UNAUTHORIZED:
            response.headers.setRawHeaders("WWW-Authenticate", challenges)
        return response

    return process_request

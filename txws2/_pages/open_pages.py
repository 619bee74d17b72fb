"""The pages that all may see, whatever clients have to prove for the rest."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from txws2._connection.handle import driver_of
from txws2._pages.pages import Pages
from txws2.exceptions import InvalidHost
from txws2.server.factory import WebSocketServerFactory
from txws2.server.hooks import ProcessRequest, put_before
from txws2.server.plain_requests import page_for
from txws2.wire.handshake.server import refusal
from txws2.wire.http.heads import Request, Response

__all__ = ["put_open_pages_first"]


def put_open_pages_first(pages: Pages, factories: Iterable[WebSocketServerFactory]) -> None:
    """Let factories answer requests for open pages before they ask any hook.

    A program that watches the server has nothing with which it could prove who it is.

    Args:
        pages: the pages of the server.
        factories: the factories that have these pages.
    """
    for factory in factories:
        # Without hooks, a factory answers them anyway.
        if pages.has_open and factory.hooks is not None:
            factory.hooks = put_before(factory.hooks, [_answering(pages)])


def _answering(pages: Pages) -> ProcessRequest:
    """Make a `process_request` hook that answers requests for open pages."""

    def process_request(connection: Any, request: Request) -> Response | None:
        if not pages.is_open(request.path):
            return None
        try:
            return page_for(driver_of(connection), request)
        except InvalidHost as exc:
            return refusal(exc)

    return process_request

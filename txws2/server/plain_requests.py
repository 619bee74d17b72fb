"""The responses to requests that open no connection, among them those for a page."""

from __future__ import annotations

from typing import Any

from txws2.exceptions import (
    InvalidHandshake,
    InvalidHost,
    InvalidMethod,
    InvalidProtocol,
    InvalidStatus,
    InvalidUpgrade,
)
from txws2.wire.handshake.server import refusal
from txws2.wire.http.heads import Request, Response
from txws2.wire.http.hosts import check_host

__all__ = ["answer_to", "page_for"]

# Requests for a page fail the check of a handshake for one of these reasons: HEAD is another
# method, and some health checks speak HTTP/1.0.
_OF_PAGES = (InvalidMethod, InvalidProtocol, InvalidUpgrade)


def answer_to(
    driver: Any, request: object, reason: InvalidHandshake
) -> tuple[Response, InvalidHandshake]:
    """Return the response to a request that opens no connection, and the reason to record.

    Args:
        driver: the driver of the connection.
        request: the request; anything else if it isn't known.
        reason: the rule of the handshake that the request breaks.
    """
    page = None
    if driver.factory._pages is not None and isinstance(reason, _OF_PAGES):
        try:
            page = page_for(driver, request)
        except InvalidHost as exc:
            reason = exc
    if page is None:
        return refusal(reason), reason
    # A page that says how to connect is a refusal all the same.
    return page, InvalidStatus(page, ours=True) if page.status_code < 400 else reason


def page_for(driver: Any, request: object) -> Response | None:
    """Return the page for a request; None if there is none, or it is for a WebSocket.

    Raises:
        InvalidHost: the request is for a host that the server doesn't answer for.
    """
    factory = driver.factory
    if factory._pages is None or not isinstance(request, Request):
        return None
    fields = request.fields
    # A proxy in between may have removed Upgrade. Such a client must be told so.
    if "Sec-WebSocket-Key" in fields or "websocket" in fields.get("Upgrade", "").lower():
        return None
    if factory.hosts is not None:
        check_host(request, factory.hosts)
    page: Response | None = factory._pages(request, driver.handshake.transport)
    return page

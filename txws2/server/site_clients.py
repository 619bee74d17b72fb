"""The client of a request of a site, behind the proxies that are trusted."""

from __future__ import annotations

from twisted.web.http import Request

from txws2.server.admission import host_of
from txws2.wire.http.fields import Headers
from txws2.wire.http.forwarded import Client, client_of
from txws2.wire.http.ip_addresses import Networks

__all__ = ["site_client"]

_TOLD_IN = (b"X-Forwarded-For", b"X-Forwarded-Proto", b"Forwarded")


def site_client(request: Request, trusted: Networks) -> Client | None:
    """Return the client as a trusted proxy describes it; None if the peer is no such proxy.

    Raises:
        InvalidHeaderValue: the headers of the proxy contradict each other.
    """
    if host_of(request.getClientAddress()) not in trusted:
        return None
    told = Headers()
    for name in _TOLD_IN:
        for value in request.requestHeaders.getRawHeaders(name, ()):
            told.addRawHeader(name, value)
    return client_of(told, trusted)

"""`certificate_auth`: clients prove who they are by a certificate."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from txws2._connection.handle import driver_of
from txws2._connection.protocol import WebSocketProtocol
from txws2.server.hooks import ProcessRequest
from txws2.wire.http.heads import Request, Response

__all__ = ["certificate_auth"]


def certificate_auth() -> ProcessRequest:
    """Make a `process_request` hook that accepts clients with a certificate.

    The hook sets the connection's `username` to the subject of the certificate (RFC 4514), as
    "CN=ann,O=Example". Clients without a certificate get a 403.

    The options of the TLS endpoint say whose certificates are accepted: OpenSSL has verified the
    certificate before any request comes. An endpoint that asks for no certificate has none, and a
    proxy that ends TLS keeps the certificate for itself.
    """

    def process_request(connection: Any, request: Request) -> Response | None:
        find = getattr(_transport_of(connection), "getPeerCertificate", None)
        certificate = None if find is None else find()
        if certificate is None:
            return Response.plain(HTTPStatus.FORBIDDEN, "A client certificate is needed.\n")
        connection.username = certificate.to_cryptography().subject.rfc4514_string()
        return None

    return process_request


def _transport_of(connection: Any) -> Any:
    """Return the transport of a connection that isn't open yet, or of a visitor of a site."""
    # In a site, the connection itself has none until it is open.
    is_websocket = isinstance(connection, WebSocketProtocol)
    return driver_of(connection).transport if is_websocket else connection.transport

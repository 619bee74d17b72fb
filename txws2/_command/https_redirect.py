"""The site of --redirect-http: it sends browsers from http to https."""

from __future__ import annotations

import re
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request

from txws2.server.mounted_site import put_back
from txws2.server.resource import respond
from txws2.server.site_bodies import SMALL_BODY
from txws2.wire.http.heads import Response

__all__ = ["HTTPSRedirect"]

# A name, an address of IPv4, or one of IPv6 in brackets, and a port.
_HOST = re.compile(r"([a-z0-9._-]+|\[[0-9a-f:.]+\])(?::[0-9]*)?", re.IGNORECASE | re.ASCII)

# RFC 8555 section 8.3: an authority asks for this over http, and follows no redirect to a server
# whose certificate has expired.
_CHALLENGE = "/.well-known/acme-challenge/"


class HTTPSRedirect(Resource):
    """Answers every request with the same URI under https, except those of ACME for files.

    Args:
        port: the port of https.
        files: has the files of ACME; None if there are none.
    """

    def __init__(self, port: int, files: Any = None) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._port = port
        self._files = files

    def largest_body(self, segments: Sequence[bytes]) -> int:
        """Return the bytes of the largest body of a request."""
        return SMALL_BODY

    def getChildWithDefault(self, path: bytes, request: Request) -> Any:
        """Return the resource of a request, of whose path nothing is taken yet."""
        if self._files is not None and request.uri.startswith(_CHALLENGE.encode()):
            put_back(request)
            return self._files
        return _Redirect(self._port)


class _Redirect(Resource):
    isLeaf = True

    def __init__(self, port: int) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._port = port

    def render(self, request: Request) -> int:
        respond(request, self._response(request))
        return NOT_DONE_YET

    def _response(self, request: Request) -> Response:
        # Anything may come, and in Latin-1 all bytes are text.
        host = request.requestHeaders.getRawHeaders(b"Host", [b""])[0].decode("latin-1")
        match = _HOST.fullmatch(host)
        # An absolute URI of a request, or another odd one, isn't put together with a host.
        if match is None or not request.uri.startswith(b"/"):
            text = "This server speaks https; the request must have a Host.\n"
            return Response.plain(HTTPStatus.BAD_REQUEST, text)
        port = "" if self._port == 443 else f":{self._port}"
        target = f"https://{match[1]}{port}{request.uri.decode('latin-1')}"
        text = "This server speaks https; ask there.\n"
        response = Response.plain(HTTPStatus.PERMANENT_REDIRECT, text)
        response.headers.setRawHeaders("Location", [target])
        return response

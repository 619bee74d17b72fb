"""The pages of a server as a resource of twisted.web, for servers that have a site."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus

from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET
from twisted.web.server import Request as SiteRequest

from txws2._pages.pages import Pages
from txws2.server.resource import respond
from txws2.server.site_bodies import SMALL_BODY
from txws2.wire.http.fields import Headers
from txws2.wire.http.heads import Request, Response

__all__ = ["PagesResource"]


class PagesResource(Resource):
    """Answers requests with the pages of a server.

    Args:
        pages: the pages.
    """

    isLeaf = True

    def __init__(self, pages: Pages) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._pages = pages

    def largest_body(self, segments: Sequence[bytes]) -> int:
        """Return the bytes of the largest body of a request."""
        return SMALL_BODY

    def render(self, request: SiteRequest) -> int:
        """Answer a request, for twisted.web."""
        channel = getattr(request, "channel", None)
        if channel is None:
            # The client has left before the site has found this resource.
            return NOT_DONE_YET
        page = self._pages.answer(_read(request), channel.transport)
        respond(request, page or Response.plain(HTTPStatus.NOT_FOUND, "There is no such page.\n"))
        return NOT_DONE_YET


def _read(request: SiteRequest) -> Request:
    headers = Headers()
    for name, values in request.requestHeaders.getAllRawHeaders():
        for value in values:
            headers.addRawHeader(name, value)
    path = request.uri.decode("ascii", "replace")
    return Request(path, headers, request.method.decode("ascii", "replace"))

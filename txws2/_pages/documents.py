"""The files of the pages, as responses that let a browser load nothing from elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from html import escape
from http import HTTPStatus
from pathlib import Path
from string import Template

from txws2.wire.http.fields import Headers
from txws2.wire.http.heads import Response

__all__ = ["ASSETS", "asset", "page", "text"]

ASSETS = "/.txws2"
"""The path of the files that pages load."""

_KINDS = {
    "css": "text/css; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}

# Only these are for browsers; the templates of pages aren't.
_LOADED = ("charts.js", "console.js", "icon.svg", "pages.css", "status.js", "words.js")


def page(
    name: str,
    values: Mapping[str, str],
    connects: str = "'none'",
    status: HTTPStatus = HTTPStatus.OK,
) -> Response:
    """Return a page.

    Args:
        name: the name of its template.
        values: the texts to fill in, which are escaped.
        connects: the places to which its script may connect, as the source list of a
            Content-Security-Policy.
        status: the status of the response.
    """
    safe = {key: escape(value) for key, value in values.items()}
    response = _response(status, "html", Template(_read(name)).substitute(safe).encode())
    # Scripts and styles in the page itself, frames, forms and plugins have no exception.
    policy = (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        f"connect-src {connects}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    response.headers.addRawHeader("Content-Security-Policy", policy)
    response.headers.addRawHeader("Vary", "Accept")
    return response


def asset(name: str) -> Response | None:
    """Return a file that pages load; None if there is no such file."""
    if name not in _LOADED:
        return None
    return _response(HTTPStatus.OK, name.rpartition(".")[2], _read(name).encode())


def text(status: HTTPStatus, said: str) -> Response:
    """Return a response for programs."""
    response = Response.plain(status, said)
    _protect(response)
    response.headers.addRawHeader("Vary", "Accept")
    return response


def _response(status: HTTPStatus, kind: str, body: bytes) -> Response:
    headers = Headers()
    headers.addRawHeader("Content-Type", _KINDS[kind])
    headers.addRawHeader("Content-Length", str(len(body)))
    response = Response(status.value, status.phrase, headers, body)
    _protect(response)
    return response


def _protect(response: Response) -> None:
    for name, value in {
        "Cache-Control": "no-cache",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }.items():
        response.headers.addRawHeader(name, value)


@cache
def _read(name: str) -> str:
    return (Path(__file__).with_name("files") / name).read_text("utf-8")

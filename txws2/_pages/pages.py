"""`Pages`: all pages of a server, for requests that aren't for a WebSocket."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Protocol
from urllib.parse import quote

from txws2._pages.documents import ASSETS, asset, page, text
from txws2._pages.visit import Visit, page_path
from txws2._pages.ways import Manual, Ways, ways_of_websocket
from txws2.server.factory import WebSocketServerFactory
from txws2.wire.http.heads import Request, Response
from txws2.wire.http.mount_points import MountPoints

__all__ = ["Answer", "Pages"]


_NO_WAYS: Mapping[str, Ways] = {}


class Answer(Protocol):
    """Answers the requests for one path.

    Attributes:
        factory: serves the WebSockets of that path; None if it has none.
        open: True if it answers all clients: it decides itself who may see its page, or has
            nothing to hide. False if it answers those who have proved who they are.
    """

    factory: WebSocketServerFactory | None
    open: bool

    def watch(self, factories: Mapping[str, WebSocketServerFactory]) -> None:
        """Take the factories of the server, by their names."""

    def __call__(self, visit: Visit) -> Response:
        """Return the response to a request."""


class Pages:
    """All pages of a server.

    Args:
        paths: the paths at which it serves WebSockets.
        answers: those who answer the requests for other paths.
        console: True if "/" is for the console.
        ways: the ways to use some of the paths; the others are just WebSockets.
    """

    def __init__(
        self,
        paths: Sequence[str],
        answers: Mapping[str, Answer],
        console: bool = True,
        ways: Mapping[str, Ways] = _NO_WAYS,
    ) -> None:
        self._paths = paths
        self._points = MountPoints({path: ways.get(path, ways_of_websocket) for path in paths})
        self._answers = {path.rstrip("/") or "/": answer for path, answer in answers.items()}
        self.has_console = console and "/" not in self._answers

    @property
    def has_open(self) -> bool:
        """True if one of the answers is open."""
        return any(answer.open for answer in self._answers.values())

    def is_open(self, path: str) -> bool:
        """Tell whether the page at a path, which may have a query, is for all.

        So are the files that pages load, which everybody has who has this package.
        """
        answer = self._answers.get(page_path(path))
        return f"{path}/".startswith(f"{ASSETS}/") if answer is None else answer.open

    def answer(self, request: Request, transport: Any) -> Response | None:
        """Return the response to a request that isn't for a WebSocket; None if it has no page.

        Args:
            request: the request.
            transport: the transport on which it came.
        """
        if request.method not in ("GET", "HEAD"):
            return None
        visit = Visit.by(request, transport)
        if visit.path.startswith(f"{ASSETS}/"):
            return asset(visit.path.removeprefix(f"{ASSETS}/"))
        if visit.path in self._answers:
            return self._answers[visit.path](visit)
        ways = self._points.find(visit.path)
        if visit.path == "/" and self.has_console and visit.wants_html:
            return self._console(visit)
        if ways is not None:
            return self._hint(visit, ways(visit, visit.request.path.partition("?")[0]))
        if visit.path == "/" and self.has_console:
            return text(HTTPStatus.OK, self._sentences(visit, self._manuals(visit)))
        return None

    def _manuals(self, visit: Visit) -> list[Manual]:
        points = [(path, self._points.find(path)) for path in self._paths]
        return [ways(visit, path) for path, ways in points if ways is not None]

    def _console(self, visit: Visit) -> Response:
        paths = [manual.path for manual in self._manuals(visit)]
        first = "/" if "/" in paths or not paths else paths[0]
        # The console connects anywhere.
        return page(
            "console.html",
            {"up": visit.up, "path": first, "paths": "\n".join(paths)},
            connects="'self' ws: wss:",
        )

    def _hint(self, visit: Visit, manual: Manual) -> Response:
        status = HTTPStatus.UPGRADE_REQUIRED
        if visit.wants_html:
            values = {
                "up": visit.up,
                "hidden": "" if self.has_console else "hidden",
                "query": quote(visit.uri(manual.path), safe=""),
                "title": manual.title,
                "explanation": manual.explanation,
                "commands": _listing(manual),
                "script": manual.script,
            }
            response = page("hint.html", values, status=status)
        else:
            response = text(status, self._sentences(visit, [manual]))
        # RFC 9110 section 15.5.22: "The server MUST send an Upgrade header field in a 426 response
        # to indicate the required protocol(s)". Section 7.8 also demands "upgrade" in Connection.
        response.headers.setRawHeaders("Connection", ["Upgrade, close"])
        response.headers.addRawHeader("Upgrade", "websocket")
        return response

    def _sentences(self, visit: Visit, manuals: Sequence[Manual]) -> str:
        """Return the text for programs and for people with a command line."""
        plain = [visit.uri(each.path) for each in manuals if len(each.commands) == 1]
        texts = [_ways(each) for each in manuals if len(each.commands) > 1]
        if plain or not manuals:
            texts.insert(0, self._sentence(visit, plain))
        return "\n".join(texts)

    def _sentence(self, visit: Visit, uris: Sequence[str]) -> str:
        if not uris:
            return "This is a WebSocket server.\n"
        known = "This is a WebSocket" if len(uris) == 1 else "There are WebSockets here"
        said = f"{known}: connect to {', or '.join(uris)} by a WebSocket client, "
        said += f"as python -m txws2 {uris[0]}"
        if self.has_console:
            said += f", or open {visit.uri('/', 'http')} in a browser"
        return f"{said}.\n"


def _listing(manual: Manual) -> str:
    """Return the commands; if there are several, each is behind a comment for its purpose."""
    if len(manual.commands) == 1:
        return manual.commands[0][1]
    return "\n".join(f"# {purpose}\n{command}" for purpose, command in manual.commands)


def _ways(manual: Manual) -> str:
    """Return the text about a path with several ways to use it."""
    width = max(len(purpose) for purpose, _ in manual.commands)
    lines = [f"  {purpose.ljust(width)}  {command}" for purpose, command in manual.commands]
    return "\n".join([f"{manual.title}. {manual.explanation}", *lines, ""])

"""The ways to use an address, which a hint shows to a person who has opened it as a page."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from txws2._pages.visit import Visit

__all__ = ["Manual", "Ways", "ways_of_websocket"]


class Manual(NamedTuple):
    """The ways to use an address.

    Attributes:
        title: a sentence that says what the address is, without its period.
        explanation: more about that, in a sentence.
        path: the path of a WebSocket, for the console.
        commands: commands for a shell, each with words for its purpose.
        script: lines for the script of a page.
    """

    title: str
    explanation: str
    path: str
    commands: tuple[tuple[str, str], ...]
    script: str


Ways = Callable[[Visit, str], Manual]
"""A function of a visit and a path, which returns the ways to use that path."""

_SCRIPT = """\
const ws = new WebSocket("{uri}");
ws.onmessage = (event) => console.log(event.data);
ws.onopen = () => ws.send("hello");"""


def ways_of_websocket(visit: Visit, path: str) -> Manual:
    """Return the ways to use a WebSocket."""
    uri = visit.uri(path)
    return Manual(
        "This address is a WebSocket",
        "A program or the script of a page connects to it; it isn't a page itself.",
        path,
        (("connect", f"python -m txws2 {uri}"),),
        _SCRIPT.format(uri=uri),
    )

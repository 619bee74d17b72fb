"""The body of a refusal by a server or a proxy, as lines for a person."""

from __future__ import annotations

from html.parser import HTMLParser

from txws2.exceptions import InvalidProxyStatus, InvalidStatus

__all__ = ["refusal_lines"]

# A body may be a page that fills the screen; the reason is mostly at its beginning.
_MOST_LINES = 10
_LONGEST_LINE = 200

# A browser doesn't show the text of these elements.
_INVISIBLE = {"head", "script", "style"}


def refusal_lines(exc: Exception) -> list[str]:
    """Return the lines of a refusal's body; no lines for any other failure.

    Args:
        exc: the exception of an attempt to connect.
    """
    if not isinstance(exc, (InvalidStatus, InvalidProxyStatus)):
        return []
    body = exc.response.body
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return [f"[body, {len(body)} bytes, not UTF-8]"]
    if "html" in exc.response.headers.get("Content-Type", "").lower():
        text = _visible(text)
    shown = [line.strip()[:_LONGEST_LINE] for line in text.splitlines() if line.strip()]
    rest = [f"[body, {len(body)} bytes in all]"] if len(shown) > _MOST_LINES else []
    return shown[:_MOST_LINES] + rest


def _visible(page: str) -> str:
    """Return the text of a page that a browser shows."""
    reader = _Reader()
    reader.feed(page)
    reader.close()
    return "".join(reader.texts)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self._invisible = 0

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self._invisible += tag in _INVISIBLE

    def handle_endtag(self, tag: str) -> None:
        if tag in _INVISIBLE:
            self._invisible -= self._invisible > 0

    def handle_data(self, data: str) -> None:
        if not self._invisible:
            self.texts.append(data)

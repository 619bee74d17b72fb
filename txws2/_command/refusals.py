"""What a server, or a proxy, says when it refuses: the lines of it that are worth showing."""

from __future__ import annotations

from html.parser import HTMLParser

from txws2.exceptions import InvalidProxyStatus, InvalidStatus

__all__ = ["told"]

# Bodies may be pages that fill the screen; the reason is mostly in their beginning.
_MOST_LINES = 10
_LONGEST_LINE = 200

# Elements whose text nobody reads.
_UNSEEN = {"head", "script", "style"}


def told(exc: Exception) -> list[str]:
    """Return the lines that came with a refusal; there are none with any other failure.

    Args:
        exc: what an attempt to connect has failed with.
    """
    if not isinstance(exc, (InvalidStatus, InvalidProxyStatus)):
        return []
    body = exc.response.body
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return [f"[body, {len(body)} bytes, not UTF-8]"]
    if "html" in exc.response.headers.get("Content-Type", "").lower():
        text = _seen(text)
    shown = [line.strip()[:_LONGEST_LINE] for line in text.splitlines() if line.strip()]
    rest = [f"[body, {len(body)} bytes in all]"] if len(shown) > _MOST_LINES else []
    return shown[:_MOST_LINES] + rest


def _seen(page: str) -> str:
    """Return what a person sees of a page."""
    reader = _Reader()
    reader.feed(page)
    reader.close()
    return "".join(reader.texts)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self._unseen = 0

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self._unseen += tag in _UNSEEN

    def handle_endtag(self, tag: str) -> None:
        if tag in _UNSEEN:
            self._unseen -= self._unseen > 0

    def handle_data(self, data: str) -> None:
        if not self._unseen:
            self.texts.append(data)

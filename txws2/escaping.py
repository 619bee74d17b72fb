"""Text in which a peer may have a say, for a log or an exception: it stays one line."""

from __future__ import annotations

from unicodedata import category

__all__ = ["escaped"]

# Emoji and some scripts are written with these; neither of them turns or hides what follows.
_JOINERS = "\u200c\u200d"


def escaped(text: str) -> str:
    """Return a text with an escape for each character that steers whatever shows it.

    Controls, ends of lines and paragraphs, and what turns the direction of writing are shown as
    Python writes them, as "\\x1b". Whatever a person can read stays as it is.
    """
    if text.isprintable():
        return text
    return "".join(each if _is_harmless(each) else ascii(each)[1:-1] for each in text)


def _is_harmless(character: str) -> bool:
    return character.isprintable() or character in _JOINERS or category(character) == "Zs"

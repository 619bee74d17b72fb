"""Text for a log or an exception: it stays one line, and has no password in it."""

from __future__ import annotations

import re
from unicodedata import category

__all__ = ["anonymous", "escaped"]

# Emoji and some scripts are written with these; neither of them turns or hides what follows.
_JOINERS = "\u200c\u200d"

# RFC 3986 section 3: what may stand before the authority of a URI.
_BEFORE_AUTHORITY = re.compile("(?:[A-Za-z][A-Za-z0-9+.-]*:)?//")

# The last two are forms of it that may be normalized to it.
_AT = "@\uff20\ufe6b"


def anonymous(uri: str) -> str:
    """Return a URI, however malformed, with "***" for all that may be a user name or a password.

    A password that isn't encoded may have any character in it: it ends with the last "@".
    """
    end = max(map(uri.rfind, _AT))
    if end < 0:
        return uri
    match = _BEFORE_AUTHORITY.match(uri, 0, end)
    start = "" if match is None else match[0]
    return f"{start}***@{uri[end + 1 :]}"


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

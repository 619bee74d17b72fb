"""Text for a log or an exception: it stays on one line, and has no password in it."""

from __future__ import annotations

import re
from unicodedata import category

__all__ = ["anonymous", "escaped"]

# Emoji and some scripts are written with these two; neither turns or hides the text after it.
_JOINERS = "\u200c\u200d"

# RFC 3986 section 3: hier-part is "//" authority, after a scheme and a colon. A reference may go
# without them (section 4.2).
_BEFORE_AUTHORITY = re.compile("(?:[A-Za-z][A-Za-z0-9+.-]*:)?//")

# The at sign, and two other characters that normalization (NFKC) turns into it.
_AT = "@\uff20\ufe6b"


def anonymous(uri: str) -> str:
    """Return a URI with "***" in place of all that may be a user name or a password.

    The URI may be malformed. A password that isn't encoded may have any character in it, so it
    ends at the last "@".
    """
    # RFC 3986 section 3.2.1: "Applications should not render as clear text any data after the first
    # colon (":") character found within a userinfo subcomponent". The user name is hidden, too:
    # some services take a token for it.
    end = max(map(uri.rfind, _AT))
    if end < 0:
        return uri
    match = _BEFORE_AUTHORITY.match(uri, 0, end)
    start = "" if match is None else match[0]
    return f"{start}***@{uri[end + 1 :]}"


def escaped(text: str) -> str:
    """Return a text with an escape for each character that could steer a terminal or a viewer.

    Control characters, ends of lines and paragraphs, and characters that turn the direction of
    writing are shown as Python writes them, as "\\x1b". All characters that a person can read stay
    the same.
    """
    # RFC 6455 section 10.1: "a server should not trust that any input is valid." A close reason or
    # a header with an end of line could write another line into a log, in the server's own name.
    if text.isprintable():
        return text
    return "".join(each if _is_harmless(each) else ascii(each)[1:-1] for each in text)


def _is_harmless(character: str) -> bool:
    return character.isprintable() or character in _JOINERS or category(character) == "Zs"

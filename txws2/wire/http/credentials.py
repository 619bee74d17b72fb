"""User names and passwords in a request (RFC 7617)."""

from __future__ import annotations

import re
from base64 import b64encode
from binascii import Error as Base64Error
from binascii import a2b_base64
from urllib.parse import unquote

from txws2.wire.escaping import anonymous

__all__ = ["basic", "challenge", "masked", "parse_basic", "unquoted"]

# RFC 9110 section 11.2 and 11.4: the scheme in any case, spaces, a token68. No character of one
# part can begin the next, so the time is linear.
_BASIC = re.compile(r"basic +([0-9A-Za-z\-._~+/]+=*)", re.IGNORECASE | re.ASCII)
# RFC 7617 section 2: there MUST NOT be control characters.
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
# One class of characters takes one pass.
_REALM = re.compile(r"[ -~]*")

# RFC 9110 section 11.
_SHOWING = {"authorization", "proxy-authorization"}


def masked(name: str, value: str) -> str:
    """Return the value of a header for a log: of one with credentials, only their scheme.

    Location may have a user name and a password, as any URI.
    """
    name = name.lower()
    if name == "location":
        return anonymous(value.strip(" \t")) if "@" in value else value
    if name not in _SHOWING:
        return value
    scheme, space, _ = value.strip(" \t").partition(" ")
    return f"{scheme} ***" if space else "***"


def unquoted(text: str) -> str | None:
    """Return a part of a URI's user information, decoded; None if that isn't UTF-8."""
    try:
        return unquote(text, errors="strict")
    except UnicodeDecodeError:
        return None


def basic(username: str, password: str | None) -> str:
    """Return the value of Authorization, or of Proxy-Authorization, that shows them."""
    credentials = f"{username}:{password or ''}".encode()
    return f"Basic {b64encode(credentials).decode()}"


def parse_basic(authorization: str) -> tuple[str, str] | None:
    """Return the user's name and password; None if it isn't Basic, or isn't well-formed.

    Args:
        authorization: the value of an Authorization header.
    """
    match = _BASIC.fullmatch(authorization)
    if match is None:
        return None
    try:
        text = a2b_base64(match[1], strict_mode=True).decode()
    except (Base64Error, UnicodeDecodeError):
        return None
    # The first colon ends the name; a password may have others.
    username, colon, password = text.partition(":")
    if not colon or _CONTROL.search(text):
        return None
    return username, password


def challenge(realm: str) -> str:
    """Return the value of a WWW-Authenticate header that asks for them.

    Args:
        realm: what a person is told that they are for.

    Raises:
        ValueError: it isn't printable ASCII.
    """
    if not _REALM.fullmatch(realm):
        raise ValueError(f"realm must be printable ASCII; it is {realm!r}")
    quoted = realm.replace("\\", r"\\").replace('"', r"\"")
    return f'Basic realm="{quoted}", charset="UTF-8"'

"""Credentials in a request: the schemes Basic (RFC 7617) and Bearer (RFC 6750)."""

from __future__ import annotations

import re
from base64 import b64encode
from binascii import Error as Base64Error
from binascii import a2b_base64
from urllib.parse import unquote

from txws2.wire.escaping import anonymous

__all__ = [
    "basic",
    "bearer_challenge",
    "challenge",
    "is_token",
    "masked",
    "parse_basic",
    "parse_bearer",
    "unquoted",
]

# RFC 9110 sections 11.2 and 11.4: the scheme in any case of letters, spaces, a token68. No
# character of one part can begin the next part, so the time is linear.
_BASIC = re.compile(r"basic +([0-9A-Za-z\-._~+/]+=*)", re.IGNORECASE | re.ASCII)
# RFC 6750 section 2.1 has the same characters.
_TOKEN = re.compile(r"[0-9A-Za-z\-._~+/]+=*", re.ASCII)
_BEARER = re.compile(r"bearer +([0-9A-Za-z\-._~+/]+=*)", re.IGNORECASE | re.ASCII)
# RFC 7617 section 2: "The user-id and password MUST NOT contain any control characters".
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
# One class of characters takes one pass.
_REALM = re.compile(r"[ -~]*")

# RFC 9110 sections 11.6.2 and 11.7.2: the first two carry credentials. So does the last, for a
# relay.
_SHOWING = {"authorization", "proxy-authorization", "publish-token"}


def masked(name: str, value: str) -> str:
    """Return the value of a header for a log: if it has credentials, only their scheme."""
    name = name.lower()
    if name == "location":
        # A URI may have a user name and a password in it.
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
    """Return the value of Authorization, or of Proxy-Authorization, with these credentials."""
    # RFC 7617 section 2: user-id, a colon and the password, in Base64. Section 2.1 lets a server
    # ask for UTF-8 and for no other charset, so UTF-8 is sent even if it doesn't ask.
    credentials = f"{username}:{password or ''}".encode()
    return f"Basic {b64encode(credentials).decode()}"


def parse_basic(authorization: str) -> tuple[str, str] | None:
    """Return the user's name and password; None if the scheme isn't Basic, or the value malformed.

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
    # RFC 7617 section 2: "the first colon in a user-pass string separates user-id and password from
    # one another; text after the first colon is part of the password."
    username, colon, password = text.partition(":")
    if not colon or _CONTROL.search(text):
        return None
    return username, password


def challenge(realm: str) -> str:
    """Return the value of a WWW-Authenticate header that asks for user name and password.

    Args:
        realm: the words that tell a person for what they are.

    Raises:
        ValueError: `realm` isn't printable ASCII.
    """
    # RFC 7617 section 2.1 defines charset="UTF-8" for credentials.
    return f'Basic realm="{_quoted(realm)}", charset="UTF-8"'


def parse_bearer(authorization: str) -> str | None:
    """Return the token; None if the scheme isn't Bearer, or the value malformed.

    Args:
        authorization: the value of an Authorization header.
    """
    match = _BEARER.fullmatch(authorization)
    return None if match is None else match[1]


def is_token(text: str) -> bool:
    """Return True if a text can be sent as a token (RFC 6750 section 2.1)."""
    return _TOKEN.fullmatch(text) is not None


def bearer_challenge(realm: str, error: str | None = None) -> str:
    """Return the value of a WWW-Authenticate header that asks for a token.

    Args:
        realm: the words that tell a person for what it is.
        error: an error code of RFC 6750 section 3.1; None if the request had no token.

    Raises:
        ValueError: `realm` isn't printable ASCII.
    """
    told = "" if error is None else f', error="{error}"'
    return f'Bearer realm="{_quoted(realm)}"{told}'


def _quoted(realm: str) -> str:
    # RFC 7617 section 2: "The authentication parameter 'realm' is REQUIRED". Its charset is
    # undefined, so only ASCII is allowed here.
    if not _REALM.fullmatch(realm):
        raise ValueError(f"realm must be printable ASCII; it is {realm!r}")
    return realm.replace("\\", r"\\").replace('"', r"\"")

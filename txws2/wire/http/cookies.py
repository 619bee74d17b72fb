"""Cookies (RFC 6265): those that a request has, and how a response sets one."""

from __future__ import annotations

import re
from collections.abc import Iterable

from txws2.wire.http.grammar import is_token

__all__ = ["format_cookie", "parse_cookies"]

# RFC 6265 section 4.1.1: cookie-octet, and av-octet. One class of characters takes one pass.
_VALUE = re.compile(r"[!#-+\--:<-\[\]-~]*")
_ATTRIBUTE = re.compile(r"[ -:<-~]+")

# Neither is more than these in a header. What else Python takes for space, browsers send within
# names: without it, "\xa0__Host-session" would be a "__Host-session" of somebody else's making.
_SPACE = " \t"


def parse_cookies(values: Iterable[str]) -> dict[str, str]:
    """Return the cookies of a request, by name.

    Whatever can be read is, as section 5.4 has user agents send more than 4.1.1 has servers set.
    What has no "=" isn't a cookie.

    Args:
        values: the values of its Cookie headers.
    """
    cookies: dict[str, str] = {}
    for value in values:
        for pair in value.split(";"):
            name, equals, text = pair.partition("=")
            if equals:
                text = text.strip(_SPACE)
                if len(text) > 1 and text[0] == text[-1] == '"':
                    text = text[1:-1]
                # Section 5.4: the one with the longest path comes first.
                cookies.setdefault(name.strip(_SPACE), text)
    return cookies


def format_cookie(
    name: str,
    value: str,
    *,
    max_age: int | None = None,
    domain: str | None = None,
    path: str | None = "/",
    secure: bool = False,
    httponly: bool = True,
    samesite: str | None = "Lax",
) -> str:
    """Return the value of a Set-Cookie header; `Response.set_cookie` says what is in it.

    Raises:
        ValueError: the name isn't a token, the value or an attribute has characters that it
            can't have, or samesite isn't one of the three, or is "None" without secure.
    """
    if not is_token(name):
        raise ValueError(f"a cookie's name is a token; {name!r} isn't")
    if not _VALUE.fullmatch(value):
        raise ValueError(
            f"a cookie's value is of ASCII, without space, quotes, comma, semicolon and backslash; "
            f"{name} isn't: encode it, as with urllib.parse.quote"
        )
    if samesite not in ("Strict", "Lax", "None", None):
        raise ValueError(f"samesite is 'Strict', 'Lax', 'None' or None; it is {samesite!r}")
    if samesite == "None" and not secure:
        raise ValueError("browsers drop a cookie with samesite='None' and without secure=True")
    parts = [f"{name}={value}"]
    for attribute, text in (
        ("Max-Age", None if max_age is None else str(max_age)),
        ("Domain", domain),
        ("Path", path),
        ("SameSite", samesite),
    ):
        if text is not None:
            if not _ATTRIBUTE.fullmatch(text):
                raise ValueError(f"{attribute} of the cookie {name} can't be {text!r}")
            parts.append(f"{attribute}={text}")
    parts += ["Secure"] * secure + ["HttpOnly"] * httponly
    return "; ".join(parts)

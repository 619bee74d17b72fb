"""Cookies (RFC 6265): reading those of a request, writing those of a response."""

from __future__ import annotations

import re
from collections.abc import Iterable

from txws2.wire.http.grammar import is_token

__all__ = ["format_cookie", "parse_cookies"]

# Section 4.1.1: cookie-octet is "US-ASCII characters excluding CTLs, whitespace DQUOTE, comma,
# semicolon, and backslash", and path-value is "any CHAR except CTLs or ";"". One class of
# characters takes one pass.
_VALUE = re.compile(r"[!#-+\--:<-\[\]-~]*")
_ATTRIBUTE = re.compile(r"[ -:<-~]+")

# Section 5.2 strips "WSP", which is a space and a tab. Why not str.strip() without an argument: it
# strips other characters, too, which browsers send within names. "\xa0__Host-session" would
# become a "__Host-session" that somebody else has set.
_SPACE = " \t"


def parse_cookies(values: Iterable[str]) -> dict[str, str]:
    """Return the cookies of a request, by name.

    A part without "=" isn't a cookie.

    Args:
        values: the values of its Cookie headers.
    """
    # Why not refuse a malformed cookie: section 5.4 has user agents send more characters than
    # section 4.1.1 has servers set. The application of another path may have set it.
    cookies: dict[str, str] = {}
    for value in values:
        for pair in value.split(";"):
            name, equals, text = pair.partition("=")
            if equals:
                text = text.strip(_SPACE)
                # Section 4.1.1: cookie-value = *cookie-octet / ( DQUOTE *cookie-octet DQUOTE ).
                if len(text) > 1 and text[0] == text[-1] == '"':
                    text = text[1:-1]
                # Section 5.4: "Cookies with longer paths are listed before cookies with shorter
                # paths." The longest path is the nearest, so the first of equal names counts.
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
    """Return the value of a Set-Cookie header; `Response.set_cookie` describes the arguments.

    Raises:
        ValueError: the name isn't a token; the value or an attribute has a forbidden character;
            samesite isn't one of the three, or is "None" without secure.
    """
    # Section 4.1.1: "Servers SHOULD NOT send Set-Cookie headers that fail to conform to the
    # following grammar". Browsers would drop such a cookie without a word, so it is refused here.
    if not is_token(name):
        raise ValueError(f"a cookie's name is a token; {name!r} isn't")
    if not _VALUE.fullmatch(value):
        raise ValueError(
            f"a cookie's value is ASCII without space, quotes, comma, semicolon and backslash; "
            f"that of {name} isn't: encode it, as with urllib.parse.quote"
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
                raise ValueError(
                    f"{attribute} of the cookie {name} must be one or more characters of printable "
                    f"ASCII, without semicolon; it is {text!r}"
                )
            parts.append(f"{attribute}={text}")
    parts += ["Secure"] * secure + ["HttpOnly"] * httponly
    return "; ".join(parts)

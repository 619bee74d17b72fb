"""Where a server sends a client that asks for a WebSocket (RFC 6455 section 4.1, RFC 9110)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from urllib.parse import urldefrag, urljoin

from txws2.wire.escaping import anonymous
from txws2.wire.exceptions import InvalidURI, RedirectError
from txws2.wire.http.heads import Response
from txws2.wire.http.uris import WebSocketURI, parse_uri

__all__ = ["MAX_REDIRECTS", "is_redirect", "redirection"]

MAX_REDIRECTS = 10
"""How often a client is sent elsewhere before it gives up."""

# RFC 9110 section 15.4. The handshake is a GET, which all of them leave as it is.
_STATUSES = {301, 302, 303, 307, 308}

# A gateway that knows nothing of WebSockets names its own scheme for the one that we use.
_HTTP = re.compile("http(s?):", re.IGNORECASE)


def is_redirect(response: Response) -> bool:
    """Tell whether a response sends us elsewhere; then its body is only for who can't go there."""
    return response.status_code in _STATUSES and "Location" in response.headers


def redirection(uri: WebSocketURI, response: Response, chain: Sequence[str]) -> WebSocketURI | None:
    """Return where a response sends us; None if it doesn't.

    Args:
        uri: what was asked. Its credentials are taken along within its origin.
        response: the server's answer.
        chain: all that was asked so far, this URI last.

    Raises:
        RedirectError: there is no going there.
    """
    if not is_redirect(response):
        return None
    location = response.headers["Location"]
    try:
        joined = urldefrag(urljoin(str(uri), _HTTP.sub(r"ws\1:", location, count=1))).url
        target = parse_uri(joined)
    except (InvalidURI, ValueError) as exc:
        # Python's own reason differs from version to version, and quotes what has come.
        why = exc.message if isinstance(exc, InvalidURI) else "its host is malformed"
        message = f"redirected to what isn't a WebSocket URI ({why})"
        raise RedirectError([*chain, _shown(location)], message) from exc
    if target.host == uri.bare_host:
        # A server doesn't know in which zone it is to us.
        target = replace(target, host=uri.host)
    chain = [*chain, str(target)]
    if uri.secure and not target.secure:
        raise RedirectError(chain, "redirected from wss to ws, which anybody can read")
    if len(chain) > MAX_REDIRECTS + 1:
        raise RedirectError(chain, f"redirected more than {MAX_REDIRECTS} times")
    if target.origin == uri.origin and target.username is None:
        target = replace(target, username=uri.username, password=uri.password)
    return target


def _shown(location: str) -> str:
    # There may be a password in it, and anything else.
    return repr(anonymous(location)[:200])

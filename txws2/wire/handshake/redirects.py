"""Redirects of the opening handshake (RFC 6455 section 4.1, RFC 9110 section 15.4)."""

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

# RFC 9110 section 15.4: "A client SHOULD detect and intervene in cyclical redirections". A limit
# finds those, and endless ones that are no cycle.
MAX_REDIRECTS = 10
"""The number of redirects after which a client gives up."""

# RFC 9110 section 15.4. The handshake is a GET, which stays a GET with each of these.
_STATUSES = {301, 302, 303, 307, 308}

# A gateway that knows nothing of WebSockets writes http for ws, and https for wss.
_HTTP = re.compile("http(s?):", re.IGNORECASE)


def is_redirect(response: Response) -> bool:
    """Tell whether a response is a redirect; then its body doesn't matter."""
    # RFC 9110 section 15.4: the body of a redirect is a note with a link, for a person.
    return response.status_code in _STATUSES and "Location" in response.headers


def redirection(uri: WebSocketURI, response: Response, chain: Sequence[str]) -> WebSocketURI | None:
    """Return the URI to which a response redirects; None if the response is no redirect.

    Args:
        uri: the URI of the request. Its credentials are kept within its origin.
        response: the server's response.
        chain: the URIs of all requests so far; this one is the last.

    Raises:
        RedirectError: the redirect can't be followed.
    """
    if not is_redirect(response):
        return None
    # RFC 9110 section 10.2.2: Location is a URI reference, which is resolved against the URI of the
    # request. Its fragment isn't sent, as RFC 6455 section 3 has none.
    location = response.headers["Location"]
    try:
        joined = urldefrag(urljoin(str(uri), _HTTP.sub(r"ws\1:", location, count=1))).url
        target = parse_uri(joined)
    except (InvalidURI, ValueError) as exc:
        # Python's own message differs from version to version, and quotes the Location.
        why = exc.message if isinstance(exc, InvalidURI) else "its host is malformed"
        message = f"redirected to what isn't a WebSocket URI ({why})"
        raise RedirectError([*chain, _shown(location)], message) from exc
    if target.host == uri.bare_host:
        # RFC 6874: a zone has a meaning on this machine only, so a server can't know it.
        target = replace(target, host=uri.host)
    chain = [*chain, str(target)]
    # Why not follow: the user asked for wss, that is for "data confidentiality and integrity and
    # endpoint authentication" (RFC 6455 section 11.1.2).
    if uri.secure and not target.secure:
        raise RedirectError(chain, "redirected from wss to ws, which anybody can read")
    if len(chain) > MAX_REDIRECTS + 1:
        raise RedirectError(chain, f"redirected more than {MAX_REDIRECTS} times")
    # RFC 9110 section 15.4 has a client consider removing credentials when it is redirected.
    # Another origin must not see them.
    if target.origin == uri.origin and target.username is None:
        target = replace(target, username=uri.username, password=uri.password)
    return target


def _shown(location: str) -> str:
    # A Location may have a password in it, or anything else.
    return repr(anonymous(location)[:200])

"""What a person can try when a connection can't be made."""

from __future__ import annotations

from twisted.internet import error

from txws2.exceptions import InvalidMessage, InvalidStatus, SecurityError

__all__ = ["hint"]

_BY_STATUS = {
    301: "the server has moved; its Location header says where to",
    302: "the server sends elsewhere; its Location header says where to",
    307: "the server sends elsewhere; its Location header says where to",
    308: "the server has moved; its Location header says where to",
    400: "the server wants something else in the request: --origin, --subprotocol or --header",
    401: "the server wants to know who you are: --header 'Authorization: Bearer TOKEN'",
    403: "the server may want another --origin, or other credentials in a --header",
    404: "there is a server, but no WebSocket at this path",
    426: "the server wants another version of the protocol than 13",
    429: "the server has too many requests from you; wait for a while",
}

_BY_ERROR: tuple[tuple[type[Exception], str], ...] = (
    (error.ConnectionRefusedError, "is the server running, and is this its port?"),
    (error.DNSLookupError, "there is no such host; check its name, and whether you are online"),
    (error.UnknownHostError, "there is no such host; check its name, and whether you are online"),
    (error.NoRouteError, "no network leads there; are you online, or behind a VPN?"),
    # OpeningTimeout is one.
    (TimeoutError, "the server, or a firewall before it, is silent; try a longer --timeout"),
    (error.TimeoutError, "the server, or a firewall before it, is silent"),
    (SecurityError, "does the server speak TLS here? if not, try ws://"),
    (InvalidMessage, "this isn't a WebSocket server, or it wants TLS: try wss://"),
)


def hint(exc: Exception) -> str | None:
    """Return what to try after an attempt to connect has failed, or None.

    Args:
        exc: what it has failed with.
    """
    if isinstance(exc, InvalidStatus):
        status = exc.response.status_code
        if status >= 500:
            return "the server is in trouble, or the one behind it; try again later"
        return _BY_STATUS.get(status)
    if isinstance(exc.__cause__, error.ConnectionClosed):
        # It may as well be this end that was told to end.
        return None
    if isinstance(exc, SecurityError) and "certificate" in str(exc):
        return "nobody whom this machine trusts says that it is this server; --insecure asks nobody"
    return next((text for kind, text in _BY_ERROR if isinstance(exc, kind)), None)

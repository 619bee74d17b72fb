"""Hints for a person whose connection can't be made."""

from __future__ import annotations

import re

from twisted.internet import error

from txws2.exceptions import (
    InvalidMessage,
    InvalidProxyStatus,
    InvalidStatus,
    OpeningTimeout,
    ProxyError,
    SecurityError,
    UnreachableThroughProxy,
)

__all__ = ["hint"]

_BY_STATUS = {
    301: "the server has moved; its Location header has the new address",
    302: "the server redirects; its Location header has the address",
    307: "the server redirects; its Location header has the address",
    308: "the server has moved; its Location header has the new address",
    400: "the server expects another request: try --origin, --subprotocol or --header",
    401: "the server demands credentials: --header 'Authorization: Bearer TOKEN'",
    403: "the server may expect another --origin, or other credentials in a --header",
    404: "there is a server, but no WebSocket at this path",
    426: "the server speaks another version of the protocol than 13",
    429: "the server has got too many requests from you; wait for a while",
}

# Words in the bodies of nginx, Apache, Go's net/http (as in Caddy), and Tomcat.
_EXPECTS_TLS = re.compile(
    rb"plain HTTP (request was sent )?to (an? )?(HTTPS|SSL|TLS)|HTTP request to an HTTPS server|"
    rb"host and port requires TLS",
    re.IGNORECASE,
)

_BY_PROXY_STATUS = {
    401: "the proxy demands credentials: --proxy http://USER:PASSWORD@HOST:PORT",
    403: "the proxy's rules forbid this host, or this port",
    407: "the proxy demands credentials: --proxy http://USER:PASSWORD@HOST:PORT",
}

_UNREACHABLE = "the proxy can't reach the server; are its host and port right, and is it running?"

_BY_ERROR: tuple[tuple[type[Exception], str], ...] = (
    (error.ConnectionRefusedError, "is the server running, and is this its port?"),
    (error.DNSLookupError, "there is no such host; check its name, and whether you are online"),
    (error.UnknownHostError, "there is no such host; check its name, and whether you are online"),
    (error.NoRouteError, "no network leads to the server; are you online, or behind a VPN?"),
    (error.TimeoutError, "the server, or a firewall before it, is silent"),
    (UnreachableThroughProxy, _UNREACHABLE),
    (ProxyError, "is this a proxy? it comes from --proxy, or from the environment"),
    (SecurityError, "does the server speak TLS here? if not, try ws://"),
    (InvalidMessage, "this isn't a WebSocket server, or it expects TLS: try wss://"),
)

# The causes of a ProxyError when the proxy itself can't be reached.
_BY_ERROR_OF_PROXY: tuple[tuple[type[Exception], str], ...] = (
    (error.ConnectionRefusedError, "is the proxy running, and is this its port?"),
    (error.DNSLookupError, "is this the proxy's name, and are you online?"),
    (error.UnknownHostError, "is this the proxy's name, and are you online?"),
    (error.NoRouteError, "no network leads to the proxy; are you online, or behind a VPN?"),
    (error.TimeoutError, "the proxy, or a firewall before it, is silent;"),
)

# Words in the errors of OpenSSL and of txws2.client.tls_failures; the first match counts.
_BY_WORDS = (
    (
        "it is for no host at all",
        "the operator must get a certificate with the host in subjectAltName; --insecure accepts "
        "any",
    ),
    ("certificate isn't one for", "connect to a name that it is for; --insecure accepts any"),
    ("certificate has expired", "the operator must renew it, or is the clock here wrong?"),
    ("certificate is not yet valid", "is the clock here wrong? if not, wait for a while"),
    ("unsuitable certificate purpose", "the operator must get a certificate for servers"),
    ("too weak", "the operator must get another certificate"),
    ("certificate required", "the server demands a client certificate: --cert FILE"),
    ("alert handshake failure", "the server may demand a client certificate: --cert FILE"),
    ("alert protocol version", "the server has no TLS 1.2 or later, and earlier ones are unsafe"),
    (
        "alert internal error",
        "a server on Twisted that declares no ALPN sends this to browsers, too",
    ),
    ("alert unknown ca", "the server doesn't trust the authority of your --cert"),
    ("alert bad certificate", "the server doesn't accept your --cert"),
    (
        "certificate",
        "no authority that this machine trusts has signed the certificate; "
        "--cacert FILE names another authority, and --insecure accepts any certificate",
    ),
)


def hint(exc: Exception, secure: bool = False) -> str | None:
    """Return a hint for a failed attempt to connect; None if there is none.

    Args:
        exc: the exception of the attempt.
        secure: True if the URI is one of wss.
    """
    if isinstance(exc, InvalidStatus):
        status = exc.response.status_code
        if status == 400 and not secure and _EXPECTS_TLS.search(exc.response.body):
            return "the server expects TLS: try wss://"
        if status >= 500:
            return "the server, or the one behind it, is in trouble; try again later"
        return _BY_STATUS.get(status)
    if isinstance(exc, InvalidProxyStatus):
        status = exc.response.status_code
        return _UNREACHABLE if status >= 500 else _BY_PROXY_STATUS.get(status)
    if isinstance(exc, OpeningTimeout):
        return f"it was waiting for {exc.stage}; try a longer --timeout"
    if isinstance(exc, SecurityError):
        for words, advice in _BY_WORDS:
            if words in str(exc):
                return advice
    if isinstance(exc, ProxyError):
        for kind, text in _BY_ERROR_OF_PROXY:
            if isinstance(exc.__cause__, kind):
                return f"{text} it comes from --proxy, or from the environment"
    if secure and isinstance(exc, InvalidMessage):
        return "this isn't a WebSocket server"
    return next((text for kind, text in _BY_ERROR if isinstance(exc, kind)), None)

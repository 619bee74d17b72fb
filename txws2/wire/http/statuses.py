"""Exceptions for handshakes that ended with a status that refuses them."""

from __future__ import annotations

from txws2.wire.exceptions import InvalidHandshake, ProxyError
from txws2.wire.http.heads import Response

__all__ = [
    "InvalidProxyStatus",
    "InvalidStatus",
]


class InvalidProxyStatus(ProxyError):
    """The proxy answered with a status that isn't among 200 to 299.

    Attributes:
        proxy: its URL, without a password.
        response: the whole response: status_code, reason_phrase, headers and body.
    """

    # RFC 9110 section 9.3.6: any 2xx response to CONNECT opens the tunnel, and "Any response other
    # than a successful response indicates that the tunnel has not yet been formed."

    def __init__(self, proxy: str, response: Response) -> None:
        super().__init__(proxy, response)
        self.proxy = proxy
        self.response = response

    def _text(self) -> str:
        status, phrase = self.response.status_code, self.response.reason_phrase
        return f"the proxy {self.proxy} did not let us through: HTTP {status} {phrase}".rstrip()


class InvalidStatus(InvalidHandshake):
    """The server answered with another status than 101.

    Attributes:
        response: the whole response: status_code, reason_phrase, headers and body.
        ours: whether this side is the server, whose application has made the response. Not every
            such response refuses something: a page for a browser and a health check have 200.
    """

    # RFC 6455 section 4.1: "If the status code received from the server is not 101, the client
    # handles the response per HTTP [RFC2616] procedures." Redirects and 401 are followed elsewhere
    # (`handshake.redirects`, `http.challenges`); any other response becomes this exception.

    def __init__(self, response: Response, ours: bool = False) -> None:
        super().__init__(response, ours)
        self.response = response
        self.ours = ours

    @property
    def refuses(self) -> bool:
        """True if the response refuses the request, False if it only answers it."""
        return not self.ours or self.response.status_code >= 400

    def _text(self) -> str:
        if self.ours:
            return f"the application answered with HTTP {self.response.status_code}"
        return f"server rejected WebSocket connection: HTTP {self.response.status_code}"

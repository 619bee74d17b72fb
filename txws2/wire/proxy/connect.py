"""A tunnel through an HTTP proxy, with CONNECT (RFC 9110 section 9.3.6)."""

from __future__ import annotations

from txws2.wire.exceptions import InvalidHandshake, ProxyError
from txws2.wire.http.bodies import BodyReader
from txws2.wire.http.credentials import basic
from txws2.wire.http.fields import Headers
from txws2.wire.http.heads import Request, Response
from txws2.wire.http.readers import DEFAULT_LIMITS, HeadLimits, ResponseReader
from txws2.wire.http.statuses import InvalidProxyStatus
from txws2.wire.proxy.urls import Proxy, host_and_port

__all__ = ["HTTPTunnel"]

# RFC 9110 section 7.6.1 defines Connection. Old proxies write Proxy-Connection in its place.
_PERSISTENCE = ("Connection", "Proxy-Connection")


class HTTPTunnel:
    """Asks an HTTP proxy for a tunnel.

    Args:
        proxy: the proxy; its credentials are sent as Basic (RFC 7617), unless `authorization` is
            given.
        host: the host at the other end of the tunnel.
        port: the port at the other end.
        limits: the limits of the response's head.
        authorization: the value of Proxy-Authorization; None for the credentials of the proxy's
            URL.

    Attributes:
        target: the target of the request, host and port.
        has_answered: whether any byte has come in answer to the latest request.
        complete: whether the tunnel is open.
        rest: the bytes that have come through the tunnel already, once it is open.
    """

    def __init__(
        self,
        proxy: Proxy,
        host: str,
        port: int,
        limits: HeadLimits = DEFAULT_LIMITS,
        authorization: str | None = None,
    ) -> None:
        self._proxy = proxy
        self._limits = limits
        self._authorization = authorization
        # The reader for the end of a refusal that comes before this response, on the same
        # connection.
        self._before: BodyReader | None = None
        self.target = host_and_port(host, port)
        self._listen()

    def _listen(self) -> None:
        self._reader = ResponseReader(self._limits)
        self._response: Response | None = None
        self._body: BodyReader | None = None
        self.has_answered = False
        self.complete = False
        self.rest = b""

    def begin(self) -> bytes:
        """Return the first bytes to send."""
        headers = Headers()
        # RFC 9110 section 9.3.6: the target of a CONNECT has host and port, and the port isn't left
        # out. RFC 9112 section 3.2: "A client MUST send a Host header field [...] in all HTTP/1.1
        # request messages."
        headers.addRawHeader("Host", self.target)
        authorization = self._authorization
        if authorization is None and self._proxy.username is not None:
            authorization = basic(self._proxy.username, self._proxy.password)
        if authorization is not None:
            headers.addRawHeader("Proxy-Authorization", authorization)
        return Request(self.target, headers, "CONNECT").serialize()

    def again(self, authorization: str) -> bytes:
        """Return the bytes of the next request, on the same connection, after a refusal.

        Args:
            authorization: the value of Proxy-Authorization.
        """
        self._before = self._body
        self._authorization = authorization
        self._listen()
        return self.begin()

    @property
    def can_ask_again(self) -> bool:
        """True if the proxy keeps the connection after its refusal (RFC 9112 section 9.3)."""
        # "If the "close" connection option is present [...], the connection will not persist after
        # the current response". Otherwise, HTTP/1.1 persists, and HTTP/1.0 with "keep-alive". And
        # the body needs an end, or the next response couldn't be told from it.
        response, body = self._response, self._body
        if response is None or body is None or not body.complete or body.rest:
            return False
        options = ",".join(
            value for name in _PERSISTENCE for value in response.headers.get_all(name)
        )
        words = {word.strip() for word in options.lower().split(",")}
        lasts = self._reader.head.startswith(b"HTTP/1.1") or "keep-alive" in words
        return lasts and "close" not in words and body.can_end

    def receive(self, data: bytes) -> bytes:
        """Take the bytes that have arrived; return the bytes to send.

        Raises:
            ProxyError: the proxy refuses, or its response isn't HTTP.
        """
        if self._before is not None:
            self._before.receive(data)
            data = self._before.rest
            if self._before.ended:
                self._before = None
        self.has_answered = self.has_answered or bool(data)
        if self._body is None:
            try:
                self._response = self._reader.receive(data)
            except InvalidHandshake as exc:
                raise ProxyError(f"the proxy {self._proxy} speaks no HTTP: {exc}") from exc
            if self._response is None:
                return b""
            data = self._reader.rest
            if 200 <= self._response.status_code < 300:
                # RFC 9110 section 9.3.6: "A client MUST ignore any Content-Length or
                # Transfer-Encoding header fields received in a successful response to CONNECT."
                self.complete, self.rest = True, data
                return b""
            self._body = BodyReader(self._response)
        self._body.receive(data)
        if self._body.complete:
            raise self.ended()
        return b""

    def given_up(self) -> ProxyError | None:
        """Return the exception for a refusal whose end isn't awaited; None if there is none."""
        return None if self._body is None else self.ended()

    def ended(self) -> ProxyError:
        """Return the exception for a connection that has ended before the tunnel was open."""
        if self._response is None or self._body is None:
            return ProxyError(f"the proxy {self._proxy} closed the connection without an answer")
        self._response.body = self._body.body
        return InvalidProxyStatus(str(self._proxy), self._response)

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

# Old proxies write the second, and are written it.
_PERSISTENCE = ("Connection", "Proxy-Connection")


class HTTPTunnel:
    """Asks an HTTP proxy for a tunnel.

    Args:
        proxy: the proxy; its credentials are sent as Basic (RFC 7617), unless authorization says
            another way.
        host: where the tunnel is to end.
        port: likewise.
        limits: what the head of the answer may have.
        authorization: the value of Proxy-Authorization; None for what the proxy's URL has.

    Attributes:
        target: what is asked for, host and port.
        has_answered: whether anything has come in answer to what was asked last.
        complete: whether the tunnel is there.
        rest: what has come through it already, once it is.
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
        # The end of a refusal before this answer, on the same connection.
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
        """Return what to send first."""
        headers = Headers()
        headers.addRawHeader("Host", self.target)
        authorization = self._authorization
        if authorization is None and self._proxy.username is not None:
            authorization = basic(self._proxy.username, self._proxy.password)
        if authorization is not None:
            headers.addRawHeader("Proxy-Authorization", authorization)
        return Request(self.target, headers, "CONNECT").serialize()

    def again(self, authorization: str) -> bytes:
        """Return what to send next, on the same connection, after a refusal.

        Args:
            authorization: the value of Proxy-Authorization.
        """
        self._before = self._body
        self._authorization = authorization
        self._listen()
        return self.begin()

    @property
    def can_ask_again(self) -> bool:
        """Whether the proxy keeps the connection after its refusal (RFC 9112 section 9.3)."""
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
        """Take what has arrived; return what to send.

        Raises:
            ProxyError: the proxy refuses.
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
                # A Content-Length in such an answer is to be ignored.
                self.complete, self.rest = True, data
                return b""
            self._body = BodyReader(self._response)
        self._body.receive(data)
        if self._body.complete:
            raise self.ended()
        return b""

    def given_up(self) -> ProxyError | None:
        """Return what is known of a refusal whose end isn't waited for; None if there is none."""
        return None if self._body is None else self.ended()

    def ended(self) -> ProxyError:
        """Return what it means that nothing more comes."""
        if self._response is None or self._body is None:
            return ProxyError(f"the proxy {self._proxy} closed the connection without an answer")
        self._response.body = self._body.body
        return InvalidProxyStatus(str(self._proxy), self._response)

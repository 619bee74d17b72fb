"""A tunnel through an HTTP proxy, with CONNECT (RFC 9110 section 9.3.6)."""

from __future__ import annotations

from txws2.exceptions import InvalidHandshake, InvalidProxyStatus, ProxyError
from txws2.wire.body import BodyReader
from txws2.wire.credentials import basic
from txws2.wire.fields import Headers
from txws2.wire.gathering import DEFAULT_LIMITS, HeadLimits, ResponseReader
from txws2.wire.http import Request, Response
from txws2.wire.proxies import Proxy, host_and_port

__all__ = ["HTTPTunnel"]


class HTTPTunnel:
    """Asks an HTTP proxy for a tunnel.

    Args:
        proxy: the proxy; its credentials are sent as Basic (RFC 7617).
        host: where the tunnel is to end.
        port: likewise.
        limits: what the head of the answer may have.

    Attributes:
        complete: whether the tunnel is there.
        rest: what has come through it already, once it is.
    """

    def __init__(
        self, proxy: Proxy, host: str, port: int, limits: HeadLimits = DEFAULT_LIMITS
    ) -> None:
        self._proxy = proxy
        self._target = host_and_port(host, port)
        self._reader = ResponseReader(limits)
        self._response: Response | None = None
        self._body: BodyReader | None = None
        self.complete = False
        self.rest = b""

    def begin(self) -> bytes:
        """Return what to send first."""
        headers = Headers()
        headers.addRawHeader("Host", self._target)
        if self._proxy.username is not None:
            credentials = basic(self._proxy.username, self._proxy.password)
            headers.addRawHeader("Proxy-Authorization", credentials)
        return Request(self._target, headers, "CONNECT").serialize()

    def receive(self, data: bytes) -> bytes:
        """Take what has arrived; return what to send.

        Raises:
            ProxyError: the proxy refuses.
        """
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

"""Connections through a proxy: an endpoint around that of the proxy itself."""

from __future__ import annotations

from typing import Any, cast
from urllib.request import getproxies, proxy_bypass

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import NoProtocol
from twisted.internet.interfaces import IProtocol, IProtocolFactory, IStreamClientEndpoint
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from txws2.authenticating import Authenticate, Authentication, digest_auth
from txws2.certificates import tls_failure
from txws2.exceptions import InvalidProxy, InvalidProxyStatus, ProxyError
from txws2.lookup import is_address, look_up
from txws2.transports import abort
from txws2.wire.bypass import bypasses, is_loopback
from txws2.wire.gathering import DEFAULT_LIMITS, HeadLimits
from txws2.wire.proxies import Proxy, host_and_port, parse_proxy
from txws2.wire.socks import SOCKSTunnel
from txws2.wire.tunnel import HTTPTunnel
from txws2.wire.uri import WebSocketURI

__all__ = ["ProxyEndpoint", "proxy_for"]


def proxy_for(uri: WebSocketURI) -> Proxy | None:
    """Return the proxy that the environment has for a URI; None if there is none.

    Without any in the environment, macOS and Windows have one in their settings.

    Raises:
        InvalidProxy: the environment has something else there.
    """
    proxies = getproxies()
    if _goes_direct(proxies.get("no"), uri):
        return None
    # What tunnels TLS for a browser tunnels anything else for us; an http_proxy may not.
    kinds = ["wss", "socks", "https"] if uri.secure else ["ws", "socks", "https", "http"]
    for kind in [*kinds, "all"]:
        if url := proxies.get(kind, "").strip():
            proxy = _parse(kind, url)
            # Another machine's proxy would look for the server on that machine.
            here = is_loopback(uri.host) and not is_loopback(proxy.host)
            return None if here else proxy
    return None


def _goes_direct(no_proxy: str | None, uri: WebSocketURI) -> bool:
    if no_proxy is None:
        # With proxies of the system's settings, these say for which hosts they are.
        return bool(proxy_bypass(host_and_port(uri.host, uri.port)))
    return bypasses(no_proxy, uri.host, uri.port)


def _parse(kind: str, url: str) -> Proxy:
    if kind == "socks":
        if url.startswith("http://"):
            # So urllib has the SOCKS proxy of a system's settings.
            url = url.removeprefix("http://")
        if "://" not in url:
            url = f"socks5h://{url}"
    try:
        return parse_proxy(url)
    except InvalidProxy as exc:
        exc.add_note(f"The environment, or the system, has it as {kind}_proxy.")
        raise


@implementer(IStreamClientEndpoint)
class ProxyEndpoint:
    """Connects to a host through a proxy.

    Args:
        reactor: the reactor, for its resolver.
        proxy: the proxy's URL, in its parts.
        endpoint: how the proxy is reached; with TLS if that is how it is spoken to.
        host: where to connect to.
        port: likewise.
        limits: what the head of an HTTP proxy's answer may have.
        authenticate: what an HTTP proxy's 407 is answered with; None for Digest, with the user
            name and the password of the proxy's URL.
    """

    def __init__(
        self,
        reactor: Any,
        proxy: Proxy,
        endpoint: IStreamClientEndpoint,
        host: str,
        port: int,
        limits: HeadLimits = DEFAULT_LIMITS,
        authenticate: Authenticate | None = None,
    ) -> None:
        self._reactor = reactor
        self._proxy = proxy
        self._endpoint = endpoint
        self._host = host
        self._port = port
        self._limits = limits
        self._authenticate = authenticate

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:
        """Connect a protocol of this factory.

        Returns:
            A Deferred of the protocol; it can be cancelled, and that is the only limit to the
            time that it takes. It fails with ProxyError if the proxy can't be reached or
            refuses, even if it is cancelled before the end of the refusal has come; with
            DNSLookupError if we are to look the host up and there is none; and with NoProtocol
            if the factory makes no protocol.
        """
        return Deferred.fromCoroutine(self._connect(protocolFactory))

    async def _connect(self, protocolFactory: IProtocolFactory) -> IProtocol:
        if self._proxy.scheme.startswith("http"):
            return await self._connect_by_http(protocolFactory)
        host = self._host
        if self._proxy.scheme in ("socks4", "socks5") and not is_address(host):
            host = await look_up(self._reactor, host, only_ipv4=self._proxy.scheme == "socks4")
        negotiation = SOCKSTunnel(self._proxy, host, self._port)
        opening = negotiation.begin()
        tunnel = await self._reach(protocolFactory)
        return await tunnel.ask(negotiation, opening)

    async def _connect_by_http(self, protocolFactory: IProtocolFactory) -> IProtocol:
        """Ask again as long as there is another answer to the proxy's 407."""
        proxy = self._proxy
        authentication = Authentication(self._hook(), proxy.host, proxy.port, is_proxy=True)
        authorization: str | None = None
        tunnel: _Tunnel | None = None
        while True:
            if tunnel is None:
                negotiation = HTTPTunnel(proxy, self._host, self._port, self._limits, authorization)
                opening = negotiation.begin()
                tunnel = await self._reach(protocolFactory)
                kept = False
            else:
                assert authorization is not None
                opening, kept = negotiation.again(authorization), True
            try:
                return await tunnel.ask(negotiation, opening)
            except ProxyError as exc:
                if kept and not negotiation.has_answered:
                    # It has closed the connection after its refusal, and hasn't said that it would.
                    tunnel = None
                    continue
                if not isinstance(exc, InvalidProxyStatus):
                    raise
                authorization = await self._answer(tunnel, authentication, exc, negotiation)
            if tunnel.is_lost or not negotiation.can_ask_again:
                tunnel.hang_up()
                tunnel = None

    async def _answer(
        self,
        tunnel: _Tunnel,
        authentication: Authentication,
        refusal: InvalidProxyStatus,
        negotiation: HTTPTunnel,
    ) -> str:
        """Return what to send with the next request; hang up if there is nothing to send."""
        try:
            answer = await authentication.answer(refusal.response, "CONNECT", negotiation.target)
        except BaseException:
            tunnel.hang_up()
            raise
        if answer is None:
            tunnel.hang_up()
            raise refusal
        return answer

    def _hook(self) -> Authenticate | None:
        username, password = self._proxy.username, self._proxy.password
        if self._authenticate is not None or username is None:
            return self._authenticate
        return digest_auth(username, password or "")

    async def _reach(self, protocolFactory: IProtocolFactory) -> _Tunnel:
        """Connect to the proxy itself."""
        factory = _TunnelFactory(protocolFactory, self._proxy)
        try:
            return cast(_Tunnel, await self._endpoint.connect(factory))
        except CancelledError:
            raise
        except Exception as exc:
            raise ProxyError(f"can't reach the proxy {self._proxy}: {exc}") from exc


class _Tunnel(Protocol):
    """Negotiates with the proxy, and passes on all that comes after that.

    Attributes:
        is_lost: whether the connection to the proxy is no more.
    """

    factory: _TunnelFactory

    is_lost = False
    _inner: IProtocol | None = None
    _negotiation: HTTPTunnel | SOCKSTunnel
    # Fires with the protocol at this end of the tunnel; None while nothing is asked.
    _asked: Deferred[IProtocol] | None = None
    _opening = b""
    _reason: Failure = connectionDone

    def ask(self, negotiation: HTTPTunnel | SOCKSTunnel, opening: bytes) -> Deferred[IProtocol]:
        """Ask the proxy for a tunnel.

        Args:
            negotiation: understands its answers. After a refusal that it can be asked again after,
                the connection stays.
            opening: what to send first.

        Returns:
            A Deferred of the protocol at this end of the tunnel.
        """
        self._negotiation = negotiation
        asked: Deferred[IProtocol] = Deferred(self._cancel)
        self._asked = asked
        self._opening = opening
        if self.is_lost:
            self._tell_end()
        elif self.connected:
            self.connectionMade()
        return asked

    def connectionMade(self) -> None:
        """Send what is to be sent first, if that is known by now."""
        if self._opening:
            assert self.transport is not None
            self.transport.write(self._opening)

    def dataReceived(self, data: bytes) -> None:
        if self._inner is not None:
            self._inner.dataReceived(data)
        elif self._asked is not None:
            self._negotiate(data)
        else:
            # Nobody has asked for it.
            self.hang_up()

    def _negotiate(self, data: bytes) -> None:
        negotiation = self._negotiation
        try:
            reply = negotiation.receive(data)
        except ProxyError as exc:
            asked = self._take_asked()
            if not negotiation.can_ask_again:
                self.hang_up()
            asked.errback(exc)
            return
        if reply:
            assert self.transport is not None
            self.transport.write(reply)
        if negotiation.complete:
            self._hand_over(negotiation.rest)

    def _hand_over(self, early: bytes) -> None:
        assert self.transport is not None
        asked = self._take_asked()
        inner = self.factory.wrapped.buildProtocol(self.transport.getPeer())
        if inner is None:
            self.hang_up()
            asked.errback(NoProtocol())
            return
        self._inner = inner
        inner.makeConnection(self.transport)
        if early:
            inner.dataReceived(early)
        asked.callback(inner)

    def _take_asked(self) -> Deferred[IProtocol]:
        asked, self._asked = self._asked, None
        assert asked is not None
        return asked

    def _cancel(self, asked: Deferred[IProtocol]) -> None:
        self._asked = None
        self.hang_up()
        # What is known of a refusal says more than that its end didn't come.
        refusal = self._negotiation.given_up()
        if refusal is not None:
            asked.errback(refusal)

    def hang_up(self) -> None:
        """End the connection to the proxy."""
        assert self.transport is not None
        if not self.is_lost:
            self.is_lost = True
            abort(self.transport)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.is_lost = True
        self._reason = reason
        if self._inner is not None:
            self._inner.connectionLost(reason)
        elif self._asked is not None:
            self._tell_end()

    def _tell_end(self) -> None:
        assert self.transport is not None
        assert self._reason.value is not None
        proxy, cause = self.factory.proxy, self._reason.value
        insecure = tls_failure(cause, self.transport, proxy.host)
        if insecure is None:
            error = self._negotiation.ended()
        else:
            error = ProxyError(f"can't reach the proxy {proxy}: {insecure}")
        error.__cause__ = insecure or cause
        self._take_asked().errback(error)


class _TunnelFactory(Factory):
    protocol = _Tunnel  # type: ignore[assignment]
    noisy = False

    def __init__(
        self,
        wrapped: IProtocolFactory,
        proxy: Proxy,
    ) -> None:
        self.wrapped = wrapped
        self.proxy = proxy

    def doStart(self) -> None:
        self.wrapped.doStart()
        super().doStart()  # type: ignore[no-untyped-call]

    def doStop(self) -> None:
        self.wrapped.doStop()
        super().doStop()  # type: ignore[no-untyped-call]

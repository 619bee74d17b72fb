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

from txws2.certificates import tls_failure
from txws2.exceptions import ProxyError
from txws2.lookup import is_address, look_up_all
from txws2.transports import abort
from txws2.wire.gathering import DEFAULT_LIMITS, HeadLimits
from txws2.wire.proxies import Proxy, host_and_port, parse_proxy
from txws2.wire.socks import SOCKSTunnel
from txws2.wire.tunnel import HTTPTunnel
from txws2.wire.uri import WebSocketURI

__all__ = ["ProxyEndpoint", "proxy_for"]


def proxy_for(uri: WebSocketURI) -> Proxy | None:
    """Return the proxy that the environment has for a URI; None if there is none.

    Raises:
        InvalidProxy: what the environment has isn't one.
    """
    # The dot at the end of a name makes it no other name.
    host = uri.bare_host.removesuffix(".")
    if proxy_bypass(host_and_port(host, uri.port)):
        return None
    proxies = getproxies()
    # What tunnels TLS for a browser tunnels anything else for us; an http_proxy may not.
    kinds = ["wss", "socks", "https"] if uri.secure else ["ws", "socks", "https", "http"]
    for kind in [*kinds, "all"]:
        if url := proxies.get(kind):
            if kind == "socks" and url.startswith("http://"):
                # So urllib has the SOCKS proxy of a system's settings.
                url = "socks5h://" + url.removeprefix("http://")
            return parse_proxy(url)
    return None


@implementer(IStreamClientEndpoint)
class ProxyEndpoint:
    """Connects to a host through a proxy.

    If we are to look the host up, the proxy is asked for one of its addresses after the other.

    Args:
        reactor: the reactor, for its resolver.
        proxy: the proxy's URL, in its parts.
        endpoint: how the proxy is reached; with TLS if that is how it is spoken to.
        host: where to connect to.
        port: likewise.
        limits: what the head of an HTTP proxy's answer may have.
    """

    def __init__(
        self,
        reactor: Any,
        proxy: Proxy,
        endpoint: IStreamClientEndpoint,
        host: str,
        port: int,
        limits: HeadLimits = DEFAULT_LIMITS,
    ) -> None:
        self._reactor = reactor
        self._proxy = proxy
        self._endpoint = endpoint
        self._host = host
        self._port = port
        self._limits = limits

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
        hosts = await self._hosts()
        while True:
            negotiation = self._negotiation(hosts.pop(0))
            tunnel = await self._reach(negotiation, protocolFactory)
            try:
                return await tunnel.made
            except ProxyError:
                # What it says before it was asked for an address, it would say for each of them.
                if not (hosts and isinstance(negotiation, SOCKSTunnel) and negotiation.asked):
                    raise

    async def _hosts(self) -> list[str]:
        """Return what to ask the proxy for, one after the other."""
        scheme = self._proxy.scheme
        if scheme in ("socks4", "socks5") and not is_address(self._host):
            return await look_up_all(self._reactor, self._host, only_ipv4=scheme == "socks4")
        return [self._host]

    def _negotiation(self, host: str) -> HTTPTunnel | SOCKSTunnel:
        if self._proxy.scheme.startswith("http"):
            return HTTPTunnel(self._proxy, host, self._port, self._limits)
        return SOCKSTunnel(self._proxy, host, self._port)

    async def _reach(
        self, negotiation: HTTPTunnel | SOCKSTunnel, protocolFactory: IProtocolFactory
    ) -> _Tunnel:
        opening = negotiation.begin()
        factory = _TunnelFactory(protocolFactory, self._proxy, negotiation, opening)
        try:
            return cast(_Tunnel, await self._endpoint.connect(factory))
        except CancelledError:
            raise
        except Exception as exc:
            raise ProxyError(f"can't reach the proxy {self._proxy}: {exc}") from exc


class _Tunnel(Protocol):
    """Negotiates with the proxy, and passes on all that comes after that.

    Attributes:
        made: fires with the protocol at this end of the tunnel.
    """

    factory: _TunnelFactory

    _inner: IProtocol | None = None
    # Whether nobody wants to hear of it any more.
    _given_up = False

    def __init__(self) -> None:
        self.made: Deferred[IProtocol] = Deferred(self._cancel)

    def connectionMade(self) -> None:
        assert self.transport is not None
        self.transport.write(self.factory.opening)

    def dataReceived(self, data: bytes) -> None:
        if self._inner is not None:
            self._inner.dataReceived(data)
        elif not self._given_up:
            self._negotiate(data)

    def _negotiate(self, data: bytes) -> None:
        negotiation = self.factory.negotiation
        try:
            reply = negotiation.receive(data)
        except ProxyError as exc:
            self._hang_up()
            self.made.errback(exc)
            return
        if reply:
            assert self.transport is not None
            self.transport.write(reply)
        if negotiation.complete:
            self._hand_over(negotiation.rest)

    def _hand_over(self, early: bytes) -> None:
        assert self.transport is not None
        inner = self.factory.wrapped.buildProtocol(self.transport.getPeer())
        if inner is None:
            self._hang_up()
            self.made.errback(NoProtocol())
            return
        self._inner = inner
        inner.makeConnection(self.transport)
        if early:
            inner.dataReceived(early)
        self.made.callback(inner)

    def _cancel(self, made: Deferred[IProtocol]) -> None:
        self._hang_up()
        # What is known of a refusal says more than that its end didn't come.
        refusal = self.factory.negotiation.given_up()
        if refusal is not None:
            made.errback(refusal)

    def _hang_up(self) -> None:
        assert self.transport is not None
        self._given_up = True
        abort(self.transport)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        assert self.transport is not None
        if self._inner is not None:
            self._inner.connectionLost(reason)
        elif not self._given_up:
            proxy = self.factory.proxy
            assert reason.value is not None
            insecure = tls_failure(reason.value, self.transport, proxy.host)
            if insecure is None:
                error = self.factory.negotiation.ended()
            else:
                error = ProxyError(f"can't reach the proxy {proxy}: {insecure}")
            error.__cause__ = insecure or reason.value
            self.made.errback(error)


class _TunnelFactory(Factory):
    protocol = _Tunnel  # type: ignore[assignment]
    noisy = False

    def __init__(
        self,
        wrapped: IProtocolFactory,
        proxy: Proxy,
        negotiation: HTTPTunnel | SOCKSTunnel,
        opening: bytes,
    ) -> None:
        self.wrapped = wrapped
        self.proxy = proxy
        self.negotiation = negotiation
        self.opening = opening

    def doStart(self) -> None:
        self.wrapped.doStart()
        super().doStart()  # type: ignore[no-untyped-call]

    def doStop(self) -> None:
        self.wrapped.doStop()
        super().doStop()  # type: ignore[no-untyped-call]

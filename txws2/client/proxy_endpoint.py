"""Connections through a proxy: an endpoint around the proxy's own endpoint."""

from __future__ import annotations

from typing import Any, cast
from urllib.request import getproxies, getproxies_environment, proxy_bypass

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IProtocol, IProtocolFactory, IStreamClientEndpoint
from zope.interface import implementer

from txws2._private_names import environment_names
from txws2._time.steady import steady
from txws2._transport.dns import is_address, look_up_all
from txws2.client.authentication import Authenticate, Authentication, digest_auth
from txws2.client.tunnel import Tunnel, TunnelFactory
from txws2.exceptions import InvalidProxy, InvalidProxyStatus, ProxyError
from txws2.wire.http.readers import DEFAULT_LIMITS, HeadLimits
from txws2.wire.http.uris import WebSocketURI
from txws2.wire.proxy.connect import HTTPTunnel
from txws2.wire.proxy.no_proxy import bypasses, is_loopback
from txws2.wire.proxy.socks import SOCKSTunnel
from txws2.wire.proxy.urls import Proxy, host_and_port, parse_proxy

__all__ = ["ProxyEndpoint", "proxy_for"]


def proxy_for(uri: WebSocketURI) -> Proxy | None:
    """Return the proxy that the environment has for a URI; None if there is none.

    If the environment names no proxies, those in the settings of macOS or Windows are used.

    Raises:
        InvalidProxy: the value in the environment isn't the URL of a proxy.
    """
    if _environment_has_none():
        return None
    proxies = getproxies()
    # Without proxies, the exceptions from them don't matter, and to look for these takes as long.
    if not proxies or _goes_direct(proxies.get("no"), uri):
        return None
    # A proxy that tunnels TLS for browsers tunnels any bytes; perhaps an http_proxy tunnels none.
    kinds = ["wss", "socks", "https"] if uri.secure else ["ws", "socks", "https", "http"]
    for kind in [*kinds, "all"]:
        if url := proxies.get(kind, "").strip():
            proxy = _parse(kind, url)
            # A proxy on another machine would look for a loopback address on that machine.
            here = is_loopback(uri.bare_host) and not is_loopback(proxy.host)
            return None if here else proxy
    return None


def _environment_has_none() -> bool:
    """Return True if no proxy is named, which a look at the names of the variables shows."""
    if getproxies is not getproxies_environment:
        # The system's settings may name one.
        return False
    names = environment_names()
    return names is not None and b"_proxy" not in names.lower()


def _goes_direct(no_proxy: str | None, uri: WebSocketURI) -> bool:
    if no_proxy is None:
        # The system's settings say for which hosts its proxies aren't used.
        return bool(proxy_bypass(host_and_port(uri.bare_host, uri.port)))
    return bypasses(no_proxy, uri.bare_host, uri.port)


def _parse(kind: str, url: str) -> Proxy:
    if kind == "socks":
        if url.startswith("http://"):
            # urllib gives the SOCKS proxy of the system's settings in this form.
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

    With socks4 and socks5, the client looks the host up, and asks the proxy for one of its
    addresses after the other.

    Args:
        reactor: the reactor, for its resolver.
        proxy: the parts of the proxy's URL.
        endpoint: the endpoint of the proxy itself, with TLS for an https proxy.
        host: the host to connect to.
        port: the port to connect to.
        limits: the limits for the head of an HTTP proxy's response.
        authenticate: the hook that answers an HTTP proxy's 407; None for Digest, with the user
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
            A Deferred of the protocol. It has no timeout, but it can be cancelled. It fails with
            ProxyError if the proxy can't be reached or refuses, even if it is cancelled before the
            end of the refusal has come; with DNSLookupError if the client looks the host up and
            finds no address; with NoProtocol if the factory makes no protocol; and with any
            exception that authenticate raises.
        """
        return Deferred.fromCoroutine(self._connect(protocolFactory))

    async def _connect(self, protocolFactory: IProtocolFactory) -> IProtocol:
        if self._proxy.scheme.startswith("http"):
            return await self._connect_by_http(protocolFactory)
        hosts = await self._hosts()
        while True:
            negotiation = SOCKSTunnel(self._proxy, hosts.pop(0), self._port)
            opening = negotiation.begin()
            tunnel = await self._reach(protocolFactory)
            try:
                return await tunnel.ask(negotiation, opening)
            except ProxyError:
                # A refusal that came before the address was sent would be the same for each one.
                if tunnel.is_cancelled or not (hosts and negotiation.asked):
                    raise

    async def _hosts(self) -> list[str]:
        """Return the hosts to ask a SOCKS proxy for, one after the other."""
        scheme = self._proxy.scheme
        if scheme in ("socks4", "socks5") and not is_address(self._host):
            return await look_up_all(self._reactor, self._host, only_ipv4=scheme == "socks4")
        return [self._host]

    async def _connect_by_http(self, protocolFactory: IProtocolFactory) -> IProtocol:
        """Ask the proxy, and ask again as long as the hook has an answer to its 407."""
        proxy = self._proxy
        authentication = Authentication(self._hook(), proxy.host, proxy.port, is_proxy=True)
        authorization: str | None = None
        tunnel: Tunnel | None = None
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
                    # The proxy has closed the connection after the refusal without announcing it.
                    tunnel = None
                    continue
                if tunnel.is_cancelled or not isinstance(exc, InvalidProxyStatus):
                    raise
                authorization = await self._answer(tunnel, authentication, exc, negotiation)
            if tunnel.is_lost or not negotiation.can_ask_again:
                tunnel.hang_up()
                tunnel = None

    async def _answer(
        self,
        tunnel: Tunnel,
        authentication: Authentication,
        refusal: InvalidProxyStatus,
        negotiation: HTTPTunnel,
    ) -> str:
        """Return the credentials for the next request; hang up if there are none."""
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

    async def _reach(self, protocolFactory: IProtocolFactory) -> Tunnel:
        """Connect to the proxy itself."""
        factory = TunnelFactory(protocolFactory, self._proxy, steady(self._reactor))
        try:
            return cast(Tunnel, await self._endpoint.connect(factory))
        except CancelledError:
            raise
        except Exception as exc:
            raise ProxyError(f"can't reach the proxy {self._proxy}: {exc}") from exc

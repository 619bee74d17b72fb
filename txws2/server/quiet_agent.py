"""An agent of twisted.web whose connections aren't in the log."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import HostnameEndpoint, wrapClientTLS
from twisted.internet.interfaces import IProtocol, IProtocolFactory, IStreamClientEndpoint
from twisted.web.client import URI, Agent, BrowserLikePolicyForHTTPS, HTTPConnectionPool
from twisted.web.iweb import IAgentEndpointFactory
from zope.interface import implementer

__all__ = ["quiet_agent"]


def quiet_agent(reactor: Any, timeout: float, most: int) -> Agent:
    """Return an agent that verifies certificates, and keeps connections open.

    Args:
        reactor: the reactor.
        timeout: the longest time in seconds for a connection.
        most: the number of connections that it keeps open.
    """
    pool = HTTPConnectionPool(reactor)
    pool.maxPersistentPerHost = most
    agent: Agent = Agent.usingEndpointFactory(reactor, _Endpoints(reactor, timeout), pool)
    return agent


@implementer(IAgentEndpointFactory)
class _Endpoints:
    def __init__(self, reactor: Any, timeout: float) -> None:
        self._reactor = reactor
        self._timeout = timeout
        self._policy = BrowserLikePolicyForHTTPS()

    def endpointForURI(self, uri: URI) -> IStreamClientEndpoint:
        endpoint: Any = HostnameEndpoint(self._reactor, uri.host, uri.port, self._timeout)
        if uri.scheme == b"https":
            endpoint = wrapClientTLS(self._policy.creatorForNetloc(uri.host, uri.port), endpoint)
        return _QuietEndpoint(endpoint)


@implementer(IStreamClientEndpoint)
class _QuietEndpoint:
    def __init__(self, endpoint: Any) -> None:
        self._endpoint = endpoint

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:
        # Otherwise, each connection of twisted.web's own agent has two lines in the log.
        protocolFactory.noisy = False  # type: ignore[attr-defined]
        connecting: Deferred[IProtocol] = self._endpoint.connect(protocolFactory)
        return connecting

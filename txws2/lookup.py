"""How hosts are looked up whose names Twisted takes for none."""

from __future__ import annotations

from typing import Any

import idna
from twisted.internet.abstract import isIPAddress, isIPv6Address
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import HostnameEndpoint
from twisted.internet.error import DNSLookupError
from twisted.internet.interfaces import (
    IAddress,
    IHostResolution,
    IProtocol,
    IProtocolFactory,
    IResolutionReceiver,
    IStreamClientEndpoint,
)
from zope.interface import implementer

__all__ = ["check_name", "endpoint_to", "is_address", "look_up", "look_up_all"]

# The deadline is one over everything; what has a limit of its own is not to be first.
_FOR_EVER = 1e9


def is_address(host: str) -> bool:
    """Tell whether a host is an address rather than a name."""
    return isIPAddress(host) or isIPv6Address(host)


def check_name(host: str) -> None:
    """Make sure that a host is an address, or has a name that can be looked up.

    Raises:
        ValueError: it hasn't.
    """
    if not is_address(host):
        # Containers, for instance, have names with underscores, which are none of the internet.
        idna.encode(host.replace("_", "x"))


def endpoint_to(reactor: Any, host: str, port: int) -> IStreamClientEndpoint:
    """Return an endpoint for a host; it takes as long as it takes.

    Args:
        reactor: the reactor to run on.
        host: its name, which `check_name` has nothing against, or its address.
        port: where to connect to there.
    """
    if "_" in host:
        # Twisted checks the names that it looks up.
        return _LocalEndpoint(reactor, host, port)
    return HostnameEndpoint(reactor, host, port, timeout=_FOR_EVER)


def look_up(reactor: Any, name: str, only_ipv4: bool = False) -> Deferred[str]:
    """Return a Deferred of the first address that a name has; it can be cancelled.

    It fails with DNSLookupError if there is none.
    """
    lookup = _Lookup(name, only_one=True)
    kinds = (IPv4Address,) if only_ipv4 else (IPv4Address, IPv6Address)
    reactor.nameResolver.resolveHostName(lookup, name, 0, kinds)
    return lookup.found.addCallback(lambda found: found[0])


def look_up_all(reactor: Any, name: str) -> Deferred[list[str]]:
    """Return a Deferred of all the addresses that a name has, as `look_up`.

    Those of a link-local network have their zone, as "fe80::1%2".
    """
    lookup = _Lookup(name, only_one=False)
    reactor.nameResolver.resolveHostName(lookup, name, 0, (IPv4Address, IPv6Address))
    return lookup.found


@implementer(IStreamClientEndpoint)
class _LocalEndpoint:
    """Connects to the first address of a host."""

    def __init__(self, reactor: Any, host: str, port: int) -> None:
        self._reactor = reactor
        self._host = host
        self._port = port

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:
        """Look the host up, and connect."""
        return Deferred.fromCoroutine(self._connect(protocolFactory))

    async def _connect(self, protocolFactory: IProtocolFactory) -> IProtocol:
        address = await look_up(self._reactor, self._host)
        endpoint = endpoint_to(self._reactor, address, self._port)
        connecting: Deferred[IProtocol] = endpoint.connect(protocolFactory)
        return await connecting


@implementer(IResolutionReceiver)
class _Lookup:
    """Takes the first address that a name has, or all of them."""

    def __init__(self, name: str, only_one: bool) -> None:
        self._name = name
        self._only_one = only_one
        self._resolution: IHostResolution | None = None
        self._addresses: list[str] = []
        self.found: Deferred[list[str]] = Deferred(self._cancel)

    def _cancel(self, _: Deferred[list[str]]) -> None:
        assert self._resolution is not None
        self._resolution.cancel()

    def resolutionBegan(self, resolution: IHostResolution) -> None:
        self._resolution = resolution

    def addressResolved(self, address: IAddress) -> None:
        if self.found.called:
            return
        assert isinstance(address, (IPv4Address, IPv6Address))
        host = address.host
        if isinstance(address, IPv6Address) and address.scopeID and "%" not in host:
            host += f"%{address.scopeID}"
        if host not in self._addresses:
            # One that is in a file of hosts is often there with several names.
            self._addresses.append(host)
        if self._only_one:
            self.found.callback(self._addresses)

    def resolutionComplete(self) -> None:
        if self.found.called:
            return
        if self._addresses:
            self.found.callback(self._addresses)
        else:
            self.found.errback(DNSLookupError(f"no results for hostname lookup: {self._name}"))

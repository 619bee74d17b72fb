"""The addresses of names: all that the reactor's resolver knows, in its order."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from twisted.internet.abstract import isIPAddress, isIPv6Address
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import Deferred
from twisted.internet.error import DNSLookupError
from twisted.internet.interfaces import IAddress, IHostResolution, IResolutionReceiver
from zope.interface import implementer

from txws2.wire.http.hosts import is_localhost

__all__ = ["Lookup", "check_name", "is_address", "look_up_all", "no_results"]

# RFC 6761 section 6.3 has names in localhost always mean these; not every resolver knows that.
_LOOPBACK = {IPv6Address: "::1", IPv4Address: "127.0.0.1"}


def is_address(host: str) -> bool:
    """Tell whether a host is an address rather than a name; IPv6 may have a zone."""
    return isIPAddress(host) or isIPv6Address(host)


def check_name(host: str) -> None:
    """Make sure that a host is an address, or has a name that can be looked up.

    Names that IDNA refuses are good: containers, for instance, have some with underscores.

    Raises:
        ValueError: the name, or a label of it, is empty or too long.
    """
    if is_address(host):
        return
    # RFC 1035 section 2.3.4. A dot at the end says only that nothing is to be added.
    name = host.removesuffix(".")
    if len(name) > 253:
        raise ValueError(f"a name has 253 characters at most, and this one has {len(name)}")
    if not all(0 < len(label) < 64 for label in name.split(".")):
        raise ValueError("between the dots of a name there are 1 to 63 characters")


def look_up_all(reactor: Any, name: str, only_ipv4: bool = False) -> Deferred[list[str]]:
    """Return a Deferred of all the addresses that a name has; it can be cancelled.

    Those of a link-local network have their zone, as "fe80::1%2". It fails with DNSLookupError
    if there are none.
    """
    addresses: list[str] = []

    def ended() -> None:
        if addresses:
            looking.callback(addresses)
        else:
            looking.errback(no_results(name))

    lookup = Lookup(reactor, name, addresses.append, ended, only_ipv4)
    looking: Deferred[list[str]] = Deferred(lambda _: lookup.stop())
    lookup.begin()
    return looking


def no_results(name: str) -> DNSLookupError:
    """Return the error for a name without addresses."""
    return DNSLookupError(f"no results for hostname lookup: {name}")


@implementer(IResolutionReceiver)
class Lookup:
    """Looks up a name, once.

    Args:
        reactor: the reactor, for its resolver.
        name: the name.
        found: called with each address, once, as soon as the resolver gives it.
        ended: called when there are no more.
        only_ipv4: whether addresses of IPv6 are of no use.
    """

    def __init__(
        self,
        reactor: Any,
        name: str,
        found: Callable[[str], None],
        ended: Callable[[], None],
        only_ipv4: bool = False,
    ) -> None:
        self._reactor = reactor
        self._name = name
        self._found = found
        self._ended = ended
        self._kinds = (IPv4Address,) if only_ipv4 else (IPv4Address, IPv6Address)
        self._seen: set[str] = set()
        self._resolution: IHostResolution | None = None
        self._over = False

    def begin(self) -> None:
        """Ask the resolver.

        Raises:
            DNSLookupError: the name can't be looked up.
        """
        try:
            check_name(self._name)
        except ValueError as exc:
            # getaddrinfo would raise, and Twisted's resolver would tell nobody.
            raise DNSLookupError(f"{self._name} can't be looked up: {exc}") from exc
        self._reactor.nameResolver.resolveHostName(self, self._name, 0, self._kinds)

    def stop(self) -> None:
        """Call nobody any more."""
        if self._over:
            return
        self._over = True
        if self._resolution is not None:
            # Twisted's own can't be cancelled; its thread ends by itself.
            with suppress(NotImplementedError):
                self._resolution.cancel()

    def resolutionBegan(self, resolution: IHostResolution) -> None:
        """Remember what can be cancelled."""
        self._resolution = resolution

    def addressResolved(self, address: IAddress) -> None:
        """Pass an address on, unless it was there before."""
        assert isinstance(address, (IPv4Address, IPv6Address))
        host = address.host
        if isinstance(address, IPv6Address) and address.scopeID and "%" not in host:
            host += f"%{address.scopeID}"
        self._tell(host)

    def resolutionComplete(self) -> None:
        """Pass on that there are no more."""
        if not self._seen and is_localhost(self._name):
            for kind, host in _LOOPBACK.items():
                if kind in self._kinds:
                    self._tell(host)
        if not self._over:
            self._over = True
            self._ended()

    def _tell(self, host: str) -> None:
        # One that is in a file of hosts is often there with several names.
        if not self._over and host not in self._seen:
            self._seen.add(host)
            self._found(host)

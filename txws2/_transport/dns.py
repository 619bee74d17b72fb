"""The addresses of names: all that the reactor's resolver knows, in its order."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache
from typing import Any

from twisted.internet.abstract import isIPAddress, isIPv6Address
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import Deferred
from twisted.internet.error import DNSLookupError
from twisted.internet.interfaces import IAddress, IHostResolution, IResolutionReceiver
from zope.interface import implementer

from txws2.wire.http.hosts import is_localhost

__all__ = ["Lookup", "check_name", "is_address", "look_up_all", "no_results"]

# RFC 6761 section 6.3: names in localhost always mean these. Some resolvers don't know the rule.
_LOOPBACK = {IPv6Address: "::1", IPv4Address: "127.0.0.1"}


@lru_cache(maxsize=64)
def is_address(host: str) -> bool:
    """Tell whether a host is an address rather than a name. An IPv6 address may have a zone."""
    return isIPAddress(host) or isIPv6Address(host)


def check_name(host: str) -> None:
    """Make sure that a host is an address, or has a name that can be looked up.

    Names that IDNA refuses are accepted: containers, for instance, have names with underscores.

    Raises:
        ValueError: the name, or a label of it, is empty or too long.
    """
    if is_address(host):
        return
    # RFC 1035 section 2.3.4. A dot at the end only says that the resolver must add no domain.
    name = host.removesuffix(".")
    if len(name) > 253:
        raise ValueError(f"a name has 253 characters at most; this one has {len(name)}")
    if not all(0 < len(label) < 64 for label in name.split(".")):
        raise ValueError("each label of a name, between the dots, has 1 to 63 characters")


def look_up_all(reactor: Any, name: str, only_ipv4: bool = False) -> Deferred[list[str]]:
    """Look up all addresses of a name.

    Returns:
        A Deferred of the addresses, which can be cancelled. An address of a link-local network has
        its zone, as "fe80::1%2". If there is no address, the Deferred fails with DNSLookupError.
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
        ended: called after the last address.
        only_ipv4: True to look for no IPv6 address.
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
            # getaddrinfo would raise an error, which Twisted's resolver doesn't pass on.
            raise DNSLookupError(f"{self._name} can't be looked up: {exc}") from exc
        self._reactor.nameResolver.resolveHostName(self, self._name, 0, self._kinds)

    def stop(self) -> None:
        """Stop the lookup: neither `found` nor `ended` is called any more."""
        if self._over:
            return
        self._over = True
        if self._resolution is not None:
            # A lookup by Twisted's own resolver can't be cancelled. Its thread ends by itself.
            with suppress(NotImplementedError):
                self._resolution.cancel()

    def resolutionBegan(self, resolution: IHostResolution) -> None:
        """Remember the resolution, so that it can be cancelled."""
        self._resolution = resolution

    def addressResolved(self, address: IAddress) -> None:
        """Pass an address on, unless it was there before."""
        assert isinstance(address, (IPv4Address, IPv6Address))
        host = address.host
        if isinstance(address, IPv6Address) and address.scopeID and "%" not in host:
            host += f"%{address.scopeID}"
        self._tell(host)

    def resolutionComplete(self) -> None:
        """Tell that there are no more addresses."""
        if not self._seen and is_localhost(self._name):
            for kind, host in _LOOPBACK.items():
                if kind in self._kinds:
                    self._tell(host)
        if not self._over:
            self._over = True
            self._ended()

    def _tell(self, host: str) -> None:
        # A file of hosts often has the same address with several names.
        if not self._over and host not in self._seen:
            self._seen.add(host)
            self._found(host)

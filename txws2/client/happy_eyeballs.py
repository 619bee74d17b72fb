"""Connections to a host with several addresses; the first one that opens is used (RFC 8305)."""

from __future__ import annotations

from contextlib import suppress
from ipaddress import IPv6Address
from socket import if_nametoindex
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectError, ConnectionRefusedError, UserError, getConnectError
from twisted.internet.interfaces import (
    IDelayedCall,
    IProtocol,
    IProtocolFactory,
    IStreamClientEndpoint,
)
from twisted.python.failure import Failure
from zope.interface import implementer

from txws2._time.steady import steady
from txws2._transport.dns import Lookup, is_address, no_results
from txws2.client.dialing import dial

__all__ = ["HostEndpoint"]

# Seconds from one attempt to the next, unless the earlier one fails before that (section 5).
_ATTEMPT_DELAY = 0.25

# An error names at most this many addresses, and counts the others.
_NAMED = 8


@implementer(IStreamClientEndpoint)
class HostEndpoint:
    """Connects to a host, by name or address.

    The addresses are tried in the resolver's order, but the two families take turns (section 4).
    The first address is tried as soon as the resolver gives it. There is no delay for the other
    family (section 3): a resolver that looks up both families gives the preferred one first.

    Args:
        reactor: the reactor to run on.
        host: a name or an address; an IPv6 address may have a zone, as "fe80::1%eth0".
        port: the port.
    """

    def __init__(self, reactor: Any, host: str, port: int) -> None:
        self._reactor = reactor
        self._host = host
        self._port = port

    def __repr__(self) -> str:
        return f"<HostEndpoint {self._host!r}, {self._port}>"

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:
        """Connect a protocol of this factory.

        Returns:
            A Deferred of the protocol. It has no timeout, but it can be cancelled. It fails with
            DNSLookupError if the host has no address, and with ConnectError if all addresses
            fail. The error has the reason for each address.
        """
        race = _Race(self._reactor, self._host, self._port, protocolFactory)
        race.begin()
        return race.winner


class _Race:
    """Attempts to connect that overlap; the first one that succeeds cancels all others."""

    def __init__(self, reactor: Any, host: str, port: int, factory: IProtocolFactory) -> None:
        self._reactor = reactor
        self._host = host
        self._port = port
        self._factory = factory
        # None for an address, which isn't looked up.
        self._lookup: Lookup | None = None
        self._complete = False
        self._waiting: list[str] = []
        self._tried: str | None = None
        self._attempts: dict[str, Deferred[IProtocol]] = {}
        self._errors: dict[str, Exception] = {}
        self._timer: IDelayedCall | None = None
        self._starting = False
        self._over = False
        self.winner: Deferred[IProtocol] = Deferred(lambda _: self._stop())

    def begin(self) -> None:
        if is_address(self._host):
            self._complete = True
            self._found(self._host)
            return
        self._lookup = Lookup(self._reactor, self._host, self._found, self._all_found)
        try:
            self._lookup.begin()
        except Exception:
            self._fail(Failure())

    def _found(self, address: str) -> None:
        self._waiting.append(address)
        self._go_on()

    def _all_found(self) -> None:
        self._complete = True
        self._go_on()

    def _go_on(self) -> None:
        """Start the next attempt, unless the one before it has some time left."""
        if self._starting:
            return
        self._starting = True
        # An attempt that fails at once leaves no timer.
        while self._waiting and self._timer is None and not self._over:
            self._start(self._take())
        self._starting = False
        if self._complete and not (self._waiting or self._attempts or self._over):
            self._fail(Failure(self._verdict()))

    def _take(self) -> str:
        """Take the next address; prefer one of the other family than the last one's."""
        choice = self._waiting[0]
        if self._tried is not None:
            last_is_6 = ":" in self._tried
            choice = next((one for one in self._waiting if (":" in one) != last_is_6), choice)
        self._waiting.remove(choice)
        self._tried = choice
        return choice

    def _start(self, address: str) -> None:
        if self._waiting or not self._complete:
            self._timer = steady(self._reactor).callLater(_ATTEMPT_DELAY, self._overdue)
        attempt = dial(self._reactor, _numbered(address), self._port, self._factory)
        self._attempts[address] = attempt
        attempt.addCallbacks(
            self._won, self._failed, callbackArgs=(address,), errbackArgs=(address,)
        )

    def _overdue(self) -> None:
        self._timer = None
        self._go_on()

    def _won(self, protocol: IProtocol, address: str) -> None:
        del self._attempts[address]
        self._stop()
        self.winner.callback(protocol)

    def _failed(self, failure: Failure, address: str) -> None:
        del self._attempts[address]
        if self._over:
            return
        error = failure.value
        if isinstance(error, OSError):
            error = getConnectError(error)
        if not isinstance(error, (ConnectError, UserError)):
            # The factory made no protocol, and would make none for another address, either.
            self._fail(failure)
            return
        self._errors[address] = error
        self._stop_timer()
        self._go_on()

    def _fail(self, failure: Failure) -> None:
        self._stop()
        self.winner.errback(failure)

    def _stop(self) -> None:
        self._over = True
        self._stop_timer()
        if self._lookup is not None:
            self._lookup.stop()
        for attempt in list(self._attempts.values()):
            attempt.cancel()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _verdict(self) -> Exception:
        """Return the error of the whole race."""
        errors = list(self._errors.values())
        if not errors:
            return no_results(self._host)
        # A refusal comes from the host itself. Other errors may only mean that this machine
        # can't reach that family.
        refusals = [error for error in errors if isinstance(error, ConnectionRefusedError)]
        verdict = (refusals or errors)[0]
        if not is_address(self._host):
            verdict.args = (_summary(self._errors),)
        return verdict


def _numbered(address: str) -> str:
    """Return an address with the zone as a number, where the system can't resolve its name."""
    host, _, zone = address.partition("%")
    # glibc resolves the name of a zone only in a link-local address, so not in "::1%lo".
    if zone and not zone.isdecimal() and not IPv6Address(host).is_link_local:
        with suppress(OSError):
            return f"{host}%{if_nametoindex(zone)}"
    return address


def _summary(errors: dict[str, Exception]) -> str:
    """Return the reason for each address, as "Connection refused (::1, 127.0.0.1)"."""
    addresses: dict[str, list[str]] = {}
    for address in list(errors)[:_NAMED]:
        addresses.setdefault(_reason(errors[address]), []).append(address)
    words = "; ".join(f"{why} ({', '.join(those)})" for why, those in addresses.items())
    more = len(errors) - _NAMED
    return f"{words}; and {more} more addresses" if more > 0 else words


def _reason(error: Exception) -> str:
    # str() of Twisted's error begins with the docstring of its class.
    return next((str(word) for word in error.args if word), str(error).rstrip("."))

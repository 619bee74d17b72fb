"""`MemoryReactor`: a reactor without sockets that connects clients to servers in memory."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable, Sequence
from ipaddress import IPv4Address as Number
from types import TracebackType
from typing import Any, Protocol, TypeVar

from twisted.internet.abstract import isIPAddress, isIPv6Address
from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.error import DNSLookupError, TimeoutError, UserError
from twisted.internet.interfaces import (
    IAddress,
    IConnector,
    IHostnameResolver,
    IHostResolution,
    IProtocol,
    IProtocolFactory,
    IReactorPluggableNameResolver,
    IResolutionReceiver,
    IStreamClientEndpoint,
)
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from zope.interface import implementer

from txws2.testing.global_reactor import install, installed
from txws2.testing.pair import Joined
from txws2.testing.pump import pass_time, result_of
from txws2.testing.steps import Silence, Step, undelayed

__all__ = ["Found", "MemoryReactor", "Place"]

T = TypeVar("T")

# After this many turns, clients and servers count as answering each other without end.
_MOST_TURNS = 100_000

# RFC 2544 appendix C.2.2: these addresses are for benchmarks, so no host has them.
_FIRST_ADDRESS = Number("198.18.0.0")

# A Clock never reaches this time.
_FOR_EVER = 1e17

Place = tuple[str, int] | str
"""The address that a client connects to: host and port, or the path of a Unix socket."""


class Found(Protocol):
    """A server in memory, as the reactor uses it."""

    def is_at(self, place: Place) -> bool:
        """Return True if the server is at this place; port 0 stands for any port."""

    def next_step(self) -> Step:
        """Return the step that the next attempt meets, without taking it."""

    def begin(self, place: Place, secure: bool) -> Callable[[IProtocol], object]:
        """Take the next step for an attempt; return a function that takes the client's protocol."""


@implementer(IReactorPluggableNameResolver)
class MemoryReactor(Clock):
    """A reactor without sockets, for clients that connect to servers in memory.

    It is a Clock: time passes when the test says so. It also has everything else that clients
    need: DNS, TCP and Unix sockets. It leaves TLS out, so a wss URI connects without a
    certificate; `Attempt.secure` is True for such a URI.

    As a context manager, it replaces the global reactor, for code that isn't given a reactor, and
    puts it back at the end. A module that has imported the global reactor before keeps that one.

    Attributes:
        servers: the servers in memory; each `ScriptedServer` adds itself.
    """

    nameResolver: IHostnameResolver

    def __init__(self) -> None:
        super().__init__()
        self.servers: list[Found] = []
        self.connections: list[Joined[Any, Any]] = []
        self.nameResolver = _Resolver(self)
        self._names: list[str] = []
        self._secure = False
        self._replaced: list[tuple[Any, Any]] = []

    # A test calls these.

    def pump(self, timings: Iterable[float] = ()) -> None:
        """Move bytes and make the calls that are due, until nothing moves.

        Args:
            timings: as for Clock.pump: seconds to advance by, one after the other.

        Raises:
            AssertionError: clients and servers answer each other without end.
        """
        for seconds in timings:
            self.advance(seconds)
        for _ in range(_MOST_TURNS):
            if not self._turn():
                return
        raise AssertionError(f"clients and servers don't come to rest within {_MOST_TURNS} turns")

    def advance(self, amount: float) -> None:
        """Let time pass; pump before that, at each second, and after each timer."""
        pass_time(self, amount, super().advance, self.pump)

    def start(self, coroutine: Deferred[T] | Coroutine[Any, Any, T]) -> Deferred[T]:
        """Start a coroutine that may run for long, and pump; return its Deferred."""
        started = ensureDeferred(coroutine)
        self.pump()
        return started

    def result_of(self, awaited: Deferred[T] | Coroutine[Any, Any, T]) -> T:
        """Pump, and return the result, as `Joined.result_of` does."""
        return result_of(awaited, self.pump)

    def _turn(self) -> bool:
        """Let each end make one step, or make the calls that are due; return True if any did."""
        ends = [end for both in self.connections for end in both.transports]
        # A list, not a generator: every end makes its step, even if the first one has moved.
        moved = [end.step() for end in ends]
        self.connections = [
            both for both in self.connections if any(end.connected for end in both.transports)
        ]
        due = not any(moved) and any(
            call.getTime() <= self.seconds() for call in self.getDelayedCalls()
        )
        if due:
            super().advance(0)
        return any(moved) or due

    # A client calls these.

    def connectTCP(
        self,
        host: str,
        port: int,
        factory: Any,
        timeout: float | None = 30,
        bindAddress: tuple[str, int] | None = None,
    ) -> IConnector:
        """Connect to a server in memory, as a reactor does over TCP."""
        place = self._name_of(host), port
        return _Connector(self, place, IPv4Address("TCP", host, port), factory, timeout)

    def connectUNIX(
        self, address: str, factory: Any, timeout: float | None = 30, checkPID: bool = False
    ) -> IConnector:
        """Connect to a server in memory, as a reactor does over a Unix socket."""
        return _Connector(self, address, UNIXAddress(address), factory, timeout)

    def wrapClientTLS(
        self, creator: object, endpoint: IStreamClientEndpoint
    ) -> IStreamClientEndpoint:
        """Return an endpoint without TLS, instead of Twisted's wrapClientTLS."""
        return _WithoutTLS(self, endpoint)

    def installNameResolver(self, resolver: IHostnameResolver) -> IHostnameResolver:
        """Use another resolver; return the previous one."""
        before, self.nameResolver = self.nameResolver, resolver
        return before

    def server_at(self, place: Place) -> Found | None:
        """Return the server at a place; None if there is none."""
        return next((server for server in self.servers if server.is_at(place)), None)

    def address_of(self, name: str) -> str:
        """Return the address of a name, the same each time."""
        if name not in self._names:
            self._names.append(name)
        return str(_FIRST_ADDRESS + self._names.index(name))

    def _name_of(self, host: str) -> str:
        index = int(Number(host)) - int(_FIRST_ADDRESS) if isIPAddress(host) else -1
        return self._names[index] if 0 <= index < len(self._names) else host

    def begin(self, place: Place) -> tuple[Step, Callable[[IProtocol], object]]:
        """Return the step of an attempt, and a function that takes the client's protocol."""
        server = self.server_at(place)
        if server is None:
            error = AssertionError(
                f"there is no server in memory at {place}; make a ScriptedServer there"
            )
            return error, lambda protocol: None
        return server.next_step(), server.begin(place, self._secure)

    # This reactor as the global one.

    def __enter__(self) -> MemoryReactor:
        """Replace the global reactor."""
        self._replaced.append(installed())
        install(self, self)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Put the global reactor back, if there was one."""
        install(*self._replaced.pop())


@implementer(IStreamClientEndpoint)
class _WithoutTLS:
    def __init__(self, reactor: MemoryReactor, endpoint: IStreamClientEndpoint) -> None:
        self._reactor = reactor
        self._endpoint = endpoint

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:
        # connectTCP reads _secure. An attempt that begins later counts as one without TLS.
        self._reactor._secure = True
        try:
            connecting: Deferred[IProtocol] = self._endpoint.connect(protocolFactory)
        finally:
            self._reactor._secure = False
        return connecting


@implementer(IHostResolution)
class _Resolution:
    def __init__(self, name: str) -> None:
        self.name = name
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


@implementer(IHostnameResolver)
class _Resolver:
    """Finds an address for each name, unless the script of its server says otherwise."""

    def __init__(self, reactor: MemoryReactor) -> None:
        self._reactor = reactor

    def resolveHostName(
        self,
        resolutionReceiver: IResolutionReceiver,
        hostName: str,
        portNumber: int = 0,
        addressTypes: Sequence[type[IAddress]] | None = None,
        transportSemantics: str = "TCP",
    ) -> IHostResolution:
        """Give the address at once, or no address at the time that the server's script says."""
        resolution = _Resolution(hostName)
        resolutionReceiver.resolutionBegan(resolution)
        delay, step = 0.0, self._step_at((hostName, portNumber))
        if step is not None:
            delay, step = undelayed(self._reactor.begin((hostName, portNumber))[0])
            if isinstance(step, Silence):
                return resolution

        def complete() -> None:
            if not resolution.cancelled:
                resolutionReceiver.resolutionComplete()

        kinds = (IPv4Address, IPv6Address) if addressTypes is None else addressTypes
        if step is not None:
            self._reactor.callLater(delay, complete)
            return resolution
        if isIPv6Address(hostName):
            resolutionReceiver.addressResolved(IPv6Address("TCP", hostName, portNumber))
        elif IPv4Address in kinds:
            host = hostName if isIPAddress(hostName) else self._reactor.address_of(hostName)
            resolutionReceiver.addressResolved(IPv4Address("TCP", host, portNumber))
        complete()
        return resolution

    def _step_at(self, place: Place) -> Step | None:
        """Return the next step at a place if it ends the lookup of the name; otherwise None."""
        server = self._reactor.server_at(place)
        if server is None:
            return None
        _, step = undelayed(server.next_step())
        silent = isinstance(step, Silence) and step.at == "lookup"
        return step if silent or isinstance(step, DNSLookupError) else None


@implementer(IConnector)
class _Connector:
    """One attempt to connect, as Twisted's connectors are."""

    def __init__(
        self,
        reactor: MemoryReactor,
        place: Place,
        address: IAddress,
        factory: Any,
        timeout: float | None,
    ) -> None:
        self._reactor = reactor
        self._place = place
        self._address = address
        self._factory = factory
        self._timeout = timeout
        self._protocol: Any = None
        self.connect()

    def connect(self) -> None:
        """Begin the attempt; it connects or fails in a later turn of the reactor."""
        self._factory.doStart()
        self._factory.startedConnecting(self)
        step, accept = self._reactor.begin(self._place)
        delay, step = undelayed(step)
        call: tuple[Callable[..., None], object] = self._connected, accept
        if isinstance(step, Exception):
            call = self._failed, step
        elif isinstance(step, Silence) and step.at == "connect":
            delay = _FOR_EVER if self._timeout is None else self._timeout
            call = self._failed, TimeoutError()
        self._call = self._reactor.callLater(delay, *call)

    def _connected(self, accept: Callable[[IProtocol], object]) -> None:
        self._protocol = self._factory.buildProtocol(self._address)
        if self._protocol is not None:
            accept(self._protocol)

    def _failed(self, reason: Exception) -> None:
        self._factory.clientConnectionFailed(self, Failure(reason))
        self._factory.doStop()

    def stopConnecting(self) -> None:
        """Give the attempt up."""
        if self._call.active():
            self._call.cancel()
            self._failed(UserError())

    def disconnect(self) -> None:
        """Give the attempt up, or close the connection."""
        self.stopConnecting()
        if self._protocol is not None:
            self._protocol.transport.loseConnection()

    def getDestination(self) -> IAddress:
        """Return the address of the server."""
        return self._address

"""`MemoryReactor`: a reactor without sockets, whose connections lead to servers in memory."""

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
from txws2.testing.pair import Joined, pass_time, result_of
from txws2.testing.steps import Silence, Step, undelayed

__all__ = ["Found", "MemoryReactor", "Place"]

T = TypeVar("T")

# Clients and servers that answer each other for ever are told from those that have much to say.
_MOST_TURNS = 100_000

# RFC 2544 appendix C.2.2: addresses that are nobody's.
_FIRST_ADDRESS = Number("198.18.0.0")

# A time that Clock takes for never.
_FOR_EVER = 1e17

Place = tuple[str, int] | str
"""The place that a client connects to: host and port, or the path of a Unix socket."""


class Found(Protocol):
    """A server in memory, as the reactor sees it."""

    def is_at(self, place: Place) -> bool:
        """Tell whether it is there; port 0 stands for any."""

    def next_step(self) -> Step:
        """Return the step that the next attempt meets; it stays the next."""

    def begin(self, place: Place, secure: bool) -> Callable[[IProtocol], object]:
        """Take the next step for an attempt; return what a client's protocol is given to."""


@implementer(IReactorPluggableNameResolver)
class MemoryReactor(Clock):
    """A reactor without sockets, for clients that connect to servers in memory.

    It is a Clock: time passes when the test says so. Everything else that clients need is
    here: names, TCP and Unix sockets. TLS is left out, so that a wss URI connects without a
    certificate; `Attempt.secure` tells.

    As a context manager, it stands in for the global reactor, for code that isn't given one, and
    puts that back at the end. A module that has imported the reactor before keeps the real one.

    Attributes:
        servers: the servers that there are; each `ScriptedServer` adds itself.
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

    # Called by a test.

    def pump(self, timings: Iterable[float] = ()) -> None:
        """Move bytes, and call what is due now, until nothing moves.

        Args:
            timings: as for Clock: seconds to advance by, one after the other.

        Raises:
            AssertionError: that doesn't come to an end.
        """
        for seconds in timings:
            self.advance(seconds)
        for _ in range(_MOST_TURNS):
            if not self._turn():
                return
        raise AssertionError(f"clients and servers don't come to rest within {_MOST_TURNS} turns")

    def advance(self, amount: float) -> None:
        """Let time pass, and bytes move before that, at each second, and after each timer."""
        pass_time(self, amount, super().advance, self.pump)

    def start(self, coroutine: Deferred[T] | Coroutine[Any, Any, T]) -> Deferred[T]:
        """Start what the application does for long, and pump; return its Deferred."""
        started = ensureDeferred(coroutine)
        self.pump()
        return started

    def result_of(self, awaited: Deferred[T] | Coroutine[Any, Any, T]) -> T:
        """Pump, and return the result, as `Joined.result_of` does."""
        return result_of(awaited, self.pump)

    def _turn(self) -> bool:
        """Do what can be done now, once; tell whether there was anything."""
        ends = [end for both in self.connections for end in both.transports]
        # Each of them, even if the first has done something.
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

    # Called by a client.

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
        """Return an endpoint that leaves TLS out, in the place of Twisted's wrapClientTLS."""
        return _WithoutTLS(self, endpoint)

    def installNameResolver(self, resolver: IHostnameResolver) -> IHostnameResolver:
        """Use another resolver; return the one before."""
        before, self.nameResolver = self.nameResolver, resolver
        return before

    def server_at(self, place: Place) -> Found | None:
        """Return the server there; None if there is none."""
        return next((server for server in self.servers if server.is_at(place)), None)

    def address_of(self, name: str) -> str:
        """Return the address of a name; it has the same each time."""
        if name not in self._names:
            self._names.append(name)
        return str(_FIRST_ADDRESS + self._names.index(name))

    def _name_of(self, host: str) -> str:
        index = int(Number(host)) - int(_FIRST_ADDRESS) if isIPAddress(host) else -1
        return self._names[index] if 0 <= index < len(self._names) else host

    def begin(self, place: Place) -> tuple[Step, Callable[[IProtocol], object]]:
        """Return the step that an attempt meets, and what takes the client's protocol then."""
        server = self.server_at(place)
        if server is None:
            error = AssertionError(f"there is no server in memory at {place}")
            return error, lambda protocol: None
        return server.next_step(), server.begin(place, self._secure)

    # As the global reactor.

    def __enter__(self) -> MemoryReactor:
        """Stand in for the global reactor."""
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
        # The attempt begins at once, or else it is taken for one without TLS.
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
        """Say at once which address it has, or when the script says so that it has none."""
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
        """Return the next step there if it is one that is met before there is an address."""
        server = self._reactor.server_at(place)
        if server is None:
            return None
        _, step = undelayed(server.next_step())
        silent = isinstance(step, Silence) and step.at == "lookup"
        return step if silent or isinstance(step, DNSLookupError) else None


@implementer(IConnector)
class _Connector:
    """One attempt to connect, as Twisted has it."""

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
        """Begin, and connect or fail in a later turn of the reactor."""
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
        """Return where it leads."""
        return self._address

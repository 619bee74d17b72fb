"""One connection over TCP, without the protocol and the timer that Twisted's endpoints add."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint, TCP6ClientEndpoint
from twisted.internet.error import ConnectingCancelledError, NoProtocol
from twisted.internet.interfaces import (
    IAddress,
    IConnector,
    ILoggingContext,
    IProtocol,
    IProtocolFactory,
    ITransport,
)
from twisted.python.failure import Failure
from zope.interface import implementer

try:
    from twisted.internet.posixbase import PosixReactorBase
except ImportError:
    # This system has none.
    PosixReactorBase = None  # type: ignore[assignment,misc]

__all__ = ["dial"]

# Twisted's own timeout must not come before open_timeout, which covers the whole attempt.
_FOR_EVER = 1e9


def dial(reactor: Any, address: str, port: int, factory: IProtocolFactory) -> Deferred[IProtocol]:
    """Connect a protocol of this factory to an address.

    Args:
        reactor: the reactor to run on.
        address: an address of IPv4 or IPv6; one of IPv6 may have a zone.
        port: the port.
        factory: makes the protocol.

    Returns:
        A Deferred of the protocol, as an endpoint of Twisted returns it. It has no timeout, but it
        can be cancelled.
    """
    if _is_ordinary(reactor):
        return _Dial(factory).connect(reactor, address, port)
    kind = TCP6ClientEndpoint if ":" in address else TCP4ClientEndpoint
    return kind(reactor, address, port, timeout=_FOR_EVER).connect(factory)


def _is_ordinary(reactor: Any) -> bool:
    """Tell whether the transports of a reactor call the protocol in their attribute."""
    return (
        PosixReactorBase is not None
        and isinstance(reactor, PosixReactorBase)
        and type(reactor).connectTCP is PosixReactorBase.connectTCP
    )


class _Dial:
    """The factory of one connection; the reactor's connector calls it."""

    _connector: IConnector

    def __init__(self, factory: IProtocolFactory) -> None:
        self._factory = factory
        self._connected: Deferred[IProtocol] = Deferred(self._cancel)

    def connect(self, reactor: Any, address: str, port: int) -> Deferred[IProtocol]:
        try:
            reactor.connectTCP(address, port, self, timeout=None)
        except Exception:
            self._connected.errback()
        return self._connected

    def _cancel(self, connected: Deferred[IProtocol]) -> None:
        connector = self._connector
        connected.errback(ConnectingCancelledError(connector.getDestination()))
        connector.stopConnecting()

    # Methods that the connector calls.

    def doStart(self) -> None:
        self._factory.doStart()

    def doStop(self) -> None:
        self._factory.doStop()

    def startedConnecting(self, connector: IConnector) -> None:
        self._connector = connector

    def buildProtocol(self, addr: IAddress) -> IProtocol | None:
        try:
            protocol = self._factory.buildProtocol(addr)
            if protocol is None:
                raise NoProtocol
        except BaseException:
            self._connected.errback()
            return None
        return _Announcer(protocol, self._connected)

    def clientConnectionFailed(self, connector: IConnector, reason: Failure) -> None:
        if not self._connected.called:
            self._connected.errback(reason)

    def clientConnectionLost(self, connector: IConnector, reason: Failure) -> None:
        pass


@implementer(IProtocol, ILoggingContext)
class _Announcer:
    """Takes the place of a protocol until it has its transport, and then reports that."""

    def __init__(self, protocol: IProtocol, connected: Deferred[IProtocol]) -> None:
        self._protocol = protocol
        self._connected = connected

    def logPrefix(self) -> str:
        protocol = self._protocol
        if ILoggingContext.providedBy(protocol):
            return protocol.logPrefix()
        return type(protocol).__name__

    def makeConnection(self, transport: ITransport) -> None:
        protocol: Any = self._protocol
        transport.protocol = protocol  # type: ignore[attr-defined]
        protocol.makeConnection(transport)
        self._connected.callback(protocol)

    # The transport calls nothing else here.

    def connectionMade(self) -> None:
        raise NotImplementedError

    def dataReceived(self, data: bytes) -> None:
        raise NotImplementedError

    def connectionLost(self, reason: Failure) -> None:
        raise NotImplementedError

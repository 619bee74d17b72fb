"""TLS whose exceptions reach those who wait for the connection."""

# Twisted's TLS has no types.
# mypy: allow-untyped-calls

from __future__ import annotations

from typing import Any, cast

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import (
    IOpenSSLClientConnectionCreator,
    IProtocol,
    IProtocolFactory,
    IStreamClientEndpoint,
    ITransport,
)
from twisted.internet.protocol import Protocol, connectionDone
from twisted.protocols.tls import BufferingTLSTransport, TLSMemoryBIOFactory, TLSMemoryBIOProtocol
from twisted.python.failure import Failure
from zope.interface import implementer

from txws2._deferreds.isolation import isolated
from txws2._transport.capabilities import abort, can_be_told

__all__ = ["BufferingTLSGuard", "TLSEndpoint", "TLSGuard"]


class TLSGuard(TLSMemoryBIOProtocol):
    """Twisted's TLS transport, but for exceptions.

    A connection creator may be anybody's. Its exceptions, and those of the connections that it
    makes, come out in a callback of the transport below. There the reactor logs them, and neither
    the endpoint nor the protocol would hear of them.

    Attributes:
        broken: what was raised before the handshake was done.
    """

    broken: BaseException | None = None

    def makeConnection(self, transport: ITransport) -> None:
        """Take a transport; TLS begins."""
        try:
            super().makeConnection(transport)
        except BaseException as exc:
            self._break(exc, transport)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Tell the protocol, whatever becomes of TLS."""
        exc = self.broken
        if exc is None:
            try:
                super().connectionLost(reason)
            except BaseException as raised:
                exc = raised
        if exc is None:
            return
        # None once it has heard of the end; and it may never have heard of the beginning.
        inner = cast(Protocol | None, self.wrappedProtocol)
        self.wrappedProtocol = cast(Any, None)
        if inner is not None and inner.transport is not None:
            inner.connectionLost(Failure(exc))

    def _break(self, exc: BaseException, transport: ITransport) -> None:
        self.broken = exc
        isolated(abort, transport)


class BufferingTLSGuard(TLSGuard, BufferingTLSTransport):
    """A `TLSGuard` that is used as it is made."""

    def dataReceived(self, data: bytes) -> None:
        """Take what the transport below has read."""
        if self.broken is not None:
            return
        try:
            super().dataReceived(data)
        except BaseException as exc:
            if self._has_finished():
                raise
            assert self.transport is not None
            self._break(exc, self.transport)

    def _has_finished(self) -> bool:
        try:
            return can_be_told(self)
        except Exception:
            # Anybody may have made the connection that is asked, and it has just raised.
            return False


class _Factory(TLSMemoryBIOFactory):
    protocol = BufferingTLSGuard


@implementer(IStreamClientEndpoint)
class TLSEndpoint:
    """Puts TLS on the connections of another endpoint, as `wrapClientTLS` does.

    Args:
        creator: makes the TLS connections.
        endpoint: makes those below.
    """

    def __init__(
        self, creator: IOpenSSLClientConnectionCreator, endpoint: IStreamClientEndpoint
    ) -> None:
        self._creator = creator
        self._endpoint = endpoint

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:
        """Connect a protocol of this factory.

        Returns:
            A Deferred of the protocol, whose handshake goes on. It fails as the other endpoint
            does, and with what the creator raises.
        """
        factory = _Factory(self._creator, True, protocolFactory)
        connecting: Deferred[Any] = self._endpoint.connect(cast(IProtocolFactory, factory))
        return connecting.addCallback(_protocol_of)


def _protocol_of(tls: TLSGuard) -> IProtocol:
    if tls.broken is not None:
        raise tls.broken
    return tls.wrappedProtocol

"""TLS whose exceptions reach everyone who waits for the connection."""

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
    """Twisted's TLS transport, but exceptions reach the endpoint and the protocol.

    An application may bring its own connection creator. Exceptions of the creator, and of the
    connections that it makes, come out in a callback of the transport below. There the reactor logs
    them, and neither the endpoint nor the protocol would hear of them.

    Attributes:
        broken: the exception that ended the connection before the handshake was done.
    """

    broken: BaseException | None = None

    def makeConnection(self, transport: ITransport) -> None:
        """Take a transport, and begin the TLS handshake."""
        try:
            super().makeConnection(transport)
        except BaseException as exc:
            self._break(exc, transport)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Tell the protocol, even if TLS raises an exception."""
        exc = self.broken
        if exc is None:
            try:
                super().connectionLost(reason)
            except BaseException as raised:
                exc = raised
        if exc is None:
            return
        # There is none once the protocol was told the end; and it may have no transport yet.
        inner = cast(Protocol | None, self.wrappedProtocol)
        self.wrappedProtocol = cast(Any, None)
        if inner is not None and inner.transport is not None:
            inner.connectionLost(Failure(exc))

    def _break(self, exc: BaseException, transport: ITransport) -> None:
        self.broken = exc
        isolated(abort, transport)


class BufferingTLSGuard(TLSGuard, BufferingTLSTransport):
    """A `TLSGuard` with the write buffer of Twisted's usual TLS transport."""

    def dataReceived(self, data: bytes) -> None:
        """Take the bytes that the transport below has read."""
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
            # An application may have made this connection, which has just raised an exception.
            return False


class _Factory(TLSMemoryBIOFactory):
    protocol = BufferingTLSGuard


@implementer(IStreamClientEndpoint)
class TLSEndpoint:
    """Puts TLS on the connections of another endpoint, as `wrapClientTLS` does.

    Args:
        creator: makes the TLS connections.
        endpoint: makes the connections below TLS.
    """

    def __init__(
        self, creator: IOpenSSLClientConnectionCreator, endpoint: IStreamClientEndpoint
    ) -> None:
        self._creator = creator
        self._endpoint = endpoint

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:
        """Connect a protocol of this factory.

        Returns:
            A Deferred of the protocol. It fires before the handshake is done. It fails if the other
            endpoint fails, or if the creator raises an exception.
        """
        factory = _Factory(self._creator, True, protocolFactory)
        connecting: Deferred[Any] = self._endpoint.connect(cast(IProtocolFactory, factory))
        return connecting.addCallback(_protocol_of)


def _protocol_of(tls: TLSGuard) -> IProtocol:
    if tls.broken is not None:
        raise tls.broken
    return tls.wrappedProtocol

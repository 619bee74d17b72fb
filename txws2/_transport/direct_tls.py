"""TLS for a factory whose connections all take the fast path of `tls_writer`."""

# Twisted's TLS has no types.
# mypy: allow-untyped-calls

from __future__ import annotations

from typing import Any, Protocol, cast

from twisted.internet.interfaces import ITransport
from twisted.protocols.policies import ProtocolWrapper
from twisted.protocols.tls import BufferingTLSTransport, TLSMemoryBIOFactory, TLSMemoryBIOProtocol

from txws2._private_names import tls_creator

__all__ = ["DirectTLS", "make_direct"]

_CREATOR = tls_creator(TLSMemoryBIOFactory)


class _Outbox(Protocol):
    def begin(self) -> None: ...

    def end(self) -> None: ...


class DirectTLS(TLSMemoryBIOProtocol):
    """Twisted's TLS transport, without its buffer of small writes, and begun in fewer steps.

    Attributes:
        outbox: the outbox that takes the fast path; None until it is there, and afterwards.
    """

    outbox: _Outbox | None = None

    def makeConnection(self, transport: ITransport) -> None:
        """Take a transport, and begin the TLS handshake."""
        self._tlsConnection = getattr(self.factory, cast(str, _CREATOR))(self)
        self._appSendBuffer: list[bytes] = []
        # Before this, Twisted declares each interface of the transport, in place of the one before.
        # This declares all of them.
        ProtocolWrapper.makeConnection(self, transport)
        if self._aborted:
            return
        if self.outbox is None:
            self._checkHandshakeStatus()
        else:
            self.outbox.begin()

    def loseConnection(self) -> None:
        """Close TLS, and then the connection, once the outbox is empty."""
        if self.connected and not self.disconnecting:
            super().loseConnection()
            if self.outbox is not None:
                self.outbox.end()


def make_direct(tls: BufferingTLSTransport) -> None:
    """Have the factory of a TLS transport make a `DirectTLS` for each connection that comes.

    It does so if all its protocols come from the factory of this transport's protocol, and if
    nobody has chosen another TLS transport for it.
    """
    factory = tls.factory
    above: Any = getattr(tls.wrappedProtocol, "factory", None)
    if (
        _CREATOR is not None
        and above is not None
        and factory.wrappedFactory is above
        and factory.protocol is BufferingTLSTransport
    ):
        factory.protocol = DirectTLS

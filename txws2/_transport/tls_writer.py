"""TLS that writes straight to the socket, and asks OpenSSL only for data that it has."""

# Twisted's TLS has no types.
# mypy: allow-untyped-calls

from __future__ import annotations

from functools import partial
from typing import Any, cast

from OpenSSL.SSL import Connection, Error, WantReadError, ZeroReturnError
from twisted.internet.interfaces import IConsumer, IProtocol, ITransport
from twisted.internet.main import CONNECTION_LOST
from twisted.internet.tcp import Connection as TCPTransport
from twisted.protocols.policies import ProtocolWrapper
from twisted.protocols.tls import BufferingTLSTransport, TLSMemoryBIOProtocol
from twisted.python.failure import Failure

from txws2._accelerator import PURE
from txws2._private_names import TLS_BUFFER, TLS_TRANSPORT
from txws2._transport.alpn import declare_for_wrapper
from txws2._transport.capabilities import TCP_IS_KNOWN
from txws2._transport.direct_tls import DirectTLS, make_direct
from txws2._transport.guarded_tls import BufferingTLSGuard
from txws2._transport.openssl import pointers_of, shed_buffers
from txws2._transport.outbox import Outbox
from txws2._transport.tls_records import Records

__all__ = ["TLSOutbox", "TLSThrough", "let_close", "tls_outbox_for"]

_BUFFER_IS_KNOWN = TLS_BUFFER.are_in(BufferingTLSTransport)
_TLS_IS_KNOWN = TLS_TRANSPORT.are_in(TLSMemoryBIOProtocol) and _BUFFER_IS_KNOWN and TCP_IS_KNOWN

# The exception of a connection that was lost before TLS was closed. Made once, as in a reactor.
_CUT = Failure(CONNECTION_LOST)

# An option of OpenSSL: the end of the connection below is a proper end of TLS.
_IGNORE_UNEXPECTED_EOF = 1 << 7


def _may_be_cut(connection: Connection) -> bool:
    # In older versions of pyOpenSSL, only the context has options.
    has_options = connection if hasattr(connection, "set_options") else connection.get_context()
    return bool(has_options.set_options(0) & _IGNORE_UNEXPECTED_EOF)


class TLSThrough(Records):
    """The fast path past Twisted's TLS transport, for data that is read and written.

    Twisted's own way keeps small writes for the next turn of the reactor. After each read, it asks
    OpenSSL for more until an exception says that there is none. Here each write is encrypted at
    once, and goes to the socket while the transport below has nothing to write. Twisted handles
    the rest: the closing of TLS, and everything unusual.

    Args:
        tls: Twisted's TLS transport.
        pointers: as for `Records`.
    """

    __slots__ = ()

    def __init__(self, tls: TLSMemoryBIOProtocol, pointers: tuple[Any, ...] | None) -> None:
        below = cast(TCPTransport, tls.transport)
        super().__init__(tls, below, pointers)
        # A guard tells exceptions to those who wait for the connection.
        self.shakes = type(tls) is not BufferingTLSGuard and not tls._handshakeDone
        self._find_out()
        below.protocol = cast(IProtocol, self)

    def begin(self) -> None:
        """Begin the handshake of TLS."""
        if self.shakes and Records is not PURE["Records"]:
            self.dataReceived(b"")
        else:
            self.tls._checkHandshakeStatus()

    def connectionLost(self, reason: Failure) -> None:
        """Tell Twisted that the transport below is lost."""
        tls = self.tls
        if self.open and not tls._lostTLSConnection and not _may_be_cut(tls._tlsConnection):
            # OpenSSL would say so, in an exception that lives in a reference cycle.
            tls._reason = tls._reason or _CUT
            tls._lostTLSConnection = True
        self.forget()
        tls.connectionLost(reason)
        # Else a lost connection would wait for the garbage collector.
        tls._producer = None
        if type(tls) is DirectTLS:
            tls.outbox = None
        else:
            vars(tls).pop("loseConnection", None)

    # Twisted has this for its buffer of small writes, which keeps nothing here.

    def flush(self) -> None:
        """Do nothing: all bytes have left."""

    def close(self) -> None:
        """Do nothing: the transport below is lost."""

    def read_otherwise(self, data: bytes) -> None:
        """Have Twisted take bytes that were read before TLS is open, or when a handshake waits."""
        tls = self.tls
        # None once the connection is lost.
        if tls._tlsConnection is not None:
            tls.dataReceived(data)
            self._find_out()

    def shaken(self) -> None:
        """Have Twisted note that the handshake is done."""
        tls = self.tls
        self.shakes = False
        tls._checkHandshakeStatus()
        if tls._appSendBuffer:
            tls._unbufferPendingWrites()
        self._find_out()

    def shed(self) -> None:
        """Give back the memory that the handshake took."""
        self.fresh = False
        connection = self.tls._tlsConnection
        if shed_buffers(connection):
            self.renew(pointers_of(connection))

    def write_otherwise(self, data: bytes, result: int) -> None:
        """Have Twisted write data that can't be encrypted now."""
        if result <= 0:
            fault = self.fault_of(result)
            if not fault.check(WantReadError):
                self.write_failed(fault)
                return
        TLSMemoryBIOProtocol.write(self.tls, data)
        self._find_out()

    def fault_of(self, result: int) -> Failure:
        """Return why OpenSSL can't go on."""
        connection: Connection = self.tls._tlsConnection
        try:
            connection._raise_ssl_error(connection._ssl, result)
        except BaseException:
            return Failure()
        return Failure(Error([]))

    def end_with(self, fault: Failure) -> None:
        """End the connection as Twisted does."""
        tls = self.tls
        if tls._lostTLSConnection:
            return
        if not fault.check(Error):
            fault.raiseException()
        if fault.check(ZeroReturnError):
            # The peer has closed TLS in due form.
            tls._shutdownTLS()
            tls._tlsShutdownFinished(None)
        else:
            tls._tlsShutdownFinished(fault)
        self._find_out()

    def write_failed(self, fault: Failure) -> None:
        """End the connection, unless TLS was closed: then the data is dropped."""
        if not self.tls.disconnecting:
            self.end_with(fault)

    def _find_out(self) -> None:
        tls = self.tls
        # While data waits for a handshake, more has to wait behind it.
        self.open = tls._handshakeDone and not (tls._appSendBuffer or tls._lostTLSConnection)


class TLSOutbox(Outbox):
    """An Outbox that takes the fast path.

    Args:
        tls: Twisted's TLS transport.
        pointers: as for `Records`.
        write_limit: as for `Outbox`.
    """

    __slots__ = ("_records",)

    def __init__(
        self,
        tls: BufferingTLSTransport | DirectTLS,
        pointers: tuple[Any, ...] | None,
        write_limit: int | None,
    ) -> None:
        self._records = TLSThrough(tls, pointers)
        super().__init__(cast(IConsumer, tls), write_limit)
        if isinstance(tls, DirectTLS):
            tls.outbox = self
            return
        make_direct(tls)
        # An outbox needs no buffer of Twisted's.
        tls._aggregator.flush()
        del tls.write
        tls._aggregator = cast(Any, self._records)
        tls.loseConnection = self._close_transport  # type: ignore[method-assign]

    def begin(self) -> None:
        """Begin the handshake of TLS."""
        self._records.begin()

    def _transmit(self, data: bytes) -> None:
        self._records.write(data)

    def _close_transport(self) -> None:
        _close_after(self._transport, self)


def tls_outbox_for(transport: ITransport, write_limit: int | None) -> Outbox | None:
    """Return an outbox that takes the fast path, if the transport is TLS that allows for it."""
    if not (
        _TLS_IS_KNOWN
        and isinstance(transport, TLSMemoryBIOProtocol)
        and type(transport) in (DirectTLS, BufferingTLSTransport, BufferingTLSGuard)
        and isinstance(transport.transport, TCPTransport)
        and transport.transport.protocol is transport
    ):
        return None
    pointers = pointers_of(transport._tlsConnection)
    if pointers is None and Records is not PURE["Records"]:
        return None
    return TLSOutbox(cast("DirectTLS | BufferingTLSTransport", transport), pointers, write_limit)


def let_close(transport: ITransport, outbox: Outbox) -> None:
    """Let any other TLS transport close when somebody else than the outbox closes it.

    A TLS transport that is told to close waits as long as it has a producer, and an outbox is its
    producer from the beginning to the end.

    Args:
        transport: the transport that the outbox writes to: TLS, or a wrapper of TLS.
        outbox: the outbox.
    """
    tls = _tls_of(transport)
    if tls is None:
        return
    declare_for_wrapper(tls)
    if isinstance(tls, BufferingTLSTransport):
        # Bytes that its buffer keeps for the next turn would come after the end of TLS. An outbox
        # needs no such buffer: it writes bytes that belong together in one piece.
        if _BUFFER_IS_KNOWN:
            tls._aggregator.flush()
            del tls.write
        else:
            tls.unregisterProducer = partial(  # type: ignore[method-assign]
                _flush_and_unregister, tls
            )
    tls.loseConnection = partial(  # type: ignore[method-assign]
        _close_after, tls, outbox
    )


def _close_after(tls: TLSMemoryBIOProtocol, outbox: Outbox) -> None:
    if tls.connected and not tls.disconnecting:
        type(tls).loseConnection(tls)
        outbox.end()


def _flush_and_unregister(tls: BufferingTLSTransport) -> None:
    kind = type(tls)
    if tls.disconnecting:
        # Twisted flushes the buffer at each call, and ends a connection only once.
        kind.loseConnection(tls)
    kind.unregisterProducer(tls)


def _tls_of(transport: Any) -> TLSMemoryBIOProtocol | None:
    """Return the TLS transport below other wrappers, or above TCP after startTLS; None without."""
    while isinstance(transport, ProtocolWrapper):
        if isinstance(transport, TLSMemoryBIOProtocol):
            return transport
        transport = transport.transport
    if isinstance(transport, TCPTransport) and isinstance(transport.protocol, TLSMemoryBIOProtocol):
        return transport.protocol
    return None

"""TLS that writes straight to the socket, and asks OpenSSL only for data that it has."""

# Twisted's TLS has no types.
# mypy: allow-untyped-calls

from __future__ import annotations

from functools import partial
from typing import Any

from OpenSSL.SSL import Error, WantReadError, ZeroReturnError
from twisted.internet.interfaces import IPullProducer, IPushProducer, ITransport
from twisted.internet.tcp import Connection as TCPTransport
from twisted.protocols.policies import ProtocolWrapper
from twisted.protocols.tls import BufferingTLSTransport, TLSMemoryBIOProtocol
from twisted.python.failure import Failure

from txws2._private_names import TLS_BUFFER, TLS_TRANSPORT
from txws2._transport.capabilities import TCP_IS_KNOWN, has_unsent
from txws2._transport.guarded_tls import BufferingTLSGuard, TLSGuard
from txws2._transport.outbox import Outbox
from txws2._transport.tls_records import Records

__all__ = ["TLSThrough", "let_close", "let_through"]

# The most data that a record holds (RFC 8446 section 5.1), and more than an encrypted record has.
_RECORD_SIZE = 2**14
_ENCRYPTED_SIZE = 2**15

_TURN_SIZE = 64 * 1024

_BUFFER_IS_KNOWN = TLS_BUFFER.are_in(BufferingTLSTransport)
_TLS_IS_KNOWN = TLS_TRANSPORT.are_in(TLSMemoryBIOProtocol) and _BUFFER_IS_KNOWN and TCP_IS_KNOWN


class TLSThrough(TLSGuard):
    """Twisted's TLS transport with a short way for ordinary reads and writes.

    Twisted's own way keeps small writes for the next turn of the reactor. After each read, it asks
    OpenSSL for more until an exception says that there is none. Here each write is encrypted at
    once, and goes to the socket while the transport below has nothing to write. No record gives
    more than one piece of data, so OpenSSL is asked once for each record that has ended. Twisted
    handles the rest: the opening and the closing of TLS, and everything unusual.

    The socket gets only bytes that OpenSSL has encrypted.
    """

    transport: TCPTransport

    _records: Records
    # Bytes that the socket was given since the transport below last had something to write.
    _through = 0
    _outbox: Outbox | None = None

    def dataReceived(self, data: bytes) -> None:
        """Decrypt the bytes that the transport below has read; deliver the data in one piece."""
        records = self._records.count(data)
        if self._appSendBuffer or not self._handshakeDone:
            super().dataReceived(data)
            return
        connection = self._tlsConnection
        connection.bio_write(data)
        pieces: list[bytes] = []
        ordinary, failure = True, None
        try:
            while len(pieces) < records:
                pieces.append(connection.recv(_RECORD_SIZE))
        except (WantReadError, ZeroReturnError):
            ordinary = False
        except Error:
            # OpenSSL tells the reason only once.
            failure = Failure()
        if pieces:
            self.wrappedProtocol.dataReceived(b"".join(pieces))
        if failure is not None:
            self._tlsShutdownFinished(failure)
        elif not ordinary:
            # A record had no data for the application. Twisted finds the same, and answers it.
            self._flushReceiveBIO()

    def write(self, data: bytes) -> None:
        """Encrypt and send."""
        if self.disconnecting or self._lostTLSConnection:
            super().write(data)
            return
        connection = self._tlsConnection
        rest: bytes | memoryview = data
        records = []
        failure = None
        try:
            while rest:
                # Each call makes one record.
                sent = connection.send(rest)
                records.append(connection.bio_read(_ENCRYPTED_SIZE))
                rest = b"" if sent == len(rest) else memoryview(rest)[sent:]
        except WantReadError:
            # A handshake is going on. Twisted keeps the rest until the handshake is done.
            pass
        except Error:
            failure = Failure()
        if records:
            self._send(b"".join(records))
        if failure is not None:
            self._tlsShutdownFinished(failure)
        elif rest:
            super().write(bytes(rest))

    def registerProducer(self, producer: IPushProducer | IPullProducer, streaming: bool) -> None:
        """Register a producer."""
        super().registerProducer(producer, streaming)
        self._outbox = producer if isinstance(producer, Outbox) else None

    def unregisterProducer(self) -> None:
        """Unregister the producer."""
        self._outbox = None
        super().unregisterProducer()

    def loseConnection(self) -> None:
        """Close; if the producer is an outbox, after all frames that wait there."""
        if self._outbox is not None:
            _close_after(self, self._outbox)
        else:
            super().loseConnection()

    def _send(self, encrypted: bytes) -> None:
        below = self.transport
        sent = 0
        # A loop that sends must leave a turn to others.
        if self._through < _TURN_SIZE and not has_unsent(below):
            self._through += len(encrypted)
            try:
                sent = below.socket.send(encrypted)
            except OSError:
                # The socket is full, or broken. The transport finds that out at its next write.
                sent = 0
        if sent < len(encrypted):
            self._through = 0
            below.write(encrypted[sent:])


def let_through(transport: ITransport) -> None:
    """Let a TLS transport take the short way, if it can."""
    if (
        _TLS_IS_KNOWN
        and (type(transport) is BufferingTLSGuard or type(transport) is BufferingTLSTransport)
        and isinstance(transport.transport, TCPTransport)
        # The records must be counted from the first byte on.
        and not transport._handshakeDone
    ):
        transport._aggregator.flush()
        # Twisted has made the transport, and lets nobody choose its class.
        del transport.write, transport._aggregator
        transport._records = Records()
        transport.__class__ = TLSThrough


def let_close(transport: ITransport, outbox: Outbox) -> None:
    """Let any other TLS transport close when somebody else than the outbox closes it.

    A TLS transport that is told to close waits as long as it has a producer, and an outbox is its
    producer from the beginning to the end.

    Args:
        transport: the transport that the outbox writes to: TLS, or a wrapper of TLS.
        outbox: the outbox.
    """
    tls = _tls_of(transport)
    if tls is None or isinstance(tls, TLSThrough):
        return
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
        kind = TLSMemoryBIOProtocol if isinstance(tls, TLSThrough) else type(tls)
        kind.loseConnection(tls)
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

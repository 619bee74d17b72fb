"""The records of a TLS connection, straight from the socket, and straight to it."""

# Twisted's TLS has no types.
# mypy: allow-untyped-calls

from __future__ import annotations

from typing import Any

from OpenSSL.SSL import Connection, Error, WantReadError
from twisted.internet.tcp import Connection as TCPTransport
from twisted.protocols.tls import TLSMemoryBIOProtocol
from twisted.python.failure import Failure

from txws2._accelerator import PURE, accelerated
from txws2._transport.capabilities import has_unsent
from txws2._transport.cork import TURN_SIZE
from txws2._transport.openssl import FUNCTIONS

__all__ = ["Records"]

# The most data that a record holds (RFC 8446 section 5.1), and more than an encrypted record has.
_RECORD_SIZE = 2**14
_ENCRYPTED_SIZE = 2**15


@accelerated
class Records:
    """Stands between a TCP transport and the TLS transport on top of it.

    It is the protocol of the TCP transport. While both only have data of the application, it
    decrypts what was read and gives it to the protocol above; `write` encrypts and sends. For
    everything else, the subclass asks Twisted's TLS transport.

    The socket gets only bytes that OpenSSL has encrypted.

    The twin in C calls the functions of OpenSSL that pyOpenSSL calls, for the same connection. It
    also goes on with the handshake of TLS, and `read_through` gives it what it has read.

    Args:
        tls: Twisted's TLS transport.
        below: its transport, which has the socket.
        pointers: those of the OpenSSL connection, for the twin in C; see `pointers_of`.

    Attributes:
        tls: Twisted's TLS transport.
        below: its transport.
        open: True while data of the application goes both ways, as far as known.
        shakes: True if the first handshake of TLS goes on here.
        fresh: True until `shed` was called.
    """

    __slots__ = ("_connection", "_through", "below", "fresh", "open", "shakes", "tls")

    def __init__(
        self, tls: TLSMemoryBIOProtocol, below: TCPTransport, pointers: tuple[Any, ...] | None, /
    ) -> None:
        self.tls = tls
        self.below = below
        self.open = self.shakes = False
        self.fresh = True
        self._connection: Connection | None = tls._tlsConnection
        # Bytes that the socket was given since the transport below last had something to write.
        self._through = 0

    def renew(self, pointers: tuple[Any, ...] | None, /) -> None:
        """Use the OpenSSL connection at other addresses."""

    def forget(self) -> None:
        """Forget the OpenSSL connection: it is lost."""
        self.open = self.shakes = False
        self._connection = None

    def dataReceived(self, data: bytes, /) -> None:
        """Take bytes that the transport below has read."""
        connection = self._connection
        if not self.open or connection is None:
            self.read_otherwise(data)
            return
        connection.bio_write(data)
        pieces: list[bytes] = []
        fault = None
        try:
            while True:
                pieces.append(connection.recv(_RECORD_SIZE))
        except WantReadError:
            pass
        except Error:
            # OpenSSL tells the reason only once.
            fault = Failure()
        if pieces:
            self.tls.wrappedProtocol.dataReceived(b"".join(pieces))
        # The records that the protocol has written have taken most answers along.
        self._answer()
        if fault is not None:
            self.end_with(fault)
        elif self.open and self.fresh:
            self.shed()

    def write(self, data: bytes, /) -> None:
        """Encrypt and send."""
        connection = self._connection
        if not self.open or connection is None:
            self.write_otherwise(data, 1)
            return
        rest: bytes | memoryview = data
        records = []
        fault = None
        try:
            while rest:
                # Each call makes one record.
                sent = connection.send(memoryview(rest)[:_RECORD_SIZE])
                records.append(connection.bio_read(_ENCRYPTED_SIZE))
                rest = memoryview(rest)[sent:]
        except WantReadError:
            # A handshake is going on. Twisted keeps the rest until the handshake is done.
            pass
        except Error:
            fault = Failure()
        if records:
            self._send(b"".join(records))
        if fault is not None:
            self.write_failed(fault)
        elif rest:
            self.write_otherwise(bytes(rest), 1)

    def _answer(self) -> None:
        """Send what OpenSSL has to say, such as an alert."""
        try:
            while self._connection is not None:
                self._send(self._connection.bio_read(_ENCRYPTED_SIZE))
        except WantReadError:
            return

    def _send(self, encrypted: bytes) -> None:
        below = self.below
        sent = 0
        # A loop that sends must leave a turn to others.
        if self._through < TURN_SIZE and not has_unsent(below):
            self._through += len(encrypted)
            try:
                sent = below.socket.send(encrypted)
            except OSError:
                # The socket is full, or broken. The transport finds that out at its next write.
                sent = 0
        if sent < len(encrypted):
            self._through = 0
            below.write(encrypted[sent:])

    # Methods that the subclass provides.

    def read_otherwise(self, data: bytes) -> None:
        """Take bytes that were read before TLS is open, or while it waits for a handshake."""
        raise NotImplementedError

    def shaken(self) -> None:
        """Note that the handshake of TLS is done: set `open`, and clear `shakes`."""
        raise NotImplementedError

    def shed(self) -> None:
        """Give back memory that the handshake took, once: nothing waits in OpenSSL's buffers."""
        raise NotImplementedError

    def write_otherwise(self, data: bytes, result: int) -> None:
        """Write data that can't be encrypted now; `result` is that of SSL_write, 1 without."""
        raise NotImplementedError

    def fault_of(self, result: int) -> Failure:
        """Return why OpenSSL can't read any more."""
        raise NotImplementedError

    def end_with(self, fault: Failure) -> None:
        """End the connection: OpenSSL can't read any more."""
        raise NotImplementedError

    def write_failed(self, fault: Failure) -> None:
        """End the connection, unless it has ended already: OpenSSL can't write any more."""
        raise NotImplementedError


if FUNCTIONS is None:
    Records = PURE["Records"]  # type: ignore[misc]

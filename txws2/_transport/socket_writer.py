"""An outbox that writes straight to the socket, while the transport has nothing to write."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import cast

from twisted.internet.interfaces import IConsumer, ITransport
from twisted.internet.tcp import Connection as TCPTransport

from txws2._transport.capabilities import TCP_IS_KNOWN, has_unsent
from txws2._transport.epoll import StandIn
from txws2._transport.outbox import Outbox
from txws2._transport.tls_writer import let_close, tls_outbox_for

__all__ = ["WriteThrough", "outbox_for"]

_CHUNK_SIZE = 64 * 1024
_NOTHING = memoryview(b"")


class WriteThrough(Outbox):
    """An Outbox that saves a turn of the reactor, and a copy, if the socket has room.

    If the socket doesn't take all bytes at once, the transport gets a chunk of the rest, and the
    others wait here. When the transport has written the chunk, it asks its producer for more, and
    the socket is tried again. All bytes come from here, so none can overtake the chunk.

    A socket may have room for megabytes, and a loop that sends would leave no turn to others. So
    after 256 KiB that went straight to the socket, the transport gets the next bytes.

    Args:
        transport: the transport that has the socket.
        write_limit: as for `Outbox`.
    """

    __slots__ = ("_rest", "_urgent")

    # A pull producer is asked for more whenever the buffer is empty; a push producer only after
    # it was told that the buffer is full.
    _streaming = False

    _transport: TCPTransport

    def __init__(self, transport: TCPTransport, write_limit: int | None) -> None:
        # The bytes that come after the chunk that the transport has.
        self._rest = _NOTHING
        # Control frames that come right after those.
        self._urgent = b""
        super().__init__(transport, write_limit)
        self._socket = transport.getHandle()
        self.find_readers()
        # Bytes that somebody else wrote go first.
        self.paused = has_unsent(transport)

    def find_readers(self) -> None:
        """Find out whether a shared epoll reads for the transport now."""
        reactor = self._transport.reactor
        if isinstance(reactor, StandIn):
            self._descriptor = self._socket.fileno()
            self._readers = reactor.readers

    def write_pieces(self, pieces: Sequence[bytes | memoryview]) -> None:
        """Write frames that are in pieces, after all those before them; nothing joins them first.

        All that the socket takes leaves in this turn of the reactor, so a turn has one call.

        Args:
            pieces: the pieces of whole frames. Once this returns, their memory may change.
        """
        transport = self._transport
        ends = transport._aborting or transport.TLS or transport.disconnecting
        if ends or self.corked or not self.ready:
            super().write_pieces(pieces)
            return
        try:
            sent = self._socket.sendmsg(pieces)
        except OSError:
            # The socket is full, or broken. The transport finds that out at its next write.
            sent = 0
        unsent = _after(sent, pieces)
        if unsent:
            self._put_back(memoryview(unsent))

    def write_control(self, frame: bytes) -> None:
        """Write a control frame, ahead of all frames here of which no byte was sent yet."""
        if self.paused:
            self._urgent += frame
        else:
            self.write(frame)

    @property
    def waiting(self) -> int:
        """Bytes that wait here."""
        return self._size + len(self._rest) + len(self._urgent)

    def close(self, ending: Callable[[], Exception]) -> None:
        """Give up: the transport is gone.

        Args:
            ending: makes the exception for those who wait.
        """
        self._rest, self._urgent = _NOTHING, b""
        super().close(ending)

    # Methods that the transport calls.

    def resumeProducing(self) -> None:
        """Write the bytes that wait here: the transport's buffer is empty."""
        if self.paused:
            self.paused = False
            self._through = 0
            if self._rest:
                rest, self._rest = self._rest, _NOTHING
                self._transmit(rest)
            if self._urgent and not self.paused:
                urgent, self._urgent = self._urgent, b""
                self._transmit(urgent)
            if not self.paused:
                super().resumeProducing()
        elif self._transport.disconnecting or self._transport._writeDisconnecting:
            self._let_close()

    def _transmit(self, data: bytes | memoryview) -> None:
        transport = self._transport
        closes = transport.disconnecting
        if transport._aborting or transport.TLS or (closes and transport.producer is not self):
            # The transport knows whether anything may still be written. If TLS was turned on
            # meanwhile, the socket must get only the bytes that TLS has encrypted.
            transport.write(bytes(data))
            return
        sent = 0
        if not closes and self._spend(len(data)):
            try:
                sent = self._socket.send(data)
            except OSError:
                # The socket is full, or broken. The transport finds that out at its next write.
                sent = 0
        if sent < len(data):
            self._put_back(memoryview(data)[sent:])

    def _put_back(self, unsent: memoryview) -> None:
        """Keep bytes that the socket hasn't taken, and give the transport a chunk of them."""
        self.pauseProducing()
        self._rest = unsent[_CHUNK_SIZE:]
        self._pause_producer()
        self._transport.write(bytes(unsent[:_CHUNK_SIZE]))

    def _put_off(self) -> bool:
        reactor = self._transport.reactor
        return isinstance(reactor, StandIn) and reactor.afterwards(self._leave)

    def _leave(self) -> None:
        self.corked = False
        self.flush()

    def _end_if_empty(self) -> None:
        if not (self._rest or self._urgent):
            super()._end_if_empty()

    def _over_limit(self) -> bool:
        return self._write_limit is not None and self._size + len(self._rest) > self._write_limit


def _after(sent: int, pieces: Iterable[bytes | memoryview]) -> bytes:
    """Return the bytes of these pieces after the first so many."""
    rest = []
    for piece in pieces:
        if sent < len(piece):
            rest.append(piece[sent:])
        sent = max(0, sent - len(piece))
    return b"".join(rest)


def outbox_for(transport: ITransport, write_limit: int | None) -> Outbox:
    """Return the Outbox that a transport allows for."""
    if TCP_IS_KNOWN and isinstance(transport, TCPTransport) and not transport.TLS:
        return WriteThrough(transport, write_limit)
    through = tls_outbox_for(transport, write_limit)
    if through is not None:
        return through
    outbox = Outbox(cast(IConsumer, transport), write_limit)
    let_close(transport, outbox)
    return outbox

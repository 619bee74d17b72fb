"""Writing straight to the socket, while the transport has nothing to write."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from twisted.internet.interfaces import IConsumer, ITransport
from twisted.internet.tcp import Connection as TCPTransport

from txws2._transport.capabilities import TCP_IS_KNOWN, has_unsent
from txws2._transport.epoll import StandIn
from txws2._transport.outbox import Outbox
from txws2._transport.tls_writer import let_close

__all__ = ["WriteThrough", "outbox_for"]

_CHUNK_SIZE = 64 * 1024
_NOTHING = memoryview(b"")


class WriteThrough(Outbox):
    """An Outbox that saves a turn of the reactor, and a copy, where the socket has room.

    What the socket doesn't take at once waits here, but for a chunk that the transport gets.
    When the transport has written that, it asks its producer for more, and the socket is tried
    again. All bytes come from here, so that none can overtake that chunk.

    A socket may have room for megabytes, and a loop that sends would let nobody else have their
    turn. So the transport also gets what comes after 64 KiB that went straight through.

    Args:
        transport: whose socket it is.
        write_limit: as for `Outbox`.
    """

    __slots__ = ("_rest", "_urgent")

    # A pull producer is asked for more whenever the buffer is empty; a push producer only after
    # it was told that the buffer is full.
    _streaming = False

    _transport: TCPTransport

    def __init__(self, transport: TCPTransport, write_limit: int | None) -> None:
        # What is left of that of which the transport has a chunk.
        self._rest = _NOTHING
        # Control frames that go right after it.
        self._urgent = b""
        super().__init__(transport, write_limit)
        self._socket = transport.getHandle()
        self.find_readers()
        # What somebody else wrote goes first.
        self.paused = has_unsent(transport)

    def find_readers(self) -> None:
        """Take it that a shared epoll may have the transport now, and reads for it."""
        reactor = self._transport.reactor
        if isinstance(reactor, StandIn):
            self._descriptor = self._socket.fileno()
            self._readers = reactor.readers

    def write_control(self, frame: bytes) -> None:
        """Write a control frame, ahead of all frames that wait here and haven't begun to leave."""
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

    # What the transport calls.

    def resumeProducing(self) -> None:
        """Write what waits: the transport's buffer is empty."""
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
        else:
            self._let_close()

    def _transmit(self, data: bytes | memoryview) -> None:
        transport = self._transport
        closes = transport.disconnecting
        if transport._aborting or transport.TLS or (closes and transport.producer is not self):
            # It knows whether anything may still be written. If TLS was turned on meanwhile, the
            # socket must get nothing but what it has encrypted.
            transport.write(bytes(data))
            return
        sent = 0
        if not closes and self._spend(len(data)):
            try:
                sent = self._socket.send(data)
            except OSError:
                # It is full; or broken, which the transport finds out at its own next write.
                sent = 0
        if sent < len(data):
            self.pauseProducing()
            unsent = memoryview(data)[sent:]
            self._rest = unsent[_CHUNK_SIZE:]
            self._pause_producer()
            transport.write(bytes(unsent[:_CHUNK_SIZE]))

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


def outbox_for(transport: ITransport, write_limit: int | None) -> Outbox:
    """Return the Outbox that a transport allows for."""
    if TCP_IS_KNOWN and isinstance(transport, TCPTransport) and not transport.TLS:
        return WriteThrough(transport, write_limit)
    outbox = Outbox(cast(IConsumer, transport), write_limit)
    let_close(transport, outbox)
    return outbox

"""Reading from a socket into memory that is used again, for bytes that go on to another socket."""

from __future__ import annotations

from typing import Any, ClassVar, cast

from twisted.internet.main import CONNECTION_DONE, CONNECTION_LOST
from twisted.internet.tcp import Connection as TCPTransport

__all__ = ["ViewReader"]

# As for a transport that reads large messages.
_LEAST = 120 * 1024

# A read of this size costs two thirds of smaller ones with as many bytes.
_LARGEST = 1024 * 1024

# All readers together read about so much in a turn, so that none waits for long.
_TURN_SIZE = 8 * _LARGEST

# Memory that no read uses now. A read in another thread, or within a read, makes its own.
_spare: list[memoryview] = []


class ViewReader:
    """Reads for a transport, and gives each read away as a view of memory that is used again.

    Twisted makes bytes of each read. Large ones are in fresh memory each time, which takes the
    system longer than the read. Here, a read is as large as the room at the place that its bytes go
    to, once reads are as large as can be.

    Args:
        transport: the transport. Its doRead is this object's `read` until `end`.
    """

    __slots__ = ("_dense", "_socket", "_transport")

    _count: ClassVar[int] = 0

    def __init__(self, transport: TCPTransport) -> None:
        self._transport = transport
        self._socket = transport.getHandle()
        # True if the last read was as large as could be.
        self._dense = False
        ViewReader._count += 1
        cast(Any, transport).doRead = self.read

    def read(self) -> Exception | None:
        """Read once; return the reason if there is nothing more to read."""
        try:
            memory = _spare.pop()
        except IndexError:
            memory = memoryview(bytearray(_LARGEST))
        try:
            return self._read_into(memory, self._size() if self._dense else _LEAST)
        finally:
            if not _spare:
                _spare.append(memory)

    def _size(self) -> int:
        fair = min(_LARGEST, _TURN_SIZE // ViewReader._count)
        return max(_LEAST, min(fair, self.room()))

    def _read_into(self, memory: memoryview, size: int) -> Exception | None:
        try:
            got = self._socket.recv_into(memory, size)
        except BlockingIOError:
            return None
        except OSError:
            return CONNECTION_LOST
        if not got:
            return CONNECTION_DONE
        self._dense = got >= _LEAST
        self.take(memory[:got])
        return None

    def end(self) -> None:
        """Let the transport read itself."""
        ViewReader._count -= 1
        del cast(Any, self._transport).doRead

    # Methods that the subclass provides.

    def room(self) -> int:
        """Return the number of bytes that `take` can take now without keeping any."""
        raise NotImplementedError

    def take(self, read: memoryview) -> None:
        """Take a read, whose memory is used again once this returns."""
        raise NotImplementedError

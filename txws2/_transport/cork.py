"""`Cork` lets frames leave at once, or together."""

from __future__ import annotations

from collections import deque
from typing import Any

from txws2._accelerator import accelerated

__all__ = ["BATCH_SIZE", "TURN_SIZE", "Cork"]

BATCH_SIZE = 64 * 1024
"""The number of bytes that are worth a write of their own."""

TURN_SIZE = 256 * 1024
"""The number of bytes after which a socket gets no more in the same turn of the reactor.

The answers to a usual read take less: an echo of all that was read leaves at once.
"""


class _Turns:
    """The number of reads: for a cork, each read begins a new turn of the reactor."""

    count = 0


_turns = _Turns()


@accelerated
class Cork:
    """Lets frames leave at once, or together.

    The twin in C writes the frames straight to a socket, if the subclass has set one. The rest,
    which the socket doesn't take, goes to `_transmit` of the subclass.

    Attributes:
        corked: True if a frame that is written now is kept until `uncork`.
        paused: True if a frame that is written now has to wait.
        unhurried: True if frames that were kept during a read may leave a moment after its end.
    """

    __slots__ = (
        "_descriptor",
        "_kept",
        "_kept_size",
        "_readers",
        "_socket",
        "_through",
        "_transport",
        "_turn",
        "_waiting",
        "corked",
        "paused",
        "unhurried",
    )

    def __init__(self) -> None:
        self.corked = self.paused = self.unhurried = False
        # Frames that are to leave together.
        self._kept: list[bytes] | None = None
        self._kept_size = 0
        # Frames that the transport has no room for.
        self._waiting: deque[bytes] | None = None
        # The transport of the frames; and its socket, if frames may go straight to it.
        self._transport: Any = None
        self._socket: Any = None
        # If a shared epoll has the transport: the descriptor, and the epoll's readers by
        # descriptor.
        self._descriptor = -1
        self._readers: list[Any] | None = None
        # The number of bytes that the socket was given in this turn of the reactor.
        self._through = 0
        self._turn = _turns.count

    def add(self, frame: bytes, /) -> int:
        """Add a frame; return the number of bytes in the cork now."""
        self._kept_size += len(frame)
        if self._kept is None:
            self._kept = []
        self._kept.append(frame)
        return self._kept_size

    def take(self) -> bytes:
        """Return all frames, b"" if there are none, and leave none."""
        if self._kept is None:
            return b""
        data = b"".join(self._kept)
        self._kept = None
        self._kept_size = 0
        return data

    def hung_up(self) -> bool:
        """Tell whether the transport was closed or aborted."""
        transport, readers, fd = self._transport, self._readers, self._descriptor
        if readers is not None and 0 <= fd < len(readers) and readers[fd] is transport:
            # A transport is removed from the readers before it is closed.
            return False
        # There is no public way to ask, and not every transport has these attributes.
        closed = getattr(transport, "disconnecting", False)
        return bool(closed or (self._socket is not None and getattr(transport, "_aborting", False)))

    @property
    def ready(self) -> bool:
        """True if a frame may be written without waiting."""
        return not (self.paused or self._waiting)

    def write(self, frame: bytes, /) -> None:
        """Write a frame, after all those before it."""
        if self.corked:
            if self.add(frame) > BATCH_SIZE:
                # The transport must get the bytes now: it may report that its buffer is full.
                self.flush()
        elif self.paused or self._waiting:
            self._keep_waiting(frame)
        else:
            self._transmit(frame)

    def cork(self) -> None:
        """Keep all frames that are written until `uncork`, so that they leave in one piece.

        It is called for each read, and begins a new turn of the reactor for all corks.
        """
        _turns.count += 1
        # While frames wait, new frames have to wait behind them.
        self.corked = not (self.paused or self._waiting)

    def uncork(self) -> None:
        """Write the frames that have been kept."""
        if not (self.unhurried and self._put_off()):
            self.corked = False
            self.flush()

    def flush(self) -> None:
        """Write the frames that have been kept so far."""
        data = self.take()
        if data:
            self._transmit(data)

    def _spend(self, size: int, /) -> bool:
        """Tell whether the socket may be given more bytes in this turn; if so, count them."""
        if self._turn != _turns.count:
            self._turn, self._through = _turns.count, 0
        if self._through >= TURN_SIZE:
            return False
        self._through += size
        return True

    # Methods that the subclass provides.

    def _transmit(self, data: bytes) -> None:
        """Write these bytes now."""
        raise NotImplementedError

    def _keep_waiting(self, frame: bytes) -> None:
        """Write a frame when there is room."""
        raise NotImplementedError

    def _put_off(self) -> bool:
        """Arrange that the kept frames leave in a moment; return False if they can't."""
        raise NotImplementedError

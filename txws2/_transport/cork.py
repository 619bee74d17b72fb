"""What lets frames leave at once, or together."""

from __future__ import annotations

from collections import deque
from typing import Any

from txws2._accelerator import accelerated

__all__ = ["BATCH_SIZE", "TURN_SIZE", "Cork"]

BATCH_SIZE = 64 * 1024
"""Bytes that are worth a write of their own."""

TURN_SIZE = 64 * 1024
"""Bytes that go straight to a socket before the reactor has its turn."""


class _Turns:
    """Turns of the reactor's that are known of."""

    count = 0


_turns = _Turns()


@accelerated
class Cork:
    """Lets frames leave at once, or together.

    The twin in C gives them straight to a socket, where the subclass has said of which; if that
    doesn't take them all, the rest goes the general way, which is the subclass's.

    Attributes:
        corked: whether what is written now is kept until `uncork`.
        paused: whether what is written now has to wait.
        unhurried: whether what was kept during a read may leave a moment after its end.
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
        # Where they go; and the socket, if that may be written to.
        self._transport: Any = None
        self._socket: Any = None
        # If a shared epoll has the transport: the descriptor, and for whom that reads.
        self._descriptor = -1
        self._readers: list[Any] | None = None
        # Bytes that it was given in this turn of the reactor's.
        self._through = 0
        self._turn = _turns.count

    def add(self, frame: bytes, /) -> int:
        """Add a frame; return how many bytes there are now."""
        self._kept_size += len(frame)
        if self._kept is None:
            self._kept = []
        self._kept.append(frame)
        return self._kept_size

    def take(self) -> bytes:
        """Return them all, b"" if there are none; none is left."""
        if self._kept is None:
            return b""
        data = b"".join(self._kept)
        self._kept = None
        self._kept_size = 0
        return data

    def hung_up(self) -> bool:
        """Tell whether somebody has closed or aborted the transport."""
        transport, readers, fd = self._transport, self._readers, self._descriptor
        if readers is not None and 0 <= fd < len(readers) and readers[fd] is transport:
            # Whatever closes it ends this first.
            return False
        # There is no public way to ask, and not every transport has these.
        closed = getattr(transport, "disconnecting", False)
        return bool(closed or (self._socket is not None and getattr(transport, "_aborting", False)))

    @property
    def ready(self) -> bool:
        """Whether nothing that is written now has to wait."""
        return not (self.paused or self._waiting)

    def write(self, frame: bytes, /) -> None:
        """Write a frame, after all those before it."""
        if self.corked:
            if self.add(frame) > BATCH_SIZE:
                # The transport must get to know how much it is, and may say that it is enough.
                self.flush()
        elif self.paused or self._waiting:
            self._keep_waiting(frame)
        else:
            self._transmit(frame)

    def cork(self) -> None:
        """Keep what is written until `uncork`, so that it leaves in one piece.

        It is called for what was read, which is a new turn of the reactor's, for all corks.
        """
        _turns.count += 1
        # While frames wait, those that come now can only wait behind them.
        self.corked = not (self.paused or self._waiting)

    def uncork(self) -> None:
        """Write what has been kept."""
        if not (self.unhurried and self._put_off()):
            self.corked = False
            self.flush()

    def flush(self) -> None:
        """Write what has been kept so far."""
        data = self.take()
        if data:
            self._transmit(data)

    def _spend(self, size: int, /) -> bool:
        """Tell whether the socket may be given bytes in this turn; if so, count them."""
        if self._turn != _turns.count:
            self._turn, self._through = _turns.count, 0
        if self._through >= TURN_SIZE:
            return False
        self._through += size
        return True

    # What the subclass provides.

    def _transmit(self, data: bytes) -> None:
        """Write this now."""
        raise NotImplementedError

    def _keep_waiting(self, frame: bytes) -> None:
        """Write a frame when there is room."""
        raise NotImplementedError

    def _put_off(self) -> bool:
        """See that what has been kept is written in a moment; return whether it will be."""
        raise NotImplementedError

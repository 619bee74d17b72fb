"""The memory that compression may hold, for many connections together."""

from __future__ import annotations

from collections import OrderedDict

__all__ = ["UNLIMITED", "CompressionBudget", "Stream"]

# A stream in the middle of a message may be unable to give its memory back. After so many of them,
# the next stream begins all the same.
_MOST_STUCK = 8

_NONE: tuple[str, ...] = ()


class CompressionBudget:
    """A budget: when it is full, the streams that weren't used lately give their memory back.

    The use of a stream costs no time here: the stream sets its mark. The streams stand in a circle,
    as the pages of a memory do for the clock algorithm. When room is needed, one after the other
    loses its mark, or if it has none, its memory.

    Args:
        limit: the number of bytes; None for no limit.

    Attributes:
        held: the number of bytes that the streams hold; 0 if there is no limit.
    """

    def __init__(self, limit: int | None) -> None:
        self.limit = limit
        self.held = 0
        self._streams: OrderedDict[Stream, int] = OrderedDict()

    def take(self, stream: Stream) -> None:
        """Count a stream that has begun; others make room for it.

        The stream itself keeps its memory, even if the limit is less.
        """
        # The message with which a stream begins doesn't count as a use. So streams with a message
        # now and then are asked for room before busy ones.
        stream.fresh, stream.used, stream.stuck = True, False, False
        if self.limit is None:
            return
        self.give_back(stream)
        size = stream.size
        self.held += size
        if self.held > self.limit:
            self._make_room(self.limit)
        self._streams[stream] = size

    def give_back(self, stream: Stream) -> None:
        """Count a stream no longer; it needn't have been counted."""
        self.held -= self._streams.pop(stream, 0)

    def _make_room(self, limit: int) -> None:
        stuck = 0
        while self._streams and self.held > limit and stuck < _MOST_STUCK:
            stream, size = self._streams.popitem(last=False)
            if stream.used:
                stream.used = stream.stuck = False
            # To find out again that a stream is stuck would take a hundred times as long.
            elif not stream.stuck and stream.shrink():
                self.held -= size
                continue
            else:
                stream.stuck = True
                stuck += 1
            self._streams[stream] = size


UNLIMITED = CompressionBudget(None)
"""For streams that keep their memory as long as they like."""


class Stream:
    """One direction of a connection, whose library holds memory from message to message.

    Args:
        budget: the budget that the memory is taken from.

    Attributes:
        used: set to True by each message; set to False now and then to see whether one comes.
        fresh: True if the stream has begun since the last rest.
        stuck: True if the stream couldn't shrink, and wasn't used since.
    """

    # A subclass has the slots: a class can't inherit from one with slots and from one in C.
    __slots__ = _NONE

    _budget: CompressionBudget
    used: bool
    fresh: bool
    stuck: bool

    def __init__(self, budget: CompressionBudget) -> None:
        self._budget = budget
        self.used = self.fresh = self.stuck = False

    @property
    def size(self) -> int:
        """The number of bytes that the library takes, as long as it isn't shrunk."""
        raise NotImplementedError

    def shrink(self) -> bool:
        """Free the memory of the library; return False if it must be kept for now."""
        raise NotImplementedError

    def rest(self) -> None:
        """Give the memory back if there was no message since the last call."""
        if not (self.used or self.fresh) and self.shrink():
            self._budget.give_back(self)
        self.used = self.fresh = False

    def forget(self) -> None:
        """Give all memory back; the next message begins with an empty window."""
        raise NotImplementedError

    def end(self) -> None:
        """Give the memory back: the connection is lost."""
        # Messages of the read that is being processed may still follow.
        if self.shrink():
            self._budget.give_back(self)
        else:
            self.forget()

"""`MessageQueue`: the messages that wait, and the reader that waits."""

from __future__ import annotations

from collections import deque
from typing import Any, Self

from twisted.internet.defer import Deferred

from txws2._accelerator import accelerated
from txws2._connection.read_pause import MESSAGE_OVERHEAD, READ_AHEAD
from txws2._deferreds.lean import Incoming, Next

__all__ = ["MessageQueue"]

_ORDINARY = (str, bytes)


@accelerated
class MessageQueue:
    """Messages in the order of their arrival, and the one reader that waits for the next.

    The messages of a read are put here together; then `wake` wakes the reader. If they are larger
    than 256 KiB, it is woken in between. While messages are here, a reader gets them without
    waiting. Everything that is rare is done by the subclass.

    Args:
        max_queue: the number of messages that may wait; None for no limit.

    Attributes:
        reader: the Deferred that waits for the next message; None if nobody waits.
        size: bytes of the messages that wait, with an overhead for each.
        taking: True if `put` keeps each message.
        plain: True if whoever asks gets the next message.
        pausing: True if reading was paused, since too much waits.
        asked: True once somebody has asked for a message; an application that overrides
            messageReceived never asks.
        ended: True if no more messages come.
    """

    __slots__ = (
        "_items",
        "_max_queue",
        "asked",
        "ended",
        "pausing",
        "plain",
        "reader",
        "size",
        "taking",
    )

    def __init__(self, max_queue: int | None) -> None:
        # An empty deque takes more memory than all else here.
        self._items: deque[Any] | None = None
        self._max_queue = max_queue
        self.reader: Incoming | None = None
        self.size = 0
        self.taking = self.plain = True
        self.pausing = self.asked = self.ended = False

    @property
    def waiting(self) -> int:
        """The number of messages that wait here."""
        return len(self._items or ())

    @property
    def full(self) -> bool:
        """True if as many messages wait as may wait."""
        return self._max_queue is not None and self.waiting >= self._max_queue

    @property
    def roomy(self) -> bool:
        """True if no more than a quarter of these wait, so that reading may go on."""
        return self.waiting <= (self._max_queue or 0) // 4

    def put(self, message: Any, /) -> None:
        """Take a message that has arrived; `wake` wakes its reader."""
        if not self.taking or type(message) not in _ORDINARY:
            self._put_otherwise(message)
            return
        self.append(message)
        self.size += len(message) + MESSAGE_OVERHEAD
        if self.size >= READ_AHEAD and self.reader is not None:
            # A compressed read can be a thousand times as large.
            self.wake()

    # The receiver of a connection's messages is called by this name.
    messageReceived = put

    def wake(self) -> None:
        """Wake the reader, if one waits and there is a message; pause if too many are left."""
        reader = self.reader
        if reader is not None and self._has_message():
            self.reader = None
            reader.give(self._take_first())
        if self.taking and self.full:
            self._pause()

    def append(self, item: Any, /) -> None:
        """Add an item at the end."""
        if self._items is None:
            self._items = deque()
        self._items.append(item)

    def prepend(self, item: Any, /) -> None:
        """Add an item before all others."""
        if self._items is None:
            self._items = deque()
        self._items.appendleft(item)

    def pop(self) -> Any:
        """Take the first item.

        Raises:
            IndexError: there is none.
        """
        items = self._items
        if items is None:
            raise IndexError("pop from an empty MessageQueue")
        item = items.popleft()
        if not items:
            self._items = None
        return item

    def __aiter__(self) -> Self:
        return self

    def __anext__(self) -> Deferred[Any]:
        if self.reader is None and self._has_message():
            step = Next()
            # The same as `callback`, without the call.
            step.called, step.result = True, self._take_first()
            return step
        return self._next()

    def _has_message(self) -> bool:
        """Tell whether whoever asks gets the next message."""
        return self._items is not None and self.plain

    # The subclass provides these.

    def _put_otherwise(self, message: Any) -> None:
        """Take a message of an odd class, or while the connection is closing."""
        raise NotImplementedError

    def _take_first(self) -> str | bytes:
        """Take the first message, and read again if there is room."""
        raise NotImplementedError

    def _next(self) -> Deferred[Any]:
        """Return a Deferred for one step of ``async for``."""
        raise NotImplementedError

    def _pause(self) -> None:
        """Pause reading."""
        raise NotImplementedError

    def _resume(self) -> None:
        """Read again."""
        raise NotImplementedError

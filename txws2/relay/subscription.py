"""A subscription of a client to one room."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any, NamedTuple, Self

from twisted.internet.defer import Deferred

from txws2._deferreds.waiters import Waiters
from txws2.exceptions import ConcurrencyError
from txws2.relay.messages import Message, Position

__all__ = ["Gap", "Subscription"]

# As many wait in an inbox, by default.
_MAX_QUEUE = 16


class Gap(NamedTuple):
    """A report that messages of a room are missing.

    Attributes:
        room: the name of the room.
        position: behind the missing messages; the next message follows it.
    """

    room: str
    position: Position


class Subscription:
    """The messages of a room, for ``async for``; `RelayClient.subscribe` makes it.

    Iteration gives a `Message` for each message, in order and once, and a `Gap` wherever messages
    are missing. It ends when the client stops or the subscription is closed. It raises RelayError
    if the relay refuses, or the exception with which the client has given up.

    Args:
        room: the name of the room.
        since: the position to begin at.
        info: a value for the others in the room.
        leave: called when the subscription is closed.

    Attributes:
        position: behind the last message that has come, which may still wait here.
    """

    def __init__(
        self,
        room: str,
        since: Position | None,
        info: object,
        leave: Callable[[Subscription], object],
    ) -> None:
        self.room = room
        self.position = since
        self._info = info
        self._leave = leave
        self._queue: deque[Message | Gap] = deque()
        self._come: Waiters[None] = Waiters()
        self._space: Waiters[None] = Waiters()
        self._over = False
        self._failure: Exception | None = None

    def close(self) -> None:
        """Leave the room; the iteration ends."""
        self._leave(self)
        self._queue.clear()
        self.end(None)

    def __aiter__(self) -> Self:
        """Return the subscription, which is its own iterator."""
        return self

    async def __anext__(self) -> Message | Gap:
        """Return the next message or gap.

        Raises:
            ConcurrencyError: somebody else waits for it.
            RelayError: the relay has refused the subscription.
        """
        if self._come:
            raise ConcurrencyError("only one may iterate over a subscription at a time")
        while not self._queue:
            if self._failure is not None:
                raise self._failure
            if self._over:
                raise StopAsyncIteration
            await self._come.wait()
        item = self._queue.popleft()
        if len(self._queue) < _MAX_QUEUE:
            self._make_space()
        return item

    # The client calls these.

    def request(self) -> dict[str, Any]:
        """Return the JSON message that joins the room, at the position reached."""
        said: dict[str, Any] = {"type": "join", "room": self.room}
        if self.position is not None:
            said["since"] = str(self.position)
        if self._info is not None:
            said["info"] = self._info
        return said

    def locate(self, position: Position, gap: bool) -> Deferred[None] | None:
        """Note where the next message will be; a gap is reported."""
        before, self.position = self.position, position
        lost = before is not None and position != before
        return self._add(Gap(self.room, position)) if gap or lost else None

    def hear(self, message: Message) -> Deferred[None] | None:
        """Take a message; return a Deferred if the next has to wait."""
        assert self.position is not None
        offset = message.position.offset
        if offset <= self.position.offset:
            return None
        if offset > self.position.offset + 1:
            # The relay would have said so. This is for relays that err.
            self._add(Gap(self.room, Position(self.position.epoch, offset - 1)))
        self.position = message.position
        return self._add(message)

    def end(self, failure: Exception | None) -> None:
        """End the iteration, after the messages that have come."""
        self._over = True
        self._failure = failure
        self._wake()
        self._make_space()

    def _wake(self) -> None:
        # Those that are woken may wait again at once; so in the next method.
        waiting, self._come = self._come, Waiters()
        waiting.fire(None)

    def _make_space(self) -> None:
        waiting, self._space = self._space, Waiters()
        waiting.fire(None)

    def _add(self, item: Message | Gap) -> Deferred[None] | None:
        self._queue.append(item)
        self._wake()
        if len(self._queue) < _MAX_QUEUE or self._over:
            return None
        return self._space.wait()

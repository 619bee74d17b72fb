"""The history of rooms: its interface, and the one in the memory of a process."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from secrets import token_hex
from typing import Any, NamedTuple

from twisted.internet.defer import Deferred, fail, succeed
from zope.interface import Interface, implementer

from txws2._checks.kinds import check_count, check_seconds
from txws2.relay.messages import Message, Position
from txws2.relay.wording import RelayError, size_of

__all__ = ["Batch", "Heard", "IHistory", "MemoryHistory"]

Heard = Callable[[Message], object]
"""Called with each message of a room, in order."""

# A publisher that comes back sends again only the few messages that weren't answered.
_REMEMBERED = 512


class Batch(NamedTuple):
    """The next messages behind a position.

    Attributes:
        start: the position before the first of them.
        messages: the messages, in order, without a hole; not more than were asked for.
        head: the position behind the newest message of the room.
        gap: True if messages are missing between the position that was asked for and `start`.
    """

    start: Position
    messages: list[Message]
    head: Position
    gap: bool


class IHistory(Interface):
    """A store of the messages of rooms, which processes may share.

    Each Deferred fails with a `RelayError` if the store is full.
    """

    def append(room: str, data: str | bytes, id: str | None = None) -> Deferred[Position]:
        """Add a message; fire with its position.

        A message with the id of a recent message of the room is the same one, sent again: it
        isn't added, and the Deferred has the position of the first.
        """

    def since(room: str, position: Position | None, limit: int) -> Deferred[Batch]:
        """Fire with up to `limit` messages behind a position; None for the oldest ones."""

    def listen(room: str, heard: Heard) -> Deferred[None]:
        """Call a function with each message that is added from now on.

        A room has one such function in each process. While it has one, it isn't forgotten.
        """

    def unlisten(room: str) -> Deferred[None]:
        """Call the function no more; the room may be forgotten."""


@implementer(IHistory)
class MemoryHistory:
    """The history of rooms in the memory of one process.

    A room that nobody hears is forgotten when its messages have expired, or when max_rooms others
    were used after it. Whoever returns to it later finds another epoch, and so a gap. Expired
    messages leave the memory with the next use of the history.

    Args:
        count: messages that each room keeps; 0 for none.
        seconds: the time to keep a message, and a room that nobody hears; None for no limit.
        max_bytes: bytes of the messages' payloads that each room keeps.
        max_rooms: the number of rooms. When all of them are heard, no other can begin.
        clock: tells the time.

    Raises:
        TypeError: an argument is of the wrong kind.
        ValueError: an argument is out of range.
    """

    def __init__(
        self,
        count: int = 100,
        seconds: float | None = None,
        *,
        max_bytes: int = 1024 * 1024,
        max_rooms: int = 1000,
        clock: Any,
    ) -> None:
        check_count("count", count, 0, optional=False)
        check_seconds("seconds", seconds)
        check_count("max_bytes", max_bytes, 1, optional=False)
        check_count("max_rooms", max_rooms, 1, optional=False)
        self._limits = _Limits(count, seconds, max_bytes)
        self._max_rooms = max_rooms
        self._clock = clock
        # Those that nobody hears are in the order of their last use.
        self._heard: dict[str, _Room] = {}
        self._quiet: OrderedDict[str, _Room] = OrderedDict()

    def append(self, room: str, data: str | bytes, id: str | None = None) -> Deferred[Position]:
        """Add a message; see `IHistory`."""
        try:
            used = self._use(room)
        except RelayError:
            return fail()
        return succeed(used.append(room, data, id, self._clock.seconds()))

    def since(self, room: str, position: Position | None, limit: int) -> Deferred[Batch]:
        """Fire with the messages behind a position; see `IHistory`."""
        try:
            used = self._use(room)
        except RelayError:
            return fail()
        return succeed(used.since(position, limit))

    def listen(self, room: str, heard: Heard) -> Deferred[None]:
        """Call a function with each message from now on; see `IHistory`."""
        try:
            used = self._use(room)
        except RelayError:
            return fail()
        used.heard = heard
        self._heard[room] = used
        self._quiet.pop(room, None)
        return succeed(None)

    def unlisten(self, room: str) -> Deferred[None]:
        """Call the function no more; see `IHistory`."""
        quiet = self._heard.pop(room, None)
        if quiet is not None:
            quiet.heard = None
            quiet.used = self._clock.seconds()
            self._quiet[room] = quiet
        return succeed(None)

    def names(self) -> list[str]:
        """Return the names of the rooms that aren't forgotten."""
        self._forget()
        return [*self._heard, *self._quiet]

    def _use(self, name: str) -> _Room:
        self._forget()
        room = self._heard.get(name) or self._quiet.get(name)
        if room is None:
            if len(self._heard) + len(self._quiet) >= self._max_rooms:
                if not self._quiet:
                    raise RelayError("full", f"there are {self._max_rooms} rooms already")
                self._quiet.popitem(last=False)
            room = self._quiet[name] = _Room(self._limits)
        room.used = self._clock.seconds()
        room.expire(room.used)
        if name in self._quiet:
            self._quiet.move_to_end(name)
        return room

    def _forget(self) -> None:
        seconds = self._limits.seconds
        while seconds is not None and self._quiet:
            name, room = next(iter(self._quiet.items()))
            if self._clock.seconds() - room.used < seconds:
                break
            del self._quiet[name]


class _Limits(NamedTuple):
    most: int
    seconds: float | None
    max_bytes: int


class _Room:
    """The messages of one room."""

    def __init__(self, limits: _Limits) -> None:
        self._limits = limits
        self._epoch = token_hex(8)
        # The messages by their offsets, without a hole, with the time and the size of each.
        self._kept: OrderedDict[int, tuple[float, int, Message]] = OrderedDict()
        self._last = 0
        self._bytes = 0
        self._ids: OrderedDict[str, int] = OrderedDict()
        self.heard: Heard | None = None
        self.used = 0.0

    def append(self, name: str, data: str | bytes, id: str | None, now: float) -> Position:
        if id is not None and id in self._ids:
            return Position(self._epoch, self._ids[id])
        self._last += 1
        position = Position(self._epoch, self._last)
        if id is not None:
            self._ids[id] = self._last
            if len(self._ids) > _REMEMBERED:
                self._ids.popitem(last=False)
        message = Message(name, position, data)
        size = size_of(data)
        self._kept[self._last] = now, size, message
        self._bytes += size
        while len(self._kept) > self._limits.most or self._bytes > self._limits.max_bytes:
            self._drop()
        if self.heard is not None:
            self.heard(message)
        return position

    def since(self, position: Position | None, limit: int) -> Batch:
        oldest = self._last - len(self._kept)
        known = position is not None and position.epoch == self._epoch
        start = position.offset if known and position is not None else oldest
        gap = position is not None and not (known and oldest <= start <= self._last)
        if gap:
            start = oldest
        end = min(start + limit, self._last)
        messages = [self._kept[offset][2] for offset in range(start + 1, end + 1)]
        epoch = self._epoch
        return Batch(Position(epoch, start), messages, Position(epoch, self._last), gap)

    def expire(self, now: float) -> None:
        seconds = self._limits.seconds
        while seconds is not None and self._kept:
            added = next(iter(self._kept.values()))[0]
            if now - added < seconds:
                break
            self._drop()

    def _drop(self) -> None:
        _, (_, size, _) = self._kept.popitem(last=False)
        self._bytes -= size

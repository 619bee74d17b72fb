"""The hearers of one room in this process: those who are up to date, and those who catch up."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from txws2._deferreds.isolation import isolated
from txws2.interfaces import Presence
from txws2.relay.forms import Form
from txws2.relay.history import IHistory
from txws2.relay.messages import Message, Position
from txws2.relay.wording import RelayError

__all__ = ["Cursor", "Room"]

# A slow reader holds no more messages than these beside the history.
_BATCH = 32


class Room:
    """A room, as its hearers see it.

    A hearer is up to date, or has a position in the history. Those up to date get each message at
    once, encoded once for all. One that doesn't take it at once keeps its position, and gets the
    messages behind that from the history, as fast as it reads. So no hearer has a queue of its own,
    and no message comes twice or is left out between the history and the live ones.

    Args:
        name: the name of the room.
        history: the store of its messages.
        ended: called when the last hearer has left.
        log: gets the exceptions of the store.
    """

    def __init__(
        self, name: str, history: IHistory, ended: Callable[[Room], object], log: Logger
    ) -> None:
        self.name = name
        self.history = history
        self.log = log
        self.cursors: dict[Cursor, None] = {}
        self._ended = ended
        self._live: dict[Form, dict[Any, Cursor]] = {}
        self._ahead: dict[Cursor, None] = {}
        self._turns: deque[tuple[Callable[..., object], tuple[object, ...]]] = deque()
        # Behind the newest message that this process has heard of: the position of all up to date.
        self._head: Position | None = None
        self._failure: Failure | None = None
        self._listening = history.listen(name, self.heard).addErrback(self._not_listening)

    def here(self) -> list[Presence]:
        """Return those who are present, in order of joining."""
        return [each.presence for each in self.cursors if each.presence and each.joined]

    def add(self, cursor: Cursor, since: Position | None) -> None:
        """Let a hearer in: it gets the messages behind a position, and those to come."""
        self.cursors[cursor] = None
        cursor.begin(since)

    def remove(self, cursor: Cursor) -> None:
        """Let a hearer leave, if it is here."""
        if cursor not in self.cursors:
            return
        del self.cursors[cursor]
        cursor.closed = True
        self._live.get(cursor.form, {}).pop(cursor.hearer, None)
        self._ahead.pop(cursor, None)
        if cursor.presence and cursor.joined:
            self.announce("leave", cursor)
        if not self.cursors:
            self.history.unlisten(self.name).addErrback(self._not_unlistening)
            self._ended(self)

    def announce(self, event: str, who: Cursor) -> None:
        """Tell the others that somebody has come or gone."""
        self._in_turn(self._announce, event, who)

    def _announce(self, event: str, who: Cursor) -> None:
        assert who.presence is not None
        told: dict[Form, list[Cursor]] = {}
        for cursor in self.cursors:
            if cursor is not who and cursor.joined:
                told.setdefault(cursor.form, []).append(cursor)
        for form, cursors in told.items():
            form.say_presence(cursors, event, who.presence)
            live = self._live.get(form, {})
            for cursor in cursors:
                if cursor.stale and live.pop(cursor.hearer, None) is not None:
                    assert self._head is not None
                    cursor.fall_behind(self._head)

    async def wait_listening(self) -> None:
        """Wait until new messages are heard.

        Raises:
            RelayError: the history is full.
        """
        await self._listening
        if self._failure is not None:
            self._failure.raiseException()

    def heard(self, message: Message) -> None:
        """Give a new message to all who are up to date."""
        self._in_turn(self._deliver, message)

    def up_to_date(self, cursor: Cursor, head: Position) -> bool:
        """Give a hearer the messages as they come from now on, if it has all others."""
        if not any(self._live.values()) and (self._head is None or _is_before(self._head, head)):
            self._head = head
        assert self._head is not None
        if cursor.position == self._head:
            self._live.setdefault(cursor.form, {})[cursor.hearer] = cursor
            cursor.form.caught_up(cursor)
            return True
        if _is_before(self._head, head):
            # The history has told this hearer of a message before the others could hear it.
            self._ahead[cursor] = None
            return True
        return False

    def _deliver(self, message: Message) -> None:
        before = self._head
        if before is not None and not _is_before(before, message.position):
            # Those who are here have read it in the history.
            return
        self._head = message.position
        if before is None:
            # Nobody is up to date yet.
            return
        follows = message.position == Position(before.epoch, before.offset + 1)
        # Those who catch up meanwhile have read the message in the history.
        everybody = [(form, live, list(live)) for form, live in self._live.items()]
        for form, live, hearers in everybody:
            for hearer in form.offer_all(hearers, message) if follows else hearers:
                cursor = live.pop(hearer, None)
                if cursor is not None:
                    cursor.fall_behind(before)
        ahead, self._ahead = self._ahead, {}
        for cursor in ahead:
            cursor.fall_behind(cursor.position)

    def _in_turn(self, call: Callable[..., object], *arguments: object) -> None:
        """Call a function, after those that are being called: all hearers get all in one order."""
        self._turns.append((call, arguments))
        if len(self._turns) == 1:
            while self._turns:
                next_call, its_arguments = self._turns[0]
                isolated(next_call, *its_arguments)
                self._turns.popleft()

    def _not_listening(self, failure: Failure) -> None:
        self._failure = failure

    def _not_unlistening(self, failure: Failure) -> None:
        self.log.failure("can't leave a room of the history", failure)


def _is_before(head: Position, other: Position) -> bool:
    """Tell whether a position is later than the head, or of another epoch."""
    return head.epoch != other.epoch or head.offset < other.offset


class Cursor:
    """A hearer in a room.

    Args:
        room: the room.
        form: the way in which the hearer gets messages.
        hearer: the connection, or the stream of events.
        presence: the hearer as the others see it; None if they don't.

    Attributes:
        position: behind the last message that was sent, unless the hearer is up to date.
        joined: True once the hearer was told that it is in.
        stale: True if the hearer has missed that somebody came or went.
    """

    def __init__(
        self, room: Room, form: Form, hearer: Any, presence: Presence | None = None
    ) -> None:
        self.room = room
        self.form = form
        self.hearer = hearer
        self.presence = presence
        self.position: Position | None = None
        self.joined = self.closed = self.stale = False

    def begin(self, since: Position | None) -> None:
        """Start at a position."""
        self.position = since
        self._run()

    def fall_behind(self, position: Position | None) -> None:
        """Get the messages behind a position from the history, as fast as the hearer reads."""
        self.position = position
        self._run()

    def leave(self) -> None:
        """Leave the room."""
        self.room.remove(self)

    def _run(self) -> None:
        Deferred.fromCoroutine(self._catch_up()).addErrback(self._failed)

    async def _catch_up(self) -> None:
        await self.room.wait_listening()
        while self._stays():
            batch = await self.room.history.since(self.room.name, self.position, _BATCH)
            if not self._stays():
                return
            if not self.form.has_space(self.hearer):
                # The list of those who are here may be long, too.
                await self.form.ready(self.hearer)
                continue
            self._locate(batch.start, batch.gap)
            for message in batch.messages:
                while self._stays() and not self.form.offer(self.hearer, message):
                    await self.form.ready(self.hearer)
                if not self._stays():
                    return
                self.position = message.position
            if not batch.messages and self.room.up_to_date(self, batch.head):
                return

    def _stays(self) -> bool:
        return not self.closed and self.form.is_open(self.hearer)

    def _locate(self, start: Position, gap: bool) -> None:
        """Tell the hearer where it is, if it can't know."""
        self.position = start
        if not self.joined:
            self.joined = True
            self.form.say_joined(self, gap)
            if self.presence is not None and not self.closed:
                self.room.announce("join", self)
        elif gap:
            self.form.say_gap(self)

    def _failed(self, failure: Failure) -> None:
        if self.closed or not self.form.is_open(self.hearer):
            return
        error = failure.value
        if not isinstance(error, RelayError):
            self.room.log.failure("can't read the history of a room", failure)
            error = RelayError("full", "the history can't be read now")
        self.form.say_failed(self, error)
        self.leave()

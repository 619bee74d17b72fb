"""Messages that have arrived and wait for recv(); while too many wait, reading stops."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NoReturn
from weakref import ref

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime

from txws2._connection.message_queue import MessageQueue
from txws2._connection.phases import FINAL, FULL, INBOX_STATES, LAST, TAKING, InboxState
from txws2._connection.pieces import PartDeferred, Piece, Stream
from txws2._connection.read_pause import MESSAGE_OVERHEAD, READ_AHEAD, Reading
from txws2._connection.text import result_for
from txws2._deferreds.lean import Incoming, Next, OnDemand, Received, Step, stop_waiting
from txws2._deferreds.tasks import running_loop
from txws2._deferreds.waiters import fail_quietly
from txws2.exceptions import ConcurrencyError, ConnectionClosed, ConnectionClosedOK
from txws2.wire.connection import Connection
from txws2.wire.events import Remainder

__all__ = ["Inbox"]


class Inbox(MessageQueue):
    """A queue of messages, and of the one at its end that is still arriving.

    Reading pauses when max_queue messages wait, or 256 KiB of an unfinished message; it goes on
    when there is room, or somebody waits.

    Args:
        reading: pauses and resumes the transport.
        max_queue: the number of messages that may wait; None for no limit.

    Attributes:
        arriving: the connection that has the unfinished message; None if there is none, and
            while messages of the same read are still to be put.
    """

    __slots__ = ("_ended_with", "_held", "_reading", "_state", "_stream", "arriving")

    def __init__(self, reading: Reading, max_queue: int | None) -> None:
        super().__init__(max_queue)
        self._reading = reading
        self.arriving: Connection | None = None
        # The stream that got a part of the next message, and not yet the last.
        self._stream: ref[object] | None = None
        self._held = reading.held
        self.plain = not self._held
        self._state: InboxState = TAKING
        # Makes the exception for those who ask for more once the state is FINAL.
        self._ended_with: Callable[[], ConnectionClosed]

    # Messages that arrive.

    def _put_otherwise(self, message: Any) -> None:
        self._keep(message, len(message))

    def put_remainder(self, remainder: Remainder) -> None:
        """Take the rest of a message, after a stream got a part of it."""
        if self._abandoned:
            self._belong_to(None)
        elif self.reader is not None and self._state is not FULL:
            self._belong_to(None)
            reader, self.reader = self.reader, None
            reader.give(remainder.rest)
        else:
            self._keep(remainder, len(remainder.rest))

    def put_unfinished(self, connection: Connection) -> None:
        """Note that a part of a message has arrived."""
        # The messages before this one come first.
        self.wake()
        self.arriving = connection
        reader = self.reader
        if self._abandoned or self._state is FULL:
            connection.take_part()
        elif reader is not None:
            if isinstance(reader, PartDeferred) and (part := connection.take_part()):
                self.reader = None
                self._belong_to(reader.stream)
                reader.callback(Piece(part, False))
        elif self.asked and connection.unfinished >= READ_AHEAD:
            if self._state is LAST:
                self._change(FULL)
            else:
                self.pausing = True
                self._reading.pause(self.size + connection.unfinished)

    # Messages that are taken.

    def get(self, decode: bool | None) -> Deferred[Any]:
        """Return a Deferred for the next message; cancelling it leaves the message here.

        Args:
            decode: True to get bytes as str, False to get text as bytes.

        Raises:
            TypeError: decode is of another type.
        """
        return self._ask(self._get, decode)

    def get_within(self, seconds: float, clock: IReactorTime, decode: bool | None) -> Deferred[Any]:
        """Return such a Deferred; it fails with TimeoutError if no message comes in time.

        Args:
            seconds: the time to wait; at 0 or less, only for a message that is already here.
            clock: has the time.
            decode: as for `get`.

        Raises:
            TypeError: the seconds are no number, or decode is of another type.
        """
        if not isinstance(seconds, (int, float)):
            raise TypeError(f"timeout must be a number of seconds, or None; it is {seconds!r}")
        return self._ask(partial(self._get_within, seconds=seconds, clock=clock), decode)

    def _ask(self, get: Callable[[Any], Deferred[Any]], decode: bool | None) -> Deferred[Any]:
        """Return the Deferred of a new reader; on a loop of asyncio, it asks when it is awaited."""
        convert = None if decode is None else result_for(decode)
        if running_loop() is not None:
            demand = OnDemand(get)
            demand.source, demand.convert = self, convert
            return demand
        reader = Received() if convert is None else Incoming(stop_waiting)
        reader.source = self
        if convert is not None:
            reader.convert = convert
        return get(reader)

    def _next(self) -> Deferred[Any]:
        step = Next()
        step.source = self
        return self._get(step)

    def get_part(self, stream: Stream) -> Deferred[Piece]:
        """Return a Deferred for the next part of a message; cancelling it loses nothing.

        Args:
            stream: the stream that asks. Once it got a part, the rest of the message is for it
                alone, and is dropped if the stream is no more.
        """
        return self._get(PartDeferred(self, stream))

    def cancel_reader(self) -> None:
        """Drop the reader that waits for a message."""
        self.reader = None

    def give_back(self, message: str | bytes) -> None:
        """Take this message back, before all others: its reader will not see it."""
        reader, self.reader = self.reader, None
        if reader is not None:
            reader.give(message)
            return
        self.prepend(message)
        self.size += len(message) + MESSAGE_OVERHEAD
        if self.full and self._state is TAKING:
            self._pause()

    # The pauses of the application.

    def hold(self) -> None:
        """Give nothing until `release`."""
        self._held = True
        self.plain = False

    def release(self) -> None:
        """Give messages again; `wake` is called when those that have waited elsewhere are here."""
        self._held = False
        self.plain = self._stream is None

    # The end.

    def discard_when_full(self) -> None:
        """Read on although nobody takes the messages: the peer's close frame comes after them."""
        if self._state is TAKING:
            self._change(LAST)
        self._resume()

    def close(self, closed: Callable[[], ConnectionClosed]) -> None:
        """Take no more messages; those that are here can still be received.

        Args:
            closed: makes the exception for those who ask for more.
        """
        self.release()
        self.wake()
        if self._state is not FINAL:
            self._change(FINAL)
        self.ended = True
        self._ended_with = closed
        self._reading.close()
        if self.reader is not None:
            waiting, self.reader = self.reader, None
            self._tell_end(waiting, closed())

    def _change(self, state: InboxState) -> None:
        if state not in INBOX_STATES[self._state]:
            raise RuntimeError(f"an inbox that is {self._state.name} can't become {state.name}")
        self._state = state
        self.taking = state is TAKING

    @property
    def _abandoned(self) -> bool:
        """True if the message that is arriving belongs to a stream that is no more."""
        return self._stream is not None and self._stream() is None

    def _belong_to(self, stream: Stream | None) -> None:
        """Keep what is left of the message that is arriving for this stream."""
        self._stream = None if stream is None else ref(stream)
        self.plain = stream is None and not self._held

    def _pause(self) -> None:
        self.pausing = True
        self._reading.pause(self.size)

    def _resume(self) -> None:
        self.pausing = False
        self._reading.resume()

    def _tell_end(self, waiting: Deferred[Any], exception: ConnectionClosed) -> None:
        ended = isinstance(waiting, Step) and isinstance(exception, ConnectionClosedOK)
        fail_quietly(waiting, StopAsyncIteration() if ended else exception)

    def _keep(self, item: str | bytes | Remainder, size: int) -> None:
        # A reader that waits takes all messages of a read.
        if self._state is LAST and self.full and self.reader is None:
            self._change(FULL)
        if self._state >= FULL:
            return
        self.append(item)
        self.size += size + MESSAGE_OVERHEAD

    def _get(self, reader: Incoming) -> Deferred[Any]:
        self.asked = True
        part = isinstance(reader, PartDeferred)
        if part or self.waiting or self.reader is not None or self._stream is not None:
            self._fire_if_ready(reader, reader.stream if isinstance(reader, PartDeferred) else None)
        if not reader.called:
            if self._state is FINAL:
                self._tell_end(reader, self._ended_with())
            else:
                self.reader = reader
                if self.pausing:
                    self._resume()
        return reader

    def _get_within(self, reader: Incoming, seconds: float, clock: IReactorTime) -> Deferred[Any]:
        waiting = self._get(reader)
        if waiting.called:
            return waiting
        if seconds > 0:
            return waiting.addTimeout(seconds, clock, _missed)
        self.reader = None
        waiting.errback(TimeoutError("no message is here yet"))
        return waiting

    def _fire_if_ready(self, reader: Incoming, stream: Stream | None) -> None:
        """Give a reader the message or the part that is already here, if there is one."""
        owner = None if self._stream is None else self._stream()
        if self.reader is not None or owner not in (None, stream):
            reader.errback(self._in_use())
            return
        if self._held:
            return
        if self.waiting and self._abandoned:
            # This is the remainder, which nobody wants.
            self._take_first()
        if self.waiting:
            reader.give(self._take_first())
        elif stream is not None and not self._abandoned and (part := self._arrived()):
            self._belong_to(stream)
            self._resume()
            reader.callback(Piece(part, False))

    def _take_first(self) -> str | bytes:
        message: str | bytes | Remainder = self.pop()
        if isinstance(message, Remainder):
            self._belong_to(None)
            message = message.rest
        self.size -= len(message) + MESSAGE_OVERHEAD
        if self.pausing and self.roomy:
            self._resume()
        return message

    def take_all(self) -> list[Any]:
        """Take all messages that are here, which were not asked for; `read_on` comes after it."""
        # The next messages must not overtake these.
        self.pausing = False
        return [self._take_first() for _ in range(self.waiting)]

    def read_on(self) -> None:
        """Read again, if reading was paused."""
        self._resume()

    def _arrived(self) -> str | bytes:
        """Take the part of the unfinished message that is here."""
        connection = self.arriving
        return b"" if connection is None or not connection.unfinished else connection.take_part()

    def _in_use(self) -> ConcurrencyError:
        if self.reader is not None and not isinstance(self.reader, PartDeferred):
            return ConcurrencyError("recv() is already waiting for a message")
        return ConcurrencyError("recv_streaming() has not come to the end of its message")


def _missed(_: object, seconds: float) -> NoReturn:
    # `except TimeoutError` doesn't catch Twisted's own TimeoutError.
    raise TimeoutError(f"no message came within {seconds:g} seconds")

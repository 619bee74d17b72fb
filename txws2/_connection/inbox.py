"""Messages that have arrived and wait for recv(); while too many wait, reading stops."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any, NoReturn, Self
from weakref import ref

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime

from txws2._connection.phases import FINAL, FULL, INBOX_STATES, LAST, TAKING, InboxState
from txws2._connection.pieces import PartDeferred, Piece, Stream
from txws2._connection.read_pause import MESSAGE_OVERHEAD, READ_AHEAD, Reading
from txws2._connection.text import Result, result_for
from txws2._deferreds.lean import Incoming, Next, OnDemand, Received, Step
from txws2._deferreds.tasks import running_loop
from txws2._deferreds.waiters import fail_quietly
from txws2.exceptions import ConcurrencyError, ConnectionClosed, ConnectionClosedOK
from txws2.wire.connection import Connection
from txws2.wire.events import Remainder

__all__ = ["Inbox"]


# The Deferred that waits for a message, the message's conversion, and the stream that wants a part
# of one. It is made for each message, and a NamedTuple takes ten times as long.
_Reader = tuple[Incoming, Result | None, object | None]


class Inbox:
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

    __slots__ = (
        "_asked",
        "_ended_with",
        "_max_queue",
        "_messages",
        "_reader",
        "_reading",
        "_size",
        "_state",
        "_stream",
        "arriving",
    )

    def __init__(self, reading: Reading, max_queue: int | None) -> None:
        self._reading = reading
        self._max_queue = max_queue
        # A deque while messages are kept: an empty one takes more memory than all else here.
        self._messages: deque[str | bytes | Remainder] | None = None
        self._size = 0
        self.arriving: Connection | None = None
        self._reader: _Reader | None = None
        # The stream that got a part of the next message, and not yet the last.
        self._stream: ref[object] | None = None
        # True once somebody has asked; an application that overrides messageReceived never asks.
        self._asked = False
        self._state: InboxState = TAKING
        # Makes the exception for those who ask for more once the state is FINAL.
        self._ended_with: Callable[[], ConnectionClosed]

    # Messages that arrive.

    def put(self, message: str | bytes) -> None:
        """Take a message that has arrived."""
        reader = self._reader
        if reader is None or self._state is FULL:
            self._keep(message, len(message))
        else:
            self._reader = None
            if reader[1] is None:
                # Nearly always; the same as in `_fire`, without the call.
                reader[0].callback(message)
            else:
                self._fire(reader[0], message, reader[1])

    # The receiver of a connection's messages is called by this name.
    messageReceived = put

    def put_remainder(self, remainder: Remainder) -> None:
        """Take the rest of a message, after a stream got a part of it."""
        if self._abandoned:
            self._stream = None
        elif self._reader is not None and self._state is not FULL:
            self._stream = None
            (reader, result, _), self._reader = self._reader, None
            self._fire(reader, remainder.rest, result)
        else:
            self._keep(remainder, len(remainder.rest))

    def put_unfinished(self, connection: Connection) -> None:
        """Note that a part of a message has arrived."""
        self.arriving = connection
        reader = self._reader
        if self._abandoned or self._state is FULL:
            connection.take_part()
        elif reader is not None:
            waiting, _, stream = reader
            if stream is not None and (part := connection.take_part()):
                self._reader = None
                self._stream = ref(stream)
                waiting.callback(Piece(part, False))
        elif self._asked and connection.unfinished >= READ_AHEAD:
            if self._state is LAST:
                self._change(FULL)
            else:
                self._reading.pause(self._size + connection.unfinished)

    # Messages that are taken.

    def get(self, decode: bool | None) -> Deferred[Any]:
        """Return a Deferred for the next message; cancelling it leaves the message here.

        Args:
            decode: True to get bytes as str, False to get text as bytes.

        Raises:
            TypeError: decode is of another type.
        """
        result = None if decode is None else result_for(decode)
        if running_loop() is not None:
            demand = OnDemand(partial(self._get, stream=None, result=result))
            demand.source = self
            return demand
        reader = Received()
        reader.source = self
        return self._get(reader, None, result)

    def get_within(self, seconds: float, clock: IReactorTime, decode: bool | None) -> Deferred[Any]:
        """Return such a Deferred; it fails with TimeoutError if no message comes in time.

        Args:
            seconds: how long to wait; at 0 or less, only for a message that is already here.
            clock: has the time.
            decode: as for `get`.

        Raises:
            TypeError: the seconds are no number, or decode is of another type.
        """
        if not isinstance(seconds, (int, float)):
            raise TypeError(f"timeout must be a number of seconds, or None; it is {seconds!r}")
        result = None if decode is None else result_for(decode)
        ask = partial(self._get_within, seconds=seconds, clock=clock, result=result)
        if running_loop() is None:
            reader = Received()
            reader.source = self
            return ask(reader)
        demand = OnDemand(ask)
        demand.source = self
        return demand

    def __aiter__(self) -> Self:
        return self

    def __anext__(self) -> Deferred[Any]:
        step = Next()
        step.source = self
        return self._get(step, None, None)

    def get_part(self, stream: Stream) -> Deferred[Piece]:
        """Return a Deferred for the next part of a message; cancelling it loses nothing.

        Args:
            stream: the stream that asks. Once it got a part, the rest of the message is for it
                alone, and is dropped if the stream is no more.
        """
        return self._get(PartDeferred(self, stream), stream, _as_last_piece)

    def cancel_reader(self) -> None:
        """Drop the reader that waits for a message."""
        self._reader = None

    def give_back(self, message: str | bytes) -> None:
        """Take this message back, before all others: its reader will not see it."""
        reader, self._reader = self._reader, None
        if reader is not None:
            self._fire(reader[0], message, reader[1])
            return
        if self._messages is None:
            self._messages = deque()
        self._messages.appendleft(message)
        self._size += len(message) + MESSAGE_OVERHEAD
        if self._full and self._state is TAKING:
            self._reading.pause(self._size)

    # The end.

    def discard_when_full(self) -> None:
        """Read on although nobody takes the messages: the peer's close frame comes after them."""
        if self._state is TAKING:
            self._change(LAST)
        self._reading.resume()

    def close(self, closed: Callable[[], ConnectionClosed]) -> None:
        """Take no more messages; those that are here can still be received.

        Args:
            closed: makes the exception for those who ask for more.
        """
        if self._state is not FINAL:
            self._change(FINAL)
        self._ended_with = closed
        self._reading.close()
        if self._reader is not None:
            (waiting, _, _), self._reader = self._reader, None
            self._tell_end(waiting, closed())

    def _change(self, state: InboxState) -> None:
        if state not in INBOX_STATES[self._state]:
            raise RuntimeError(f"an inbox that is {self._state.name} can't become {state.name}")
        self._state = state

    @property
    def waiting(self) -> int:
        """The number of messages that wait here."""
        return len(self._messages or ())

    @property
    def _full(self) -> bool:
        messages = self._messages
        limit = self._max_queue
        return limit is not None and messages is not None and len(messages) >= limit

    @property
    def _abandoned(self) -> bool:
        """True if the message that is arriving belongs to a stream that is no more."""
        return self._stream is not None and self._stream() is None

    def _fire(self, reader: Incoming, message: str | bytes, result: Result | None) -> None:
        """Give a reader a message, with the conversion that it asked for."""
        if result is not None:
            reader.original = message
            try:
                message = result(message)
            except UnicodeDecodeError:
                reader.errback()
                return
        reader.callback(message)

    def _tell_end(self, waiting: Deferred[Any], exception: ConnectionClosed) -> None:
        ended = isinstance(waiting, Step) and isinstance(exception, ConnectionClosedOK)
        fail_quietly(waiting, StopAsyncIteration() if ended else exception)

    def _keep(self, message: str | bytes | Remainder, size: int) -> None:
        if self._state is LAST and self._full:
            self._change(FULL)
        if self._state >= FULL:
            return
        if self._messages is None:
            self._messages = deque()
        self._messages.append(message)
        self._size += size + MESSAGE_OVERHEAD
        if self._full and self._state is TAKING:
            self._reading.pause(self._size)

    def _get(self, reader: Incoming, stream: object | None, result: Result | None) -> Deferred[Any]:
        self._asked = True
        if self._reader or self._stream or self._messages or stream is not None:
            self._fire_if_ready(reader, stream, result)
        if not reader.called:
            if self._state is FINAL:
                self._tell_end(reader, self._ended_with())
            else:
                self._reader = reader, result, stream
                if self._reading.paused:
                    self._reading.resume()
        return reader

    def _get_within(
        self, reader: Incoming, seconds: float, clock: IReactorTime, result: Result | None
    ) -> Deferred[Any]:
        waiting = self._get(reader, None, result)
        if waiting.called:
            return waiting
        if seconds > 0:
            return waiting.addTimeout(seconds, clock, _missed)
        self._reader = None
        waiting.errback(TimeoutError("no message is here yet"))
        return waiting

    def _fire_if_ready(
        self, reader: Incoming, stream: object | None, result: Result | None
    ) -> None:
        """Give a reader the message or the part that is already here, if there is one."""
        owner = None if self._stream is None else self._stream()
        if self._reader is not None or owner not in (None, stream):
            reader.errback(self._in_use())
            return
        if self._messages and self._abandoned:
            # This is the remainder, which nobody wants.
            self._pop()
        if self._messages:
            message = self._pop()
            if result is None:
                # The same as in `put`.
                reader.callback(message)
            else:
                self._fire(reader, message, result)
        elif stream is not None and not self._abandoned and (part := self._arrived()):
            self._stream = ref(stream)
            self._reading.resume()
            reader.callback(Piece(part, False))

    def _pop(self) -> str | bytes:
        messages = self._messages
        assert messages is not None
        message = messages.popleft()
        if isinstance(message, Remainder):
            self._stream = None
            message = message.rest
        self._size -= len(message) + MESSAGE_OVERHEAD
        if not messages:
            self._messages = None
        if len(messages) <= (self._max_queue or 0) // 4:
            self._reading.resume()
        return message

    def _arrived(self) -> str | bytes:
        """Take the part of the unfinished message that is here."""
        connection = self.arriving
        return b"" if connection is None or not connection.unfinished else connection.take_part()

    def _in_use(self) -> ConcurrencyError:
        if self._reader is not None and self._reader[2] is None:
            return ConcurrencyError("recv() is already waiting for a message")
        return ConcurrencyError("recv_streaming() has not come to the end of its message")


def _missed(_: object, seconds: float) -> NoReturn:
    # `except TimeoutError` doesn't catch Twisted's own TimeoutError.
    raise TimeoutError(f"no message came within {seconds:g} seconds")


def _as_last_piece(message: str | bytes) -> Piece:
    return Piece(message, True)

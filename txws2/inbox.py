"""Messages that have arrived and wait for recv(); while too many do, reading stops."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.interfaces import IDelayedCall, IPushProducer, IReactorTime

from txws2.exceptions import ConcurrencyError, ConnectionClosed
from txws2.settling import fail_quietly

__all__ = ["Inbox"]

_READ_AHEAD = 256 * 1024
_SIP_INTERVAL = 1.0
_MESSAGE_OVERHEAD = 64


class Inbox:
    """A queue of messages that pauses the transport.

    When max_queue messages wait, reading pauses, and the peer's sends come to a halt in turn.
    Its pings would wait, too, behind what isn't read. So while the queue is full, the
    transport is resumed once a second until the next message arrives: control frames get
    through, and a peer that has gone is noticed. That goes on until what waits takes up 256
    KiB; then reading stops altogether until `recv` makes room.

    Args:
        transport: what to pause and resume.
        clock: tells when a second has passed.
        max_queue: messages that may wait; None for no limit.

    Attributes:
        listening: False if reading has paused since `listen`, so that the peer's silence
            meanwhile means nothing.
    """

    __slots__ = (
        "_clock",
        "_closed",
        "_closing",
        "_max_queue",
        "_messages",
        "_paused",
        "_reader",
        "_sip",
        "_size",
        "_transport",
        "listening",
    )

    def __init__(
        self, transport: IPushProducer, clock: IReactorTime, max_queue: int | None
    ) -> None:
        self._transport = transport
        self._clock = clock
        self._max_queue = max_queue
        self._messages: deque[str | bytes] = deque()
        self._size = 0
        self._reader: tuple[Deferred[str | bytes], bool | None] | None = None
        self._paused = False
        self.listening = True
        self._sip: IDelayedCall | None = None
        self._closing = False
        self._closed: Callable[[], ConnectionClosed] | None = None

    def listen(self) -> None:
        """Note from now on whether reading pauses: `listening` tells."""
        self.listening = not self._paused

    @property
    def _full(self) -> bool:
        return self._max_queue is not None and len(self._messages) >= self._max_queue

    def put(self, message: str | bytes) -> None:
        """Take a message that has arrived."""
        if self._reader is not None:
            (reader, decode), self._reader = self._reader, None
            try:
                result = _decoded(message, decode)
            except UnicodeDecodeError:
                reader.errback()
            else:
                reader.callback(result)
        elif not (self._closing and self._full):
            self._messages.append(message)
            self._size += len(message) + _MESSAGE_OVERHEAD
            if self._full and not self._closing:
                self._pause()

    def get(self, decode: bool | None) -> Deferred[str | bytes]:
        """Return a Deferred for the next message; cancelling it leaves the message here.

        Args:
            decode: True to get bytes as str, False to get text as bytes.
        """
        if self._reader is not None:
            return fail(ConcurrencyError("recv() is already waiting for a message"))
        if self._messages:
            message = self._messages.popleft()
            self._size -= len(message) + _MESSAGE_OVERHEAD
            if self._paused and len(self._messages) <= (self._max_queue or 0) // 4:
                self._resume()
            try:
                return succeed(_decoded(message, decode))
            except UnicodeDecodeError:
                return fail()
        reader: Deferred[str | bytes] = Deferred(self._cancel_reader)
        if self._closed is not None:
            fail_quietly(reader, self._closed())
        else:
            self._reader = reader, decode
        return reader

    def discard_when_full(self) -> None:
        """Read on although nobody takes the messages: the peer's close frame is behind them."""
        self._closing = True
        if self._paused:
            self._resume()

    def close(self, closed: Callable[[], ConnectionClosed]) -> None:
        """Take no more messages; what is here can still be got.

        Args:
            closed: makes the exception for those who ask for more.
        """
        self._closing = True
        self._closed = closed
        self._cancel_sip()
        self._paused = False
        if self._reader is not None:
            (reader, _), self._reader = self._reader, None
            fail_quietly(reader, closed())

    def _cancel_reader(self, _: Deferred[str | bytes]) -> None:
        self._reader = None

    def _pause(self) -> None:
        if not self._paused:
            self._paused = True
            self.listening = False
            self._transport.pauseProducing()
            if self._size < _READ_AHEAD:
                self._sip = self._clock.callLater(_SIP_INTERVAL, self._resume)

    def _resume(self) -> None:
        self._cancel_sip()
        self._paused = False
        self._transport.resumeProducing()

    def _cancel_sip(self) -> None:
        if self._sip is not None and self._sip.active():
            self._sip.cancel()
        self._sip = None


def _decoded(message: str | bytes, decode: bool | None) -> str | bytes:
    if decode is True and isinstance(message, bytes):
        return message.decode()
    if decode is False and isinstance(message, str):
        return message.encode()
    return message

"""The frames that leave: one write for each read, and a limit for the frames that wait."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Protocol

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IConsumer, IPushProducer
from zope.interface import implementer

from txws2._deferreds.lean import Done
from txws2._deferreds.waiters import NOBODY, Waiters, waitable
from txws2._transport.capabilities import TCP_IS_KNOWN, socket_of
from txws2._transport.cork import BATCH_SIZE, Cork
from txws2.interfaces import PushProducer

__all__ = ["Outbox"]


class _Owner(Protocol):
    def message_failed(self, exception: BaseException) -> None: ...


def _nothing() -> None:
    pass


@implementer(IPushProducer)
class Outbox(Cork):
    """A write buffer in front of a transport.

    When the transport reports that its own buffer is full, frames wait here. A control frame
    doesn't wait: it goes to the transport at once. So a ping waits only for bytes that the
    transport has already taken.

    Args:
        transport: gets the bytes.
        write_limit: the number of bytes that may wait here before `drained` makes its callers wait;
            None for no limit.

    Attributes:
        paused: True if frames have to wait here: the transport's buffer is full.
        asked: the number of times that the transport has asked for more, after it was full.
    """

    __slots__ = (
        "_behind",
        "_end",
        "_pong",
        "_producer",
        "_producer_owner",
        "_producer_paused",
        "_size",
        "_waiters",
        "_write_limit",
        "asked",
    )

    _streaming: ClassVar[bool] = True

    def __init__(self, transport: IConsumer, write_limit: int | None) -> None:
        super().__init__()
        self._transport = transport
        self._write_limit = write_limit
        # The number of bytes that wait here.
        self._size = self.asked = 0
        # True if the outbox was over its limit, and the transport has been full ever since.
        self._behind = False
        self._pong = b""
        self._waiters: Waiters[None] = NOBODY
        self._end: Callable[[], None] | None = None
        self._producer: PushProducer | None = None
        self._producer_paused = False
        transport.registerProducer(self, self._streaming)

    def write_pieces(self, pieces: Sequence[bytes | memoryview]) -> None:
        """Write frames that are in pieces, after all those before them.

        Args:
            pieces: the pieces of whole frames. Once this returns, their memory may change.
        """
        self.write(b"".join(pieces))

    def write_control(self, frame: bytes) -> None:
        """Write a control frame, ahead of all frames that wait here."""
        if self.paused or self._waiting:
            self.flush()
            self._transmit(frame)
        else:
            self.write(frame)

    def write_pong(self, frame: bytes) -> None:
        """Write a pong; if pongs can't leave, keep only the latest.

        RFC 6455 section 5.5.3 allows that. So a peer that sends pings and reads nothing can't fill
        our memory.
        """
        if self.paused:
            self._pong = frame
        else:
            self.write_control(frame)

    def drained(self) -> Deferred[None]:
        """Return a Deferred that fires when no more than write_limit bytes wait here."""
        if not self._over_limit():
            return Done()
        self._waiters = waitable(self._waiters)
        return self._waiters.wait()

    def falls_behind(self, until_drained: bool) -> bool:
        """Tell whether too much waits here.

        Args:
            until_drained: True to return True also if too much has waited and some frames still do.
        """
        if self._over_limit():
            self._behind = True
            return True
        return self._behind and until_drained

    @property
    def transport(self) -> Any:
        """The transport that the bytes go to."""
        return self._transport

    @property
    def waiting(self) -> int:
        """The number of bytes that wait here."""
        return self._size

    def register_producer(self, producer: PushProducer, owner: _Owner) -> None:
        """Register a producer; it is paused while more than write_limit bytes wait here.

        Args:
            producer: the producer, which is an application's.
            owner: the connection that ends if the producer raises; this also unregisters the
                producer.
        """
        if self._producer is not None:
            raise RuntimeError(f"{self._producer} is registered, and wasn't unregistered")
        self._producer_owner: _Owner | None = owner
        self._producer = producer
        self._producer_paused = False
        if not self.ready:
            self._pause_producer()

    def unregister_producer(self) -> None:
        """Unregister the producer."""
        self._producer = None

    def discard(self) -> None:
        """Forget the frames that wait here: the next frame is the last one."""
        self._waiting = None
        self._size = 0

    def end(self, then: Callable[[], None] = _nothing) -> None:
        """Unregister from the transport when it has all frames, then call a function.

        A transport that was told to close waits for its producer, so it closes then.
        """
        self.flush()
        self._end = then
        self._end_if_empty()

    def close(self, ending: Callable[[], Exception]) -> None:
        """Give up: the transport is gone.

        Args:
            ending: makes the exception for the Deferreds of `drained`.
        """
        # The same as `discard`, without the call.
        self._waiting, self._size = None, 0
        self.corked = False
        self.take()
        self._end = None
        if self._waiters is not NOBODY or self._producer is not None:
            self.release(ending)

    def release(self, ending: Callable[[], Exception]) -> None:
        """End each wait for room, and stop the producer; frames here still leave, if they can.

        Args:
            ending: makes the exception for the Deferreds of `drained`.
        """
        if self._waiters is not NOBODY:
            self._waiters.fail(ending)
        producer, self._producer = self._producer, None
        if producer is not None:
            self._tell_producer(producer.stopProducing)
            # The owner refers to this outbox. A reference cycle would wait for the garbage
            # collector.
            self._producer_owner = None

    # Methods that the transport calls.

    def pauseProducing(self) -> None:
        """Let frames wait here: the transport's buffer is full."""
        self.paused = True
        self.corked = False

    def resumeProducing(self) -> None:
        """Write the frames that wait here: the transport's buffer is empty."""
        self.asked += 1
        self.paused = False
        if self._pong:
            frame, self._pong = self._pong, b""
            self._transmit(frame)
        while self._waiting and not self.paused:
            self._transmit(self._next_batch(self._waiting))
        if not self.paused:
            self._behind = False
        if (self._waiters or self._producer_paused) and not self._over_limit():
            self._ask_for_more()
        self._end_if_empty()
        if not self.paused:
            self._let_close()

    def stopProducing(self) -> None:
        """Nothing to do: connectionLost follows."""

    def _transmit(self, data: bytes) -> None:
        self._transport.write(data)

    def _keep_waiting(self, frame: bytes) -> None:
        if self._end is not None or getattr(self._transport, "disconnecting", False):
            # With ever more frames here, the transport would never close.
            return
        if self._waiting is None:
            self._waiting = deque()
        self._waiting.append(frame)
        self._size += len(frame)
        self._pause_producer()

    def _put_off(self) -> bool:
        return False

    def _ask_for_more(self) -> None:
        # Senders that have waited may send many small frames now: they leave together.
        self.cork()
        while self._waiters and not self._over_limit():
            self._waiters.fire_one(None)
        if self._producer is not None and self._producer_paused and not self._over_limit():
            self._producer_paused = False
            self._tell_producer(self._producer.resumeProducing)
        # A put off would be too late: the transport may close right after this.
        self.corked = False
        self.flush()

    def _pause_producer(self) -> None:
        if self._producer is not None and not self._producer_paused and self._over_limit():
            self._producer_paused = True
            self._tell_producer(self._producer.pauseProducing)

    def _tell_producer(self, call: Callable[[], object]) -> None:
        try:
            call()
        except BaseException as exc:
            self._producer = None
            assert self._producer_owner is not None
            self._producer_owner.message_failed(exc)

    def _end_if_empty(self) -> None:
        if self._end is not None and not self._waiting:
            then, self._end = self._end, None
            self._transport.unregisterProducer()
            then()

    def _let_close(self) -> None:
        """Let a transport close that was told to close: it waits for its producer, this outbox."""
        if getattr(self._transport, "disconnecting", False):
            self._transport.unregisterProducer()
            return
        below = socket_of(self._transport)
        if below is not None and not TCP_IS_KNOWN:
            # A transport with nothing to write closes for writing if it was told to.
            below.startWriting()
        elif below is not None and below._writeDisconnecting and not below._writeDisconnected:
            self._transport.unregisterProducer()
            # The transport needs another call to close for writing.
            below.loseWriteConnection()

    def _over_limit(self) -> bool:
        return self._write_limit is not None and self._size > self._write_limit

    def _next_batch(self, waiting: deque[bytes]) -> bytes:
        """Take one large frame, or enough small frames to be worth a write."""
        batch, size = [], 0
        while waiting and size < BATCH_SIZE:
            batch.append(waiting.popleft())
            size += len(batch[-1])
        self._size -= size
        return b"".join(batch)

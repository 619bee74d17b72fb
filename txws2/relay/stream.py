"""Server-Sent Events: a hearer that listens by HTTP (HTML, section 9.2)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IPushProducer
from twisted.web.server import Request
from zope.interface import implementer

from txws2._deferreds.waiters import Waiters
from txws2._time.deadlines import call_off
from txws2.interfaces import Presence
from txws2.relay.forms import Placed
from txws2.relay.messages import Message, Position
from txws2.relay.room import Cursor
from txws2.relay.wording import RelayError

__all__ = ["EVENTS", "start_stream"]

EVENTS = "text/event-stream"

# Seconds. Proxies cut connections that are silent for 30 or 60.
_COMMENT_EVERY = 15.0
# A client that has read nothing for so long is gone, or will never catch up.
_LONGEST_PAUSE = 60.0
_RETRY_AFTER = 3000


def start_stream(
    relay: Any, request: Request, room: str, since: Position | None, streams: set[object]
) -> None:
    """Let the client of a request listen to a room, until it leaves."""
    stream = _Stream(request, relay.reactor)
    streams.add(stream)
    cursor = Cursor(relay.room(room), EVENT_FORM, stream)

    def ended(_: object) -> None:
        stream.ended()
        streams.discard(stream)
        cursor.leave()

    request.notifyFinish().addBoth(ended)
    cursor.room.add(cursor, since)
    # The channels of `Mounts` have it. Browsers come back when a stream ends.
    channel = getattr(request, "channel", None)
    when_leaving = getattr(channel, "when_leaving", None)
    if when_leaving is not None:
        when_leaving(stream.end)


@implementer(IPushProducer)
class _Stream:
    """The response to a client that listens."""

    def __init__(self, request: Request, clock: Any) -> None:
        self._request = request
        self._clock = clock
        self._paused = False
        self.open = True
        self._room: Waiters[None] = Waiters()
        self._stall: Any = None
        self._comment: Any = None
        self._began = False

    def begin(self) -> None:
        """Send the head of the response."""
        self._began = True
        self._request.setHeader(b"Content-Type", EVENTS.encode())
        self._request.setHeader(b"Cache-Control", b"no-store")
        # nginx would keep the events until there are some kilobytes of them.
        self._request.setHeader(b"X-Accel-Buffering", b"no")
        self._request.registerProducer(self, True)
        self._rest()

    def write(self, data: bytes) -> None:
        """Send bytes."""
        if self.open:
            self._request.write(data)

    @property
    def ready(self) -> bool:
        """True if the client reads."""
        return self.open and not self._paused

    def wait(self) -> Deferred[None]:
        """Return a Deferred that fires when the client reads again, or is gone."""
        return self._room.wait() if self.open and self._paused else succeed(None)

    def refuse(self, error: RelayError) -> None:
        """End the response with an error."""
        if not self._began:
            self._request.setResponseCode(503)
            self._request.setHeader(b"Content-Type", b"text/plain; charset=utf-8")
            self.write(f"{error.sentence}\n".encode())
        self._finish()

    def end(self) -> None:
        """End the response, as the server stops."""
        if self.open and not self._began:
            self.refuse(RelayError("full", "the server is shutting down"))
        elif self.open:
            self._finish()

    def _finish(self) -> None:
        if self._began:
            self._request.unregisterProducer()
        self.ended()
        self._request.finish()

    def ended(self) -> None:
        """Note that the client is gone."""
        if self.open:
            self.open = False
            call_off(self._stall)
            call_off(self._comment)
            self._wake()

    def pauseProducing(self) -> None:
        """The client reads too slowly."""
        self._paused = True
        call_off(self._stall)
        self._stall = self._clock.callLater(_LONGEST_PAUSE, self._give_up)

    def resumeProducing(self) -> None:
        """The client has read all."""
        self._paused = False
        call_off(self._stall)
        self._wake()

    def stopProducing(self) -> None:
        """The connection is lost; notifyFinish tells more."""

    def _wake(self) -> None:
        # Those that are woken may wait again at once.
        waiting, self._room = self._room, Waiters()
        waiting.fire(None)

    def _rest(self) -> None:
        self._comment = self._clock.callLater(_COMMENT_EVERY, self._stay_awake)

    def _stay_awake(self) -> None:
        if self.ready:
            self.write(b":\n\n")
        self._rest()

    def _give_up(self) -> None:
        # The client wouldn't read the end of the response, either.
        channel: Any = self._request.channel
        channel.transport.abortConnection()


class _EventForm:
    """Messages as events, each of them encoded once for all."""

    def is_open(self, stream: _Stream) -> bool:
        return stream.open

    def offer(self, stream: _Stream, message: Message) -> bool:
        if stream.ready:
            stream.write(message.event)
            return True
        return False

    def offer_all(self, streams: list[Any], message: Message) -> list[Any]:
        return [stream for stream in streams if not self.offer(stream, message)]

    def has_space(self, stream: _Stream) -> bool:
        return stream.ready

    def ready(self, stream: _Stream) -> Deferred[None]:
        return stream.wait()

    def say_joined(self, cursor: Placed, gap: bool) -> None:
        cursor.hearer.begin()
        cursor.hearer.write(f"retry: {_RETRY_AFTER}\n".encode())
        if gap:
            self.say_gap(cursor)
        else:
            # An id without data makes no event, but a browser that comes back sends it.
            cursor.hearer.write(f"id: {cursor.position}\n\n".encode())

    def say_gap(self, cursor: Placed) -> None:
        assert cursor.position is not None
        position = cursor.position
        said = json.dumps({"epoch": position.epoch, "offset": position.offset})
        event = f"id: {position}\nevent: gap\ndata: {said}\n\n"
        cursor.hearer.write(event.encode())

    def say_presence(self, cursors: Sequence[Placed], event: str, who: Presence) -> None:
        """Streams have messages only."""

    def caught_up(self, cursor: Placed) -> None:
        """Nothing was left out."""

    def say_failed(self, cursor: Placed, error: RelayError) -> None:
        cursor.hearer.refuse(error)


EVENT_FORM = _EventForm()

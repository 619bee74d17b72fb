"""The forms in which a hearer gets the messages of a room: JSON or plain, over WebSocket."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from twisted.internet.defer import Deferred

from txws2._connection.broadcast import share
from txws2._connection.handle import driver_of
from txws2._connection.parts import state_of
from txws2._connection.protocol import WebSocketProtocol
from txws2.interfaces import Presence
from txws2.relay.messages import Message, Position
from txws2.relay.wording import RelayCode, RelayError, dumped
from txws2.wire.connection import State
from txws2.wire.shared_message import SharedMessage

__all__ = ["FRAMED", "PLAIN", "Form", "Placed", "WebSocketForm", "entry_of"]


class Placed(Protocol):
    """A hearer at a place in a room, as a form sees it."""

    hearer: Any
    position: Position | None
    stale: bool
    presence: Presence | None

    @property
    def room(self) -> Any:
        """The room."""


class Form(Protocol):
    """A way to give messages to hearers."""

    def is_open(self, hearer: Any, /) -> bool:
        """Tell whether the hearer can still get messages."""

    def offer(self, hearer: Any, message: Message, /) -> bool:
        """Send a message, unless too much waits already; tell whether it was sent."""

    def offer_all(self, hearers: list[Any], message: Message, /) -> list[Any]:
        """Offer a message to many; return those that it wasn't sent to."""

    def has_space(self, hearer: Any, /) -> bool:
        """Tell whether the hearer can take messages."""

    def ready(self, hearer: Any, /) -> Deferred[None]:
        """Return a Deferred that fires when the hearer can take messages, or is gone."""

    def say_joined(self, cursor: Placed, gap: bool, /) -> None:
        """Tell a hearer that it is in."""

    def say_gap(self, cursor: Placed, /) -> None:
        """Tell a hearer that messages before its position are missing."""

    def say_presence(self, cursors: Sequence[Placed], event: str, who: Presence, /) -> None:
        """Tell hearers that another has come or gone; those who can't take that become stale."""

    def caught_up(self, cursor: Placed, /) -> None:
        """Note that the hearer is up to date."""

    def say_failed(self, cursor: Placed, error: RelayError, /) -> None:
        """Tell a hearer that it can't be in the room."""


class WebSocketForm:
    """Messages over WebSocket, each of them encoded and compressed once for all."""

    def is_open(self, ws: WebSocketProtocol) -> bool:
        """Tell whether the connection is open."""
        return state_of(ws) is State.OPEN

    def encoded(self, message: Message) -> SharedMessage:
        """Return the message in this form."""
        raise NotImplementedError

    def offer(self, ws: WebSocketProtocol, message: Message) -> bool:
        """Send a message, unless more than write_limit bytes wait."""
        return not share([ws], self.encoded(message), "drop")

    def offer_all(self, connections: list[Any], message: Message) -> list[Any]:
        """Send a message to all that read fast enough; return the others."""
        return share(connections, self.encoded(message), "drop")

    def has_space(self, ws: WebSocketProtocol) -> bool:
        """Tell whether no more than write_limit bytes wait."""
        return not driver_of(ws).outbox.falls_behind(False)

    def ready(self, ws: WebSocketProtocol) -> Deferred[None]:
        """Return a Deferred that fires when there is room, or the connection is gone."""
        drained: Deferred[None] = driver_of(ws).outbox.drained()
        return drained.addErrback(lambda _: None)


class _Framed(WebSocketForm):
    def encoded(self, message: Message) -> SharedMessage:
        return message.framed

    def say_joined(self, cursor: Placed, gap: bool) -> None:
        _say(cursor, {"type": "joined", **_place(cursor), "gap": gap, **_here(cursor)})

    def say_gap(self, cursor: Placed) -> None:
        _say(cursor, {"type": "gap", **_place(cursor)})

    def say_presence(self, cursors: Sequence[Placed], event: str, who: Presence) -> None:
        # A hearer that reads slowly gets the list of all, once it is up to date again.
        told = {each.hearer: each for each in cursors if each.presence and not each.stale}
        if told:
            room = next(iter(told.values())).room.name
            said = SharedMessage(dumped({"type": event, "room": room, **entry_of(who)}))
            for hearer in share(list(told), said, "drop"):
                told[hearer].stale = True

    def caught_up(self, cursor: Placed) -> None:
        if cursor.stale:
            cursor.stale = False
            _say(cursor, {"type": "here", "room": cursor.room.name, **_here(cursor)})

    def say_failed(self, cursor: Placed, error: RelayError) -> None:
        room = cursor.room.name
        said = {"type": "error", "to": "join", "room": room, "code": error.code, "text": error.text}
        _say(cursor, said)


class _Plain(WebSocketForm):
    def encoded(self, message: Message) -> SharedMessage:
        return message.plain

    def say_joined(self, cursor: Placed, gap: bool) -> None:
        if gap:
            _close(cursor, RelayCode.GAP, "messages since then are lost; come without since")

    def say_gap(self, cursor: Placed) -> None:
        # This client knows no offsets, so only the end of the connection can tell it.
        _close(cursor, RelayCode.TOO_SLOW, "too slow: messages are lost")

    def say_presence(self, cursors: Sequence[Placed], event: str, who: Presence) -> None:
        """Plain payloads have no place for this."""

    def caught_up(self, cursor: Placed) -> None:
        """Nothing was left out."""

    def say_failed(self, cursor: Placed, error: RelayError) -> None:
        _close(cursor, RelayCode.FULL, error.text)


FRAMED = _Framed()
"""JSON messages of the subprotocol."""

PLAIN = _Plain()
"""The payloads of messages, and nothing else."""


def entry_of(who: Presence) -> dict[str, Any]:
    """Return the keys of a JSON message that say who it is."""
    return {"id": who.id} if who.info is None else {"id": who.id, "info": who.info}


def _place(cursor: Placed) -> dict[str, Any]:
    assert cursor.position is not None
    epoch, offset = cursor.position
    return {"room": cursor.room.name, "epoch": epoch, "offset": offset}


def _here(cursor: Placed) -> dict[str, Any]:
    if cursor.presence is None:
        return {}
    return {"here": [entry_of(each) for each in cursor.room.here()]}


def _say(cursor: Placed, said: dict[str, Any]) -> None:
    WebSocketProtocol.sendMessage(cursor.hearer, dumped(said))


def _close(cursor: Placed, code: RelayCode, reason: str) -> None:
    WebSocketProtocol.close(cursor.hearer, code, reason)

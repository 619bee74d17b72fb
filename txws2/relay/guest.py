"""A connection of a relay: the requests of its client, and the answers."""

from __future__ import annotations

from typing import Any

from txws2._connection.handle import driver_of
from txws2._connection.parts import state_of
from txws2._connection.protocol import WebSocketProtocol
from txws2.interfaces import Presence
from txws2.relay.allowance import Allowance
from txws2.relay.forms import FRAMED, PLAIN, Form
from txws2.relay.messages import Position
from txws2.relay.room import Cursor
from txws2.relay.wording import (
    RelayCode,
    RelayError,
    check_data,
    check_room,
    dumped,
    parsed,
    payload_of,
)
from txws2.wire.connection import State

__all__ = ["FramedGuest", "PlainGuest"]

_ID_SIZE = 64
_INFO_SIZE = 1024


class _Guest:
    """A connection, and its places in rooms.

    Args:
        relay: the relay.
        ws: the connection.
    """

    form: Form

    def __init__(self, relay: Any, ws: WebSocketProtocol) -> None:
        self._relay = relay
        self._ws = ws
        self._cursors: dict[str, Cursor] = {}
        self._publishing = Allowance()
        self._joining = Allowance()
        WebSocketProtocol.wait_closed(ws).addCallback(self._left)

    def join(self, room: str, since: Position | None, presence: Presence | None) -> None:
        """Let the connection hear a room, unless it is closing already."""
        if state_of(self._ws) is State.OPEN:
            entered = self._relay.room(room)
            cursor = self._cursors[room] = Cursor(entered, self.form, self._ws, presence)
            entered.add(cursor, since)

    async def publish(self, room: str, data: str | bytes, id: str | None = None) -> Position:
        """Publish for the connection.

        Raises:
            RelayError: it may not, or not so fast.
        """
        self._publishing.take(self._relay.clock.seconds(), self._relay.publish_rate)
        await self._relay.check_publisher(self._ws, room)
        position: Position = await self._relay.publish(room, data, id)
        return position

    def _left(self, _: object) -> None:
        for cursor in list(self._cursors.values()):
            cursor.leave()
        self._cursors.clear()

    def _presence(self, info: object) -> Presence | None:
        return Presence(driver_of(self._ws).id, info) if self._relay.presence else None


class PlainGuest(_Guest):
    """A client without the subprotocol: in one room, it sends and gets payloads."""

    form = PLAIN

    async def stay(self, room: str, since: Position | None) -> None:
        """Serve the connection until it is closed."""
        self.join(room, since, self._presence(None))
        async for data in self._ws:
            try:
                check_data(data, self._relay.max_message)
                await self.publish(room, data)
            except RelayError as refusal:
                # There is no message that could tell this client.
                code = _CODES.get(refusal.code, RelayCode.BAD_REQUEST)
                await WebSocketProtocol.close(self._ws, code, refusal.text)
                return


_CODES = {
    "not-allowed": RelayCode.NOT_ALLOWED,
    "too-big": RelayCode.TOO_BIG,
    "full": RelayCode.FULL,
    "too-fast": RelayCode.TOO_FAST,
}


class FramedGuest(_Guest):
    """A client that speaks the subprotocol, in any number of rooms."""

    form = FRAMED

    async def stay(self, room: str | None, since: Position | None) -> None:
        """Serve the connection until it is closed."""
        if room is not None:
            self.join(room, since, self._presence(None))
        async for message in self._ws:
            await self._serve(message)

    async def _serve(self, message: str | bytes) -> None:
        said: dict[str, Any] = {}
        try:
            said = parsed(message)
            answer = await self._answer(said)
        except RelayError as refusal:
            answer = _refusal(said, refusal)
        if answer is not None and state_of(self._ws) is State.OPEN:
            # This waits for a client that doesn't read, before the next of its messages is read.
            await WebSocketProtocol.send(self._ws, dumped(answer))

    async def _answer(self, said: dict[str, Any]) -> dict[str, Any] | None:
        kind = said.get("type")
        if kind == "publish":
            return await self._publish(said)
        if kind == "join":
            self._join(said)
            return None
        if kind == "leave":
            return self._leave(said)
        raise RelayError("unknown-type", "type must be join, leave or publish")

    def _join(self, said: dict[str, Any]) -> None:
        room = check_room(said.get("room"))
        since = _since(said.get("since"))
        info = _info(said.get("info"))
        for other, cursor in list(self._cursors.items()):
            if cursor.closed:
                # The history had no place for that room; the client was told.
                del self._cursors[other]
        if room in self._cursors:
            raise RelayError("joined-already", "this connection is in the room already")
        if len(self._cursors) >= self._relay.max_rooms_each:
            limit = self._relay.max_rooms_each
            raise RelayError("too-many-rooms", f"a connection may be in {limit} rooms")
        # With presence, each join is told to all in the room.
        self._joining.take(
            self._relay.clock.seconds(),
            self._relay.publish_rate,
            max(self._relay.max_rooms_each, self._relay.publish_rate or 0),
        )
        self.join(room, since, self._presence(info))

    def _leave(self, said: dict[str, Any]) -> dict[str, Any]:
        room = check_room(said.get("room"))
        cursor = self._cursors.pop(room, None)
        if cursor is None:
            raise RelayError("not-joined", "this connection isn't in the room")
        cursor.leave()
        return {"type": "left", "room": room}

    async def _publish(self, said: dict[str, Any]) -> dict[str, Any] | None:
        room = check_room(said.get("room"))
        id = _id(said.get("id"))
        data = payload_of(said, self._relay.max_message)
        epoch, offset = await self.publish(room, data, id)
        if id is None:
            return None
        return {"type": "published", "room": room, "id": id, "epoch": epoch, "offset": offset}


def _since(text: object) -> Position | None:
    if text is None:
        return None
    try:
        return Position.parse(text)
    except ValueError as exc:
        raise RelayError("bad-message", str(exc)) from None


def _info(info: object) -> object:
    try:
        size = len(dumped({"info": info}).encode())
    except (ValueError, RecursionError):
        size = _INFO_SIZE + 1
    if size > _INFO_SIZE:
        raise RelayError("bad-message", f"info must have at most {_INFO_SIZE} bytes of JSON")
    return info


def _id(id: object) -> str | None:
    if id is None or (isinstance(id, str) and 0 < len(id) <= _ID_SIZE and id.isascii()):
        return id
    raise RelayError("bad-message", f"id must be ASCII text of 1 to {_ID_SIZE} characters")


def _refusal(said: dict[str, Any], refusal: RelayError) -> dict[str, Any]:
    """Return the answer to a refused request, with the keys by which the client knows it again."""
    answer: dict[str, Any] = {"type": "error", "code": refusal.code, "text": refusal.text}
    if refusal.wait is not None:
        answer["wait"] = refusal.wait
    if said.get("type") in ("join", "leave", "publish"):
        answer["to"] = said["type"]
    for key, check in (("room", check_room), ("id", _id)):
        try:
            if said.get(key) is not None:
                answer[key] = check(said[key])
        except RelayError:
            pass
    return answer

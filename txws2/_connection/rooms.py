"""Rooms: named groups of connections, in the memory of one process."""

from __future__ import annotations

from typing import Any, NamedTuple

from twisted.internet.defer import Deferred, succeed
from zope.interface import implementer

from txws2._connection.broadcast import Slow, broadcast
from txws2._connection.handle import driver_of
from txws2._connection.parts import state_of
from txws2._connection.protocol import WebSocketProtocol
from txws2.interfaces import IRooms, Presence
from txws2.wire.connection import State
from txws2.wire.encoder import Part

__all__ = ["Rooms"]


@implementer(IRooms)
class Rooms:
    """Rooms of the connections of one process.

    A room exists as long as a connection is in it. A connection leaves all of its rooms when it is
    closed. Each Deferred has fired already when it is returned, so push style may ignore it.
    """

    def __init__(self) -> None:
        self._rooms: dict[str, dict[WebSocketProtocol, Any]] = {}
        self._guests: dict[WebSocketProtocol, _Guest] = {}

    def join(self, room: str, connection: WebSocketProtocol, info: Any = None) -> Deferred[None]:
        """Add a connection to a room.

        If it is there already, only the info changes. A connection that is closing or closed joins
        no room.

        Args:
            room: the name of the room.
            connection: the connection.
            info: information for the other members, as a name. If rooms are shared by processes,
                it must be a value that JSON has.
        """
        if state_of(connection) in (State.CONNECTING, State.OPEN):
            self._rooms.setdefault(room, {})[connection] = info
            guest = self._guests.get(connection)
            if guest is None:
                closed = WebSocketProtocol.wait_closed(connection)
                guest = self._guests[connection] = _Guest(set(), closed)
                closed.addCallbacks(self._closed, lambda _: None, callbackArgs=(connection,))
            guest.rooms.add(room)
        return succeed(None)

    def leave(self, room: str, connection: WebSocketProtocol) -> Deferred[None]:
        """Remove a connection from a room, if it is there."""
        guest = self._guests.get(connection)
        if guest is not None and room in guest.rooms:
            guest.rooms.remove(room)
            self._remove(room, connection)
            if not guest.rooms:
                del self._guests[connection]
                guest.closed.cancel()
        return succeed(None)

    def broadcast(
        self,
        room: str,
        message: Part,
        text: bool | None = None,
        *,
        compress: bool | None = None,
        slow: Slow = "skip",
        but: WebSocketProtocol | None = None,
    ) -> Deferred[int]:
        """Send a message to all connections in a room.

        Args:
            room: the name of the room, which may be empty.
            message: a str is sent as text, a bytes-like object as binary.
            text: as for `WebSocketProtocol.send`.
            compress: as for `WebSocketProtocol.send`.
            slow: the treatment of slow connections, as for `txws2.broadcast`.
            but: a connection that doesn't get the message, usually its sender.

        Returns:
            A Deferred of the number of connections on which it was sent.

        Raises:
            TypeError: the message is neither str nor bytes-like.
            UnicodeError: the text can't be UTF-8.
            ValueError: there is no such policy.
        """
        hearers = [hearer for hearer in self._rooms.get(room, ()) if hearer is not but]
        return succeed(broadcast(hearers, message, text, compress=compress, slow=slow))

    def here(self, room: str) -> Deferred[list[Presence]]:
        """Return a Deferred of the open connections in a room, in order of joining."""
        members = self._rooms.get(room, {})
        return succeed(
            [
                Presence(driver_of(member).id, info)
                for member, info in members.items()
                if state_of(member) is State.OPEN
            ]
        )

    def names(self) -> Deferred[list[str]]:
        """Return a Deferred of the names of all rooms that have members."""
        return succeed(list(self._rooms))

    def _closed(self, _: object, connection: WebSocketProtocol) -> None:
        for room in self._guests.pop(connection).rooms:
            self._remove(room, connection)

    def _remove(self, room: str, connection: WebSocketProtocol) -> None:
        members = self._rooms[room]
        del members[connection]
        if not members:
            del self._rooms[room]


class _Guest(NamedTuple):
    """The rooms that a connection is in, and the Deferred that fires when it is closed."""

    rooms: set[str]
    closed: Deferred[None]

"""`Relay`: publish and subscribe, with rooms that forget nothing."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Literal, Unpack
from urllib.parse import unquote

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from txws2._checks.kinds import check_count, check_flag, check_reactor, check_seconds, shown
from txws2._time.steady import steady
from txws2.interfaces import Presence
from txws2.relay.guest import FramedGuest, PlainGuest
from txws2.relay.history import IHistory, MemoryHistory
from txws2.relay.messages import Position
from txws2.relay.publishers import (
    MayPublish,
    TokenSource,
    check_may_publish,
    may_publish,
    token_check,
)
from txws2.relay.room import Room
from txws2.relay.wording import SUBPROTOCOL, RelayError, check_data, check_room
from txws2.server.factory import ServerOptions, WebSocketServerFactory
from txws2.wire.handshake.server import offered_subprotocols
from txws2.wire.http.heads import Request, Response

if TYPE_CHECKING:
    from txws2.relay.resource import RelayResource

__all__ = ["Relay"]


class Relay:
    """A handler that relays messages between the clients of rooms.

    A room is a path, /room/NAME below the relay's own path, or is joined with a JSON message by
    clients that speak the subprotocol; see docs/howto/relay.rst. Each message has an offset, and
    the history of a room has an epoch. So a client that comes back gets what it has missed, or is
    told that this isn't there any more.

    A client that reads slowly gets messages from the history, as fast as it reads. If the history
    has no more what it lacks, it is told of the gap.

    Args:
        path: the path of the relay.
        history: the number of messages that each room keeps, 0 for none, or "last" for one; or an
            `IHistory`, which has limits of its own.
        history_seconds: the time to keep a message, and a room that nobody hears; None for no
            limit.
        history_bytes: the bytes of payload that each room keeps.
        max_rooms: the number of rooms; those that nobody hears make room for others.
        presence: True to tell clients of the subprotocol who is in a room, comes and goes.
        publish: the clients that may publish over WebSocket: "everybody", "nobody", or a function
            of a connection and a room.
        tokens: the bearer tokens with which HTTP clients may publish: the path of a file, or a
            function of a token and a room. None to let no HTTP client publish.
        publish_rate: the number of messages in a second that each WebSocket connection, and each
            token over HTTP, may publish, and that may come at once; None for no limit. It limits
            how often a connection joins rooms, too. `publish` has no limit.
        max_message: the bytes of the payload of a message.
        max_rooms_each: the number of rooms that one connection may be in.
        max_streams: the number of HTTP clients that may listen at the same time.
        reactor: the reactor to run on; None for the global one.

    Attributes:
        subprotocols: the subprotocols to give to the server.

    Raises:
        TypeError: an argument is of the wrong kind.
        ValueError: an argument is out of range, or the file of tokens is wrong.
    """

    subprotocols = (SUBPROTOCOL,)

    def __init__(
        self,
        path: str = "/",
        *,
        history: int | Literal["last"] | IHistory = 100,
        history_seconds: float | None = None,
        history_bytes: int = 1024 * 1024,
        max_rooms: int = 1000,
        presence: bool = False,
        publish: MayPublish = "everybody",
        tokens: TokenSource | None = None,
        publish_rate: int | None = 1000,
        max_message: int = 64 * 1024,
        max_rooms_each: int = 100,
        max_streams: int = 1000,
        reactor: Any = None,
    ) -> None:
        if not isinstance(path, str) or not path.startswith("/"):
            raise ValueError(f"path must begin with a slash, as '/chat'; it is {shown(path)}")
        if reactor is None:
            from twisted.internet import reactor
        check_reactor(reactor)
        check_flag("presence", presence)
        check_may_publish(publish)
        check_count("publish_rate", publish_rate, 1)
        check_count("max_message", max_message, 1, optional=False)
        check_count("max_rooms_each", max_rooms_each, 1, optional=False)
        check_count("max_streams", max_streams, 0, optional=False)
        check_seconds("history_seconds", history_seconds)
        self.clock: Any = steady(reactor)
        if IHistory.providedBy(history):
            self._history: Any = history
        else:
            count: Any = 1 if history == "last" else history
            check_count("history", count, 0, optional=False)
            self._history = MemoryHistory(
                count,
                history_seconds,
                max_bytes=history_bytes,
                max_rooms=max_rooms,
                clock=self.clock,
            )
        self.reactor = reactor
        self.presence = presence
        self.publish_rate = publish_rate
        self.max_message = max_message
        self.max_rooms_each = max_rooms_each
        self.max_streams = max_streams
        self.tokens = None if tokens is None else token_check(tokens)
        self._path = path.rstrip("/")
        self._publish = publish
        self._rooms: dict[str, Room] = {}
        self.log = Logger("txws2.relay")

    # The application calls these.

    def publish(self, room: str, data: str | bytes, id: str | None = None) -> Deferred[Position]:
        """Publish a message.

        Args:
            room: the name of the room.
            data: the payload: a str is text, bytes are binary.
            id: a name of the message. If a recent message of the room has the same, this is the
                same message, and isn't published again.

        Returns:
            A Deferred of the position of the message. It fails with `RelayError` if there are too
            many rooms.

        Raises:
            RelayError: the room's name isn't one, or the message is too big, or no UTF-8.
        """
        check_data(data, self.max_message)
        appended: Deferred[Position] = self._history.append(check_room(room), data, id)
        return appended

    def here(self, room: str) -> list[Presence]:
        """Return the connections of this process in a room; none without the option presence."""
        found = self._rooms.get(room)
        return [] if found is None else found.here()

    def room_numbers(self) -> dict[str, int]:
        """Return the number of hearers of each room of this process."""
        return {name: len(room.cursors) for name, room in self._rooms.items()}

    def resource(
        self, factory: WebSocketServerFactory | None = None, **options: Unpack[ServerOptions]
    ) -> RelayResource:
        """Return a resource of twisted.web for the relay's path.

        At room/NAME below it, POST publishes, and GET listens to Server-Sent Events. WebSocket
        clients connect there, too.

        Args:
            factory: makes the WebSocket connections, as that of the same path in `Mounts`; its
                handler is this relay.
            **options: the options of `WebSocketServerFactory`, if there is no factory. They are for
                WebSocket clients; a `GuardedResource` in front of this one asks its hooks about
                all clients.

        Raises:
            TypeError: there are both a factory and options; or as `WebSocketServerFactory` says.
            ValueError: an option is out of range.
        """
        # Only sites need twisted.web.
        from txws2.relay.resource import RelayResource

        return RelayResource(self, factory, **options)

    # The server calls these.

    def process_request(self, connection: Any, request: Request) -> Response | None:
        """Refuse a request that isn't for a room, or for the relay itself."""
        speaks = SUBPROTOCOL in offered_subprotocols(request)
        try:
            room, _ = self.place_of(request)
        except RelayError as refusal:
            return Response.plain(HTTPStatus.BAD_REQUEST, f"{refusal.sentence}\n")
        except LookupError:
            text = f"There are rooms at {self._path}/room/NAME.\n"
            return Response.plain(HTTPStatus.NOT_FOUND, text)
        if room is None and not speaks:
            text = (
                f"Connect to {self._path}/room/NAME, or offer the subprotocol {SUBPROTOCOL}, "
                "which joins rooms by messages.\n"
            )
            return Response.plain(HTTPStatus.BAD_REQUEST, text)
        return None

    async def __call__(self, connection: Any) -> None:
        """Serve a connection until it is closed."""
        room, since = self.place_of(connection.request)
        if connection.subprotocol == SUBPROTOCOL:
            await FramedGuest(self, connection).stay(room, since)
        elif room is not None:
            await PlainGuest(self, connection).stay(room, since)
        else:
            raise ValueError("give the relay's subprotocols to the server: subprotocols=...")

    # Guests and streams call these.

    def place_of(self, request: Request) -> tuple[str | None, Position | None]:
        """Return the room and the position that a request names.

        Raises:
            LookupError: the path isn't the relay's, or a room's below it.
            RelayError: the name isn't one of a room, or the position is none.
        """
        path = request.path.partition("?")[0]
        # RFC 3986 section 2.4: a path is split before its segments are decoded.
        if not path.startswith(f"{self._path}/") and path != self._path:
            raise LookupError(path)
        below = path[len(self._path) + 1 :].split("/")
        since = request.query.get("since")
        if below == [""]:
            return None, None
        if below[0] != "room" or len(below) != 2:
            raise LookupError(path)
        return check_room(decoded(below[1])), position_of(since)

    def room(self, name: str) -> Room:
        """Return a room, for a hearer to come."""
        room = self._rooms.get(name)
        if room is None:
            room = self._rooms[name] = Room(name, self._history, self._ended, self.log)
        return room

    async def check_publisher(self, connection: Any, room: str) -> None:
        """Make sure that a connection may publish in a room.

        Raises:
            RelayError: it may not.
        """
        if not await may_publish(self._publish, connection, room):
            raise RelayError("not-allowed", "publishing in this room isn't allowed here")

    def _ended(self, room: Room) -> None:
        if self._rooms.get(room.name) is room:
            del self._rooms[room.name]


def decoded(segment: str) -> str:
    """Return the name in a segment of a path.

    Raises:
        RelayError: it isn't UTF-8.
    """
    try:
        return unquote(segment, errors="strict")
    except UnicodeDecodeError:
        raise RelayError("bad-room", "the name of a room must be UTF-8") from None


def position_of(since: str | None) -> Position | None:
    """Return the position in a query; None if there is none.

    Raises:
        RelayError: the text is no position.
    """
    try:
        return None if since is None else Position.parse(since)
    except ValueError as exc:
        raise RelayError("bad-message", str(exc)) from None

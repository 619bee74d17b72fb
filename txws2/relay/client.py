"""`RelayClient`: rooms of a relay for a program, across lost connections."""

from __future__ import annotations

from secrets import token_hex
from typing import Any, Unpack

from twisted.internet.defer import CancelledError, Deferred

from txws2._checks.kinds import shown
from txws2._connection.typed_service import TypedService
from txws2._deferreds.eventual import Eventual
from txws2._deferreds.waiters import fail_quietly
from txws2._time.backoff import Backoff
from txws2.client.client_state import ClientState
from txws2.client.connections import ConnectOptions
from txws2.client.protocol import WebSocketClientProtocol
from txws2.client.retry_policy import process_exception as _usual
from txws2.client.service import WebSocketClientService
from txws2.client.target import URISource
from txws2.exceptions import ConnectionClosed, InvalidState, NegotiationError
from txws2.relay.messages import Message, Position, payload
from txws2.relay.subscription import Gap, Subscription
from txws2.relay.wording import (
    SUBPROTOCOL,
    RelayError,
    check_data,
    check_room,
    comes_back,
    dumped,
    parsed,
    payload_of,
)

__all__ = ["Gap", "RelayClient", "Subscription"]

# The relay remembers the ids of the latest 512 messages of a room.
_MOST_WAITING = 256

# The relay judges how large a message may be.
_ANY_SIZE = 2**63


class RelayClient(TypedService):
    """Subscribes to rooms of a relay, and publishes in them, as a service.

    When the connection is lost, the client makes another one, joins all rooms again where it was,
    and sends the messages again that the relay hasn't answered. The relay knows these by their
    ids, so a message isn't doubled, unless more than 512 others with ids came in its room
    meanwhile, or the relay has begun a new history.

    While 16 messages wait in one of its subscriptions, the client doesn't read from the relay, so
    iterate over all of them.

    Args:
        uri: the ws or wss URI of the relay's path, or a function that returns it.
        backoff: the waits, as for ``async for`` with `connect`.
        reactor: the reactor to run on; None for the global one.
        **options: the options of `connect`, except subprotocols.

    Raises:
        TypeError: an option is of the wrong kind, or there is no such option.
        ValueError: an option is out of range.
    """

    def __init__(
        self,
        uri: URISource,
        *,
        backoff: Backoff = Backoff(),  # noqa: B008
        reactor: Any = None,
        **options: Unpack[ConnectOptions],
    ) -> None:
        if "subprotocols" in options:
            raise TypeError("RelayClient has its own subprotocol; leave subprotocols out")
        options["subprotocols"] = [SUBPROTOCOL]
        self._service: WebSocketClientService[Any] = WebSocketClientService(
            uri,
            self._received,
            on_connect=self._connected,
            on_state_change=self._changed,
            process_exception=self._judge,
            backoff=backoff,
            reactor=reactor,
            **options,
        )
        self._subscriptions: dict[str, Subscription] = {}
        self._ws: Any = None
        # Random, so that no other client has the same ids.
        self._name = token_hex(8)
        self._count = 0
        self._waiting: dict[str, tuple[Deferred[Position], str]] = {}
        # The latest verdict on a failure: an exception to give up with, or None to try again.
        self._final: Exception | None = None
        self._answers = {
            "joined": self._joined,
            "message": self._message,
            "gap": self._gap,
            "published": self._published,
            "error": self._refused,
        }

    def startService(self) -> None:
        """Begin to connect."""
        super().startService()
        self._final = None
        self._service.startService()

    def stopService(self) -> Deferred[None]:
        """Close the connection; return a Deferred that fires when it is closed.

        The subscriptions end, and messages that the relay hasn't answered fail with
        CancelledError; these may have come or not.
        """
        super().stopService()
        return self._service.stopService()

    def whenConnected(self, failAfterFailures: int | None = None) -> Deferred[Any]:
        """Return a Deferred of the open connection, as that of `WebSocketClientService`."""
        return self._service.whenConnected(failAfterFailures)

    def subscribe(
        self, room: str, since: Position | str | None = None, info: object = None
    ) -> Subscription:
        """Hear a room from now on, across lost connections.

        Args:
            room: its name.
            since: the position of the last message that is known; messages behind it come first.
                None for all messages that the relay has.
            info: a value of JSON about this client, for the others in the room, if the relay has
                the option presence.

        Raises:
            RelayError: this isn't the name of a room.
            TypeError: info isn't a value of JSON.
            ValueError: this client has subscribed already, or since is no position, or info has a
                number or a text that JSON can't have.
        """
        if check_room(room) in self._subscriptions:
            raise ValueError(f"this client has subscribed to {room!r} already")
        if since is not None and not isinstance(since, Position):
            since = Position.parse(since)
        # What can't be sent now could be sent with no later connection.
        dumped({"info": info}).encode()
        made = Subscription(room, since, info, self._leave)
        if self._given_up is not None:
            made.end(self._given_up)
            return made
        self._subscriptions[room] = made
        self._send(made.request())
        return made

    def publish(self, room: str, data: str | bytes) -> Deferred[Position]:
        """Publish a message, now or with the next connection.

        Args:
            room: the name of the room.
            data: the payload: a str is text, bytes are binary.

        Returns:
            A Deferred of the message's position, once the relay has it. It fails with
            `RelayError` if the relay refuses it, which has the code "too-fast" and the seconds to
            wait if the relay limits the rate; with InvalidState if 256 messages wait for an
            answer already, and with CancelledError if the client stops before.

        Raises:
            RelayError: this isn't the name of a room, or the text isn't valid Unicode.
            TypeError: data is neither str nor bytes.
        """
        check_room(room)
        if not isinstance(data, (str, bytes)):
            raise TypeError(f"data must be str or bytes; it is {shown(data)}")
        check_data(data, _ANY_SIZE)
        published: Deferred[Position] = Eventual()
        if self._given_up is not None:
            fail_quietly(published, self._given_up)
            return published
        if len(self._waiting) >= _MOST_WAITING:
            why = f"not published: {_MOST_WAITING} messages wait for an answer already"
            fail_quietly(published, InvalidState(why))
            return published
        self._count += 1
        id = f"{self._name}-{self._count}"
        said = {"type": "publish", "room": room, "id": id, **payload(data)}
        self._waiting[id] = published, dumped(said)
        self._send(said)
        return published

    @property
    def _given_up(self) -> Exception | None:
        return self._final if self._service.state is ClientState.STOPPED else None

    # The service calls these.

    def _connected(self, ws: Any) -> None:
        if ws.subprotocol != SUBPROTOCOL:
            raise NegotiationError(f"no relay: it doesn't speak the subprotocol {SUBPROTOCOL}")
        self._ws = ws
        for subscription in self._subscriptions.values():
            self._send(subscription.request())
        for _, text in self._waiting.values():
            WebSocketClientProtocol.sendMessage(ws, text)

    def _judge(self, exc: Exception) -> Exception | None:
        if isinstance(exc, ConnectionClosed) and exc.rcvd is not None:
            verdict: Exception | None = None if comes_back(exc.rcvd.code) else exc
        elif isinstance(exc, NegotiationError):
            verdict = exc
        else:
            verdict = _usual(exc)
        self._final = verdict
        return verdict

    def _changed(self, state: ClientState) -> None:
        if state is ClientState.STOPPED:
            self._ws = None
            waiting, self._waiting = self._waiting, {}
            why = self._final or CancelledError("the client was stopped")
            for published, _ in waiting.values():
                fail_quietly(published, why)
            subscriptions, self._subscriptions = self._subscriptions, {}
            for subscription in subscriptions.values():
                subscription.end(self._final)

    def _received(self, message: str | bytes) -> Deferred[None] | None:
        said = parsed(message)
        answer = self._answers.get(said.get("type", ""))
        # A later version of the relay may say more.
        return None if answer is None else answer(said)

    def _joined(self, said: dict[str, Any]) -> Deferred[None] | None:
        subscription = self._subscriptions.get(said["room"])
        if subscription is None:
            return None
        return subscription.locate(Position(said["epoch"], said["offset"]), said["gap"])

    def _gap(self, said: dict[str, Any]) -> Deferred[None] | None:
        return self._joined({**said, "gap": True})

    def _message(self, said: dict[str, Any]) -> Deferred[None] | None:
        subscription = self._subscriptions.get(said["room"])
        if subscription is None or subscription.position is None:
            return None
        position = Position(subscription.position.epoch, said["offset"])
        return subscription.hear(Message(said["room"], position, payload_of(said, _ANY_SIZE)))

    def _published(self, said: dict[str, Any]) -> None:
        published, _ = self._waiting.pop(said["id"], (None, ""))
        if published is not None:
            published.callback(Position(said["epoch"], said["offset"]))

    def _refused(self, said: dict[str, Any]) -> None:
        error = RelayError(said["code"], said["text"], said.get("wait"))
        if said.get("to") == "join":
            subscription = self._subscriptions.pop(said.get("room", ""), None)
            if subscription is not None:
                subscription.end(error)
        elif said.get("id") in self._waiting:
            published, _ = self._waiting.pop(said["id"])
            fail_quietly(published, error)

    # Subscriptions call this.

    def _leave(self, subscription: Subscription) -> None:
        if self._subscriptions.get(subscription.room) is subscription:
            del self._subscriptions[subscription.room]
            self._send({"type": "leave", "room": subscription.room})

    def _send(self, said: dict[str, Any]) -> None:
        if self._ws is not None:
            # Without an open connection, this does nothing; `_connected` sends all again.
            WebSocketClientProtocol.sendMessage(self._ws, dumped(said))

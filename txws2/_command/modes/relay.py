"""`--relay`: publish and subscribe, in rooms with a history."""

from __future__ import annotations

import json
import os
from typing import NamedTuple
from urllib.parse import unquote

from txws2._checks.quantities import count, duration
from txws2._command.modes.mode import Making, Mode, place_alone
from txws2._command.option import Option, WrongOption
from txws2._pages.visit import Visit
from txws2._pages.ways import Manual
from txws2.server.factory import WebSocketServerFactory
from txws2.server.watched_file import Unreadable

__all__ = ["RelayMode"]


class _History(NamedTuple):
    """The history that each room keeps.

    Attributes:
        messages: the number of messages.
        seconds: the time to keep a message; None for no limit.
    """

    messages: int
    seconds: float | None


_MESSAGES = count("messages", least=0)
_TIME = duration()


def _history(text: str) -> _History:
    if text == "last":
        return _History(1, None)
    messages, comma, time = text.partition(",")
    try:
        return _History(_MESSAGES(messages), _TIME(time) if comma else None)
    except ValueError as exc:
        raise ValueError(
            f"must be a number of messages, perhaps with a time, as 100 or 100,1h, or last; it is "
            f"{text!r}"
        ) from exc


def _publish(text: str) -> str:
    if text not in ("everybody", "nobody"):
        raise ValueError(f"must be everybody or nobody; it is {text!r}")
    return text


class RelayMode(Mode):
    """Clients publish in rooms, and hear rooms, over WebSocket and HTTP."""

    option = Option(
        "relay",
        "rooms, in which clients publish and listen",
        "[PATH]",
        place_alone,
        many=True,
        bare="/",
    )
    settings = (
        Option(
            "history",
            "messages that each room keeps for those who come (back), perhaps with a time, as "
            "100,1h; or last, the last one",
            "COUNT[,TIME]",
            _history,
            _History(100, None),
            "100",
        ),
        Option("presence", "tell clients who is in a room, comes and goes"),
        Option(
            "publish",
            "the WebSocket clients that may publish: everybody, or nobody",
            "WHO",
            _publish,
            "everybody",
            "everybody",
        ),
        Option(
            "publish-tokens",
            "a file with a token on each line, with which HTTP clients may publish; these need no "
            "other password or token",
            "FILE",
        ),
        Option(
            "publish-rate",
            "messages a second that each WebSocket, and each token, may publish",
            "NUMBER",
            count("messages a second", words={"none": None}),
            1000,
            "1000",
        ),
    )
    has_resource = True

    def make(self, what: str, making: Making) -> WebSocketServerFactory:
        """Return the factory of a relay, and keep its resource."""
        # Only this mode needs it.
        from txws2.relay import Relay
        from txws2.relay.publishers import publisher_auth

        history = making.options["history"]
        tokens = making.options["publish-tokens"]
        try:
            relay = Relay(
                making.path,
                history=history.messages,
                history_seconds=history.seconds,
                presence=bool(making.options["presence"]),
                publish=making.options["publish"],
                tokens=None if tokens is None else os.path.join(making.directory, tokens),
                publish_rate=making.options["publish-rate"],
                reactor=making.reactor,
            )
        except Unreadable as exc:
            raise WrongOption("publish-tokens", f"--publish-tokens: {exc}") from exc
        factory = making.factory(relay)
        making.resources[making.path] = relay.resource(factory)
        making.ways[making.path] = _WaysOfRelay(making)
        if tokens is not None:
            making.proofs[making.path] = (publisher_auth(relay),)
        return factory


class _WaysOfRelay:
    """The ways to use a relay, with a room as an example.

    Args:
        making: has the path and the options.
    """

    def __init__(self, making: Making) -> None:
        self._path = making.path.rstrip("/")
        self._tokens = making.options["publish-tokens"] is not None
        both = making.options["publish"] == "everybody"
        self._websocket = "hear and publish" if both else "hear"

    def __call__(self, visit: Visit, path: str) -> Manual:
        rooms = f"{self._path}/room/"
        room = path.removeprefix(rooms)
        if not path.startswith(rooms) or not room or "/" in room:
            room = "lobby"
        uri, page = visit.uri(rooms + room), visit.uri(rooms + room, "http")
        commands = [
            (self._websocket, f"python -m txws2 {uri}"),
            ("hear", f"curl -N -H 'Accept: text/event-stream' {page}"),
        ]
        if self._tokens:
            commands.append(("publish", f"curl -d hello -H 'Authorization: Bearer TOKEN' {page}"))
        name = unquote(room)
        script = _SCRIPT.format(
            module=visit.uri(f"{self._path}/relay.js", "http"),
            relay=visit.uri(f"{self._path}/"),
            room=json.dumps(name if name.isprintable() else "lobby"),
        )
        return Manual(
            "There are rooms here",
            f"Their addresses are {visit.uri(rooms, 'http')}NAME. Clients hear them, and publish.",
            rooms + room,
            tuple(commands),
            script,
        )


_SCRIPT = """\
import {{Relay}} from "{module}";
const relay = new Relay("{relay}");
relay.subscribe({room}, (data) => console.log(data));
await relay.publish({room}, "hello");"""

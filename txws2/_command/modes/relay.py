"""`--relay`: publish and subscribe, in rooms with a history."""

from __future__ import annotations

import os
from typing import Any, NamedTuple

from txws2._checks.quantities import count, duration
from txws2._command.modes.mode import Making, Mode, place_alone
from txws2._command.option import Option, WrongOption
from txws2.server.factory import WebSocketServerFactory

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
            "a file with a bearer token on each line, with which HTTP clients may publish",
            "FILE",
        ),
    )
    has_resource = True

    def make(self, what: str, making: Making) -> WebSocketServerFactory:
        """Return the factory of a relay, and keep its resource."""
        # Only this mode needs it.
        from txws2.relay import Relay

        history = making.options["history"]
        tokens = _tokens(making)
        try:
            relay = Relay(
                making.path,
                history=history.messages,
                history_seconds=history.seconds,
                presence=bool(making.options["presence"]),
                publish=making.options["publish"],
                tokens=tokens,
                reactor=making.reactor,
            )
        except OSError as exc:
            shown = making.options["publish-tokens"]
            raise WrongOption(
                "publish-tokens", f"can't read --publish-tokens {shown}: {exc.strerror}"
            ) from exc
        making.resources[making.path] = relay.resource()
        return making.factory(relay)


def _tokens(making: Making) -> Any:
    """Return the path of the file of tokens; None if there is none.

    Raises:
        WrongOption: clients would need two values of one header.
    """
    given = making.options["publish-tokens"]
    if given is None:
        return None
    for other in ("user-file", "bearer-tokens"):
        if making.options[other] is not None:
            raise WrongOption(
                "publish-tokens",
                f"--publish-tokens and --{other} both need the Authorization header of a request; "
                "give only one",
            )
    return os.path.join(making.directory, given)

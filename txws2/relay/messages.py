"""A message of a room, its position, and its forms on the wire."""

from __future__ import annotations

import re
from base64 import b64encode
from functools import cached_property
from typing import NamedTuple

from txws2.relay.wording import dumped
from txws2.wire.shared_message import SharedMessage

__all__ = ["Message", "Position"]

# 18 digits fit into the 64 bits of any store.
_POSITION = re.compile(r"([A-Za-z0-9_-]{1,64}):([0-9]{1,18})", re.ASCII)
# The specification of HTML, section 9.2.6: each of these ends a line of an event stream.
_LINE_END = re.compile(r"\r\n|\r|\n")


class Position(NamedTuple):
    """A place in the history of a room; its text is EPOCH:OFFSET.

    Attributes:
        epoch: the name of the history. A room that was forgotten begins another one.
        offset: the number of the last message before this place; the first message has 1.
    """

    epoch: str
    offset: int

    @classmethod
    def parse(cls, text: object) -> Position:
        """Read the text of a position.

        Raises:
            ValueError: it isn't one.
        """
        match = _POSITION.fullmatch(text) if isinstance(text, str) else None
        if match is None:
            raise ValueError('since must be "EPOCH:OFFSET", as "5f0c2a91:17"')
        return cls(match[1], int(match[2]))

    def __str__(self) -> str:
        return f"{self.epoch}:{self.offset}"


class Message:
    """A message of a room.

    Each form on the wire is made when it is first needed, once for all who hear the message.

    Args:
        room: the name of the room.
        position: its epoch and its offset.
        data: a str for text, bytes for binary.
    """

    def __init__(self, room: str, position: Position, data: str | bytes) -> None:
        self.room = room
        self.position = position
        self.data = data

    def __repr__(self) -> str:
        return f"<Message {self.position} of {self.room!r}: {len(self.data)}>"

    @cached_property
    def framed(self) -> SharedMessage:
        """The message as JSON, for connections that speak the subprotocol."""
        said = {"type": "message", "room": self.room, "offset": self.position.offset}
        return SharedMessage(dumped(said | payload(self.data)))

    @cached_property
    def plain(self) -> SharedMessage:
        """The payload alone, for connections without the subprotocol."""
        return SharedMessage(self.data)

    @cached_property
    def event(self) -> bytes:
        """The message as an event of text/event-stream."""
        lines = [f"id: {self.position}"]
        if isinstance(self.data, str):
            lines += [f"data: {line}" for line in _LINE_END.split(self.data)]
        else:
            lines += ["event: base64", f"data: {b64encode(self.data).decode()}"]
        return ("\n".join(lines) + "\n\n").encode()


def payload(data: str | bytes) -> dict[str, str]:
    """Return the keys of a JSON message that carry a payload."""
    return {"data": data} if isinstance(data, str) else {"base64": b64encode(data).decode()}

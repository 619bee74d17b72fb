"""`--echo`: every message comes back."""

from __future__ import annotations

from txws2._command.modes.mode import Making, Mode, place_alone
from txws2._command.option import Option
from txws2.server.factory import WebSocketServerFactory, WebSocketServerProtocol

__all__ = ["Echo", "EchoMode"]


class Echo(WebSocketServerProtocol):
    """Sends every message back, and reads no more than it can send."""

    def connectionOpened(self) -> None:
        """Pause reading while there is too much to send."""
        self.registerProducer(self)

    def messageReceived(self, message: str | bytes) -> None:
        """Send the message back."""
        self.sendMessage(message)


class EchoMode(Mode):
    """An echo, to try a client or a proxy."""

    option = Option(
        "echo",
        "every message comes back",
        "[PATH]",
        place_alone,
        many=True,
        bare="/",
    )

    def make(self, what: str, making: Making) -> WebSocketServerFactory:
        """Return the factory of an echo."""
        return making.factory(None, create_protocol=Echo)

"""`--app`: an application in Python."""

from __future__ import annotations

from txws2._command.application import NoApplication, load_application, load_factory
from txws2._command.modes.mode import Making, Mode, place
from txws2._command.option import Option
from txws2.server.factory import WebSocketServerFactory

__all__ = ["App"]


class App(Mode):
    """An application: a handler, a protocol class, or a factory with options of its own."""

    option = Option(
        "app",
        "an application in Python: a handler of connections, a protocol class, or a factory",
        "[PATH=]MODULE:NAME",
        place,
        many=True,
        short="a",
    )

    def make(self, what: str, making: Making) -> WebSocketServerFactory:
        """Import the application, and return its factory."""
        try:
            factory = load_factory(what, making.directory, **making.settings)
            if load_application(what, making.directory) is factory:
                making.own.append(factory)
        except NoApplication as exc:
            raise ValueError(str(exc)) from exc
        return factory

"""`Mode`: one kind of service that `twistd ws` has at a path."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from txws2._command.option import Option
from txws2._pages.ways import Ways
from txws2.server.factory import FactoryOptions, WebSocketServerFactory
from txws2.server.hooks import ProcessRequest
from txws2.wire.http.mount_points import segments_of_point

__all__ = ["Making", "Mode", "Place", "place", "place_alone"]

# A program and its arguments, or a directory, may begin with a slash and have "=" in them, too. But
# a path in front of "=" has no space, as no path of a URI has.
_PLACED = re.compile(r"(/[^\s=]*)=(.*)", re.DOTALL)


class Place(NamedTuple):
    """One occurrence of a mode's option.

    Attributes:
        path: the path.
        what: the rest of the value, which says what is served there.
    """

    path: str
    what: str


def place(text: str) -> Place:
    """Return the place in [PATH=]WHAT; PATH is "/" by default.

    Raises:
        ValueError: PATH isn't the path of a mount.
    """
    match = _PLACED.fullmatch(text)
    path, what = ("/", text) if match is None else (match[1], match[2])
    if not what:
        raise ValueError(f"must have a value, perhaps with a path, as /path=VALUE; it is {text!r}")
    return Place(_checked(path), what)


def place_alone(text: str) -> Place:
    """Return the place in PATH.

    Raises:
        ValueError: PATH isn't the path of a mount.
    """
    return Place(_checked(text), "")


def _checked(path: str) -> str:
    try:
        segments_of_point(path)
    except ValueError as exc:
        raise ValueError(f"must have a path: {exc}") from exc
    return path


@dataclass
class Making:
    """All that a mode needs to make a factory or a resource.

    Attributes:
        options: the values of all options, by their names.
        settings: the options of `WebSocketServerFactory` among them.
        reactor: the reactor.
        directory: the current directory.
        services: services to start and stop with the server; a mode may add to these.
        own: the factories that have options of their own, not those of the command line; a mode
            may add to these.
        resources: the resources for plain HTTP at the paths of WebSockets; a mode may add to these.
        proofs: hooks that accept clients of the resource at a path, too, where clients need one of
            several proofs; a mode may add to these.
        ways: the ways to use a path, for its hint, if it isn't just a WebSocket; a mode may add to
            these.
        path: the path of the place that is made now.
    """

    options: Any
    settings: FactoryOptions
    reactor: Any
    directory: str
    services: list[Any] = field(default_factory=list)
    own: list[WebSocketServerFactory] = field(default_factory=list)
    resources: dict[str, Any] = field(default_factory=dict)
    proofs: dict[str, tuple[ProcessRequest, ...]] = field(default_factory=dict)
    ways: dict[str, Ways] = field(default_factory=dict)
    path: str = "/"

    def factory(self, handler: Any = None, **more: Any) -> WebSocketServerFactory:
        """Return a factory with the options of the command line.

        Args:
            handler: the handler. If it has a tuple `subprotocols`, these are the factory's unless
                the command line has others, or the handler chooses the subprotocol itself. If it is
                a service, it is started and stopped with the server.
            **more: further options of the factory.
        """
        settings: dict[str, Any] = {**self.settings, **more}
        if not (settings["subprotocols"] or hasattr(handler, "select_subprotocol")):
            settings["subprotocols"] = getattr(handler, "subprotocols", ())
        if hasattr(handler, "startService"):
            self.services.append(handler)
        return WebSocketServerFactory(handler, reactor=self.reactor, **settings)


class Mode:
    """One kind of service at a path.

    Attributes:
        option: the option that asks for it. Its value is read by `place` or `place_alone`.
        settings: further options, which hold for all places of this mode. Modes may share some.
        site: True if it answers plain HTTP, with a resource; False if it serves WebSockets, with a
            factory.
        has_resource: True if it answers plain HTTP, too, with one of `Making.resources`.
        page: True if it is about the server itself, with an `Answer` of `txws2._pages.pages`.
    """

    option: Option
    settings: tuple[Option, ...] = ()
    site = False
    has_resource = False
    page = False

    def lacking(self, setting: str, options: Any) -> str:
        """Return the words for all that a setting needs to have an effect; "" if it has one.

        Args:
            setting: the name of one of the `settings`.
            options: the values of all options, by their names.
        """
        return "" if options[self.option.name] else f"--{self.option.name}"

    def make(self, what: str, making: Making) -> Any:
        """Return the factory, or the resource, of one place.

        Args:
            what: the `Place.what` of the place.
            making: all that is needed.

        Raises:
            ValueError: there is no such thing, or it is of the wrong kind. The error says what was
                expected, what came, and what to do.
            WrongOption: the same, with one of the settings.
        """
        raise NotImplementedError

"""The places of `twistd ws`, and the factories and resources that are made for them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, NamedTuple

from txws2._command.modes.mode import Making, Mode, Place
from txws2._command.modes.table import MODES
from txws2._command.option import WrongOption
from txws2._command.tap_options import Options
from txws2.exceptions import NegotiationError
from txws2.server.factory import WebSocketServerFactory
from txws2.wire.http.mount_points import segments_of_point

__all__ = ["Made", "conflicts", "make_all"]


class Made(NamedTuple):
    """All that is made for the places, by their paths.

    Attributes:
        sockets: the factories of WebSockets.
        sites: the resources of sites.
        answers: the answers of pages about the server.
    """

    sockets: dict[str, WebSocketServerFactory]
    sites: dict[str, Any]
    answers: dict[str, Any]


def _places(options: Options) -> Iterator[tuple[Mode, Place]]:
    """Generate all places, each with its mode; an echo at "/" if nothing is to be served."""
    found = [(mode, place) for mode in MODES for place in options[mode.option.name]]
    if all(mode.page for mode, _ in found):
        yield next(mode for mode in MODES if mode.option.name == "echo"), Place("/", "")
    yield from found


def conflicts(options: Options) -> Iterator[WrongOption]:
    """Generate a problem for each place that is taken already."""
    taken: dict[tuple[bool, tuple[str, ...]], str] = {}
    for mode, place in _places(options):
        name = mode.option.name
        segments = segments_of_point(place.path)
        # A page may have a WebSocket of its own.
        both_kinds = mode.page or mode.has_resource
        keys = [(kind, segments) for kind in (True, False) if both_kinds or kind == mode.site]
        other = next((taken[key] for key in keys if key in taken), None)
        if other is None:
            taken.update(dict.fromkeys(keys, name))
            continue
        both = f"--{other} and --{name} are both" if other != name else f"--{name} is"
        twice = " twice" if other == name else ""
        yield WrongOption(
            name,
            f"{both} at {place.path!r}{twice}; give one of them another path, as --{name} "
            f"{_example(mode)}",
            place.what,
        )


def _example(mode: Mode) -> str:
    return "/other" if mode.option.bare is not None else "/other=..."


def make_all(options: Options, making: Making, problems: list[WrongOption]) -> Made:
    """Make the factories and resources; add to the problems."""
    made = Made({}, {}, {})
    for mode, place in _places(options):
        target: dict[str, Any] = made.sites if mode.site else made.sockets
        if mode.page:
            target = made.answers
        try:
            target[place.path] = mode.make(place.what, replace(making, path=place.path))
        except WrongOption as exc:
            problems.append(exc)
        except (NegotiationError, ValueError) as exc:
            problems.append(WrongOption(mode.option.name, str(exc), place.what))
    made.sites.update(making.resources)
    return made

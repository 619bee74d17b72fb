"""The problems of options of `twistd ws` that can't be used, or have no effect."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from txws2._command.authentication import authenticating
from txws2._command.modes.mode import Making
from txws2._command.modes.table import MODES
from txws2._command.option import WrongOption
from txws2._command.places import Made
from txws2._command.tap_options import Options
from txws2._command.tls import TLS
from txws2.exceptions import NegotiationError
from txws2.wire.handshake.origins import check_origins
from txws2.wire.handshake.rules import check_subprotocols
from txws2.wire.http.hosts import Hosts
from txws2.wire.http.ip_addresses import Networks

__all__ = ["useless_options", "wrong_values"]

# These options aren't options of a factory.
_OF_THE_SERVICE = {
    "access-log",
    "check-config",
    "config",
    "drain",
    "idle-exit",
    "json-log",
    "listen",
} | {each.name for each in TLS.options}

# Most of these lists are checked by the factory, too; it doesn't know from which option they come.
_CHECKS: dict[str, Callable[[list[Any]], object]] = {
    "origin": lambda texts: check_origins([text for text in texts if text not in ("any", "none")]),
    "host": lambda texts: Hosts([text for text in texts if text != "any"]),
    "subprotocol": check_subprotocols,
    "trusted-proxy": Networks,
}


def wrong_values(options: Options) -> Iterator[WrongOption]:
    """Generate a problem for each value in a list that isn't of the right form."""
    for name, check in _CHECKS.items():
        for value in options[name]:
            try:
                check([value])
            except (NegotiationError, ValueError) as exc:
                yield WrongOption(name, str(exc), value)


def useless_options(options: Options, making: Making, made: Made) -> Iterator[WrongOption]:
    """Generate a problem for options that have no effect on all that was made."""
    yield from _without_effect(options, making, made)
    yield from _without_choice(making, made)
    yield from _unguarded(options, making, made)


def _without_effect(options: Options, making: Making, made: Made) -> Iterator[WrongOption]:
    """Generate a problem if options would have no effect, such as an --origin that refuses no page.

    They have none if all WebSockets are those of factories with options of their own.
    """
    if not made.sockets or any(each not in making.own for each in made.sockets.values()):
        return
    allowed = _OF_THE_SERVICE | {mode.option.name for mode in MODES}
    allowed |= {each.name for mode in MODES if mode.page for each in mode.settings}
    if made.sites:
        allowed |= {"host"}
    wrong = [name for name in dict.fromkeys(options.given) if name not in allowed]
    if wrong:
        names = ", ".join(f"--{name}" for name in wrong)
        yield WrongOption(
            wrong[0],
            f"{options['app'][0].what} is a factory, and has its own options; {names} would have "
            "no effect on it, so give it to the factory in your code",
        )


def _without_choice(making: Making, made: Made) -> Iterator[WrongOption]:
    """Generate a problem if there are subprotocols, and the handlers choose all themselves."""
    names = making.settings["subprotocols"]
    factories = [each for each in made.sockets.values() if each not in making.own]
    if names and factories and not any(each.subprotocols for each in factories):
        yield WrongOption(
            "subprotocol",
            "--subprotocol has no effect: the target of a --forward chooses the subprotocol",
        )


def _unguarded(options: Options, making: Making, made: Made) -> Iterator[WrongOption]:
    """Generate a problem if clients would reach a factory of its own without any proof.

    If all factories are such, the options have no effect, which is told already.
    """
    names = authenticating(options)
    own = [path for path, each in made.sockets.items() if each in making.own]
    if names and own and len(own) < len(made.sockets):
        yield WrongOption(
            names[0],
            f"--{names[0]} would have no effect on the factory at {own[0]!r}, which has its own "
            "options; give it a process_request in your code, or serve a handler instead of it",
        )

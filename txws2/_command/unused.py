"""Settings of modes that have no effect: the mode isn't there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from txws2._command.modes.mode import Mode
from txws2._command.modes.table import MODES
from txws2._command.option import WrongOption, listed
from txws2._command.tap_options import Options

__all__ = ["unused_settings"]


def unused_settings(servers: Sequence[Options]) -> Iterator[str]:
    """Generate a problem for each setting that has no effect in any of the servers that have it.

    A setting above all services of a configuration file needs only one of them.

    Args:
        servers: the options of each server of the process.
    """
    for name, modes in _modes_of_settings().items():
        # The same place in a file stands for the same occurrence.
        having: dict[str | None, list[Options]] = {}
        for options in servers:
            if name in options.given:
                having.setdefault(options.places.get(name), []).append(options)
        for sharing in having.values():
            lacking = [mode.lacking(name, options) for mode in modes for options in sharing]
            if all(lacking):
                needed = listed(list(dict.fromkeys(lacking)))
                problem = f"--{name} has no effect without {needed}"
                yield sharing[0].located(WrongOption(name, problem))


def _modes_of_settings() -> dict[str, list[Mode]]:
    found: dict[str, list[Mode]] = {}
    for mode in MODES:
        for setting in mode.settings:
            found.setdefault(setting.name, []).append(mode)
    return found

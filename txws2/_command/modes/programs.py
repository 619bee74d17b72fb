"""`--exec`, `--exec-binary` and `--exec-shared`: programs behind WebSockets."""

from __future__ import annotations

import re
import shlex
from typing import Any

from txws2._checks.quantities import count, duration
from txws2._command.modes.mode import Making, Mode, place
from txws2._command.option import Option
from txws2.server.factory import WebSocketServerFactory

__all__ = ["Exec", "ExecBinary", "ExecShared"]

_VARIABLE = re.compile("[A-Za-z_][A-Za-z0-9_]*")


def _variable(text: str) -> str:
    if _VARIABLE.fullmatch(text) is None:
        raise ValueError(f"must be the name of one variable, as HOME; it is {text!r}")
    return text


_MAX_PROGRAMS = Option(
    "max-programs",
    "most programs at once, for each PATH",
    "NUMBER",
    count("programs", words={"none": None}),
    100,
    "100",
)

_OF_PROCESSES = (
    Option(
        "pass-environment",
        "a variable of the environment of this process that programs get",
        "NAME",
        _variable,
        many=True,
        otherwise="PATH, LD_LIBRARY_PATH",
    ),
    Option(
        "term-after",
        "time from the end of a program's input to SIGTERM",
        "TIME",
        duration(),
        0.1,
        "100ms",
    ),
    Option("kill-after", "time from SIGTERM to SIGKILL", "TIME", duration(), 5, "5s"),
)


def _arguments(line: str) -> list[str]:
    """Return the words of a command line.

    Raises:
        ValueError: it has none, or a quotation has no end.
    """
    try:
        words = shlex.split(line)
    except ValueError as exc:
        raise ValueError(f"{line!r} isn't a program with arguments, as for a shell: {exc}") from exc
    if not words or "\0" in line:
        raise ValueError(f"expected a program, perhaps with arguments; it is {line!r}")
    return words


def _of_processes(making: Making) -> dict[str, Any]:
    """Return the options that all programs have."""
    options = making.options
    found = {
        "max_size": making.settings["max_size"],
        "term_after": options["term-after"],
        "kill_after": options["kill-after"],
        "reactor": making.reactor,
    }
    if options["pass-environment"]:
        found["pass_environment"] = options["pass-environment"]
    return found


class Exec(Mode):
    """A program for each connection."""

    option = Option(
        "exec",
        "a program for each connection; a line, a message",
        "[PATH=]COMMAND",
        place,
        many=True,
    )
    settings = (_MAX_PROGRAMS, *_OF_PROCESSES)
    binary = False

    def make(self, what: str, making: Making) -> WebSocketServerFactory:
        """Return the factory of a program."""
        # Only these modes need it.
        from txws2.programs import Program

        program = Program(
            _arguments(what),
            binary=self.binary,
            max_programs=making.options["max-programs"],
            path=making.path,
            **_of_processes(making),
        )
        return making.factory(program)


class ExecBinary(Exec):
    """A program for each connection, whose output isn't lines."""

    option = Option(
        "exec-binary",
        "the same, but all that it prints is binary",
        "[PATH=]COMMAND",
        place,
        many=True,
    )
    binary = True


class ExecShared(Mode):
    """One program for all connections."""

    option = Option(
        "exec-shared",
        "one program, whose lines all connections get",
        "[PATH=]COMMAND",
        place,
        many=True,
    )
    settings = (
        Option(
            "shared-history",
            "number of last lines that a new connection gets",
            "NUMBER",
            count("lines", least=0),
            0,
            "0",
        ),
        Option("shared-input", "write the messages of all connections to the program's input"),
        *_OF_PROCESSES,
    )

    def make(self, what: str, making: Making) -> WebSocketServerFactory:
        """Return the factory of a shared program."""
        # Only these modes need it.
        from txws2.programs import SharedProgram

        program = SharedProgram(
            _arguments(what),
            takes_input=bool(making.options["shared-input"]),
            history=making.options["shared-history"],
            **_of_processes(making),
        )
        return making.factory(program)

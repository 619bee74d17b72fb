"""The options of `twistd ws`, and their spelling on the command line."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Sequence
from typing import Any

from twisted.python import usage

from twisted import __version__ as version
from txws2._command.config_file import ConfigFile, Table
from txws2._command.modes.table import MODES
from txws2._command.option import CannotStart, Option, WrongOption, WrongOptions
from txws2._command.option_groups import GROUPS, OF_THE_FILE
from txws2._command.stdio import show
from txws2._command.usage_text import usage_text
from txws2._connection.remedies import Spelling
from txws2.server.factory import FactoryOptions
from txws2.wire.handshake.origins import SAME_ORIGIN, Origins, host_of_origin
from txws2.wire.http.hosts import Hosts, is_host

__all__ = [
    "CannotStart",
    "CommandSpelling",
    "Options",
    "names_of_loopback",
    "settings_of",
]

# A page from one of these hosts comes from this machine.
_LOOPBACK = ("localhost", "127.0.0.0/8", "::1")

# The origins that are accepted if the command line names none.
_DEFAULT_ORIGINS = [SAME_ORIGIN, "none"]

FIRST = (
    "Serves WebSockets, and HTTP beside them, on one port. If none of the first options is given, "
    "every message comes back."
)
LAST = (
    'A configuration file has the same names, as in max-size = "10M". docs/howto/twistd.rst '
    "explains all of them."
)

_OPTIONS: dict[str, Option] = {each.name: each for group in GROUPS for each in group.options}


class Options(usage.Options):
    """The options of `twistd ws`.

    Attributes:
        given: the names of the options that were given, even with their default values.
        places: the places of the options that a configuration file has given, by their names.
        checking: True if the process ends when it has looked at the options.
    """

    checking = False

    synopsis = "[options]"
    optParameters = [
        [each.name, each.short, each.default, each.words, each.parse]
        for each in _OPTIONS.values()
        if not each.flag
    ]
    optFlags = [[each.name, each.short, each.words] for each in _OPTIONS.values() if each.flag]
    compData = usage.Completions(multiUse=[each.name for each in _OPTIONS.values() if each.many])

    def __init__(self) -> None:
        self.given: list[str] = []
        self.places: dict[str, str] = {}
        self._services: list[Options] = []
        super().__init__()  # type: ignore[no-untyped-call]
        for each in _OPTIONS.values():
            if each.many:
                super().__setitem__(each.name, [])

    def __setitem__(self, name: str, value: Any) -> None:
        """Take an option, and remember that it was given."""
        self.given.append(name)
        option = _OPTIONS.get(name)
        if option is not None and option.many:
            value = [*self[name], value]
        super().__setitem__(name, value)

    def parseOptions(self, options: Sequence[str] | None = None) -> None:
        """Take the options; report a mistake in one line, without the whole help.

        Raises:
            CannotStart: an option is wrong.
        """
        try:
            super().parseOptions(_completed(sys.argv[1:] if options is None else options))  # type: ignore[no-untyped-call]
        except usage.UsageError as exc:
            problem = str(exc).rstrip(".")
            advice = self._of_twistd(problem) or "twistd ws --help shows all options"
            raise CannotStart(f"{problem}; {advice}") from exc

    def _of_twistd(self, problem: str) -> str | None:
        """Say where an option belongs that is one of twistd itself; None if it isn't."""
        match = re.match("option (-{1,2})(.+) not recognized", problem)
        if match is None or self.parent is None:
            return None
        dashes, name = match.groups()
        long = self.parent.synonyms.get(name)
        if long is None:
            return None
        value = " ..." if f"{long}=" in self.parent.longOpt else ""
        option = f"{dashes}{name}"
        return f"{option} belongs before ws: twistd {option}{value} ws ..."

    def parseArgs(self, *arguments: str) -> None:
        """Refuse all that is no option."""
        if arguments:
            raise usage.UsageError(f"{arguments[0]!r} isn't an option, and not the value of one")

    def opt_help(self) -> None:
        """Display this help and exit."""
        show(f"{self}\n")
        sys.exit(0)

    def opt_version(self) -> None:
        """Display Twisted version and exit."""
        show(f"Twisted version: {version}\n")
        sys.exit(0)

    def getUsage(self, width: int | None = None) -> str:
        """Return the help."""
        return usage_text(GROUPS, FIRST, LAST, width or int(os.environ.get("COLUMNS", "80")))

    def postOptions(self) -> None:
        """Read the configuration file, if there is one.

        Raises:
            CannotStart: there is no such file, or an option in it is wrong.
        """
        self.checking = bool(self["check-config"])
        if self["config"] is not None:
            self._services = services_of(self, self["config"])

    def services(self) -> list[Options]:
        """Return the options of each server: these, unless a configuration file has several."""
        return self._services or [self]

    def take(self, name: str, values: Sequence[Any], place: str | None) -> None:
        """Take the values of an option.

        Args:
            name: its name.
            values: its values; one, unless the option may be repeated.
            place: its place in a configuration file; None if the command line has it.
        """
        for value in values:
            self[name] = value
        if place is not None:
            self.places[name] = place

    def located(self, problem: WrongOption) -> str:
        """Return a problem with the place of the option, if a configuration file has it."""
        place = self.places.get(problem.name)
        if place is None:
            return problem.problem
        if re.search(rf"--{problem.name}(?![\w-])", problem.problem) is None:
            return f"{place}: {problem.name}: {problem.problem}"
        return f"{place}: {problem.problem}"


# Two servers can't have the same of these, so each has its own.
_OF_ONE = {"listen", "redirect-http", *(mode.option.name for mode in MODES)}

# All servers of a process have the same of these.
_OF_THE_PROCESS = ("idle-exit", "json-log")


def services_of(command: Options, path: str) -> list[Options]:
    """Return the options of each server of a configuration file.

    An option of the command line wins over the file, and an option of a [[service]] over those
    above all services.

    Args:
        command: the options of the command line.
        path: the path of the file.

    Raises:
        CannotStart: the file can't be read, or options in it are wrong.
    """
    file = ConfigFile(path, _OPTIONS, OF_THE_FILE)
    if file.services:
        for name in (each for each in file.top.values if each in _OF_ONE):
            file.add(name, None, "stands above [[service]]; each [[service]] must have its own")
    for name in _OF_THE_PROCESS:
        for index, each in enumerate(file.services):
            if name in each.values:
                file.add(name, index, "is for the whole process, so it stands above [[service]]")
    if file.problems:
        raise WrongOptions(file.problems)
    given = dict.fromkeys(name for name in command.given if name not in OF_THE_FILE)
    wrong = [name for name in given if name in _OF_ONE and len(file.services) > 1]
    if wrong:
        raise CannotStart(f"{path} has several services, so --{wrong[0]} must be in the file")
    merged = [_merged(command, given, file.top, each) for each in file.services or [file.top]]
    for index, options in enumerate(merged if file.services else ()):
        if "listen" not in options.given:
            # The default may be wrong, too, as for two services.
            options.places["listen"] = file.place_of(index)
    return merged


def _merged(command: Options, given: Iterable[str], top: Table, table: Table) -> Options:
    """Return the options of one server."""
    options = type(command)()
    options.parent = command.parent
    options.checking = command.checking
    for name in given:
        value = command[name]
        options.take(name, value if _OPTIONS[name].many else [value], None)
    decided = set(given)
    for each in (table, top):
        for name, values in each.values.items():
            if name not in decided:
                # There is no value if it is false, or an empty array.
                options.take(name, values, each.places[name])
        decided |= each.values.keys()
    return options


def _completed(arguments: Iterable[str]) -> list[str]:
    """Return the arguments, with a value for each option that needs none.

    Python's getopt knows only options that always have a value, and those that never have one.
    """
    bare = {f"--{each.name}": each.bare for each in _OPTIONS.values() if each.bare is not None}
    given = list(arguments)
    completed: list[str] = []
    for index, argument in enumerate(given):
        following = given[index + 1] if index + 1 < len(given) else ""
        if argument in bare and not following.startswith("/"):
            argument = f"{argument}={bare[argument]}"
        completed.append(argument)
    return completed


def names_of_loopback(options: Options, endpoints: list[str]) -> list[str]:
    """Return the host names of a server on the loopback, from the options of the command line."""
    # An interface may have a name, in which a backslash escapes colons.
    named = [
        re.sub(r"\\(.)", r"\1", name)
        for endpoint in endpoints
        for name in re.findall(r":interface=((?:[^:\\]|\\.)+)", endpoint)
    ]
    # Pages of a named origin are trusted, and may connect to their own host.
    named += filter(None, map(host_of_origin, options["origin"]))
    known = Hosts(_LOOPBACK)
    return [*_LOOPBACK, *(name for name in named if is_host(name) and name not in known)]


def _origins(texts: list[str]) -> Origins | None:
    """Return the origins to accept, from the options of the command line."""
    if "any" in texts:
        return None
    return [None if text == "none" else text for text in texts or _DEFAULT_ORIGINS]


class CommandSpelling(Spelling):
    """The spelling of options on a command line.

    Args:
        options: the options that the command line already has.
        hosts: the hosts to answer for if the command line names none.
    """

    def __init__(self, options: Options, hosts: list[str]) -> None:
        self._options = options
        self._defaults = {"hosts": hosts, "origins": _DEFAULT_ORIGINS}

    def name(self, option: str) -> str:
        """Return the name of an option, as --max-size."""
        name = _RENAMED.get(option, option.replace("_", "-"))
        return f"--{name}" if name in self._options else f"{option} of a factory, for --app,"

    def set(self, option: str, value: int) -> str:
        """Return an option with its value."""
        return f"{self.name(option)} {value}"

    def add(self, option: str, value: str | None) -> str:
        """Return an option with one more value, and with the default values if it has no other."""
        name = self.name(option)
        # The first value on the command line replaces the defaults.
        defaults = [] if self._options[name[2:]] else self._defaults[option]
        return " ".join(f"{name} {each}" for each in (*defaults, value or "none"))


# Options of several values; on the command line, each occurrence has one value.
_RENAMED = {
    "hosts": "host",
    "origins": "origin",
    "subprotocols": "subprotocol",
    "trusted_proxies": "trusted-proxy",
}


def settings_of(options: Options) -> FactoryOptions:
    """Return the options of a factory, from the options of the command line."""
    hosts = options["host"]
    return {
        "hosts": None if not hosts or "any" in hosts else hosts,
        "origins": _origins(options["origin"]),
        "subprotocols": options["subprotocol"],
        "ping_interval": options["ping-interval"],
        "ping_timeout": options["ping-timeout"],
        "open_timeout": options["open-timeout"],
        "close_timeout": options["close-timeout"],
        "max_size": options["max-size"],
        "compression_memory": options["compression-memory"],
        "max_line_size": options["max-line-size"],
        "max_headers": options["max-headers"],
        "max_connections": options["max-connections"],
        "max_connections_per_host": options["max-connections-per-host"],
        "trusted_proxies": options["trusted-proxy"],
        "log_connections": bool(options["log-connections"]),
    }

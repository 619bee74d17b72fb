"""The configuration file of `twistd ws`: the same options, in TOML."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from datetime import date, time
from typing import Any, NamedTuple

from twisted.python import usage

from txws2._command.option import CannotStart, Option, WrongOption

__all__ = ["ConfigFile", "Table"]

_SERVICE = "service"

_KINDS = {dict: "a table", list: "an array", date: "a date", time: "a time"}

# The texts of tomllib's errors end with the position.
_POSITION = re.compile(r"(.*) \(at line (\d+), column (\d+)\)")
_AT_END = re.compile(r"(.*) \(at end of document\)")

# TOML's name for a key without quotation marks.
_BARE_KEY = re.compile("[A-Za-z0-9_-]+")

# A file of options has some hundred lines at most.
_LARGEST = 2**20


class Table(NamedTuple):
    """The options of one table.

    Attributes:
        values: the values of each option.
        places: the place of each option in the file, as "ws.toml:3".
    """

    values: dict[str, list[Any]]
    places: dict[str, str]


class ConfigFile:
    """A configuration file.

    Args:
        path: the path of the file.
        options: all options, by their names.
        excluded: the names of those that a file can't have.

    Attributes:
        problems: a sentence with file, line and key for each error.
        top: the options above all services.
        services: the options of each [[service]].

    Raises:
        CannotStart: the file can't be read, or it isn't TOML.
    """

    def __init__(self, path: str, options: Mapping[str, Option], excluded: tuple[str, ...]) -> None:
        self._path = path
        self._options = options
        self._excluded = excluded
        self.problems: list[str] = []
        self._text = self._read()
        parsed = self._parse()
        self._lines = _lines_of(self._text)
        services = parsed.pop(_SERVICE, [])
        self.top = self._table(parsed, None)
        self.services: list[Table] = []
        if not (isinstance(services, list) and all(isinstance(each, dict) for each in services)):
            self.add(
                _SERVICE, None, "must be an array of tables: write [[service]] above the options"
            )
        else:
            self.services = [self._table(each, index) for index, each in enumerate(services)]

    def _read(self) -> str:
        try:
            with open(self._path, "rb") as file:
                data = file.read(_LARGEST + 1)
        except OSError as exc:
            raise CannotStart(f"can't read {self._path}: {exc.strerror}") from exc
        if len(data) > _LARGEST:
            raise CannotStart(f"{self._path} is larger than 1 MiB, so it isn't a file of options")
        try:
            # TOML permits both ends of lines. Windows may put a byte order mark at the beginning.
            return data.decode("utf-8-sig").replace("\r\n", "\n")
        except UnicodeDecodeError as exc:
            line = data.count(b"\n", 0, exc.start) + 1
            raise CannotStart(f"{self._path}:{line}: expected UTF-8, as TOML is") from exc

    def _parse(self) -> dict[str, Any]:
        try:
            return tomllib.loads(self._text)
        except tomllib.TOMLDecodeError as exc:
            match = _POSITION.fullmatch(str(exc))
            if match is not None:
                problem, line, column = match.groups()
                raise CannotStart(f"{self._path}:{line}:{column}: {problem}") from exc
            line = str(self._text.rstrip().count("\n") + 1)
            problem = _AT_END.sub(r"\1 at the end of the file", str(exc))
            raise CannotStart(f"{self._path}:{line}: {problem}") from exc

    def _table(self, parsed: dict[str, Any], service: int | None) -> Table:
        """Return the options of a table; add its errors to the problems."""
        table = Table({}, {})
        for key, value in parsed.items():
            option = self._options.get(key)
            if option is None or key in self._excluded:
                self.add(key, service, self._unknown(key))
                continue
            table.places[key] = self._place(key, service)
            try:
                table.values[key] = list(_values(option, value))
            except WrongOption as exc:
                self.problems.append(f"{table.places[key]}: {exc.problem.removeprefix('--')}")
            except usage.UsageError as exc:
                self.problems.append(f"{table.places[key]}: {str(exc).removeprefix('--')}")
        return table

    def _unknown(self, key: str) -> str:
        if key in self._excluded:
            return "is for the command line only"
        if key.replace("_", "-") in self._options:
            return f"isn't an option; {key.replace('_', '-')} is one"
        return "isn't an option; twistd ws --help shows all options"

    def add(self, key: str, service: int | None, problem: str) -> None:
        """Add a problem.

        Args:
            key: the key that has it.
            service: the index of its [[service]]; None if it stands above all.
            problem: the end of a sentence that begins with the key.
        """
        shown = key if _BARE_KEY.fullmatch(key) else repr(key)
        self.problems.append(f"{self._place(key, service)}: {shown} {problem}")

    def place_of(self, service: int) -> str:
        """Return the place of the line that begins a [[service]], by its index."""
        return self._place(_HEADER, service)

    def _place(self, key: str, service: int | None) -> str:
        return f"{self._path}:{self._line_of(key, service)}"

    def _line_of(self, key: str, service: int | None) -> int:
        """Return the number of the line with a key; that of its table if the line isn't found."""
        lines = self._lines
        table = lines.get((service, _HEADER), lines.get((None, _SERVICE), 1))
        return lines.get((service, key), table)


# Stands for the key of a line that begins a [[service]].
_HEADER = "[["

_Lines = dict[tuple[int | None, str], int]


def _lines_of(text: str) -> _Lines:
    """Return the number of the line of each key, by the index of its [[service]], and the key.

    tomllib doesn't tell. But each statement of TOML alone is TOML, too, and its beginning isn't.

    Args:
        text: a text in TOML.
    """
    found: _Lines = {}
    service: int | None = None
    statement: list[str] = []
    for number, line in enumerate(text.split("\n"), 1):
        statement.append(line)
        try:
            parsed = tomllib.loads("\n".join(statement))
        except tomllib.TOMLDecodeError:
            # It goes on in the next line.
            continue
        first, statement = number - len(statement) + 1, []
        if line.lstrip().startswith(_HEADER) and parsed == {_SERVICE: [{}]}:
            service = 0 if service is None else service + 1
            found[service, _HEADER] = number
        else:
            inner = parsed.get(_SERVICE)
            # A table within a [[service]], as [service.tls], is one of its keys.
            for key in inner if service is not None and isinstance(inner, dict) else parsed:
                found.setdefault((service, key), first)
    return found


def _values(option: Option, value: Any) -> Iterator[Any]:
    """Generate the values of an option.

    Raises:
        WrongOption: a value is wrong.
    """
    if option.flag:
        if not isinstance(value, bool):
            raise _wrong(option, "true or false", value)
        if value:
            yield 1
        return
    if option.bare is not None and value is False:
        return
    if option.many and isinstance(value, list):
        for each in value:
            yield option.parse(_text_of(option, each))
    else:
        yield option.parse(_text_of(option, value))


def _text_of(option: Option, value: Any) -> str:
    """Return a value as it is written on the command line."""
    if isinstance(value, str):
        return value
    if option.bare is not None and value is True:
        return option.bare
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return str(value)
    expected = "a text, or an array of texts" if option.many else "a text, or a number"
    raise _wrong(option, expected, value)


def _wrong(option: Option, expected: str, value: Any) -> WrongOption:
    shown = str(value).lower() if isinstance(value, bool) else repr(value)
    kind = next((name for each, name in _KINDS.items() if isinstance(value, each)), shown)
    return WrongOption(option.name, f"{option.name} must be {expected}; it is {kind}")

"""The commands with their options, for manual pages and for shells that complete them."""

import re
import sys
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from txws2 import __version__
from txws2._command import tap_options
from txws2._command.arguments import command_parser, replay_parser
from txws2._command.option_groups import GROUPS

__all__ = ["PROGRAM", "REPLAY", "TWISTD_WS", "VERSION", "Command", "Entry", "Section"]

VERSION = f"txws2 {__version__}"


@dataclass(frozen=True)
class Entry:
    """An option or an argument.

    Attributes:
        names: its names with their dashes, the short one first; empty for an argument.
        value: the word for its value; "" for a flag.
        words: the text of the help.
    """

    names: tuple[str, ...]
    value: str
    words: str

    @property
    def choices(self):
        """The values, if the words list them all."""
        words = self.words.rpartition(": ")[2].partition(" [")[0]
        return re.findall(r"\w+", words.replace(" or ", " ")) if self.value == "WHO" else []


@dataclass(frozen=True)
class Section:
    """Options that stand together, with a text after them."""

    title: str
    entries: tuple[Entry, ...]
    words: str = ""


@dataclass(frozen=True)
class Command:
    """A command.

    Attributes:
        synopsis: how it is called.
        first: the text before the options.
        sections: the options.
        last: the text after them.
    """

    synopsis: str
    first: str
    sections: tuple[Section, ...]
    last: str

    @property
    def options(self):
        """All options, without the arguments."""
        return [each for section in self.sections for each in section.entries if each.names]


def _of_twistd():
    sections = tuple(
        Section(group.title, tuple(map(_entry, group.options)), group.words) for group in GROUPS
    )
    synopsis = "twistd [options] ws [options]"
    return Command(synopsis, tap_options.FIRST, sections, tap_options.LAST)


def _entry(option):
    short = (f"-{option.short}",) if option.short else ()
    repeated = "; may be repeated" if option.many and not option.value.startswith("[") else ""
    default = f" [{option.otherwise}]" if option.otherwise else ""
    return Entry((*short, f"--{option.name}"), option.value, f"{option.words}{repeated}{default}")


def _of_argparse(parser):
    entries = [
        Entry(
            tuple(action.option_strings),
            "" if action.nargs == 0 else action.metavar or action.dest.upper(),
            # argparse ends its own words in this way, too: without a full stop.
            action.help % {"prog": parser.prog},
        )
        for action in parser._actions
    ]
    arguments = tuple(each for each in entries if not each.names)
    options = tuple(each for each in entries if each.names)
    synopsis = " ".join([parser.prog, "[options]", *(each.value for each in arguments)])
    sections = (Section("Arguments", arguments), Section("Options", options))
    return Command(synopsis, parser.description, sections, parser.epilog)


TWISTD_WS = _of_twistd()
PROGRAM = _of_argparse(command_parser())
REPLAY = _of_argparse(replay_parser())

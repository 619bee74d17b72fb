"""The manual pages of the commands, made of the tables of their options.

`python docs/manuals.py` writes them into docs/man, and the completions into docs/completions.
"""

import re
from pathlib import Path

from commands import PROGRAM, REPLAY, TWISTD_WS, VERSION
from completions import completions

__all__ = ["manuals"]

DOCS = Path(__file__).parent
TWISTD_EXAMPLES = (
    ("twistd --nodaemon ws", "Serve an echo at http://localhost:8000/, with a page to try it."),
    ("twistd --nodaemon ws --app chat:chat --listen :8000", "Serve an application to all."),
    ("twistd --nodaemon ws --forward /vnc=localhost:5900 --static public", "Bridge a service."),
    ("twistd --nodaemon ws --config ws.toml --check-config", "Check a configuration file."),
)
PROGRAM_EXAMPLES = (
    ("python -m txws2 ws://localhost:8000/", "Type to send, Ctrl-D to end."),
    ("echo hi | python -m txws2 ws://localhost:8000/ > replies", "Send a line, keep the replies."),
    ("python -m txws2 --reconnect wss://example.com/feed", "Stay connected."),
)


def manuals():
    """Return the text of each page, by the name of its file."""
    return {
        "twistd-ws.1": "\n".join(
            [
                *head("twistd-ws", "serve WebSockets, and HTTP beside them"),
                *opening(TWISTD_WS),
                *options(TWISTD_WS),
                *section("Configuration", paragraphs(TWISTD_WS.last)),
                *section("Examples", examples(TWISTD_EXAMPLES)),
                *section("See also", [".BR txws2 (1)"]),
            ]
        )
        + "\n",
        "txws2.1": "\n".join(
            [
                *head("txws2", "talk to a WebSocket server from a terminal or a pipe"),
                *opening(PROGRAM, REPLAY),
                *paragraphs(PROGRAM.last),
                *options(PROGRAM),
                *section("Replay", paragraphs(f"{REPLAY.first}\n{REPLAY.last}")),
                *replay_options(),
                *section("Examples", examples(PROGRAM_EXAMPLES)),
                *section("See also", [".BR twistd-ws (1)"]),
            ]
        )
        + "\n",
    }


def head(name, purpose):
    """Return the lines before the first text."""
    return [
        '.\\" python docs/manuals.py has made this page.',
        f'.TH "{escaped(name.upper())}" "1" "" "{VERSION}" "txws2"',
        *section("Name", [f"{escaped(name)} \\- {purpose}"]),
    ]


def opening(*commands):
    """Return the synopsis of some commands, and the description of the first."""
    lines = [line for each in commands for line in (f".B {escaped(each.synopsis)}", ".br")]
    return [
        *section("Synopsis", lines[:-1]),
        *section("Description", paragraphs(commands[0].first)),
    ]


def options(command):
    """Return the options in their groups."""
    lines = []
    for group in command.sections:
        lines += [f'.SS "{escaped(group.title)}"', *entries(group.entries)]
        lines += [".PP", *paragraphs(group.words)] if group.words else []
    return section("Options", lines)


def replay_options():
    """Return what only a replay has."""
    known = [entry for group in PROGRAM.sections for entry in group.entries]
    new = [each for group in REPLAY.sections for each in group.entries if each not in known]
    return entries(new)


def entries(found):
    """Generate options with their texts."""
    for entry in found:
        # Only the name is bold.
        names = ", ".join(f"\\fB{escaped(name)}\\fR" for name in entry.names)
        value = f"\\fI{escaped(entry.value)}\\fR" if entry.value else ""
        yield from (".TP", " ".join(filter(None, [names, value])), *paragraphs(entry.words))


def examples(found):
    """Generate commands with a text for each."""
    for command, words in found:
        yield from (".TP", f".B {escaped(command)}", *paragraphs(words))


def section(title, lines):
    """Return a section."""
    return [f".SH {title.upper()}", *lines]


def paragraphs(text):
    """Return the lines of a text."""
    return [escaped(line) for line in text.replace("`", "").split("\n") if line]


def escaped(text):
    """Return a text as one for roff."""
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return re.sub(r"^([.'])", r"\\&\1", text)


if __name__ == "__main__":
    for folder, files in (("man", manuals()), ("completions", completions())):
        (DOCS / folder).mkdir(exist_ok=True)
        for name, text in files.items():
            (DOCS / folder / name).write_text(text)

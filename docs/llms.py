"""llms.txt: a list of the pages for programs that read, as llmstxt.org describes it.

`python docs/llms.py` writes the one of the checkout; Sphinx writes one beside the built pages.
"""

import re
from pathlib import Path

__all__ = ["llms"]

DOCS = Path(__file__).parent
HEAD = """\
# txws2

> WebSockets for Twisted: RFC 6455 and RFC 7692, as a server and as a client, with coroutines or
> with protocols, and the commands `twistd ws` and `python -m txws2`.

txws2 isn't on PyPI: `make run` or `pip install .` in a checkout installs it. It needs Python 3.11
and Twisted 24.7, or later. `txws2.serve` and `txws2.connect` have the names of the websockets
library, but they run on Twisted's reactor: await Deferreds in handlers, not asyncio's futures.
"""
TOCTREE = re.compile(r"^\.\. toctree::\n((?: +:.*\n)+)\n((?:   .+\n)+)", re.MULTILINE)
LINK = re.compile(r"`([^`<]+) <[^`>]+>`_")
LITERAL = re.compile(r"``([^`]+)``")
ROLE = re.compile(r":[\w:]+:`(?:([^`<]+) <[^`]+>|~?([^`]+))`")


def llms(suffix="rst", folder="docs/"):
    """Return the text.

    Args:
        suffix: that of the pages to link to.
        folder: the folder before their paths.
    """
    text = HEAD
    for caption, names in groups():
        lines = [f"- [{title(name)}]({folder}{name}.{suffix}): {summary(name)}\n" for name in names]
        text += f"\n## {caption}\n\n{''.join(lines)}"
    return text


def groups():
    """Generate the captions of the front page, each with its pages and those below them."""
    for options, entries in TOCTREE.findall((DOCS / "index.rst").read_text()):
        names = [name for entry in entries.split() for name in pages_of(entry)]
        if names:
            yield re.search(r":caption: (.+)", options)[1], names


def pages_of(entry):
    """Return a page, if it is there, and those that it lists itself."""
    page = DOCS / f"{entry}.rst"
    if not page.exists():
        return []
    folder = entry.rpartition("/")[0]
    found = TOCTREE.findall(page.read_text())
    below = [f"{folder}/{each}" for _, entries in found for each in entries.split()]
    return [entry, *(name for each in below for name in pages_of(each))]


def title(name):
    """Return the title of a page."""
    return plain((DOCS / f"{name}.rst").read_text().partition("\n")[0])


def summary(name):
    """Return the first sentence of a page."""
    text = (DOCS / f"{name}.rst").read_text()
    paragraphs = re.split(r"\n\n+", text.split("\n", 2)[2].lstrip("\n"))
    prose = [each for each in paragraphs if re.match(r"[\w`:*(]", each) and "\n---" not in each]
    sentence = re.match(r".+?(?:\.(?= |$)|$)", " ".join(prose[0].split())) if prose else None
    return plain(sentence[0].rstrip(":.")) + "." if sentence else f"{title(name)}."


def plain(text):
    """Return a text of reStructuredText as Markdown."""
    text = ROLE.sub(lambda role: title_of_role(role[1] or role[2]), text)
    return LITERAL.sub(r"`\1`", LINK.sub(r"\1", text))


def title_of_role(target):
    """Return the words for the target of a role: a name, or the last part of a path."""
    return target.rpartition("/")[2].replace("-", " ")


if __name__ == "__main__":
    Path(DOCS.parent, "llms.txt").write_text(llms())

"""A line in the reference for each class that inherits from another class there: linked names."""

import re
from importlib import import_module
from pathlib import Path

import sphinx.application

CLASS = re.compile(r"^\.\. autoclass:: ([\w.]+)\n((?: +:.*\n)*)", re.MULTILINE)
# A transport calls these, and no application does.
OF_TRANSPORTS = {"dataReceived", "makeConnection"}


def setup(app: sphinx.application.Sphinx) -> dict[str, object]:
    """Connect the writer with autodoc."""
    documented = dict(classes(Path(app.srcdir, "reference")))
    app.connect(
        "autodoc-process-docstring",
        lambda app, what, name, obj, options, lines: lines.extend(
            told(obj, documented) if what == "class" else []
        ),
    )
    return {"parallel_read_safe": True}


def classes(folder):
    """Generate the classes whose members the reference shows, with their public names."""
    for page in folder.glob("*.rst"):
        for name, options in CLASS.findall(page.read_text()):
            if ":members:" in options:
                full = name if name.startswith("txws2.") else f"txws2.{name}"
                module, _, short = full.rpartition(".")
                yield getattr(import_module(module), short), full


def told(obj, documented):
    """Generate the lines for a class."""
    shown = set(vars(obj)) | OF_TRANSPORTS
    for base in obj.__mro__[1:]:
        if base in documented:
            found = [name for name in public_names(base) if name not in shown]
            shown.update(found)
            links = ", ".join(f":obj:`{name} <{documented[base]}.{name}>`" for name in found)
            yield from ("", f"From :class:`~{documented[base]}`: {links}.", "")


def public_names(base):
    """Return the names that a class has from txws2, without those of Twisted's classes."""
    return sorted(
        {
            name
            for each in base.__mro__
            if each.__module__.startswith("txws2.")
            for name, value in vars(each).items()
            if not name.startswith("_") and value.__doc__
        }
    )

"""The examples of the gallery, for their tests."""

import sys
from importlib import import_module
from pathlib import Path

from twisted.internet import reactor

from tests.command.test_commands import ROOT

__all__ = ["GALLERY", "example", "forget"]

GALLERY = Path(ROOT, "docs", "examples", "gallery")


def example(test, name):
    """Import an example, as if its folder were the current one; forget it after the test."""
    if str(GALLERY) not in sys.path:
        test.patch(sys, "path", [str(GALLERY), *sys.path])
        names = {path.stem for path in GALLERY.glob("*.py")}
        test.addCleanup(_restore, names, _take(names))
    return import_module(name)


def forget(answers):
    """Let the reactor not wait until answers of tokens.py are forgotten."""
    for call in reactor.getDelayedCalls():
        if call.func == answers.answers.pop:
            call.cancel()


def _take(names):
    """Remove modules of these names; return those that were there."""
    return {name: sys.modules.pop(name) for name in names & set(sys.modules)}


def _restore(names, before):
    _take(names)
    sys.modules.update(before)

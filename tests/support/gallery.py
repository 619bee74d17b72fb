"""The examples of the gallery, for their tests."""

import sys
from importlib import import_module
from pathlib import Path

from tests.command.test_commands import ROOT

__all__ = ["GALLERY", "example"]

GALLERY = Path(ROOT, "docs", "examples", "gallery")


def example(test, name):
    """Import an example, as if its folder were the current one; forget it after the test."""
    if str(GALLERY) not in sys.path:
        test.patch(sys, "path", [str(GALLERY), *sys.path])
        test.addCleanup(_forget, set(sys.modules))
    return import_module(name)


def _forget(before):
    for name in set(sys.modules) - before:
        if Path(getattr(sys.modules[name], "__file__", None) or "").parent == GALLERY:
            del sys.modules[name]

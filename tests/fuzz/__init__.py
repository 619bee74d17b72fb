"""Fuzzing; docs/fuzzing.rst explains how to find inputs and how to reproduce them."""

from importlib import import_module
from pathlib import Path

HERE = Path(__file__).resolve().parent
CORPUS = HERE / "corpus"
TARGETS = sorted(path.stem for path in HERE.glob("targets/[!_]*.py"))


def target_of(name):
    """Return a target's function, which raises if txws2 breaks a promise for an input."""
    return import_module(f"tests.fuzz.targets.{name}").target

"""Inputs that nobody thought of; docs/fuzzing has how they are found, and found again."""

from importlib import import_module
from pathlib import Path

HERE = Path(__file__).resolve().parent
CORPUS = HERE / "corpus"
TARGETS = sorted(path.stem for path in HERE.glob("targets/[!_]*.py"))


def target_of(name):
    """Return the function that is given an input, and raises if txws2 breaks a promise on it."""
    return import_module(f"tests.fuzz.targets.{name}").target

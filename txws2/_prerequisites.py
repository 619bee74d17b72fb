"""A check that the packages that txws2 needs are there, for a checkout without an installation."""

from __future__ import annotations

import sys
from importlib import import_module

__all__ = ["check"]

_OLDEST_PYTHON = (3, 11)
_OLDEST_TWISTED = (24, 7)

# Without Twisted, the folder twisted/ of a checkout is a package `twisted` that has plugins only.
_MODULES = ("twisted.internet", "OpenSSL", "service_identity", "idna", "typing_extensions")

_ADVICE = (
    "in a checkout of txws2, `make run` makes .venv, whose .venv/bin/python has all that txws2 "
    "needs; `python -m pip install .` there installs txws2 into another environment"
)

_ADVICE_OF_PYTHON = "in a checkout of txws2, name a Python as in make run PYTHON=python"


def check() -> None:
    """Raise ImportError, with advice, if Python or a package is missing or too old."""
    if sys.version_info < _OLDEST_PYTHON:
        oldest, found = _shown(_OLDEST_PYTHON), _shown(sys.version_info[:2])
        raise _error(f"Python {oldest}, or later", found, advice=_ADVICE_OF_PYTHON + oldest)
    try:
        for name in _MODULES:
            import_module(name)
    except ModuleNotFoundError as missing:
        needed = f"the module {missing.name!r}"
        raise _error(needed, "none of that name", name=missing.name) from None
    twisted = import_module("twisted").version
    if (twisted.major, twisted.minor) < _OLDEST_TWISTED:
        raise _error(f"Twisted {_shown(_OLDEST_TWISTED)}, or later", twisted.public())


def _error(
    needed: str, found: str, *, name: str | None = None, advice: str = _ADVICE
) -> ImportError:
    kind = ModuleNotFoundError if name else ImportError
    return kind(f"txws2 needs {needed}; {sys.executable} has {found}: {advice}", name=name)


def _shown(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))


check()

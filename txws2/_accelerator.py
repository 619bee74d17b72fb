"""The accelerator: the choice between functions in Python and their twins in C.

A busy connection spends most of its time in a few functions. Each of them is written twice, in
Python, for reading, and in C, with the same name, signature, results and exceptions. The twin in C
is used if it was compiled, unless TXWS2_NO_SPEEDUPS is set in the environment.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from importlib import import_module
from types import ModuleType
from typing import Any, TypeVar

__all__ = ["PURE", "about", "accelerated", "load"]

_Twin = TypeVar("_Twin", bound=Callable[..., Any])

_ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

PURE: dict[str, Any] = {}
"""The functions and classes in Python that have a twin in C, by name."""


def load(name: str = "txws2._speedups") -> ModuleType | None:
    """Import the module in C; return None if there is none, or TXWS2_NO_SPEEDUPS is set."""
    if os.environ.get("TXWS2_NO_SPEEDUPS"):
        return None
    try:
        return import_module(name)
    except ImportError:
        return None


_speedups = load()


def about() -> str:
    """Return whether the accelerator is used, and why not, as text: pip doesn't report it."""
    if _speedups is not None:
        return "with the accelerator"
    why = "TXWS2_NO_SPEEDUPS is set"
    if not os.environ.get("TXWS2_NO_SPEEDUPS"):
        try:
            import_module("txws2._speedups")
        except ModuleNotFoundError:
            why = "it couldn't be compiled when txws2 was installed"
            if os.path.isdir(os.path.join(_ROOT, "accelerator")):
                # Python prefers the current directory to the txws2 that is installed.
                why = (
                    "it couldn't be compiled in this checkout, or nobody has tried yet (pip "
                    "install --editable .); in another directory, Python uses the txws2 that is "
                    "installed"
                )
        except ImportError as exc:
            why = str(exc)
    return f"without the accelerator: {why}"


def accelerated(pure: _Twin) -> _Twin:
    """Replace a function or a class by its twin in C, if there is one; a decorator."""
    PURE[pure.__name__] = pure
    twin: _Twin = getattr(_speedups, pure.__name__, pure)
    return twin

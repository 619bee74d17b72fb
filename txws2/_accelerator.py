"""The accelerator: which functions are taken from C, and whether it is there at all.

Most of a busy connection's time goes into a few functions. Each of them is written twice, with the
same name, signature, results and exceptions: in Python, where it is read, and in C. The one in C
is used if it was compiled, and unless TXWS2_NO_SPEEDUPS is set in the environment.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from importlib import import_module
from types import ModuleType
from typing import Any, TypeVar

__all__ = ["PURE", "about", "accelerated", "load"]

_Twin = TypeVar("_Twin", bound=Callable[..., Any])

PURE: dict[str, Any] = {}
"""What is written in Python and has a twin in C, by its name."""


def load(name: str = "txws2._speedups") -> ModuleType | None:
    """Return a module in C that makes things faster, None if it isn't there or isn't wanted."""
    if os.environ.get("TXWS2_NO_SPEEDUPS"):
        return None
    try:
        return import_module(name)
    except ImportError:
        return None


_speedups = load()


def about() -> str:
    """Say whether the accelerator is used, and why it isn't: an installation doesn't tell."""
    if _speedups is not None:
        return "with the accelerator"
    why = "TXWS2_NO_SPEEDUPS is set"
    if not os.environ.get("TXWS2_NO_SPEEDUPS"):
        try:
            import_module("txws2._speedups")
        except ModuleNotFoundError:
            why = "it couldn't be compiled when txws2 was installed"
        except ImportError as exc:
            why = str(exc)
    return f"without the accelerator: {why}"


def accelerated(pure: _Twin) -> _Twin:
    """Put the twin in C in the place of a function or a class, if it is there."""
    PURE[pure.__name__] = pure
    twin: _Twin = getattr(_speedups, pure.__name__, pure)
    return twin

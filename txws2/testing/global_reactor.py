"""The global reactor, which one in memory stands in for."""

from __future__ import annotations

import sys
from typing import Any

import twisted.internet

__all__ = ["install", "installed"]

_MODULE = "twisted.internet.reactor"
_PACKAGE: Any = twisted.internet


def installed() -> tuple[Any, Any]:
    """Return the global reactor as each way to import it has it; None where it isn't there."""
    return sys.modules.get(_MODULE), getattr(_PACKAGE, "reactor", None)


def install(module: Any, attribute: Any) -> None:
    """Have these imported as the global reactor, as `installed` has returned them."""
    if module is None:
        del sys.modules[_MODULE]
    else:
        sys.modules[_MODULE] = module
    if attribute is None:
        del _PACKAGE.reactor
    else:
        _PACKAGE.reactor = attribute

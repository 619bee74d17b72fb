"""The global reactor, which a `MemoryReactor` replaces for a while."""

from __future__ import annotations

import sys
from typing import Any

import twisted.internet

__all__ = ["install", "installed"]

_MODULE = "twisted.internet.reactor"
_PACKAGE: Any = twisted.internet


def installed() -> tuple[Any, Any]:
    """Return the global reactor's module and the package's attribute; None for a missing one."""
    return sys.modules.get(_MODULE), getattr(_PACKAGE, "reactor", None)


def install(module: Any, attribute: Any) -> None:
    """Install what `installed` has returned, or another reactor, as the global reactor."""
    if module is None:
        del sys.modules[_MODULE]
    else:
        sys.modules[_MODULE] = module
    if attribute is None:
        del _PACKAGE.reactor
    else:
        _PACKAGE.reactor = attribute

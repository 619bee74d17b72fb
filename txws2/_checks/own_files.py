"""The files of txws2 and of Twisted, which stand between a program and its mistake."""

from __future__ import annotations

import os
from pathlib import Path

import twisted

__all__ = ["OF_LIBRARIES", "OF_TXWS2"]


def _within(folder: Path) -> str:
    return str(folder) + os.sep


OF_TXWS2 = _within(Path(__file__).parents[1])
"""The beginning of the names of all files of txws2."""

OF_LIBRARIES = (OF_TXWS2, _within(Path(twisted.__file__).parent))
"""Those of txws2 and of Twisted, for `str.startswith`."""

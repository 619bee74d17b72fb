"""The paths of txws2 and of Twisted, to tell their code from the application's."""

from __future__ import annotations

import os
from pathlib import Path

import twisted

__all__ = ["OF_LIBRARIES", "OF_TXWS2"]


def _within(folder: Path) -> str:
    return str(folder) + os.sep


OF_TXWS2 = _within(Path(__file__).parents[1])
"""The common prefix of all files of txws2."""

OF_LIBRARIES = (OF_TXWS2, _within(Path(twisted.__file__).parent))
"""The prefixes of the files of txws2 and of Twisted, for `str.startswith`."""

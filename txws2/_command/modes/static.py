"""`--static`: the files of a directory."""

from __future__ import annotations

import os
from typing import Any

from txws2._command.modes.mode import Making, Mode, place
from txws2._command.option import Option

__all__ = ["Static"]


class Static(Mode):
    """The files of a directory, by twisted.web."""

    option = Option(
        "static",
        "over HTTP, the files of a directory",
        "[PATH=]DIRECTORY",
        place,
        many=True,
    )
    site = True

    def make(self, what: str, making: Making) -> Any:
        """Return the resource of a directory."""
        directory = os.path.join(making.directory, what)
        if not os.path.isdir(directory):
            raise ValueError(f"there is no directory {what!r}")
        # Only sites need twisted.web.
        from txws2._command.site_resources import PublicFiles

        return PublicFiles(directory)

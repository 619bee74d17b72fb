"""`--web`: a resource of twisted.web."""

from __future__ import annotations

import os
from typing import Any

from txws2._command.application import NoApplication, load_application
from txws2._command.modes.mode import Making, Mode, place
from txws2._command.option import Option

__all__ = ["Web"]


class Web(Mode):
    """A resource of twisted.web."""

    option = Option(
        "web",
        "over HTTP, a resource of twisted.web",
        "[PATH=]MODULE:NAME",
        place,
        many=True,
    )
    site = True

    def make(self, what: str, making: Making) -> Any:
        """Import the resource, and return it."""
        if os.path.isdir(os.path.join(making.directory, what)):
            raise ValueError(f"{what!r} is a directory; --static serves the files of a directory")
        # Only sites need twisted.web.
        from twisted.web.resource import IResource
        from twisted.web.server import Site

        try:
            resource = load_application(what, making.directory)
        except NoApplication as exc:
            raise ValueError(str(exc)) from exc
        if isinstance(resource, Site) or not IResource.providedBy(resource):
            raise ValueError(
                f"{what!r} is {resource!r}; expected a resource of twisted.web, as File('public')"
            )
        return resource

"""`--wsgi`: an application of WSGI, as those of Django and Flask."""

from __future__ import annotations

from typing import Any

from txws2._command.application import NoApplication, load_application
from txws2._command.modes.mode import Making, Mode, place
from txws2._command.option import Option

__all__ = ["Wsgi"]


class Wsgi(Mode):
    """An application of WSGI, in the reactor's threads."""

    option = Option(
        "wsgi",
        "over HTTP, an application of WSGI",
        "[PATH=]MODULE:NAME",
        place,
        many=True,
    )
    site = True

    def make(self, what: str, making: Making) -> Any:
        """Import the application, and return its resource."""
        try:
            application = load_application(what, making.directory)
        except NoApplication as exc:
            raise ValueError(str(exc)) from exc
        if not callable(application):
            raise ValueError(
                f"{what!r} is {application!r}; expected an application of WSGI, which is a "
                "function of environ and start_response"
            )
        # Only sites need twisted.web.
        from twisted.web.wsgi import WSGIResource

        return WSGIResource(making.reactor, making.reactor.getThreadPool(), application)

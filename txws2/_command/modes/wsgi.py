"""`--wsgi`: an application of WSGI, as those of Django and Flask."""

from __future__ import annotations

from threading import Thread
from typing import Any

from twisted.python.threadpool import ThreadPool

from txws2._command.application import NoApplication, load_application
from txws2._command.modes.mode import Making, Mode, place
from txws2._command.option import Option

__all__ = ["Wsgi"]


# As many as the reactor's own pool has.
_THREADS = 10


class _EndingThread(Thread):
    def __init__(self, **options: Any) -> None:
        super().__init__(**options, daemon=True)


class _Threads(ThreadPool):
    """Threads that end with the process, and aren't waited for.

    When the reactor stops, it waits for its own threads. But one that still answers a request waits
    for the reactor, so the process would never end. And passwords and host names need the
    reactor's threads, which the application could hold.
    """

    threadFactory: type[Thread] = _EndingThread


class Wsgi(Mode):
    """An application of WSGI, in threads of its own."""

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

        threads = _Threads(0, _THREADS, "wsgi")
        # No thread begins before the first request, so twistd can still become a daemon.
        threads.start()
        return WSGIResource(making.reactor, threads, application)

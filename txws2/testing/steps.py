"""The steps of a `ScriptedServer`'s script; each attempt to connect meets one of them."""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Literal, Union

from txws2.server.factory import Handler
from txws2.wire.http.heads import Response

__all__ = ["Close", "Delay", "Drop", "Open", "Refuse", "Silence", "Step", "Vanish", "undelayed"]


@dataclass(frozen=True)
class Open:
    """The connection opens, and a handler serves it.

    Attributes:
        handler: serves this connection; None for the server's own.
    """

    handler: Handler | None = None


@dataclass(frozen=True)
class Drop:
    """The connection opens, and later breaks without a close frame; both ends lose it.

    Attributes:
        after: seconds from the moment when it is open.
    """

    after: float = 0


@dataclass(frozen=True)
class Vanish:
    """The connection opens, and later nothing arrives any more at either end, not even the end.

    Attributes:
        after: seconds from the moment when it is open.
    """

    after: float = 0


@dataclass(frozen=True)
class Close:
    """The connection opens, and later the server closes it.

    Attributes:
        code: the close code, as 1012 or 4004.
        reason: the close reason.
        after: seconds from the moment when it is open.
    """

    code: int = 1000
    reason: str = ""
    after: float = 0


@dataclass(frozen=True)
class Refuse:
    """The server answers the request with another status than 101.

    Attributes:
        status: the status code. 302, with a Location among the headers, redirects the client.
        retry_after: the seconds of a Retry-After header; None for no such header.
        headers: other headers of the response.
        body: the body, as text for a person.
    """

    status: int = 503
    retry_after: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = ""

    def response(self) -> Response:
        """Return the response."""
        response = Response.plain(HTTPStatus(self.status), self.body)
        headers = dict(self.headers)
        if self.retry_after is not None:
            headers["Retry-After"] = str(self.retry_after)
        for name, value in headers.items():
            response.headers.addRawHeader(name, value)
        return response


@dataclass(frozen=True)
class Silence:
    """The attempt gets no answer.

    Attributes:
        at: "lookup" if the name server is silent, "connect" if TCP gets no answer,
            "handshake" if the server accepts the TCP connection, and sends nothing.
    """

    at: Literal["lookup", "connect", "handshake"] = "connect"


@dataclass(frozen=True)
class Delay:
    """The attempt is delayed, and then meets another step.

    Attributes:
        seconds: the time until TCP connects, or fails to.
        step: the step after that time.
    """

    seconds: float
    step: Step = field(default_factory=Open)


# A recursive alias names itself in quotes (Delay.step), which `|` doesn't support.
Step = Union[  # noqa: UP007
    Open, Drop, Vanish, Close, Refuse, Silence, Delay, Exception, type[Exception]
]
"""One step of a script. An exception, or its class, makes the connection fail:
ConnectionRefusedError, for instance; with DNSLookupError, the name isn't found."""


def undelayed(step: Step) -> tuple[float, Step]:
    """Return the seconds by which a step is delayed, and the step itself.

    A class of exceptions becomes an instance. An instance is copied, because code that catches it
    may change it.
    """
    seconds = 0.0
    while isinstance(step, Delay):
        seconds += step.seconds
        step = step.step
    if isinstance(step, type):
        return seconds, step()
    return seconds, copy(step) if isinstance(step, Exception) else step

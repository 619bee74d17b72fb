"""`Upgrade`: a connection answers a request that another HTTP server has read."""

from __future__ import annotations

from typing import Any, Protocol

from twisted.internet.interfaces import ITransport
from twisted.python.failure import Failure

from txws2.wire.http.heads import Response

__all__ = ["Upgrade"]


class Upgrade(Protocol):
    """A request that another HTTP server has read, as that server provides it.

    The server gives it to `ServerDriver.answer`. Then `refuse` or `take_over` is
    called, at once or later. If the client leaves before, the server calls `connectionLost` of
    the connection instead.

    Attributes:
        transport: the transport of the request. It belongs to the server until `take_over`.
    """

    transport: ITransport

    def refuse(self, response: Response) -> None:
        """Send this response; the transport stays the server's."""
        raise NotImplementedError

    def take_over(self, protocol: Any) -> bytes:
        """Make the transport call this protocol; return the bytes that came after the request.

        The transport reads from now on, and no producer is registered with it.
        """
        raise NotImplementedError

    def header_lines(self) -> bytes:
        """Return the lines, each with its CRLF, to add to the response that accepts."""
        raise NotImplementedError

    def lost(self, reason: Failure) -> None:
        """Called when the transport, which was taken over, is lost."""
        raise NotImplementedError

"""A request that somebody else has read: how a connection answers it."""

from __future__ import annotations

from typing import Any, Protocol

from twisted.internet.interfaces import ITransport
from twisted.python.failure import Failure

from txws2.wire.http.heads import Response

__all__ = ["Upgrade"]


class Upgrade(Protocol):
    """What an HTTP server of somebody else's provides for a request that it has read.

    It gives this to `WebSocketServerProtocol._answer`. Then either of `refuse` and `take_over` is
    called, at once or later, unless the client leaves before: the server then calls
    `connectionLost` of the connection.

    Attributes:
        transport: what the request came on. Until `take_over`, it is the server's.
    """

    transport: ITransport

    def refuse(self, response: Response) -> None:
        """Answer with this response; the transport stays the server's."""
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
        """Take it that the transport, which was taken over, is gone."""
        raise NotImplementedError

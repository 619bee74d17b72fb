"""Bytes from a target to a client that stay in the memory they were read into."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.tcp import Connection as TCPTransport

from txws2._connection.handle import driver_of
from txws2._connection.protocol import WebSocketProtocol
from txws2._transport.progress import room_in
from txws2._transport.socket_writer import WriteThrough
from txws2._transport.view_reader import ViewReader

__all__ = ["LARGEST", "InPlace", "goes_as_it_is"]

LARGEST = 120 * 1024
"""The number of bytes of the largest message.

In messages of half this size, a bulk costs half as much again.
"""

# A copy of less costs less than to write a frame in two pieces.
_LARGE = 16 * 1024


def goes_as_it_is(ws: WebSocketProtocol) -> bool:
    """Tell whether the payload of a message to a client goes to a socket without any change."""
    driver = driver_of(ws)
    return isinstance(driver.outbox, WriteThrough) and not driver.connection.deflates


class InPlace(ViewReader):
    """Reads from a target, and sends each large read to the client without a copy.

    Args:
        transport: the target's.
        ws: the open connection of the client, for which `goes_as_it_is` is True.
        otherwise: takes the bytes that can't be sent so, at most `LARGEST` in each call.
    """

    __slots__ = ("_client", "_driver", "_otherwise")

    def __init__(
        self, transport: TCPTransport, ws: WebSocketProtocol, otherwise: Callable[[bytes], object]
    ) -> None:
        self._driver = driver = driver_of(ws)
        self._client = driver.outbox.transport.getHandle()
        self._otherwise = otherwise
        super().__init__(transport)

    def room(self) -> int:
        """Return about how many bytes the client's socket takes now."""
        return room_in(self._client)

    def take(self, read: memoryview) -> None:
        """Send a read in binary messages."""
        if len(read) < _LARGE:
            self._otherwise(bytes(read))
            return
        payloads = [read[start : start + LARGEST] for start in range(0, len(read), LARGEST)]
        if not self._send(payloads):
            for payload in payloads:
                self._otherwise(bytes(payload))

    def _send(self, payloads: list[memoryview]) -> bool:
        """Send messages if nothing is against it; tell whether they were sent."""
        driver = self._driver
        if driver.turns is not None:
            return False
        pieces: list[bytes | memoryview] = []
        for payload in payloads:
            header = driver.connection.announce(len(payload))
            if header is None:
                return False
            pieces += header, payload
        driver.outbox.write_pieces(pieces)
        return True

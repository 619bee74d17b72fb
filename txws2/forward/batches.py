"""The messages of a connection in pull style, all those of a read at once."""

from __future__ import annotations

from typing import cast

from txws2._connection.handle import driver_of
from txws2._connection.protocol import WebSocketProtocol
from txws2._transport.outbox import Outbox
from txws2.streams.codecs import Binary, Codec
from txws2.wire.closing import CloseCode

__all__ = ["next_batch", "write_batch"]

# To join small payloads takes less time than to give them to the system one by one. A large one is
# worth that: the joined bytes would be in memory that comes fresh from the system.
_LARGE = 16 * 1024


async def next_batch(ws: WebSocketProtocol) -> list[str | bytes]:
    """Return the messages that are here, at least one; wait for one if none is.

    Awaiting each message for itself would cost several times as much.

    Raises:
        ConnectionClosed: the connection is closed, and all messages were received.
    """
    messages = [await ws.recv()]
    inbox = driver_of(ws).need_inbox()
    if inbox.waiting:
        messages += inbox.take_all()
        inbox.read_on()
    return messages


def write_batch(
    outbox: Outbox, messages: list[str | bytes], codec: Codec
) -> tuple[int, str] | None:
    """Write the bytes that messages carry, up to the first message that is wrong.

    Args:
        outbox: gets the bytes.
        messages: the messages.
        codec: the codec of the connection.

    Returns:
        A close code, with a reason, for the wrong message; None if there is none.
    """
    wrong = None
    if type(codec) is not Binary:
        data, wrong = _decoded(messages, codec)
    elif len(messages) > 1 and all(map(_is_large, messages)):
        outbox.write_pieces(cast("list[bytes]", messages))
        return None
    else:
        data, wrong = _joined(messages)
    if data:
        outbox.write(data)
    return wrong


def _is_large(message: str | bytes) -> bool:
    return type(message) is bytes and len(message) >= _LARGE


def _joined(messages: list[str | bytes]) -> tuple[bytes, tuple[int, str] | None]:
    try:
        return b"".join(cast("list[bytes]", messages)), None
    except TypeError:
        first = next(at for at, message in enumerate(messages) if isinstance(message, str))
        data = b"".join(cast("list[bytes]", messages[:first]))
        # websockify does the same.
        return data, (CloseCode.UNSUPPORTED_DATA, "text messages aren't supported here")


def _decoded(messages: list[str | bytes], codec: Codec) -> tuple[bytes, tuple[int, str] | None]:
    pieces = []
    for message in messages:
        try:
            pieces.append(codec.data(message))
        except ValueError:
            return b"".join(pieces), (CloseCode.INVALID_DATA, "invalid Base64")
    return b"".join(pieces), None

"""Messages that are sent as they are made, fragment by fragment (RFC 6455 section 5.4)."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Mapping

from twisted.internet.defer import Deferred

from txws2.exceptions import ConnectionClosed
from txws2.wire.encoding import Part

__all__ = ["Fragments", "check_fragments", "send_fragments"]

Fragments = Iterable[Part] | AsyncIterable[Part]
"""The parts of one message: all str, or all bytes-like."""


def check_fragments(message: object) -> None:
    """Make sure that a message which isn't str or bytes-like can be sent in fragments.

    Raises:
        TypeError: it can't be iterated over, or is a mapping, whose keys are no message.
    """
    iterable = isinstance(message, (Iterable, AsyncIterable)) and not isinstance(message, Mapping)
    if not iterable:
        raise TypeError(
            "a message is str, bytes-like, or an iterable or asynchronous iterable of such; "
            f"not {type(message).__name__}"
        )


async def send_fragments(
    message: Fragments,
    write: Callable[[Part, bool], Deferred[None]],
    break_off: Callable[[], object],
) -> None:
    """Send each part of a message as it comes; a message without parts isn't sent.

    Args:
        message: the parts.
        write: writes a part, and whether it is the last; fires when there is room for more.
        break_off: closes the connection. When the parts end with an exception, nothing else can
            take back those that were sent.
    """
    kind: type[str] | type[bytes] | None = None
    try:
        async for part in _each(message):
            await write(part, False)
            kind = str if isinstance(part, str) else bytes
        if kind is not None:
            await write(kind(), True)
    except ConnectionClosed:
        raise
    except BaseException:
        if kind is not None:
            break_off()
        raise


async def _each(message: Fragments) -> AsyncIterator[Part]:
    if isinstance(message, AsyncIterable):
        async for part in message:
            yield part
    else:
        for part in message:
            yield part

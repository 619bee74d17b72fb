"""Reading straight from the socket."""

from __future__ import annotations

from typing import Any

from txws2._accelerator import accelerated

__all__ = ["read_through"]


@accelerated
def read_through(transport: Any, descriptor: int, /) -> Exception | None:
    """Have a transport read, as its doRead does.

    The twin in C receives into memory of its own, where an `Exchange` finds what it decodes. It
    does so while that is at the beginning of a message or of a control frame, or isn't open yet,
    and nobody has overridden `dataReceived`, nor the transport's `doRead`.

    Args:
        transport: a TCP transport that has something to read, or whose peer is gone.
        descriptor: its socket's.

    Returns:
        Why there is nothing more to read, None if there may be.
    """
    why: Exception | None = transport.doRead()
    return why

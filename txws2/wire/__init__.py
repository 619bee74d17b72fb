"""The protocol itself: bytes in, messages and bytes out; no reactor, clock, transport or log.

The way of a byte, inward::

    http.readers, http.heads          the opening handshake, until 101:
        http.request_heads            the head of a request in its parts
        handshake.server, .client     one side each
        handshake.rules               the rules of both
        permessage_deflate            the negotiation of compression
    connection                        the state rules, then
        decoder                       the messages of a read
        unfinished                    a message whose end hasn't come
        frame_reader                  control frames, and frames that break a rule
        encoder, whole_messages       one message outward
        frames, masking               one frame; masking_keys makes the keys
        deflater                      the payload of a message, compressed
        closing                       the closing handshake

A comment that says "Section 5.4" alone means the RFC that the module's first line names. Words
between double quotes are the RFC's own; "[...]" stands for words that are left out.

`_accelerator` names the functions that also exist in C.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from txws2.wire import connection as connection
    from txws2.wire import counts as counts
    from txws2.wire import events as events
    from txws2.wire import frames as frames

# These are the documented ones.
_MODULES = {"connection", "counts", "events", "frames"}

if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        # `import txws2` is enough for txws2.wire.connection.
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return import_module(f"txws2.wire.{name}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_MODULES})

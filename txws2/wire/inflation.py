"""The objects and limits that inflate each message."""

from __future__ import annotations

from typing import Any

from txws2._accelerator import accelerated

__all__ = ["Inflation"]


@accelerated
class Inflation:
    """The objects and limits that inflate each message.

    With the twin in C, a `Decoder` whose `inflater` is one inflates a message that is whole in a
    read without calling Python code. That is `finish` of the subclass, as far as nearly every
    message takes it; then `blame` and `go_on` are called, which the subclass provides.

    Attributes:
        decompressor: the decompressor of the stream; None before a stream begins, at first, and
            after a final block; while its memory was given back; and while it is at work.
        made: the number of bytes that the stream has made.
        takeover: whether a message may refer to those before it.
        used: set to True by each message.
        window_bits: 9 to 15, the base-2 logarithm of the window.
    """

    __slots__ = ("decompressor", "made", "takeover", "used", "window_bits")

    def __init__(self) -> None:
        self.decompressor: Any = None
        self.made = self.window_bits = 0
        self.takeover = self.used = False

"""permessage-deflate (RFC 7692): its options, and how two sides agree on them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from txws2.wire.deflater import Deflater, Inflater
from txws2.wire.exceptions import NegotiationError
from txws2.wire.http.grammar import Extension

__all__ = ["PRESETS", "Deflate", "PerMessageDeflate", "accept_offer", "check_answer", "make_offers"]

_NAME = "permessage-deflate"

# Section 7.1.2: a decimal integer between 8 and 15 without leading zeroes.
_WINDOW_BITS = re.compile(r"[89]|1[0-5]")


@dataclass(frozen=True)
class PerMessageDeflate:
    """How messages are to be compressed.

    A window is what a message's compressed form may refer back to; with context takeover it
    reaches into the messages before it. Smaller windows and no takeover take less memory, and
    compress less.

    Args:
        server_no_context_takeover: whether the server's messages are to be compressed each on
            its own. A client that wants it declines a server that doesn't.
        client_no_context_takeover: likewise for the client's messages.
        server_max_window_bits: 9 to 15, the base-2 logarithm of the window for the server's
            messages; None for 15, and for a client also: whatever the server likes.
        client_max_window_bits: likewise for the client's messages. A server can only ask for
            less than 15 if the client says that it can.
        level: how hard zlib tries, 1 (fast) to 9 (small).
        memory_level: memory that zlib's compressor takes besides the window, 1 to 9: 2 to the
            power of memory_level + 9 bytes. From 5 on, zlib-ng compresses where it is installed,
            and takes 140 KiB or more whatever this says.
        threshold: messages of fewer bytes are sent uncompressed.

    Raises:
        ValueError: a number is out of its range.
    """

    server_no_context_takeover: bool = False
    client_no_context_takeover: bool = False
    server_max_window_bits: int | None = None
    client_max_window_bits: int | None = None
    level: int = 6
    memory_level: int = 5
    threshold: int = 64

    def __post_init__(self) -> None:
        for name, least, most in (
            # zlib can't compress with a window of 2**8 (it takes 9 for 8, which peers notice).
            ("server_max_window_bits", 9, 15),
            ("client_max_window_bits", 9, 15),
            ("level", 1, 9),
            ("memory_level", 1, 9),
        ):
            value = getattr(self, name)
            if not (value is None or isinstance(value, int)):
                raise TypeError(f"{name} must be an int from {least} to {most}; it is {value!r}")
            if value is not None and not least <= value <= most:
                raise ValueError(f"{name} must be from {least} to {most}; it is {value}")
        if self.threshold < 0:
            raise ValueError(f"threshold must be at least 0; it is {self.threshold}")


_BALANCED = PerMessageDeflate(
    server_max_window_bits=12, client_max_window_bits=12, level=1, memory_level=5
)

PRESETS = {
    "deflate": _BALANCED,
    "memory": PerMessageDeflate(
        server_no_context_takeover=True,
        client_no_context_takeover=True,
        server_max_window_bits=10,
        client_max_window_bits=10,
        level=6,
        memory_level=3,
    ),
    "balanced": _BALANCED,
    "ratio": PerMessageDeflate(level=6, memory_level=8),
}
"""Options by name; docs/howto/compression has what each costs and brings."""


@dataclass(frozen=True)
class Deflate:
    """What two sides have agreed on.

    Attributes:
        server_takeover: whether the server's messages may refer to those before them.
        client_takeover: likewise for the client's.
        server_window_bits: 8 to 15, for the server's messages.
        client_window_bits: likewise for the client's.
    """

    server_takeover: bool = True
    client_takeover: bool = True
    server_window_bits: int = 15
    client_window_bits: int = 15

    def deflater(self, options: PerMessageDeflate, *, client: bool) -> Deflater:
        """Make what compresses on this side."""
        bits, takeover = self._of(client)
        return Deflater(bits, takeover, options.level, options.memory_level)

    def inflater(self, *, client: bool) -> Inflater:
        """Make what inflates on this side."""
        return Inflater(*self._of(not client))

    def _of(self, client: bool) -> tuple[int, bool]:
        if client:
            return self.client_window_bits, self.client_takeover
        return self.server_window_bits, self.server_takeover


@dataclass(frozen=True)
class _Parameters:
    """The parameters of one offer or of one answer; window bits are 0 where there is no value."""

    server_no_context_takeover: bool = False
    client_no_context_takeover: bool = False
    server_max_window_bits: int | None = None
    client_max_window_bits: int | None = None

    def __str__(self) -> str:
        words = [_NAME]
        for name, value in vars(self).items():
            if value is True or (value == 0 and value is not False):
                words.append(name)
            elif value:
                words.append(f"{name}={value}")
        return "; ".join(words)


def _parse(pairs: Iterable[tuple[str, str | None]], *, offer: bool) -> _Parameters:
    """Read the parameters of an offer or of an answer (section 7.1).

    Raises:
        NegotiationError: one is unknown, occurs twice, or has a value that it can't have.
    """
    found: dict[str, bool | int] = {}
    for name, value in pairs:
        if name in found:
            raise NegotiationError(f"duplicate parameter: {name}")
        if name in ("server_no_context_takeover", "client_no_context_takeover"):
            valid = value is None
            found[name] = True
        elif name in ("server_max_window_bits", "client_max_window_bits"):
            # Section 7.1.2.2: only in an offer, and only the client's may go without a value.
            bare = value is None and offer and name == "client_max_window_bits"
            valid = bare or (value is not None and _WINDOW_BITS.fullmatch(value) is not None)
            found[name] = int(value) if valid and value is not None else 0
        else:
            raise NegotiationError(f"unknown parameter: {name[:80]}")
        if not valid:
            raise NegotiationError(f"invalid value of parameter {name}: {str(value)[:80]}")
    return _Parameters(**found)  # type: ignore[arg-type]


def _offers(options: PerMessageDeflate) -> list[_Parameters]:
    # Section 7.1.2.2: client_max_window_bits is how a client says that the server may ask for a
    # smaller window; without a value, it has no wish of its own.
    best = _Parameters(
        options.server_no_context_takeover,
        options.client_no_context_takeover,
        options.server_max_window_bits,
        options.client_max_window_bits or 0,
    )
    if best.server_max_window_bits is None:
        return [best]
    # A server whose compressor has one window only would decline that.
    return [best, replace(best, server_max_window_bits=None)]


def make_offers(options: PerMessageDeflate) -> list[str]:
    """Return what a client offers, best first, for Sec-WebSocket-Extensions."""
    return [str(offer) for offer in _offers(options)]


def accept_offer(
    offered: Iterable[Extension], options: PerMessageDeflate
) -> tuple[Deflate, str] | None:
    """Choose the first of a client's offers that the server can accept (section 5.1).

    An offer with an unknown, repeated or invalid parameter is declined, as one that asks for a
    window which zlib can't compress with.

    Returns:
        What is agreed, and the answer for Sec-WebSocket-Extensions; None if there is nothing to
        accept, so that the connection goes uncompressed.
    """
    for name, pairs in offered:
        if name == _NAME:
            try:
                offer = _parse(pairs, offer=True)
            except NegotiationError:
                continue
            answer = _answer(offer, options)
            if answer is not None:
                return _agree(answer), str(answer)
    return None


def _answer(offer: _Parameters, options: PerMessageDeflate) -> _Parameters | None:
    server_bits = min(offer.server_max_window_bits or 15, options.server_max_window_bits or 15)
    if server_bits < 9:
        return None
    client_bits = min(offer.client_max_window_bits or 15, options.client_max_window_bits or 15)
    # Section 7.1.2.1: a smaller window offered MUST be confirmed; one of ours may be stated.
    state_server = offer.server_max_window_bits is not None or server_bits < 15
    # Section 7.1.2.2: it MUST NOT be asked of a client that hasn't said that it can.
    state_client = offer.client_max_window_bits is not None and client_bits < 15
    return _Parameters(
        offer.server_no_context_takeover or options.server_no_context_takeover,
        offer.client_no_context_takeover or options.client_no_context_takeover,
        server_bits if state_server else None,
        client_bits if state_client else None,
    )


def _agree(answer: _Parameters) -> Deflate:
    return Deflate(
        not answer.server_no_context_takeover,
        not answer.client_no_context_takeover,
        answer.server_max_window_bits or 15,
        answer.client_max_window_bits or 15,
    )


def check_answer(
    answered: Sequence[Extension], options: PerMessageDeflate | None
) -> Deflate | None:
    """Judge the extensions that a server has answered with (sections 5.1 and 7.1).

    Args:
        answered: those of the response.
        options: those that were offered, None if nothing was.

    Returns:
        What is agreed, None if the connection goes uncompressed.

    Raises:
        NegotiationError: the server answers with what wasn't offered.
    """
    if not answered:
        return None
    name, pairs = answered[0]
    if options is None or name != _NAME or len(answered) > 1:
        names = ", ".join(name[:80] for name, _ in answered)
        offered = "nothing" if options is None else _NAME
        raise NegotiationError(f"unsupported extensions: {names}; {offered} was offered")
    answer = _parse(pairs, offer=False)
    # Section 7.1.1.1. As to windows, the last offer leaves the server free.
    if options.server_no_context_takeover and not answer.server_no_context_takeover:
        raise NegotiationError(f"{answer} lacks server_no_context_takeover, which was offered")
    agreed = _agree(answer)
    bits = min(agreed.client_window_bits, options.client_max_window_bits or 15)
    if bits < 9:
        raise NegotiationError("client_max_window_bits=8 can't be had from zlib")
    # What was offered as a hint (section 7.1.1.2) holds whether or not it was answered.
    takeover = agreed.client_takeover and not options.client_no_context_takeover
    return replace(agreed, client_takeover=takeover, client_window_bits=bits)

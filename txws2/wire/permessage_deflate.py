"""permessage-deflate (RFC 7692): its options, and how the two sides negotiate them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache, lru_cache

from txws2.wire.compression_budget import UNLIMITED, CompressionBudget
from txws2.wire.deflater import Deflater, Inflater
from txws2.wire.exceptions import NegotiationError
from txws2.wire.http.grammar import Extension

__all__ = ["PRESETS", "Deflate", "PerMessageDeflate", "accept_offer", "check_answer", "make_offers"]

_NAME = "permessage-deflate"

# Section 7.1.2: "a decimal integer value without leading zeroes between 8 to 15". Why not int():
# it reads "08", "+9", " 9" and digits of other scripts.
_WINDOW_BITS = re.compile(r"[89]|1[0-5]")


@dataclass(frozen=True)
class PerMessageDeflate:
    """The options of compression.

    A compressed message may refer back to the bytes in its window. With context takeover, the
    window reaches into the messages before it. Smaller windows and no takeover take less memory,
    and compress less.

    Args:
        server_no_context_takeover: whether each of the server's messages is to be compressed on
            its own. A client that asks for this fails the connection to a server that doesn't
            confirm it.
        client_no_context_takeover: likewise for the client's messages.
        server_max_window_bits: 9 to 15, the base-2 logarithm of the window for the server's
            messages. None for 15; on a client, None leaves the window to the server.
        client_max_window_bits: likewise for the client's messages. A server can only ask for
            less than 15 if the client offers this parameter.
        level: the effort of zlib, from 1 (fast) to 9 (small).
        memory_level: 1 to 9, for the memory that zlib's compressor takes besides the window: 2 to
            the power of memory_level + 9 bytes. From 5 on, zlib-ng compresses where it is
            installed, and takes 140 KiB or more, whatever this option is.
        threshold: messages of fewer bytes are sent uncompressed.

    Raises:
        TypeError: a number isn't an int.
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
            # The RFC has 8 to 15, but zlib can't compress with a window of 2**8. Old versions of
            # it take 2**9 instead, which the peer's decompressor then refuses.
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


# Why not the RFC's default of 15 bits: a server keeps two windows for each connection, and a window
# of 12 bits is an eighth as large.
_BALANCED = PerMessageDeflate(
    server_max_window_bits=12, client_max_window_bits=12, level=1, memory_level=5
)

PRESETS = {
    # The library websockets has compression="deflate"; so this word works here, too.
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
"""Options by name; docs/howto/compression compares their costs."""


@dataclass(frozen=True)
class Deflate:
    """The parameters that two sides have agreed on.

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

    def deflater(
        self, options: PerMessageDeflate, budget: CompressionBudget = UNLIMITED, *, client: bool
    ) -> Deflater:
        """Make the deflater of this side, which takes its memory from this budget."""
        bits, takeover = self._of(client)
        return Deflater(bits, takeover, options.level, options.memory_level, budget)

    def inflater(self, budget: CompressionBudget = UNLIMITED, *, client: bool) -> Inflater:
        """Make the inflater of this side, which takes its memory from this budget."""
        return Inflater(*self._of(not client), budget)

    def _of(self, client: bool) -> tuple[int, bool]:
        if client:
            return self.client_window_bits, self.client_takeover
        return self.server_window_bits, self.server_takeover


@dataclass(frozen=True)
class _Parameters:
    """The parameters of one offer or one answer; window bits without a value are 0."""

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
        NegotiationError: a parameter is unknown, occurs twice, or has a wrong value.
    """
    found: dict[str, bool | int] = {}
    for name, value in pairs:
        # Section 7 has a server decline an offer, and a client fail the connection, for each of
        # these: "an extension parameter not defined for use in an offer" (or "in a response"), "an
        # extension parameter with an invalid value", "multiple extension parameters with the same
        # name".
        if name in found:
            raise NegotiationError(f"duplicate parameter: {name}")
        if name in ("server_no_context_takeover", "client_no_context_takeover"):
            valid = value is None
            found[name] = True
        elif name in ("server_max_window_bits", "client_max_window_bits"):
            # Section 7.1.2.2: this parameter may go without a value only in an offer, and only
            # with this name.
            bare = value is None and offer and name == "client_max_window_bits"
            valid = bare or (value is not None and _WINDOW_BITS.fullmatch(value) is not None)
            found[name] = int(value) if valid and value is not None else 0
        else:
            raise NegotiationError(f"unknown parameter: {name[:80]}")
        if not valid:
            raise NegotiationError(f"invalid value of parameter {name}: {str(value)[:80]}")
    return _Parameters(**found)  # type: ignore[arg-type]


def _offers(options: PerMessageDeflate) -> list[_Parameters]:
    # Section 7.1.2.2: with client_max_window_bits, a client tells the server that it may ask for a
    # smaller window; without a value, the client has no wish of its own. It is always offered,
    # since it costs nothing here, and saves the server memory.
    best = _Parameters(
        bool(options.server_no_context_takeover),
        bool(options.client_no_context_takeover),
        options.server_max_window_bits,
        options.client_max_window_bits or 0,
    )
    if best.server_max_window_bits is None:
        return [best]
    # Section 7.1.2.1: "A server declines an extension negotiation offer with this parameter if the
    # server doesn't support it." So a second offer goes without it: a large window of the server's
    # is better than no compression.
    return [best, replace(best, server_max_window_bits=None)]


def make_offers(options: PerMessageDeflate) -> list[str]:
    """Return the offers of a client, best first, for Sec-WebSocket-Extensions."""
    return list(_written_offers(options))


# Nearly all clients of a program have the same options.
@lru_cache(maxsize=16)
def _written_offers(options: PerMessageDeflate) -> tuple[str, ...]:
    return tuple(map(str, _offers(options)))


def accept_offer(
    offered: Iterable[Extension], options: PerMessageDeflate
) -> tuple[Deflate, str] | None:
    """Choose the first of a client's offers that the server can accept (section 5.1).

    An offer with an unknown, repeated or invalid parameter is declined, and an offer that asks for
    a window with which zlib can't compress, too.

    Returns:
        The agreed parameters, and the answer for Sec-WebSocket-Extensions; None if no offer can
        be accepted, and the connection goes uncompressed.
    """
    # Section 5: "An element preceding another element has higher preference. It is recommended
    # that a server accepts PMCEs with higher preference if the server supports them." Why not fail
    # the handshake over a malformed offer: section 7 says "decline", and a later RFC may define
    # more parameters.
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
    # Section 7.1.2.1: a server accepts this parameter with "the same or smaller value as the
    # offer". Section 7 has it decline if it "doesn't support the offered configuration", as zlib
    # doesn't support 8.
    server_bits = min(offer.server_max_window_bits or 15, options.server_max_window_bits or 15)
    if server_bits < 9:
        return None
    client_bits = min(offer.client_max_window_bits or 15, options.client_max_window_bits or 15)
    # Section 7.1.2.1: a server accepts the parameter "by including" it in the response. It MAY also
    # include it "even if the extension negotiation offer being accepted by the response didn't".
    state_server = offer.server_max_window_bits is not None or server_bits < 15
    # Section 7.1.2.2: "If a received extension negotiation offer doesn't have the
    # "client_max_window_bits" extension parameter, the corresponding extension negotiation response
    # to the offer MUST NOT include the "client_max_window_bits" extension parameter." Then the
    # server inflates with 15 bits, whatever its own option is.
    state_client = offer.client_max_window_bits is not None and client_bits < 15
    # Section 7.1.1: a server "MAY include" either of the two for the takeover without an offer.
    return _Parameters(
        offer.server_no_context_takeover or options.server_no_context_takeover,
        offer.client_no_context_takeover or options.client_no_context_takeover,
        server_bits if state_server else None,
        client_bits if state_client else None,
    )


# Connections with the same parameters share an object, to save memory. Few are different.
@cache
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
    """Check the extensions of a server's answer (sections 5.1 and 7.1).

    Args:
        answered: the extensions of the response.
        options: the options that were offered, None if nothing was offered.

    Returns:
        The agreed parameters, None if the connection goes uncompressed.

    Raises:
        NegotiationError: the server answers with something that wasn't offered.
    """
    if not answered:
        return None
    name, pairs = answered[0]
    # RFC 6455 section 9.1: the extensions of the response "represent the extensions actually in use
    # for the connection." Section 4.1: if one of them "was not present in the client's handshake
    # [...], the client MUST _Fail the WebSocket Connection_." Frames would be misread otherwise.
    if options is None or name != _NAME or len(answered) > 1:
        names = ", ".join(name[:80] for name, _ in answered)
        offered = "nothing" if options is None else _NAME
        raise NegotiationError(f"unsupported extensions: {names}; {offered} was offered")
    answer = _parse(pairs, offer=False)
    # Section 7.1.1.1: a server accepts server_no_context_takeover "by including" it in the
    # response. A server_max_window_bits of ours needs no check: the second offer goes without it,
    # so any window of the server's answers one of the two.
    if options.server_no_context_takeover and not answer.server_no_context_takeover:
        raise NegotiationError(f"{answer} lacks server_no_context_takeover, which was offered")
    agreed = _agree(answer)
    # Section 7: a client fails the connection if it "does not support the configuration that the
    # response represents."
    bits = min(agreed.client_window_bits, options.client_max_window_bits or 15)
    if bits < 9:
        raise NegotiationError(
            "the server asks for client_max_window_bits=8; zlib can't compress with less than 9"
        )
    # Section 7.1.1.2: a client's offer of client_no_context_takeover is a hint, which the server
    # may ignore. The client doesn't take its context over all the same, as it said.
    takeover = agreed.client_takeover and not options.client_no_context_takeover
    if (takeover, bits) == (agreed.client_takeover, agreed.client_window_bits):
        return agreed
    return replace(agreed, client_takeover=takeover, client_window_bits=bits)

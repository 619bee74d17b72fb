"""Compressing any bytes, in parts: they inflate to the same bytes."""

from unittest import mock

from tests.fuzz.choices import Choices, cut
from tests.fuzz.documented import raises_only
from txws2.wire import zlib_library as zlibs
from txws2.wire.deflater import Deflater, Inflater

BITS = range(9, 16)
LEVELS = range(1, 10)
# Pairs of context takeover and the library that compresses.
WAYS = [(takeover, ng) for ng in (None, zlibs.NG) for takeover in (False, True)]


def target(data):
    choices = Choices(data)
    bits, (takeover, ng) = choices.one_of(BITS), choices.one_of(WAYS)
    level, memory_level = choices.one_of(LEVELS), choices.one_of(LEVELS)
    rests = choices.number()
    sizes = choices.sizes()
    # A space ends a message. Repeated messages could refer to bytes beyond the window.
    messages = choices.rest().split(b" ") * choices.one_of([1, 2, 8])

    deflater = Deflater(bits, takeover, level, memory_level)
    inflater = Inflater(bits, takeover)
    for number, message in enumerate(messages):
        *parts, last = cut(message, sizes) or [b""]
        with raises_only(), mock.patch.object(zlibs, "NG", ng):
            compressed = [deflater.compress(part, last=False) for part in parts]
            compressed.append(deflater.compress(last))
            found = [inflater.inflate(part, len(message)) for part in compressed[:-1]]
            found.append(inflater.finish(len(message) - sum(map(len, found)), compressed[-1]))
        assert b"".join(found) == message, f"{found} isn't {message}"
        # RFC 7692 section 7.2.1.
        assert not compressed[-1].endswith(b"\x00\x00\xff\xff")
        if rests >> number % 8 & 1:
            deflater.rest()

"""Inflating any bytes, in parts: only documented exceptions, and no more bytes than the limit.

The result is that of zlib for the whole message, however the parts are cut.
"""

import zlib
from typing import NamedTuple
from unittest import mock

from tests.fuzz.choices import Choices, cut
from tests.fuzz.documented import raises_only
from txws2.exceptions import PayloadTooBig, ProtocolError
from txws2.wire import deflater as compression
from txws2.wire import zlib_library as zlibs
from txws2.wire.deflater import Inflater

BITS = range(8, 16)
# Pairs of context takeover and the library that inflates.
WAYS = [(takeover, ng) for ng in (None, zlibs.NG) for takeover in (False, True)]
ROOMS = [2**20, 0, 100, 2**16, 3 * 2**16]
# RFC 7692 section 7.2.2.
TAIL = b"\x00\x00\xff\xff"


def target(data):
    choices = Choices(data)
    bits, (takeover, ng) = choices.one_of(BITS), choices.one_of(WAYS)
    room, piece_size = choices.one_of(ROOMS), choices.one_of([2**16, 50])
    sizes = choices.sizes()
    # The tail, which compressed messages don't have, separates the messages of an input.
    messages = choices.rest().split(TAIL)

    apart, whole = Inflater(bits, takeover), Inflater(bits, takeover)
    with (
        mock.patch.object(compression, "_PIECE_SIZE", piece_size),
        mock.patch.object(zlibs, "NG", ng),
    ):
        for number, message in enumerate(messages):
            found = _inflate(whole, [message], room, piece_size)
            if number == 0:
                _compare_with_zlib(message, bits, room, found)
            again = _inflate(apart, cut(message, sizes) or [b""], room, piece_size)
            assert _agree(again, found, bits), f"{again} if cut, but {found}"
            if found is None or again is None:
                return


def _inflate(inflater, parts, room, piece_size):
    """Inflate a message; return None if that fails."""
    found = b""
    *parts, last = parts
    try:
        with raises_only(ProtocolError, PayloadTooBig):
            for part in parts:
                found += inflater.inflate(part, room - len(found))
            found += inflater.finish(room - len(found), last)
    except ProtocolError:
        return None
    except PayloadTooBig as exc:
        # The size in the exception is the number of bytes in memory.
        if not exc.max_size < exc.size <= exc.max_size + piece_size:
            raise AssertionError(str(exc)) from exc
        return None
    assert len(found) <= room, f"{len(found)} bytes, but the limit is {room}"
    return found


def _compare_with_zlib(message, bits, room, found):
    """Compare a connection's first message with zlib's result, stream by stream."""
    expected = _as_zlib_has_it(message, bits, room)
    # zlib leaves too many final blocks, and incomplete ones, to its callers.
    if expected.streams <= 16 and expected.left in (None, 0, len(TAIL)):
        data = expected.data
        if data is not None and len(data) > room:
            data = None
        assert _agree(found, data, bits), f"{found} isn't {data}"
    else:
        assert found is None, f"{found} was inflated"


class _Expected(NamedTuple):
    """zlib's result for a message.

    Attributes:
        data: the inflated message; None if zlib failed.
        streams: the number of DEFLATE streams that have begun.
        left: the bytes of the tail behind a final block; None if the message doesn't end in one.
    """

    data: bytes | None
    streams: int
    left: int | None


def _as_zlib_has_it(message, bits, room):
    found, streams, rest = b"", 0, message + TAIL if message else b""
    while rest:
        streams += 1
        decompressor = zlib.decompressobj(-max(bits, 9))
        try:
            found += decompressor.decompress(rest, room + 1 - len(found))
        except zlib.error:
            return _Expected(None, streams, None)
        if len(found) > room or not decompressor.eof:
            break
        rest = decompressor.unused_data
        if len(rest) <= len(TAIL):
            return _Expected(found, streams, len(rest))
    return _Expected(found, streams, None)


def _agree(one, other, bits):
    # zlib notices a reference beyond the agreed window only once the bytes have left its own
    # window. The largest window holds all bytes that can be referred to.
    return one == other or (bits < 15 and None in (one, other))

"""Inflating anything, in parts: no other exception than documented, never more than the room.

It agrees with zlib inflating the whole at once, and on how the parts are cut nothing depends.
"""

import zlib
from unittest import mock

from tests.fuzz.choices import Choices, cut
from tests.fuzz.documented import raises_only
from txws2.exceptions import PayloadTooBig, ProtocolError
from txws2.wire import compression, zlibs
from txws2.wire.compression import Inflater

BITS = range(8, 16)
# Whether there is takeover, and with what it is inflated.
WAYS = [(takeover, ng) for ng in (None, zlibs.NG) for takeover in (False, True)]
ROOMS = [2**20, 0, 100, 2**16, 3 * 2**16]
# RFC 7692 section 7.2.2.
TAIL = b"\x00\x00\xff\xff"


def target(data):
    choices = Choices(data)
    bits, (takeover, ng) = choices.one_of(BITS), choices.one_of(WAYS)
    room, piece_size = choices.one_of(ROOMS), choices.one_of([2**16, 50])
    sizes = choices.sizes()
    # A message is told from the next by what its last part would have ended with.
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
    """Inflate a message; return None if that isn't possible."""
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
        # What has been found is what was in memory.
        if not exc.max_size < exc.size <= exc.max_size + piece_size:
            raise AssertionError(str(exc)) from exc
        return None
    assert len(found) <= room, f"{len(found)} bytes where there was room for {room}"
    return found


def _compare_with_zlib(message, bits, room, found):
    decompressor = zlib.decompressobj(-max(bits, 9))
    try:
        expected = decompressor.decompress(message + TAIL, room + 1)
    except zlib.error:
        assert _agree(found, None, bits), "zlib refuses it"
        return
    # What follows a final block is another stream.
    if not decompressor.eof:
        expected = expected if len(expected) <= room else None
        assert _agree(found, expected, bits), f"{found} isn't {expected}"


def _agree(one, other, bits):
    # zlib finds that a peer refers to what is out of the window only if it can't see it any more;
    # the largest window has all that there is to refer to.
    return one == other or (bits < 15 and None in (one, other))

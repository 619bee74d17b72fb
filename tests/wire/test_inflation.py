"""Compressed messages that are whole in a read; with either twin, and with either library."""

import random

from hypothesis import given
from hypothesis import strategies as st

from tests.support import blocks, bombs
from tests.support.tallies import counted
from tests.support.twins import in_c, pure
from tests.support.zlibs import ZlibTestCase, with_ng
from tests.wire import same_each_time
from txws2.wire import zlib_library as zlibs
from txws2.wire.decoder import Decoder
from txws2.wire.deflater import Deflater, Inflater
from txws2.wire.exceptions import PayloadTooBig, ProtocolError
from txws2.wire.frames import BINARY, TEXT, encode_frame

# RFC 7692 section 7.2.3.2: a message "Hello", and another one that refers to it.
HELLO = bytes.fromhex("f248cdc9c90700")
AGAIN = bytes.fromhex("f200110000")

# Section 7.2.3.4: the same in a final block.
FINAL = bytes.fromhex("f348cdc9c9070000")
FINISHED = FINAL[:-1]

RANDOM = random.Random(1).randbytes(2**18)
REPEATED = b'{"e":"trade","s":"BTCUSDT","p":"27123.45"}' * 7000
PIECE = 2**16


def frame(payload, opcode=BINARY, masked=True):
    return encode_frame(opcode, payload, masked=masked, rsv1=True)


class InflationTests(ZlibTestCase):
    Decoder = pure("Decoder")

    def decoder(self, *, takeover=True, max_size=2**22, masked=True, window_bits=15):
        class Example(self.Decoder):
            """A decoder that inflates."""

            def inflate_part(self, part, before, last):
                room = None if max_size is None else max_size - before
                if last:
                    return self.inflater.finish(room, part)
                return self.inflater.inflate(part, room)

        decoder = Example()
        decoder.inflater = Inflater(window_bits, takeover)
        decoder.client, decoder.inflates, decoder.max_size = not masked, True, max_size
        return decoder

    def decode(self, decoder, *payloads, opcode=BINARY, masked=True):
        messages = []
        data = b"".join(frame(each, opcode, masked) for each in payloads)
        self.assertEqual(decoder.decode(data, 0, messages), len(data))
        return messages

    def fails(self, decoder, *payloads, opcode=BINARY):
        """Return the messages before the last payload, which fails, and the exception."""
        messages = []
        data = b"".join(frame(each, opcode) for each in payloads)
        raised = (ProtocolError, PayloadTooBig)
        exc = self.assertRaises(raised, decoder.decode, data, 0, messages)
        return messages, exc

    def test_messages_of_all_sizes(self):
        for takeover in (True, False):
            for masked in (True, False):
                decoder = self.decoder(takeover=takeover, masked=masked)
                ours = Deflater(15, takeover, 6, 5)
                sizes = (1, 2, 100, 2000, 2040, 2100, PIECE - 1, PIECE, PIECE + 1, 2**18)
                sent = [source[:size] for size in sizes for source in (RANDOM, REPEATED)]
                found = self.decode(decoder, *map(ours.compress, sent), masked=masked)
                self.assertEqual(found, sent)
                counts = counted(decoder)
                self.assertEqual(counts["payload_in"], sum(map(len, sent)))
                self.assertEqual(counts["frames_in"][BINARY], len(sent))

    def test_text_of_every_kind(self):
        for takeover in (True, False):
            decoder, ours = self.decoder(takeover=takeover), Deflater(15, takeover, 6, 5)
            sent = ["Hello" * 9, "héllo", "€" * 9000, "\U0001f984", "x" * PIECE]
            payloads = [ours.compress(text.encode()) for text in sent]
            self.assertEqual(self.decode(decoder, *payloads, opcode=TEXT), sent)
            self.assertEqual(counted(decoder)["frames_in"][TEXT], len(sent))

    def test_text_must_be_utf8(self):
        """Attack 16."""
        for takeover in (True, False):
            for bad in (b"good \xff", b"\xe2\x82", b"x" * PIECE + b"\x80"):
                ours = Deflater(15, takeover, 6, 5)
                good = ours.compress(b"good")
                decoder = self.decoder(takeover=takeover)
                messages, exc = self.fails(decoder, good, ours.compress(bad), opcode=TEXT)
                self.assertEqual((exc.code, str(exc)), (1007, "invalid UTF-8 in text message"))
                self.assertIsInstance(exc.__cause__, UnicodeDecodeError)
                self.assertEqual(messages, ["good"])

    def test_windows_of_all_sizes(self):
        for takeover in (True, False):
            for bits in range(9, 16):
                decoder = self.decoder(takeover=takeover, window_bits=bits)
                ours = Deflater(bits, takeover, 6, 5)
                sent = [RANDOM[:1000] * 2, RANDOM[:400] * 3, REPEATED[:3000]]
                self.assertEqual(self.decode(decoder, *map(ours.compress, sent)), sent)

    def test_messages_refer_to_those_before_with_takeover_only(self):
        self.assertEqual(self.decode(self.decoder(), HELLO, AGAIN), [b"Hello", b"Hello"])
        messages, exc = self.fails(self.decoder(takeover=False), HELLO, AGAIN)
        self.assertEqual(messages, [b"Hello"])
        self.assertEqual((exc.code, str(exc)), (1002, "decompression failed"))

    def test_final_blocks(self):
        """Attack 26."""
        for takeover in (True, False):
            decoder = self.decoder(takeover=takeover)
            found = self.decode(decoder, HELLO, FINAL, FINISHED + HELLO, HELLO)
            self.assertEqual(found, [b"Hello", b"Hello", b"HelloHello", b"Hello"])

    def test_what_is_no_deflate_fails(self):
        for takeover in (True, False):
            for bad in (b"\xff", AGAIN):
                decoder = self.decoder(takeover=takeover)
                messages, exc = self.fails(decoder, HELLO, FINAL, HELLO, FINISHED + bad)
                self.assertEqual(messages, [b"Hello"] * 3)
                self.assertEqual((exc.code, str(exc)), (1002, "decompression failed"))
                self.assertIsInstance(exc.__cause__, zlibs.error())

    def test_an_error_of_a_stream_that_goes_on(self):
        decoder = self.decoder()
        messages, exc = self.fails(decoder, HELLO, b"\xff")
        self.assertEqual((messages, str(exc)), ([b"Hello"], "decompression failed"))
        self.assertIsInstance(exc.__cause__, zlibs.error())

    def test_max_size_is_for_what_comes_out(self):
        """Attack 1."""
        for takeover in (True, False):
            for most in (5, 100, PIECE - 1, PIECE, PIECE + 1):
                ours = Deflater(15, takeover, 6, 5)
                sent = [REPEATED[:size] for size in (most - 1, most, most + 1)]
                decoder = self.decoder(takeover=takeover, max_size=most)
                messages, exc = self.fails(decoder, *map(ours.compress, sent))
                self.assertEqual(messages, sent[:2])
                self.assertIsInstance(exc, PayloadTooBig)

    def test_decoding_stops_when_messages_are_256_kib_larger_than_their_bytes(self):
        """Attack 36."""
        for takeover in (True, False):
            decoder, ours = self.decoder(takeover=takeover), Deflater(15, takeover, 6, 5)
            sent = [bytes(100_000)] * 8
            frames = [frame(ours.compress(each)) for each in sent]
            data, plain = b"".join(frames), encode_frame(BINARY, RANDOM, masked=True)
            messages, position = [], 0
            for expected in (3, 6, 8):
                position = decoder.decode(data, position, messages)
                self.assertEqual(messages, sent[:expected])
                self.assertEqual(position, sum(map(len, frames[:expected])))
            # Bytes without compression count on neither side.
            messages.clear()
            self.assertEqual(decoder.decode(plain * 3, 0, messages), len(plain) * 3)

    def test_a_message_larger_than_4_mib_is_inflated_in_pieces(self):
        for takeover in (True, False):
            decoder = self.decoder(takeover=takeover, max_size=None)
            data, messages = frame(bombs.zeros(16)), []
            position, before = 0, 0
            while not messages:
                position = decoder.decode(data, position, messages)
                self.assertLess(decoder.payload_in - before, 5 * 2**20)
                before = decoder.payload_in
            self.assertEqual((position, messages), (len(data), [bytes(2**24)]))

    def test_a_bomb_ends_at_max_size(self):
        """Attack 1."""
        for takeover in (True, False):
            for first in ((), (HELLO,)):
                decoder = self.decoder(takeover=takeover, max_size=2**20)
                _, exc = self.fails(decoder, *first, bombs.zeros(100))
                self.assertIsInstance(exc, PayloadTooBig)
                self.assertEqual(exc.code, 1009)

    def test_a_short_bomb_of_many_final_blocks_ends(self):
        for takeover in (True, False):
            decoder = self.decoder(takeover=takeover)
            _, exc = self.fails(decoder, HELLO, b"\x03\x00" * 100 + HELLO)
            self.assertEqual(str(exc), "decompression failed: too many final blocks")

    def test_a_message_may_be_empty(self):
        for takeover in (True, False):
            decoder, ours = self.decoder(takeover=takeover), Deflater(15, takeover, 6, 5)
            payloads = [ours.compress(b""), b"", ours.compress(b"a"), b"", ours.compress(b"")]
            self.assertEqual(self.decode(decoder, *payloads), [b"", b"", b"a", b"", b""])

    def test_a_message_that_ends_within_a_block(self):
        for takeover in (True, False):
            decoder = self.decoder(takeover=takeover)
            self.assertEqual(self.decode(decoder, HELLO, HELLO[:4])[0], b"Hello")

    def test_memory_that_was_given_back_is_not_missed(self):
        decoder = self.decoder()
        self.decode(decoder, HELLO)
        self.assertTrue(decoder.inflater.shrink())
        self.assertEqual(self.decode(decoder, AGAIN, AGAIN), [b"Hello"] * 2)

    def test_each_message_is_a_use(self):
        decoder = self.decoder()
        self.decode(decoder, HELLO)
        decoder.inflater.used = False
        self.decode(decoder, AGAIN)
        self.assertTrue(decoder.inflater.used)

    def test_what_is_not_agreed_on_is_left(self):
        decoder = self.decoder()
        decoder.inflates = False
        self.assertEqual(decoder.decode(frame(HELLO), 0, []), 0)

    @same_each_time
    @given(blocks.messages, blocks.kinds, st.booleans())
    def test_messages_of_any_blocks(self, messages, kind, takeover):
        peer, decoder = blocks.Sender(*kind, takeover), self.decoder(takeover=takeover)
        found = self.decode(decoder, *map(peer.payload, messages))
        self.assertEqual(found, [message.data for message in messages])

    @same_each_time
    @given(st.lists(st.tuples(st.binary(max_size=20), st.sampled_from([b"", HELLO, FINAL]))))
    def test_garbage_is_inflated_as_by_the_inflater(self, messages):
        for takeover in (True, False):
            decoder, other = self.decoder(takeover=takeover), Inflater(15, takeover)
            for garbage, start in messages:
                payload = start + garbage
                try:
                    expected = other.finish(None, payload)
                except ProtocolError as exc:
                    self.assertEqual(str(self.fails(decoder, payload)[1]), str(exc))
                    break
                self.assertEqual(self.decode(decoder, payload), [expected])


class StrangeDecompressor:
    """A decompressor that does something else first."""

    eof = False

    def __init__(self, act):
        self.act = act

    def decompress(self, _data, _room):
        return self.act()


class StrangeTests(ZlibTestCase):
    """Attack 32: Python code runs while a message is inflated."""

    Decoder = pure("Decoder")
    decoder = InflationTests.decoder

    def strange(self, act):
        decoder = self.decoder()
        decoder.inflater.decompressor = StrangeDecompressor(act)
        return decoder

    def test_what_else_it_raises_passes(self):
        for raised in (ZeroDivisionError, MemoryError, SystemExit):

            def fail(raised=raised):
                raise raised

            self.assertRaises(raised, self.strange(fail).decode, frame(HELLO), 0, [])

    def test_the_inflater_may_be_taken_away(self):
        def act():
            inflater.decompressor = None
            decoder.inflater = None
            return b"found"

        decoder, messages = self.strange(act), []
        inflater = decoder.inflater
        decoder.decode(frame(HELLO), 0, messages)
        self.assertEqual(messages, [b"found"])


@in_c
class InflationInCTests(InflationTests):
    Decoder = Decoder

    def test_a_short_message_that_refers_to_no_other_needs_no_object(self):
        self.patch(zlibs, "decompressor", None)
        decoder = self.decoder(takeover=False)
        self.assertEqual(self.decode(decoder, HELLO, HELLO), [b"Hello"] * 2)

    def test_a_decompressor_makes_bytes(self):
        decoder = self.decoder()
        decoder.inflater.decompressor = StrangeDecompressor(lambda: "text")
        self.assertRaises(TypeError, decoder.decode, frame(HELLO), 0, [])


@in_c
class StrangeInCTests(StrangeTests):
    Decoder = Decoder

    def test_another_message_may_be_decoded(self):
        def act():
            decoder.decode(frame(HELLO), 0, messages)
            return b"found"

        messages = []
        decoder = self.strange(act)
        decoder.decode(frame(HELLO), 0, messages)
        self.assertEqual(messages, [b"Hello", b"found"])


@with_ng
class InflationWithNGTests(InflationTests):
    pass


@with_ng
@in_c
class InflationInCWithNGTests(InflationInCTests):
    pass

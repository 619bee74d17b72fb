import random
import sys
from functools import partial

from hypothesis import given
from hypothesis import strategies as st

from tests.support import blocks, bombs, both_ends
from tests.support.both_ends import failed, frame, header, start_of
from tests.support.memory import traced
from tests.support.strategies import cuts, pieces
from tests.support.zlibs import ZlibTestCase, with_ng
from tests.wire import same_each_time
from txws2.exceptions import InvalidState
from txws2.wire.connection import Connection, State
from txws2.wire.deflater import Deflater
from txws2.wire.events import Ping
from txws2.wire.frames import (
    BINARY,
    CLOSE,
    CONT,
    PING,
    PONG,
    TEXT,
    Header,
    encode_frame,
    parse_header,
)
from txws2.wire.permessage_deflate import Deflate, PerMessageDeflate

HELLO = bytes.fromhex("f248cdc9c90700")
AGAIN = bytes.fromhex("f200110000")
BAD_UTF8 = failed(1007, "invalid UTF-8 in text message")


def heard(*said, **options):
    return both_ends.heard(*said, deflate=Deflate(), **options)


def opened(client=False, max_size=2**20, deflate=None, trace=None, **options):
    return Connection(
        client=client,
        max_size=max_size,
        deflate=deflate or Deflate(),
        compression=PerMessageDeflate(**options),
        trace=trace,
    )


def compressed(*parts, opcode=BINARY, level=6):
    """The frames of one message, each with the part that it inflates to."""
    ours, last = Deflater(15, True, level, 5), len(parts) - 1
    for number, part in enumerate(parts):
        yield frame(
            CONT if number else opcode,
            ours.compress(part, number == last),
            fin=number == last,
            rsv1=not number,
        )


def too_big(size, max_size):
    message = f"message of {size} bytes or more exceeds the limit of {max_size} bytes (max_size)"
    return failed(1009, message)


class ExamplesOfTheRfcTests(ZlibTestCase):
    """RFC 7692 section 7.2.3, to the byte."""

    def test_a_message_and_another_that_shares_its_window(self):
        first, second = b"\xc1\x07" + HELLO, b"\xc1\x05" + AGAIN
        server, client = opened(threshold=0), opened(client=True)
        self.assertEqual(client.receive(first + second), ["Hello", "Hello"])
        self.assertEqual([server.send_message("Hello") for _ in range(2)], [first, second])

    def test_a_fragmented_message(self):
        data = bytes.fromhex("4103f248cd 8004c9c90700")
        self.assertEqual(opened(client=True).receive(data), ["Hello"])

    def test_other_ways_to_say_it(self):
        for data in (
            "c10b000500faff48656c6c6f00",
            "c108f348cdc9c9070000",
            "c10df248050000 00ffffcac9c90700",
        ):
            self.assertEqual(opened(client=True).receive(bytes.fromhex(data)), ["Hello"])

    def test_an_empty_message(self):
        self.assertEqual(heard(frame(TEXT, b"\x00", rsv1=True)), [""])
        self.assertEqual(opened(threshold=0).send_message(b""), b"\xc2\x01\x00")
        self.assertEqual(opened().send_message("", compress=True), b"\xc1\x01\x00")


class ReservedBitTests(ZlibTestCase):
    RESERVED = failed(1002, "reserved bits must be 0")

    def first(self, byte):
        return lambda masked: bytes([byte])

    def test_unless_compression_was_agreed_it_is_wrong(self):
        for byte in (0xC1, 0x41, 0xC2, 0x42):
            self.assertEqual(both_ends.heard(self.first(byte)), [self.RESERVED])
            self.assertEqual(heard(self.first(byte)), [])

    def test_after_the_first_frame_it_is_wrong(self):
        for begun in (frame(TEXT, HELLO[:3], fin=False, rsv1=True), frame(TEXT, b"a", fin=False)):
            for byte in (0xC0, 0x40):
                self.assertEqual(heard(begun, self.first(byte)), [self.RESERVED])

    def test_in_control_frames_it_is_wrong(self):
        for opcode in (CLOSE, PING, PONG):
            self.assertEqual(heard(self.first(0xC0 | opcode)), [self.RESERVED])

    def test_the_others_are_wrong_with_it_too(self):
        for byte in (0xE1, 0xD1, 0xF1, 0xA1, 0x91):
            self.assertEqual(heard(self.first(byte)), [self.RESERVED])


class AnyBlocksTests(ZlibTestCase):
    """A peer may make any blocks, in any frames: its messages come as they were sent."""

    @same_each_time
    @given(blocks.messages, blocks.kinds, st.booleans(), cuts, cuts)
    def test_messages_of_any_blocks(self, messages, kind, takeover, fragments, reads):
        peer, stream = blocks.Sender(*kind, takeover), b""
        for message in messages:
            *first, last = pieces(peer.payload(message), fragments)
            for number, part in enumerate([*first, last]):
                opcode, fin = CONT if number else BINARY, number == len(first)
                stream += encode_frame(opcode, part, masked=True, fin=fin, rsv1=not number)
        ours = opened(deflate=Deflate(client_takeover=takeover))
        heard = [event for part in pieces(stream, reads) for event in ours.receive(part)]
        self.assertEqual(heard, [message.data for message in messages])


class MessagesTests(ZlibTestCase):
    def test_all_that_one_read_has_comes_in_order(self):
        said = (
            frame(TEXT, b"first"),
            frame(TEXT, HELLO, rsv1=True),
            frame(BINARY, b"plain"),
            frame(TEXT, b"plain"),
            frame(BINARY, AGAIN, rsv1=True),
            frame(PING, b"p"),
            frame(TEXT, AGAIN, rsv1=True),
            frame(TEXT, AGAIN[:1], fin=False, rsv1=True),
            frame(CONT, AGAIN[1:]),
            frame(TEXT, AGAIN, rsv1=True),
            frame(PONG, b"p"),
        )
        expected = ["first", "Hello", b"plain", "plain", b"Hello", ("ping", b"p", [(PONG, b"p")])]
        self.assertEqual(heard(*said), [*expected, "Hello", "Hello", "Hello", ("pong", b"p", [])])

    def test_the_others_of_a_read_are_there_when_one_is_wrong(self):
        good, wrong = (frame(TEXT, payload, rsv1=True) for payload in (HELLO, b"\xff"))
        events = heard(good, frame(TEXT, b"plain"), wrong, good)
        self.assertEqual(events, ["Hello", "plain", failed(1002, "decompression failed")])

    def test_fragments_make_one_message(self):
        parts = [b"Hello", b"", b", ", b"Hello"]
        self.assertEqual(heard(*compressed(*parts)), [b"Hello, Hello"])
        self.assertEqual(heard(*compressed(*parts, opcode=TEXT)), ["Hello, Hello"])

    def test_control_frames_may_come_between_them(self):
        first, second, last = compressed(b"Hello", b", ", b"world", opcode=TEXT)
        events = heard(first, frame(PING, b"p"), second, frame(PONG), last)
        expected = [("ping", b"p", [(PONG, b"p")]), ("pong", b"", []), "Hello, world"]
        self.assertEqual(events, expected)

    def test_a_block_may_be_cut_anywhere(self):
        for at in range(len(HELLO) + 1):
            said = frame(TEXT, HELLO[:at], fin=False, rsv1=True), frame(CONT, HELLO[at:])
            self.assertEqual(heard(*said, frame(TEXT, AGAIN, rsv1=True)), ["Hello"] * 2)

    def test_uncompressed_ones_may_come_between(self):
        said = (
            frame(TEXT, HELLO, rsv1=True),
            frame(TEXT, b"Hello"),
            frame(BINARY, b"a", fin=False),
            frame(CONT, b"b"),
            frame(BINARY, AGAIN, rsv1=True),
        )
        self.assertEqual(heard(*said), ["Hello", "Hello", b"ab", b"Hello"])

    def test_invalid_deflate_fails(self):
        for said in (frame(TEXT, b"\xff" * 5, rsv1=True), frame(TEXT, AGAIN, rsv1=True)):
            self.assertEqual(heard(said), [failed(1002, "decompression failed")])

    def test_text_must_be_utf8_once_it_is_inflated(self):
        for parts in ([b"good \xff"], [b"good", b" \xed\xa0\x80"], [b"\xe2\x82"]):
            self.assertEqual(heard(*compressed(*parts, opcode=TEXT)), [BAD_UTF8])

    def test_the_part_that_shows_it_fails(self):
        for bad in (b"\xff", b"\xc0", b"\xed\xa0"):
            good, shown, _ = compressed(b"good", bad, b"more", opcode=TEXT)
            self.assertEqual(heard(good, shown), [BAD_UTF8])

    def test_a_reference_beyond_the_agreed_window_fails(self):
        ours, noise = Deflater(15, True, 6, 9), random.Random(7).randbytes(5000)
        said = [frame(BINARY, ours.compress(noise), rsv1=True) for _ in range(2)]
        self.assertEqual(heard(*said), [noise, noise])
        agreed = Deflate(server_window_bits=9, client_window_bits=9)
        expected = [noise, failed(1002, "decompression failed")]
        self.assertEqual(both_ends.heard(*said, deflate=agreed), expected)


class MaxSizeTests(ZlibTestCase):
    """Attack 1: a small frame that inflates to gigabytes."""

    def with_key(self, head, *, masked):
        return head(masked) + bytes(4 if masked else 0)

    def test_it_is_of_what_is_inflated(self):
        for size in (0, 1, 1000):
            said = list(compressed(bytes(size)))
            self.assertEqual(
                heard(*said, *compressed(b"x" * size), max_size=size),
                [
                    bytes(size),
                    b"x" * size,
                ],
            )
            said = list(compressed(bytes(size + 1)))
            self.assertEqual(heard(*said, max_size=size), [too_big(size + 1, size)])

    def test_it_is_for_all_fragments_together(self):
        parts = list(compressed(*[b"x" * 100] * 10))
        self.assertEqual(heard(*parts, max_size=1000), [b"x" * 1000])
        self.assertEqual(heard(*parts[:-1], max_size=900), [])
        self.assertEqual(heard(*parts, max_size=999), [too_big(1000, 999)])

    def test_noise_of_that_size_passes_though_it_is_longer_compressed(self):
        # The longest is compressed in several blocks.
        for size in (1, 100, 20000):
            noise = random.Random(7).randbytes(size)
            [said] = compressed(noise)
            self.assertGreater(len(said(masked=False)), size + 2)
            self.assertEqual(heard(said, max_size=size), [noise])
        [said] = compressed(noise + b"x")
        self.assertEqual(heard(said, max_size=20000), [too_big(20001, 20000)])

    def test_noise_in_small_fragments_passes_though_it_is_longer_compressed(self):
        noise = random.Random(7).randbytes(500)
        said = list(compressed(*[noise[at : at + 1] for at in range(500)]))
        self.assertEqual(heard(*said, max_size=500), [noise])

    def test_a_frame_that_is_much_longer_is_refused_before_its_payload(self):
        """A message that can't be compressed grows; no sensible frame by more than a quarter."""
        begun = frame(TEXT, HELLO[:3], fin=False, rsv1=True)
        for first, opening in ((0xC1, []), (0x80, [begun])):
            for length, expected in ((189, []), (190, [too_big(190, 100)])):
                said = header(first, 126, length.to_bytes(2, "big"))
                whole = partial(self.with_key, said)
                self.assertEqual(heard(*opening, whole, max_size=100), expected)

    def test_an_uncompressed_frame_must_be_within_it(self):
        said = start_of(frame(BINARY, bytes(101)), 0)
        self.assertEqual(heard(*compressed(b"a"), said, max_size=100)[1], too_big(101, 100))

    def test_it_may_be_as_large_as_any_number(self):
        for size in (sys.maxsize, 2**100, None):
            self.assertEqual(heard(*compressed(b"Hello"), max_size=size), [b"Hello"])

    def test_a_bomb_is_stopped(self):
        bomb = encode_frame(BINARY, bombs.zeros(1024), masked=False, rsv1=True)
        chunk = 2**16
        for max_size in (2**20, 1000):
            connection = opened(client=True, max_size=max_size)
            with traced() as memory:
                events = []
                for at in range(0, len(bomb), chunk):
                    events += connection.receive(bomb[at : at + chunk])
                _, peak = memory()
            self.assertEqual([event.cause.code for event in events], [1009])
            # Joining the pieces of zlib takes as much memory again for a moment.
            self.assertLess(peak, 3 * max_size + 4 * chunk)


class SendTests(ZlibTestCase):
    def sent(self, data, masked=False):
        head = parse_header(data, 0, masked=masked, fragmented=False, compressible=True)
        self.assertEqual(len(data), head.end + head.length)
        return head.opcode, head.rsv1

    def test_messages_are_compressed_from_the_threshold_on(self):
        for threshold in (1, 64, 1000):
            connection = opened(threshold=threshold)
            below, at = bytes(threshold - 1), bytes(threshold)
            self.assertEqual(self.sent(connection.send_message(below)), (BINARY, False))
            self.assertEqual(self.sent(connection.send_message(at)), (BINARY, True))

    def test_a_threshold_may_be_as_large_as_any_number(self):
        for threshold in (2**31, sys.maxsize, 2**70):
            connection = opened(threshold=threshold)
            self.assertEqual(connection.send_message(b"Hello"), b"\x82\x05Hello")

    def test_the_threshold_is_64_by_default(self):
        connection = Connection(client=False, deflate=Deflate())
        found = [self.sent(connection.send_message("x" * size))[1] for size in (63, 64)]
        self.assertEqual(found, [False, True])

    def test_each_may_be_or_not(self):
        connection = opened()
        for message in ("", "x", "x" * 1000):
            for compress in (True, False):
                data = connection.send_message(message, compress=compress)
                self.assertEqual(self.sent(data), (TEXT, compress))

    def test_unless_it_was_agreed_none_is(self):
        connection = Connection(client=False, compression=PerMessageDeflate(threshold=0))
        for compress in (None, True, False):
            data = connection.send_message("Hello", compress=compress)
            self.assertEqual(data, b"\x81\x05Hello")

    def test_a_client_masks_what_it_compresses(self):
        data = opened(client=True).send_message("Hello", compress=True)
        self.assertEqual(self.sent(data, masked=True), (TEXT, True))
        self.assertEqual(opened().receive(data), ["Hello"])

    def test_control_frames_never_are(self):
        connection = opened(threshold=0)
        self.assertEqual(connection.send_ping(b"p" * 100), b"\x89\x64" + b"p" * 100)
        self.assertEqual(connection.answer(Ping(b"p" * 100)), b"\x8a\x64" + b"p" * 100)
        self.assertEqual(connection.send_close(1000), b"\x88\x02\x03\xe8")

    def test_memory_that_is_not_used_is_given_back(self):
        connection = opened(threshold=0)
        for rests, expected in ((0, HELLO), (1, AGAIN), (2, HELLO)):
            for _ in range(rests):
                connection.rest()
            self.assertEqual(connection.send_message("Hello")[2:], expected)
        Connection(client=False).rest()

    def test_frames_are_traced_as_they_are(self):
        seen = []
        server, client = (
            opened(client, threshold=0, trace=lambda *args: seen.append(args))
            for client in (False, True)
        )
        client.receive(server.send_message("Hello"))
        expected = [
            (">", Header(True, True, TEXT, 7, None, 0), HELLO),
            ("<", Header(True, True, TEXT, 7, None, 2), HELLO),
        ]
        self.assertEqual(seen, expected)


class SendFragmentTests(ZlibTestCase):
    def test_fragments_are_frames_of_one_message(self):
        connection = Connection(client=False)
        data = [connection.send_fragment(part, last=part == "lo") for part in ("Hel", "", "lo")]
        self.assertEqual(data, [b"\x01\x03Hel", b"\x00\x00", b"\x80\x02lo"])

    def test_they_are_compressed_if_that_was_agreed(self):
        connection = opened()
        first = connection.send_fragment(b"He", last=False)
        self.assertEqual(first, bytes.fromhex("4208f248050000 00ffff"))
        last = connection.send_fragment(b"llo", last=True)
        self.assertEqual(last, bytes.fromhex("8005cac9c90700"))
        self.assertEqual(opened(client=True).receive(first + last), [b"Hello"])

    def test_unless_the_first_says_otherwise(self):
        connection = opened()
        data = connection.send_fragment(b"\xc3", None, False, last=False)
        data += connection.send_fragment(b"\xa9", last=True)
        self.assertEqual(data, b"\x02\x01\xc3\x80\x01\xa9")

    def test_bytes_may_be_text(self):
        data = opened().send_fragment(b"Hello", True, False, last=True)
        self.assertEqual(data, b"\x81\x05Hello")

    def test_control_frames_may_come_between_and_messages_not(self):
        connection = opened(client=True)
        server = opened()
        data = connection.send_fragment("Hel", last=False) + connection.send_ping(b"p")
        self.assertRaises(InvalidState, connection.send_message, "x")
        data += connection.send_fragment("lo", last=True) + connection.send_message("x")
        self.assertEqual([*server.receive(data)][1:], ["Hello", "x"])

    def test_once_it_is_closing_none_is_sent(self):
        connection = opened()
        connection.send_fragment("Hel", last=False)
        self.assertEqual(connection.send_close(1000), b"\x88\x02\x03\xe8")
        self.assertIs(connection.state, State.CLOSING)
        self.assertRaises(InvalidState, connection.send_fragment, "lo", last=True)


@with_ng
class ExamplesOfTheRfcWithNGTests(ExamplesOfTheRfcTests):
    pass


@with_ng
class MessagesWithNGTests(MessagesTests):
    pass


@with_ng
class MaxSizeWithNGTests(MaxSizeTests):
    pass


@with_ng
class SendWithNGTests(SendTests):
    pass


@with_ng
class SendFragmentWithNGTests(SendFragmentTests):
    pass


@with_ng
class AnyBlocksWithNGTests(AnyBlocksTests):
    pass

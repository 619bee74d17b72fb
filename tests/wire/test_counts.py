from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase as TestCase

from tests.support.tallies import counted
from tests.support.twins import PURE, in_c, load, pure
from tests.wire import same_each_time
from txws2.wire.counts import Tally
from txws2.wire.frames import BINARY, CLOSE, CONT, PING, PONG, TEXT, encode_frame

# Sizes that are just short enough for each form of the length, and sizes that just aren't.
SIZES = (0, 1, 125, 126, 127, 65_535, 65_536, 65_537)

FRAMES = [CONT, TEXT, BINARY, CLOSE, PING, PONG]
NONE = dict.fromkeys(FRAMES, 0)


class TallyTests(TestCase):
    Tally = pure("Tally")

    def tally(self, **options):
        tally = self.Tally()
        for name, value in ({"client": False} | options).items():
            setattr(tally, name, value)
        return tally

    def assertCounted(self, tally, **expected):
        nothing = dict.fromkeys(("bytes_in", "bytes_out", "payload_in", "payload_out"), 0)
        nothing |= {"frames_in": NONE, "frames_out": NONE}
        for name in expected.keys() & {"frames_in", "frames_out"}:
            expected[name] = NONE | expected[name]
        self.assertEqual(counted(tally), nothing | expected)

    def test_at_first_there_is_nothing(self):
        tally = self.Tally()
        self.assertCounted(tally)
        self.assertEqual(tally.threshold, 0)
        for name in "client", "deflates", "ordinary_out":
            self.assertIs(getattr(tally, name), False)
            setattr(tally, name, True)
            self.assertIs(getattr(tally, name), True)

    def test_messages_are_encoded_and_counted(self):
        for client in (False, True):
            for size in SIZES:
                for opcode, message in ((TEXT, "x" * size), (BINARY, b"x" * size)):
                    tally = self.tally(client=client)
                    frame = tally.encode(message)
                    payload = b"x" * size
                    self.assertEqual(len(frame), len(encode_frame(opcode, payload, masked=client)))
                    self.assertCounted(
                        tally, payload_out=size, bytes_out=len(frame), frames_out={opcode: 1}
                    )

    def test_bytes_of_a_text_are_counted_not_characters(self):
        tally = self.tally()
        self.assertEqual(tally.encode("é"), b"\x81\x02\xc3\xa9")
        self.assertCounted(tally, payload_out=2, bytes_out=4, frames_out={TEXT: 1})

    def test_a_compressed_message_counts_with_its_own_size(self):
        class Deflating(self.Tally):
            def deflate(self, payload):
                return payload[:1]

        tally = Deflating()
        tally.deflates, tally.threshold = True, 3
        for message, frame in (
            ("abc", b"\xc1\x01a"),
            ("é€", b"\xc1\x01\xc3"),
            (b"abcd", b"\xc2\x01a"),
            ("ab", b"\x81\x02ab"),
            (b"", b"\x82\x00"),
        ):
            self.assertEqual(tally.encode(message), frame)
        expected = {"payload_out": 14, "bytes_out": 15, "frames_out": {TEXT: 3, BINARY: 2}}
        self.assertCounted(tally, **expected)
        self.assertRaises(TypeError, tally.encode, None)

    def test_a_compressor_may_raise_or_return_anything_like_bytes(self):
        class Deflating(self.Tally):
            given = bytearray(b"ab")

            def deflate(self, payload):
                return self.given or 1 // 0

        tally = Deflating()
        tally.deflates = True
        self.assertEqual(tally.encode("abc"), b"\xc1\x02ab")
        Deflating.given = None
        self.assertRaises(ZeroDivisionError, tally.encode, "abc")
        Deflating.given = 1
        self.assertRaises(TypeError, tally.encode, "abc")

    def test_a_text_that_can_not_be_encoded_is_not_counted(self):
        tally = self.tally()
        self.assertRaises(TypeError, tally.encode, None)
        self.assertRaises(TypeError, tally.encode)
        self.assertRaises(UnicodeEncodeError, tally.encode, "\ud800")
        self.assertCounted(tally)

    def test_any_frame_is_counted(self):
        tally = self.tally()
        for number, opcode in enumerate(FRAMES, 1):
            for _ in range(number):
                tally.count_in(opcode, 10)
                tally.count_out(opcode, 20, 30)
        counts = {opcode: number for number, opcode in enumerate(FRAMES, 1)}
        sizes = {"payload_in": 210, "payload_out": 420, "bytes_out": 630}
        self.assertCounted(tally, **sizes, frames_in=counts, frames_out=counts)

    def test_an_unknown_opcode_is_an_error(self):
        tally = self.tally()
        for opcode in (3, -1, 11):
            self.assertRaises(KeyError, tally.count_in, opcode, 0)
            self.assertRaises(KeyError, tally.count_out, opcode, 0, 0)
        self.assertRaises(TypeError, tally.count_in, TEXT)
        self.assertRaises(TypeError, tally.count_out, TEXT, 0)
        self.assertRaises(TypeError, tally.count_in, TEXT, "0")
        self.assertRaises(TypeError, tally.count_out, TEXT, 0, "0")
        self.assertCounted(tally)

    def test_numbers_may_be_large_and_can_be_added_to(self):
        tally = self.tally()
        tally.bytes_in += 2**40
        tally.payload_in += 2**41
        tally.count_in(TEXT, 2**42)
        tally.count_out(TEXT, 2**43, 2**44)
        self.assertCounted(
            tally,
            bytes_in=2**40,
            payload_in=2**41 + 2**42,
            payload_out=2**43,
            bytes_out=2**44,
            frames_in={TEXT: 1},
            frames_out={TEXT: 1},
        )

    def test_one_can_be_added_to_another(self):
        one, other, total = self.tally(), self.tally(), self.tally()
        one.count_in(TEXT, 1)
        one.count_in(BINARY, 1)
        one.encode("abc")
        one.bytes_in += 5
        for opcode in FRAMES:
            other.count_in(opcode, 7)
            other.count_out(opcode, 11, 13)
        for each in one, other, other, self.tally():
            total.add(each)
        self.assertCounted(
            total,
            bytes_in=5,
            payload_in=2 + 84,
            payload_out=3 + 132,
            bytes_out=5 + 156,
            frames_in=dict.fromkeys(FRAMES, 2) | {TEXT: 3, BINARY: 3},
            frames_out=dict.fromkeys(FRAMES, 2) | {TEXT: 3},
        )
        self.assertEqual(one.frames_in, NONE | {TEXT: 1, BINARY: 1})


class SubclassTests(TestCase):
    def test_the_subclass_compresses(self):
        tally = PURE["Tally"]()
        self.assertRaises(NotImplementedError, tally.deflate, b"a")


@in_c
class TallyInCTests(TallyTests):
    Tally = Tally

    def test_a_wrong_number_or_tally_is_refused(self):
        tally = self.tally()
        self.assertRaises(TypeError, tally.count_in, "text", 0)
        self.assertRaises(TypeError, tally.add, object())
        self.assertRaises(TypeError, tally.add)


messages = st.lists(st.text(max_size=200) | st.binary(max_size=200) | st.just("x" * 70_000))


@in_c
class TwinsTests(TestCase):
    @same_each_time
    @given(messages, st.booleans())
    def test_they_count_the_same(self, messages, client):
        outcomes = []
        for kind in PURE["Tally"], load().Tally:
            tally = kind()
            tally.client = client
            sizes = [len(tally.encode(message)) for message in messages]
            outcomes.append((counted(tally), sizes))
        self.assertEqual(*outcomes)

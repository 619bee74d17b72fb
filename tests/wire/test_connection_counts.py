"""The counters of a Connection, for all ways in which bytes arrive and leave."""

from twisted.trial.unittest import SynchronousTestCase as TestCase

from tests.support.both_ends import bytewise
from tests.support.tallies import counted
from txws2.wire.connection import Connection
from txws2.wire.frames import BINARY, CLOSE, CONT, PING, PONG, TEXT, encode_frame
from txws2.wire.permessage_deflate import Deflate
from txws2.wire.shared_message import SharedMessage

NONE = dict.fromkeys((CONT, TEXT, BINARY, CLOSE, PING, PONG), 0)
LONG = "Hello, hello, hello! " * 20


def ends(**options):
    return [Connection(client=client, **options) for client in (False, True)]


def assert_mirrored(ours, theirs):
    """Assert that the frames that went out on one side have come in on the other."""
    here, there = counted(ours), counted(theirs)
    for name in "bytes", "payload", "frames":
        assert here[f"{name}_out"] == there[f"{name}_in"], (name, here, there)


class CountingTests(TestCase):
    def test_the_counts_of_both_ends_agree_for_any_cuts(self):
        for options in ({}, {"deflate": Deflate()}, {"trace": lambda *_: None}):
            for chop in (bytewise, lambda data: [data]):
                for server, client in (ends(**options), reversed(ends(**options))):
                    stream = self.everything(server)
                    for part in chop(stream):
                        client.receive(part)
                    assert_mirrored(server, client)
                    self.assertEqual(client.bytes_in, len(stream))
                    expected = NONE | {TEXT: 4, BINARY: 2, CONT: 2, PING: 1, CLOSE: 1}
                    self.assertEqual(client.frames_in, expected)
                    size = len(LONG) + 1 + 2 + 3 + 4 + 5 + 6
                    self.assertEqual(client.payload_in, size)

    def everything(self, ours):
        shared = SharedMessage("abcd")
        return b"".join(
            [
                ours.send_message(LONG),
                ours.send_message("a"),
                ours.send_message(b"ab", compress=True),
                ours.send_ping(b"ping"),
                ours.send_fragment("abc", last=False),
                ours.send_fragment("", last=False),
                ours.send_fragment("", last=True),
                ours.send_shared(shared),
                ours.send_message(bytearray(b"abcde") + b"abcdef"),
                ours.send_close(1000),
            ]
        )

    def test_a_message_counts_before_it_is_deflated_and_its_bytes_after(self):
        for server, client in (ends(deflate=Deflate()), reversed(ends(deflate=Deflate()))):
            client.receive(server.send_message(LONG))
            self.assertEqual((server.payload_out, client.payload_in), (len(LONG), len(LONG)))
            self.assertLess(server.bytes_out, len(LONG) // 4)
            self.assertEqual(server.bytes_out, client.bytes_in)

    def test_a_shared_message_that_is_compressed_counts_as_one_that_is_not(self):
        shared = SharedMessage(LONG)
        for options in ({}, {"deflate": Deflate()}):
            server, client = ends(**options)
            client.receive(server.send_shared(shared))
            assert_mirrored(server, client)
            self.assertEqual(server.payload_out, len(LONG))
            self.assertEqual(server.frames_out, NONE | {TEXT: 1})

    def test_a_message_in_fragments_counts_when_it_is_complete(self):
        server = Connection(client=False)
        server.receive(encode_frame(BINARY, b"ab", masked=True, fin=False))
        self.assertEqual(server.frames_in, NONE)
        self.assertEqual(server.payload_in, 2)
        server.receive(encode_frame(CONT, b"c", masked=True))
        self.assertEqual(server.frames_in, NONE | {BINARY: 1, CONT: 1})
        self.assertEqual(server.payload_in, 3)

    def test_a_message_of_which_parts_were_taken_counts_when_it_is_complete(self):
        for opcode, taken in ((TEXT, "ab"), (BINARY, b"ab")):
            server = Connection(client=False)
            data = encode_frame(opcode, b"abc", masked=True)
            server.receive(data[:-1])
            self.assertEqual(server.take_part(), taken)
            self.assertEqual(server.frames_in, NONE)
            server.receive(data[-1:])
            self.assertEqual(server.frames_in, NONE | {opcode: 1})

    def test_answers_count(self):
        server = Connection(client=False)
        [ping] = server.receive(encode_frame(PING, b"1", masked=True))
        sent = server.answer(ping)
        [closing] = server.receive(encode_frame(CLOSE, b"", masked=True))
        sent += server.answer(closing)
        self.assertEqual(server.frames_out, NONE | {PONG: 1, CLOSE: 1})
        self.assertEqual((server.bytes_out, server.payload_out), (len(sent), 0))

    def test_a_wrong_frame_is_not_counted_but_its_bytes_are(self):
        wrong = encode_frame(TEXT, b"\xff", masked=True)
        server = Connection(client=False)
        server.receive(wrong)
        server.receive(b"whatever follows")
        self.assertEqual(server.frames_in, NONE)
        self.assertEqual(server.bytes_in, len(wrong) + 16)

from unittest import mock

from twisted.trial.unittest import SynchronousTestCase as TestCase

from txws2.wire import frame_reader
from txws2.wire.connection import Connection
from txws2.wire.events import Failed, Ping
from txws2.wire.frames import BINARY, CLOSE, CONT, PING, TEXT, encode_frame


def frame(opcode, payload, **options):
    return encode_frame(opcode, payload, masked=True, **options)


MANY = frame(TEXT, b"Hello") * 50


class WholeMessagesTests(TestCase):
    """Frames are read one by one only where they must be."""

    def headers_read(self, *reads, **options):
        """Return how many headers were read one by one, and what was heard."""
        server = Connection(client=False, **options)
        with mock.patch.object(
            frame_reader, "parse_header", side_effect=frame_reader.parse_header
        ) as parse_header:
            events = [event for read in reads for event in server.receive(read)]
        return parse_header.call_count, events

    def test_behind_a_message_that_a_read_has_cut_they_are_decoded_in_one_go(self):
        for cut in (1, 2, 5, 6, 8, 10):
            count, events = self.headers_read(MANY[:cut], MANY[cut:])
            self.assertEqual((count, events), (0, ["Hello"] * 50))

    def test_behind_a_control_frame_likewise(self):
        count, events = self.headers_read(frame(PING, b"a") + MANY)
        self.assertEqual((count, events), (1, [Ping(b"a"), *["Hello"] * 50]))

    def test_behind_fragments_likewise(self):
        fragments = frame(BINARY, b"a", fin=False) + frame(PING, b"b") + frame(CONT, b"c")
        count, events = self.headers_read(MANY + fragments + MANY)
        expected = [*["Hello"] * 50, Ping(b"b"), b"ac", *["Hello"] * 50]
        self.assertEqual((count, events), (1, expected))

    def test_each_frame_is_read_by_itself_if_frames_are_traced(self):
        traced = mock.Mock()
        count, _ = self.headers_read(MANY, trace=traced)
        self.assertEqual((count, traced.call_count), (50, 50))

    def test_a_message_that_is_wrong_fails_the_connection_behind_those_before_it(self):
        for wrong, headers in (frame(TEXT, b"\xff"), 1), (frame(3, b""), 2):
            count, events = self.headers_read(frame(PING, b"") + MANY + wrong + MANY)
            self.assertEqual(events[:-1], [Ping(b""), *["Hello"] * 50])
            self.assertIsInstance(events[-1], Failed)
            self.assertEqual(count, headers)

    def test_a_trace_that_fails_the_connection_is_the_end_of_reading(self):
        def traced(direction, *_):
            if direction == "<":
                server.fail(1011, "")

        server = Connection(client=False, trace=traced)
        self.assertEqual(server.receive(frame(PING, b"") + MANY)[1:], [])

    def test_behind_a_close_frame_nothing_is_read(self):
        count, events = self.headers_read(MANY + frame(CLOSE, b"") + MANY)
        self.assertEqual((count, len(events)), (1, 51))


class MemoryTests(TestCase):
    def test_after_a_control_frame_that_was_cut_nothing_is_held(self):
        for cut in range(9):
            server = Connection(client=False)
            ping = frame(PING, b"abc")
            events = server.receive(ping[:cut])
            self.assertEqual(server.held, ping[:cut])
            events += server.receive(ping[cut:])
            self.assertEqual((events, server.held), ([Ping(b"abc")], b""))
            self.assertEqual(server.receive(MANY), ["Hello"] * 50)

from twisted.logger import Logger
from twisted.trial.unittest import SynchronousTestCase

from txws2._connection.frame_log import Tracer
from txws2.wire.connection import State
from txws2.wire.frames import Header


def frame_of(fin, opcode, payload, rsv1=False):
    """Return the header of a frame, and its payload."""
    return Header(fin, rsv1, opcode, len(payload), None, 0), payload


class TracerTests(SynchronousTestCase):
    def setUp(self):
        self.events = []
        log = Logger(namespace="txws2.server", observer=self.events.append)
        self.tracer = Tracer(log, "the id")

    def lines(self):
        for event in self.events:
            self.assertEqual(event["connection"], "the id")
            self.assertEqual(event["log_level"].name, "debug")
        return [f"{event['sign']} {event['text']}" for event in self.events]

    def test_a_state_has_its_name(self):
        self.tracer.state(State.CLOSING)
        self.assertEqual(self.lines(), ["= connection is CLOSING"])

    def test_a_head_has_a_line_each_and_no_body(self):
        self.tracer.head("<", b"HTTP/1.1 403 Forbidden\r\nServer: x\r\n\r\nbody\r\nbody")
        self.assertEqual(self.lines(), ["< HTTP/1.1 403 Forbidden", "< Server: x"])

    def test_credentials_are_not_shown_but_their_scheme_is(self):
        head = (
            b"GET / HTTP/1.1\r\nAuthorization: Basic bWU6c2VjcmV0\r\n"
            b"proxy-authorization:secret\r\nX-Authorization: x: y\r\n\r\n"
        )
        self.tracer.head(">", head)
        self.assertEqual(
            self.lines(),
            [
                "> GET / HTTP/1.1",
                "> Authorization: Basic ***",
                "> proxy-authorization: ***",
                "> X-Authorization: x: y",
            ],
        )

    def test_credentials_in_the_uri_of_a_redirect_are_not_shown(self):
        head = b"HTTP/1.1 302 Found\r\nLocation: ws://me:secret@host/a\r\nlocation: /b\r\n\r\n"
        self.tracer.head("<", head)
        expected = ["< HTTP/1.1 302 Found", "< Location: ws://***@host/a", "< location: /b"]
        self.assertEqual(self.lines(), expected)

    def test_bytes_that_are_no_ascii_are_escaped(self):
        self.tracer.head("<", b"X: \xff\r\n\r\n")
        self.assertEqual(self.lines(), ["< X: \\xff"])

    def test_a_note_is_marked_as_one(self):
        self.tracer.note("timed out while closing")
        self.assertEqual(self.lines(), ["% timed out while closing"])

    def test_each_kind_of_frame_is_shown_in_its_way(self):
        for frame, expected in (
            ((True, 1, b"hi"), "TEXT 'hi' [2 bytes]"),
            ((True, 1, b"h"), "TEXT 'h' [1 byte]"),
            ((False, 1, b"hi"), "TEXT 'hi' [2 bytes, continued]"),
            ((True, 1, b"a\nb"), "TEXT 'a\\nb' [3 bytes]"),
            ((True, 1, b"\xff"), "TEXT '\ufffd' [1 byte]"),
            ((True, 2, b"\x00\xff"), "BINARY 00 ff [binary, 2 bytes]"),
            ((True, 0, b"\x01"), "CONT 01 [binary, 1 byte]"),
            ((True, 9, b""), "PING '' [binary, 0 bytes]"),
            ((True, 10, b"\x01"), "PONG 01 [binary, 1 byte]"),
            ((True, 8, b"\x03\xe8bye"), "CLOSE 1000 (OK) bye [5 bytes]"),
            ((True, 8, b""), "CLOSE 1005 (no status received [internal]) [0 bytes]"),
            ((True, 8, b"\x03"), "CLOSE 03 [1 byte]"),
        ):
            self.events.clear()
            self.tracer.frame(">", *frame_of(*frame))
            self.assertEqual(self.lines(), [f"> {expected}"])

    def test_a_compressed_message_is_shown_as_it_travels(self):
        self.tracer.frame("<", *frame_of(True, 1, b"\xf2H\xcd", rsv1=True))
        self.assertEqual(self.lines(), ["< TEXT f2 48 cd [compressed, 3 bytes]"])

    def test_the_length_is_that_of_the_frame_though_its_payload_comes_in_pieces(self):
        header, payload = frame_of(True, 1, b"hi")
        self.tracer.frame("<", header._replace(length=5000), payload)
        self.assertEqual(self.lines(), ["< TEXT 'hi' [5000 bytes]"])

    def test_a_long_payload_is_cut_and_shows_both_ends(self):
        for opcode, payload in ((1, b"a" * 5000 + b"z"), (2, b"\xaa" * 5000 + b"\x00")):
            self.events.clear()
            self.tracer.frame("<", *frame_of(True, opcode, payload))
            [line] = self.lines()
            self.assertIn("...", line)
            self.assertLess(len(line), 120)

    def test_a_payload_that_just_fits_is_not_cut(self):
        self.tracer.frame("<", *frame_of(True, 1, b"a" * 73))
        self.assertEqual(self.lines(), [f"< TEXT '{'a' * 73}' [73 bytes]"])

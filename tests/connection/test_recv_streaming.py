"""Messages that are received as they arrive."""

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from tests.support.implementations import counts_references
from tests.support.parts import Parts
from tests.support.sides import BINARY, CLOSE, PING, TEXT, ClientSide, ServerSide, closing
from txws2._connection.fragments import Pieces
from txws2._connection.handle import driver_of
from txws2._connection.inbox import Piece
from txws2.exceptions import ConcurrencyError, ConnectionClosedError, InvalidState

CONT = 0


class Iteration:
    """An iteration for a test: the pieces so far, and a Deferred of its end."""

    def __init__(self, pieces):
        self.pieces = []
        self.end = Deferred.fromCoroutine(self._iterate(pieces))

    async def _iterate(self, pieces):
        async for piece in pieces:
            self.pieces.append(piece)


class PiecesTests(SynchronousTestCase):
    def pieces(self, *pieces, decode=None):
        waiting = [Piece(data, False) for data in pieces[:-1]] + [Piece(pieces[-1], True)]

        async def get_part(stream):
            return waiting.pop(0)

        iteration = Iteration(Pieces(get_part, decode))
        self.successResultOf(iteration.end)
        self.assertEqual(waiting, [])
        return iteration.pieces

    def test_each_part_is_a_piece(self):
        self.assertEqual(self.pieces("a", "b"), ["a", "b"])
        self.assertEqual(self.pieces(b"a"), [b"a"])

    def test_an_empty_end_is_none(self):
        self.assertEqual(self.pieces("a", ""), ["a"])

    def test_an_empty_message_is_one(self):
        self.assertEqual(self.pieces(""), [""])
        self.assertEqual(self.pieces(b""), [b""])

    def test_text_can_be_had_as_bytes(self):
        self.assertEqual(self.pieces("\u20ac", "b", decode=False), [b"\xe2\x82\xac", b"b"])
        self.assertEqual(self.pieces("a", decode=True), ["a"])

    def test_bytes_can_be_had_as_text_although_a_character_is_in_two_pieces(self):
        self.assertEqual(self.pieces(b"\xe2", b"\x82\xac", b"b", decode=True), ["\u20ac", "b"])
        self.assertEqual(self.pieces(b"a", decode=False), [b"a"])

    def test_bytes_that_are_no_text_fail(self):
        async def get_part(stream):
            return Piece(b"\xe2", True)

        iteration = Iteration(Pieces(get_part, True))
        self.failureResultOf(iteration.end, UnicodeDecodeError)


class RecvStreamingTests:
    def start(self, **options):
        """Open a connection, and ask for the pieces of its first message."""
        ws = self.open(**options)
        return ws, Iteration(ws.recv_streaming())

    def begin(self, opcode, length):
        """Let the frame header of a message of this many bytes arrive."""
        mask_bit, mask = (0, b"") if self.client else (0x80, bytes(4))
        size = bytes([mask_bit | 127]) + length.to_bytes(8, "big")
        if length < 126:
            size = bytes([mask_bit | length])
        self.receive(bytes([0x80 | opcode]) + size + mask)

    def test_the_pieces_come_as_they_arrive(self):
        _, iteration = self.start()
        self.hear((TEXT, b"one", False))
        self.assertEqual(iteration.pieces, ["one"])
        self.hear((CONT, b"two", False), (PING, b""), (CONT, b"three", False))
        self.assertEqual(iteration.pieces, ["one", "twothree"])
        self.assertNoResult(iteration.end)
        self.hear((CONT, b"four"))
        self.assertEqual(iteration.pieces, ["one", "twothree", "four"])
        self.successResultOf(iteration.end)

    def test_a_part_that_came_before_anybody_asked_is_a_piece(self):
        ws = self.open()
        self.begin(TEXT, 4)
        self.receive(b"ab")
        self.assertIsNone(driver_of(ws).intake)
        iteration = Iteration(ws.recv_streaming())
        self.assertEqual(iteration.pieces, ["ab"])
        self.receive(b"cd")
        self.assertEqual(iteration.pieces, ["ab", "cd"])
        self.successResultOf(iteration.end)

    def test_a_part_that_came_before_the_connection_failed_is_a_piece(self):
        ws = self.open()
        self.hear((TEXT, b"ab", False), (3, b""))
        iteration = Iteration(ws.recv_streaming())
        self.failureResultOf(iteration.end, ConnectionClosedError)
        self.assertEqual(iteration.pieces, ["ab"])

    def test_a_piece_need_not_be_a_frame(self):
        _, iteration = self.start()
        self.begin(BINARY, 6)
        for data in (b"ab", b"cde", b"f"):
            self.receive(data)
        self.assertEqual(iteration.pieces, [b"ab", b"cde", b"f"])
        self.successResultOf(iteration.end)

    def test_the_next_message_follows(self):
        ws, iteration = self.start()
        self.hear((TEXT, b"a", False))
        self.hear((CONT, b"b"), (TEXT, b"next"), (TEXT, b"after", False))
        self.assertEqual(iteration.pieces, ["a", "b"])
        self.assertEqual(self.successResultOf(ws.recv()), "next")
        last = Iteration(ws.recv_streaming())
        self.assertEqual(last.pieces, ["after"])
        self.hear((CONT, b""))
        self.successResultOf(last.end)

    def test_messages_in_one_read_keep_their_order(self):
        ws = self.open()
        found = []

        async def iterate():
            for _ in range(3):
                async for piece in ws.recv_streaming():
                    found.append(piece)

        iteration = Deferred.fromCoroutine(iterate())
        self.hear((TEXT, b"1", False))
        self.hear((CONT, b"2"), (TEXT, b"3"), (TEXT, b"4", False))
        self.assertEqual(found, ["1", "2", "3", "4"])
        self.hear((CONT, b"5"))
        self.assertEqual(found, ["1", "2", "3", "4", "5"])
        self.successResultOf(iteration)

    def test_a_message_larger_than_max_size_is_refused_all_the_same(self):
        _, stream = self.start(max_size=10)
        self.begin(BINARY, 11)
        reason = "message of 11 bytes or more exceeds the limit of 10 bytes (max_size)"
        self.assertEqual(self.said(), [(CLOSE, closing(1009, reason))])
        self.failureResultOf(stream.end, ConnectionClosedError)

    def test_a_message_may_be_of_any_size_and_only_256_kib_of_it_wait(self):
        ws = self.open(max_size=None)
        stream = ws.recv_streaming()
        first = Deferred.fromCoroutine(anext(stream))
        self.begin(BINARY, 2**40)
        self.receive(b"x" * 70_000)
        self.assertEqual(self.successResultOf(first), b"x" * 70_000)
        for _ in range(4):
            self.receive(b"y" * 70_000)
        self.assertEqual(ws.transport.paused, True)
        self.receive(b"z" * 70_000)
        rest = self.successResultOf(Deferred.fromCoroutine(anext(stream)))
        self.assertEqual(rest, b"y" * 280_000)

    @counts_references
    def test_breaking_off_drops_the_rest(self):
        ws = self.open()

        async def first_piece():
            async for piece in ws.recv_streaming():
                return piece
            return None

        first = Deferred.fromCoroutine(first_piece())
        self.hear((TEXT, b"a", False))
        self.assertEqual(self.successResultOf(first), "a")
        waiting = ws.recv()
        self.hear((CONT, b"b", False))
        self.hear((CONT, b"c"), (TEXT, b"next"))
        self.assertEqual(self.successResultOf(waiting), "next")

    def test_while_a_message_is_streamed_nobody_else_may_receive(self):
        ws, iteration = self.start()
        self.hear((TEXT, b"a", False))
        self.failureResultOf(ws.recv(), ConcurrencyError)
        self.failureResultOf(Iteration(ws.recv_streaming()).end, ConcurrencyError)
        self.hear((CONT, b"b"))
        self.assertEqual(iteration.pieces, ["a", "b"])

    def test_a_connection_that_ends_amid_a_message_fails_after_the_last_piece(self):
        ws = self.open()
        stream = ws.recv_streaming()
        first = Deferred.fromCoroutine(anext(stream))
        self.hear((TEXT, b"a", False))
        self.successResultOf(first)
        self.hear((CONT, b"b", False))
        self.joined.drop()
        rest = Iteration(stream)
        self.assertEqual(rest.pieces, ["b"])
        self.assertClosed(rest.end, "ConnectionClosedError: no close frame received or sent")

    def test_invalid_utf_8_fails_amid_a_message(self):
        _, iteration = self.start()
        self.hear((TEXT, b"a", False))
        self.hear((CONT, b"\xff", False))
        self.assertEqual(self.said(), [(CLOSE, closing(1007, "invalid UTF-8 in text message"))])
        self.joined.drop()
        self.failureResultOf(iteration.end, ConnectionClosedError)
        self.assertEqual(iteration.pieces, ["a"])

    def test_fragments_that_were_taken_count_no_more(self):
        _, iteration = self.start(max_fragments=2)
        for number in range(10):
            self.hear((CONT if number else TEXT, b"x", False))
        self.assertEqual(iteration.pieces, ["x"] * 10)
        self.assertNoResult(iteration.end)

    def test_before_the_connection_is_open_it_fails(self):
        self.connect()
        self.failureResultOf(Iteration(self.ws.recv_streaming()).end, InvalidState)


class ServerRecvStreamingTests(RecvStreamingTests, ServerSide):
    pass


class ClientRecvStreamingTests(RecvStreamingTests, ClientSide):
    pass


class CompressedTests(ServerSide):
    def test_a_message_is_inflated_as_it_arrives(self):
        both, parts = self.join(), Parts()
        iteration = Iteration(both.client.recv_streaming())
        both.server.send(parts)
        expected = ['{"bid": 1}' * 50, '{"ask": 2}' * 50]
        for number, part in enumerate(expected, 1):
            parts.give(part)
            both.pump()
            self.assertEqual(iteration.pieces, expected[:number])
        parts.end()
        both.pump()
        self.successResultOf(iteration.end)
        self.assertEqual(iteration.pieces, expected)

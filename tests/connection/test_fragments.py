"""Messages that are sent as they are made."""

from twisted.internet.defer import CancelledError, Deferred
from twisted.trial.unittest import SynchronousTestCase

from tests.support.parts import Parts
from tests.support.sides import BINARY, CLOSE, PING, TEXT, ClientSide, ServerSide, closing
from txws2._connection.fragments import check_fragments
from txws2.exceptions import ConnectionClosed
from txws2.wire.connection import State

CONT = 0
BROKEN_OFF = (CLOSE, closing(1011, "error in fragmented message"))


class StreamingTests:
    def test_the_parts_of_an_iterable_are_the_fragments_of_one_message(self):
        sending = self.open().send(["Hel", "", "lo"])
        fragments = [(TEXT, b"Hel"), (CONT, b""), (CONT, b"lo"), (CONT, b"")]
        self.assertEqual(self.said(), fragments)
        self.successResultOf(sending)

    def test_only_the_last_fragment_ends_the_message(self):
        self.open().send([b"a", b"b"])
        self.joined.pump()
        data = self.peer.take()
        step = 7 if self.client else 3
        self.assertEqual([data[0], data[step], data[2 * step]], [0x02, 0x00, 0x80])

    def test_each_part_leaves_when_it_is_there(self):
        parts = Parts()
        sending = self.open().send(parts)
        for part in (b"one", bytearray(b"two"), memoryview(b"three")):
            parts.give(part)
            self.assertEqual(self.said()[0][1], bytes(part))
        self.assertNoResult(sending)
        parts.end()
        self.assertEqual(self.said(), [(CONT, b"")])
        self.successResultOf(sending)

    def test_a_message_without_parts_is_not_sent(self):
        sending = self.open().send([])
        self.successResultOf(sending)
        self.assertEqual(self.said(), [])

    def test_bytes_can_be_sent_as_text_and_text_as_bytes(self):
        ws = self.open()
        ws.send([b"a"], text=True)
        ws.send(["a"], text=False)
        self.assertEqual([opcode for opcode, _ in self.said()], [TEXT, CONT, BINARY, CONT])

    def test_the_next_message_waits_for_the_end_of_this_one(self):
        ws, parts = self.open(), Parts()
        ws.send(parts)
        parts.give("first")
        later = [ws.send("second"), ws.send(["third"])]
        ws.sendMessage("fourth")
        self.assertEqual(self.said(), [(TEXT, b"first")])
        self.assertNoResult(later[0])
        parts.end()
        payloads = [payload for _, payload in self.said()]
        self.assertEqual(payloads, [b"", b"second", b"third", b"", b"fourth"])
        for each in later:
            self.successResultOf(each)

    def test_once_it_has_ended_nothing_waits(self):
        ws = self.open()
        ws.send(["first"])
        self.said()
        self.successResultOf(ws.send("second"))
        self.assertEqual(self.said(), [(TEXT, b"second")])

    def test_a_ping_goes_between_the_fragments(self):
        ws, parts = self.open(), Parts()
        ws.send(parts)
        parts.give("a")
        ws.ping(b"?")
        parts.give("b")
        self.assertEqual([opcode for opcode, _ in self.said()], [TEXT, PING, CONT])

    def test_the_next_part_waits_for_room(self):
        asked = []

        def parts():
            for number in range(100):
                asked.append(number)
                yield b"x" * 70_000

        ws = self.open(write_limit=0)
        ws.transport.frozen = True
        sending = ws.send(parts())
        self.assertLess(len(asked), 5)
        ws.transport.frozen = False
        self.joined.pump()
        self.successResultOf(sending)
        self.assertEqual(sum(len(payload) for _, payload in self.said()), 7_000_000)


class BrokenTests:
    def broken(self, parts, error):
        ws = self.open()
        sending = ws.send(parts)
        self.failureResultOf(sending, error)
        return ws

    def test_parts_that_raise_close_the_connection(self):
        def parts():
            yield "a"
            raise ZeroDivisionError

        self.broken(parts(), ZeroDivisionError)
        self.assertEqual(self.said(), [(TEXT, b"a"), BROKEN_OFF])

    def test_parts_that_raise_before_the_first_do_no_harm(self):
        def parts():
            raise ZeroDivisionError
            yield

        ws = self.broken(parts(), ZeroDivisionError)
        self.assertEqual(self.said(), [])
        self.assertIs(ws.state, State.OPEN)

    def test_a_part_of_another_kind_closes_the_connection(self):
        self.broken(["a", b"b"], TypeError)
        self.assertEqual(self.said(), [(TEXT, b"a"), BROKEN_OFF])

    def test_a_first_part_that_is_none_does_no_harm(self):
        ws = self.broken([5], TypeError)
        self.assertEqual(self.said(), [])
        self.assertIs(ws.state, State.OPEN)

    def test_cancelling_amid_a_message_closes_the_connection(self):
        ws, parts = self.open(), Parts()
        sending = ws.send(parts)
        parts.give("a")
        sending.cancel()
        self.failureResultOf(sending, CancelledError)
        self.assertEqual(self.said(), [(TEXT, b"a"), BROKEN_OFF])

    def test_messages_that_wait_when_the_connection_closes_fail_quietly(self):
        ws, parts = self.open(), Parts()
        sending = ws.send(parts)
        parts.give("a")
        waiting = ws.send("b")
        ws.sendMessage("c")
        self.joined.drop()
        parts.give("d")
        for each in (sending, waiting):
            self.failureResultOf(each, ConnectionClosed)
        self.assertGone()

    def test_a_close_amid_a_message_ends_it(self):
        ws, parts = self.open(), Parts()
        sending = ws.send(parts)
        parts.give("a")
        ws.close()
        parts.give("b")
        self.assertEqual(self.said(), [(TEXT, b"a"), (CLOSE, closing(1000))])
        self.hear((CLOSE, closing(1000)))
        self.peer.transport.loseConnection()
        self.joined.pump()
        self.failureResultOf(sending, ConnectionClosed)


class ServerStreamingTests(StreamingTests, ServerSide):
    pass


class ClientStreamingTests(StreamingTests, ClientSide):
    pass


class ServerBrokenTests(BrokenTests, ServerSide):
    pass


class ClientBrokenTests(BrokenTests, ClientSide):
    pass


class CompressedTests(ServerSide):
    def test_a_message_in_parts_is_compressed_as_a_whole(self):
        both = self.join()
        parts = ['{"symbol": "ACME"}'] * 50
        both.server.send(parts)
        both.server.send(parts, compress=False)
        both.server.send("after")
        both.pump()
        for expected in ("".join(parts), "".join(parts), "after"):
            self.assertEqual(self.successResultOf(both.client.recv()), expected)


class CheckTests(SynchronousTestCase):
    def test_iterables_of_both_kinds_can_be_sent(self):
        for message in ([], (), iter("ab"), Parts(), {"a"}):
            check_fragments(message)

    def test_a_mapping_and_what_is_no_iterable_can_not(self):
        for message, told in (
            ({"a": 1}, "dict; json.dumps() makes a str of it"),
            (5, "int; str() makes a str of it"),
            (None, "NoneType; does a function return nothing?"),
            (Deferred(), "Deferred; await it, and send its result"),
        ):
            exc = self.assertRaises(TypeError, check_fragments, message)
            self.assertEqual(str(exc), f"a message is str or bytes-like, not {told}")

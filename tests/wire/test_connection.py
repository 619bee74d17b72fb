from twisted.internet.error import ConnectionLost
from twisted.trial.unittest import SynchronousTestCase as TestCase

from tests.support.both_ends import frame, frames_in, heard
from txws2.exceptions import (
    ConnectionClosed,
    ConnectionClosedError,
    ConnectionClosedOK,
    InvalidState,
    ProtocolError,
)
from txws2.wire.closing import Close
from txws2.wire.connection import Connection, State
from txws2.wire.events import Closing, Failed, Ping, Pong, Remainder
from txws2.wire.frames import BINARY, CLOSE, CONT, PING, PONG, TEXT, encode_frame
from txws2.wire.permessage_deflate import Deflate

GOODBYE = b"\x03\xe8bye"


def opened(client=False, trace=None):
    return Connection(client=client, trace=trace)


def closed_by_the_peer():
    connection = opened(client=True)
    [event] = connection.receive(encode_frame(CLOSE, GOODBYE, masked=False))
    connection.answer(event)
    return connection


class ExamplesOfTheRfcTests(TestCase):
    """Section 5.7, to the byte."""

    def test_an_unmasked_text(self):
        self.assertEqual(opened(client=True).receive(b"\x81\x05Hello"), ["Hello"])
        self.assertEqual(opened().send_message("Hello"), b"\x81\x05Hello")

    def test_a_masked_text(self):
        data = bytes.fromhex("8185 37fa213d 7f9f4d5158")
        self.assertEqual(opened().receive(data), ["Hello"])

    def test_a_fragmented_text(self):
        data = b"\x01\x03Hel\x80\x02lo"
        self.assertEqual(opened(client=True).receive(data), ["Hello"])

    def test_a_ping_is_answered_with_its_payload(self):
        ping = bytes.fromhex("8985 37fa213d 7f9f4d5158")
        server = opened()
        [event] = server.receive(ping)
        self.assertEqual(event, Ping(b"Hello"))
        self.assertEqual(server.answer(event), b"\x8a\x05Hello")
        self.assertEqual(opened().send_ping(b"Hello"), b"\x89\x05Hello")

    def test_a_pong(self):
        pong = bytes.fromhex("8a85 37fa213d 7f9f4d5158")
        server = opened()
        [event] = server.receive(pong)
        self.assertEqual(event, Pong(b"Hello"))
        self.assertEqual(server.answer(event), b"")
        self.assertEqual(opened().answer(Ping(b"Hello")), b"\x8a\x05Hello")

    def test_256_bytes_and_64_kib(self):
        client = opened(client=True)
        self.assertEqual(client.receive(b"\x82\x7e\x01\x00" + bytes(256)), [bytes(256)])
        data = b"\x82\x7f" + (65536).to_bytes(8, "big") + bytes(65536)
        self.assertEqual(client.receive(data), [bytes(65536)])

    def test_a_close(self):
        close = bytes.fromhex("8882 00000000 03e8")
        server = opened()
        [event] = server.receive(close)
        self.assertEqual(event, Closing(Close(1000)))
        self.assertEqual(server.answer(event), b"\x88\x02\x03\xe8")
        self.assertEqual(opened().send_close(1001, "bye"), b"\x88\x05\x03\xe9bye")


class MessagesTests(TestCase):
    def test_text_is_str_and_binary_is_bytes(self):
        events = heard(frame(TEXT, "κόσμε".encode()), frame(BINARY, b"\xff"))
        self.assertEqual(events, ["κόσμε", b"\xff"])

    def test_messages_may_be_empty(self):
        self.assertEqual(heard(frame(TEXT), frame(BINARY)), ["", b""])

    def test_messages_of_every_length_of_length(self):
        for length in (1, 125, 126, 65535, 65536):
            payload = b"x" * length
            self.assertEqual(heard(frame(BINARY, payload), frame(TEXT)), [payload, ""])

    def test_fragments_make_one_message(self):
        parts = frame(TEXT, b"a", fin=False), frame(CONT, b"b", fin=False), frame(CONT, b"c")
        self.assertEqual(heard(*parts, frame(BINARY, b"d")), ["abc", b"d"])

    def test_fragments_may_be_empty(self):
        parts = frame(BINARY, fin=False), frame(CONT, fin=False), frame(CONT)
        self.assertEqual(heard(*parts, frame(TEXT, b"next")), [b"", "next"])

    def test_a_character_may_be_in_two_fragments(self):
        parts = frame(TEXT, b"\xe2", fin=False), frame(CONT, b"\x82", fin=False)
        self.assertEqual(heard(*parts, frame(CONT, b"\xac")), ["€"])

    def test_no_bytes_give_no_event(self):
        self.assertEqual(opened().receive(b""), [])

    def test_a_message_may_have_max_size_bytes_and_not_one_more(self):
        self.assertEqual(heard(frame(BINARY, bytes(10)), max_size=10), [bytes(10)])
        [(kind, code, *_)] = heard(frame(BINARY, bytes(11)), max_size=10)
        self.assertEqual((kind, code), ("failed", 1009))

    def test_max_size_is_a_mebibyte_by_default(self):
        head = b"\x82\x7f" + (2**20).to_bytes(8, "big")
        self.assertEqual(opened(client=True).receive(head), [])
        head = b"\x82\x7f" + (2**20 + 1).to_bytes(8, "big")
        [event] = opened(client=True).receive(head)
        self.assertIsInstance(event, Failed)

    def test_without_max_size_any_length_is_awaited(self):
        client = Connection(client=True, max_size=None)
        self.assertEqual(client.receive(b"\x82\x7f\x7f" + b"\xff" * 7 + b"some"), [])
        self.assertEqual(client.state, State.OPEN)


class UnfinishedTests(TestCase):
    def test_a_message_can_be_taken_in_parts(self):
        connection = opened(client=True)
        found = []
        for read in (b"\x01\x02ab\x80", b"\x03cd", b"e\x81\x01f\x82\x05g"):
            found += connection.receive(read)
            if connection.unfinished:
                found.append(connection.take_part())
        self.assertEqual(found, ["ab", "cd", Remainder("e"), "f", b"g"])

    def test_a_part_that_is_not_taken_stays(self):
        connection = opened(client=True)
        for data, unfinished in ((b"\x82\x03", 0), (b"a", 1), (b"b", 2)):
            self.assertEqual(connection.receive(data), [])
            self.assertEqual(connection.unfinished, unfinished)
        self.assertEqual(connection.receive(b"c"), [b"abc"])
        self.assertEqual(connection.unfinished, 0)


class ControlFramesTests(TestCase):
    def test_control_frames_may_hold_125_bytes(self):
        payload = b"x" * 125
        events = heard(frame(PING, payload), frame(PONG, payload))
        self.assertEqual(events, [("ping", payload, [(PONG, payload)]), ("pong", payload, [])])

    def test_control_frames_may_come_between_fragments(self):
        said = frame(TEXT, b"a", fin=False), frame(PING, b"p"), frame(PONG), frame(CONT, b"b")
        expected = [("ping", b"p", [(PONG, b"p")]), ("pong", b"", []), "ab"]
        self.assertEqual(heard(*said), expected)

    def test_a_close_frame_may_come_between_fragments(self):
        said = frame(TEXT, b"a", fin=False), frame(CLOSE, GOODBYE)
        expected = ("closing", "1000 (OK) bye", [(CLOSE, GOODBYE)])
        self.assertEqual(heard(*said), [expected])

    def test_a_close_frame_without_a_code_is_answered_with_one_without(self):
        expected = ("closing", "1005 (no status received [internal])", [(CLOSE, b"")])
        self.assertEqual(heard(frame(CLOSE)), [expected])

    def test_after_our_close_frame_messages_still_come(self):
        said = frame(TEXT, b"late"), frame(BINARY, b"later")
        self.assertEqual(heard(*said, closing=True), ["late", b"later"])

    def test_after_our_close_frame_pings_are_not_answered(self):
        self.assertEqual(heard(frame(PING, b"p"), closing=True), [("ping", b"p", [])])

    def test_after_our_close_frame_the_peer_s_is_not_answered(self):
        expected = ("closing", "1000 (OK) bye", [])
        self.assertEqual(heard(frame(CLOSE, GOODBYE), closing=True), [expected])


class AnswerTests(TestCase):
    """The answer to an event is asked for when the event's turn has come."""

    def test_until_then_the_connection_is_open(self):
        connection = opened(client=True)
        [ping, closing] = connection.receive(b"\x89\x01p\x88\x02\x03\xe8")
        self.assertIs(connection.state, State.OPEN)
        self.assertEqual(connection.closing.rcvd, Close(1000))
        answer = connection.answer(ping)
        self.assertEqual(frames_in(answer, masked=True), [(PONG, b"p")])
        data = connection.send_message("still")
        self.assertEqual(frames_in(data, masked=True), [(TEXT, b"still")])
        answer = connection.answer(closing)
        self.assertEqual(frames_in(answer, masked=True), [(CLOSE, b"\x03\xe8")])
        self.assertIs(connection.state, State.CLOSING)

    def test_once_we_have_closed_there_is_none(self):
        connection = opened(client=True)
        events = connection.receive(b"\x89\x01p\x88\x02\x03\xe8")
        connection.send_close(1001)
        self.assertEqual([connection.answer(event) for event in events], [b"", b""])

    def test_once_the_transport_is_gone_there_is_none(self):
        connection = opened(client=True)
        events = connection.receive(b"\x89\x01p\x83")
        connection.connection_lost(None)
        self.assertEqual([connection.answer(event) for event in events], [b"", b""])


class SendMessageTests(TestCase):
    def sent(self, *args):
        [frame] = frames_in(opened().send_message(*args), masked=False)
        return frame

    def test_a_str_is_text_and_bytes_are_binary(self):
        self.assertEqual(self.sent("é"), (TEXT, b"\xc3\xa9"))
        self.assertEqual(self.sent(b"\xff"), (BINARY, b"\xff"))

    def test_all_that_is_like_bytes_is_binary(self):
        self.assertEqual(self.sent(bytearray(b"ab")), (BINARY, b"ab"))
        self.assertEqual(self.sent(memoryview(b"abcd")[::2]), (BINARY, b"ac"))

    def test_bytes_may_be_sent_as_text(self):
        self.assertEqual(self.sent(b"\xc3\xa9", True), (TEXT, b"\xc3\xa9"))
        self.assertEqual(self.sent(bytearray(b"ab"), True), (TEXT, b"ab"))
        self.assertEqual(self.sent("é", True), (TEXT, b"\xc3\xa9"))

    def test_a_str_may_be_sent_as_binary(self):
        self.assertEqual(self.sent("é", False), (BINARY, b"\xc3\xa9"))
        self.assertEqual(self.sent(b"ab", False), (BINARY, b"ab"))

    def test_text_must_be_utf8_whoever_encoded_it(self):
        connection = opened()
        self.assertRaises(UnicodeError, connection.send_message, b"\xff", True)
        self.assertRaises(UnicodeError, connection.send_message, "\ud800")
        self.assertRaises(UnicodeError, connection.send_message, "\ud800", False)

    def test_nothing_else_is_a_message(self):
        exc = self.assertRaises(TypeError, opened().send_message, 7)
        self.assertEqual(
            str(exc), "a message is str or bytes-like, not int; str() makes a str of it"
        )

    def test_a_client_masks_and_a_server_does_not(self):
        [text] = frames_in(opened(client=True).send_message("Hello"), masked=True)
        self.assertEqual(text, (TEXT, b"Hello"))
        self.assertEqual(opened().send_message("Hello")[1], 5)


class AnnounceTests(TestCase):
    def test_the_header_is_that_of_the_whole_message(self):
        connection, other = opened(), opened()
        for size in (0, 125, 126, 2**16):
            frame = other.send_message(bytes(size))
            self.assertEqual(connection.announce(size) + bytes(size), frame)
        self.assertEqual(connection.frames_out, other.frames_out)
        self.assertEqual(connection.payload_out, other.payload_out)
        self.assertEqual(connection.bytes_out, other.bytes_out)

    def test_there_is_none_for_a_message_that_is_not_ordinary(self):
        closing, amid = opened(), opened()
        closing.send_close(1000)
        amid.send_fragment(b"part", last=False)
        compressed = Connection(client=False, deflate=Deflate())
        traced = Connection(client=False, trace=lambda *_: None)
        for each in closing, amid, compressed, traced, opened(client=True):
            before = each.payload_out
            self.assertIsNone(each.announce(1))
            self.assertEqual(each.payload_out, before)


class SendControlTests(TestCase):
    def test_a_ping_holds_at_most_125_bytes(self):
        for client in (False, True):
            connection = opened(client)
            data = connection.send_ping(b"x" * 125)
            self.assertEqual(frames_in(data, masked=client), [(PING, b"x" * 125)])
            exc = self.assertRaises(ProtocolError, connection.send_ping, b"x" * 126)
            self.assertEqual(str(exc), "payload too long: 126 bytes; at most 125")

    def test_a_close_frame_that_may_not_be_sent_changes_nothing(self):
        connection = opened()
        for args in ((999,), (1006,), (1000, "x" * 124)):
            self.assertRaises(ProtocolError, connection.send_close, *args)
        self.assertIs(connection.state, State.OPEN)
        self.assertIsNone(connection.closing.sent)

    def test_1005_is_not_for_sending(self):
        """Section 7.4.1: each of them "MUST NOT be set as a status code"."""
        self.assertRaises(ProtocolError, opened().send_close, 1005)
        self.assertRaises(ProtocolError, opened().send_close, 1005, "a reason without a code")

    def test_the_reason_is_empty_by_default(self):
        self.assertEqual(opened().send_close(1000), b"\x88\x02\x03\xe8")


class StateTests(TestCase):
    def test_the_states_are_those_of_the_browser_s_api(self):
        states = {"CONNECTING": 0, "OPEN": 1, "CLOSING": 2, "CLOSED": 3}
        self.assertEqual({state.name: state.value for state in State}, states)

    def test_it_is_open_at_first(self):
        self.assertIs(opened().state, State.OPEN)

    def test_our_close_frame_makes_it_closing(self):
        connection = opened()
        connection.send_close(1000, "bye")
        self.assertIs(connection.state, State.CLOSING)
        self.assertEqual(connection.closing.sent, Close(1000, "bye"))

    def test_the_peer_s_close_frame_makes_it_closing(self):
        connection = closed_by_the_peer()
        self.assertIs(connection.state, State.CLOSING)
        self.assertEqual(connection.closing.rcvd, Close(1000, "bye"))
        self.assertEqual(connection.closing.sent, Close(1000, "bye"))
        self.assertIs(connection.closing.rcvd_then_sent, True)

    def test_unless_it_is_open_nothing_is_sent(self):
        closing, closed = opened(), opened()
        closing.send_close(1000)
        closed.connection_lost(None)
        for connection, name in ((closing, "CLOSING"), (closed, "CLOSED")):
            for call, argument in (
                (connection.send_message, "x"),
                (connection.send_ping, b""),
                (connection.send_close, 1000),
            ):
                exc = self.assertRaises(InvalidState, call, argument)
                self.assertEqual(str(exc), f"the connection is {name}, not OPEN")


class FailTests(TestCase):
    def test_the_reason_goes_into_a_close_frame(self):
        connection = opened()
        self.assertEqual(connection.fail(1011, "oops"), b"\x88\x06\x03\xf3oops")
        self.assertIs(connection.state, State.CLOSING)
        self.assertIsNone(connection.closing.cause)

    def test_a_long_reason_is_cut(self):
        [(_, payload)] = frames_in(opened().fail(1011, "x" * 200), masked=False)
        self.assertEqual(payload, b"\x03\xf3" + b"x" * 123)

    def test_after_our_close_frame_there_is_no_other(self):
        connection = opened()
        connection.send_close(1000)
        self.assertEqual(connection.fail(1011, "oops"), b"")
        self.assertEqual(connection.closing.sent, Close(1000))

    def test_nothing_is_heard_any_more(self):
        connection = opened(client=True)
        connection.fail(1011, "oops")
        self.assertEqual(connection.receive(b"\x81\x05Hello"), [])

    def test_the_first_cause_is_the_cause(self):
        connection, first = opened(), ValueError("first")
        connection.fail(1011, "oops", first)
        connection.fail(1011, "oops", ValueError("second"))
        self.assertIs(connection.closing.cause, first)

    def test_the_mistake_of_the_peer_is_the_cause(self):
        connection = opened(client=True)
        [event] = connection.receive(b"\x83\x00")
        self.assertIsInstance(event, Failed)
        connection.answer(event)
        connection.connection_lost(ConnectionLost())
        self.assertIs(ConnectionClosed.of(connection.closing).__cause__, event.cause)


class ConnectionLostTests(TestCase):
    def test_the_transport_s_error_is_the_cause(self):
        connection, error = opened(), ConnectionLost("reset")
        connection.connection_lost(error)
        exc = ConnectionClosed.of(connection.closing)
        self.assertIsInstance(exc, ConnectionClosedError)
        self.assertEqual(str(exc), "no close frame received or sent")
        self.assertIs(exc.__cause__, error)
        self.assertIs(connection.state, State.CLOSED)

    def test_it_does_not_matter_once_both_have_closed(self):
        connection = closed_by_the_peer()
        connection.connection_lost(ConnectionLost("reset"))
        exc = ConnectionClosed.of(connection.closing)
        self.assertIsInstance(exc, ConnectionClosedOK)
        self.assertEqual(str(exc), "received 1000 (OK) bye; then sent 1000 (OK) bye")
        self.assertIsNone(exc.__cause__)

    def test_it_matters_if_only_we_have(self):
        connection, error = opened(), ConnectionLost("reset")
        connection.send_close(1000)
        connection.connection_lost(error)
        exc = ConnectionClosed.of(connection.closing)
        self.assertEqual(str(exc), "sent 1000 (OK); no close frame received")
        self.assertIs(exc.__cause__, error)

    def test_it_does_not_replace_an_earlier_cause(self):
        connection, first = opened(), ValueError("first")
        connection.fail(1011, "oops", first)
        connection.connection_lost(ConnectionLost())
        self.assertIs(ConnectionClosed.of(connection.closing).__cause__, first)

    def test_nothing_is_heard_any_more(self):
        connection = opened(client=True)
        connection.connection_lost(None)
        self.assertEqual(connection.receive(b"\x81\x05Hello"), [])


class TraceTests(TestCase):
    def traced(self, client=True):
        seen = []

        def trace(direction, header, payload):
            seen.append((direction, header.fin, header.opcode, payload, header.length))

        return opened(client, trace), seen

    def test_every_frame_that_comes_is_traced(self):
        connection, seen = self.traced()
        connection.receive(b"\x01\x01a\x80\x01b\x8a\x00")
        self.assertEqual(
            seen,
            [("<", False, 1, b"a", 1), ("<", True, 0, b"b", 1), ("<", True, 10, b"", 0)],
        )

    def test_the_part_of_the_payload_that_has_come_is_traced(self):
        connection, seen = self.traced()
        for part in (b"\x82\x05ab", b"cd", b"e"):
            connection.receive(part)
        self.assertEqual(seen, [("<", True, 2, b"ab", 5)])

    def test_the_payload_is_traced_without_its_mask(self):
        connection, seen = self.traced(client=False)
        connection.receive(bytes.fromhex("8185 37fa213d 7f9f4d5158"))
        self.assertEqual(seen, [("<", True, 1, b"Hello", 5)])

    def test_every_frame_that_goes_is_traced(self):
        connection, seen = self.traced()
        connection.send_message("Hello")
        [event] = connection.receive(b"\x89\x01p")
        connection.answer(event)
        connection.send_close(1000)
        expected = [
            (">", True, 1, b"Hello", 5),
            ("<", True, 9, b"p", 1),
            (">", True, 10, b"p", 1),
            (">", True, 8, b"\x03\xe8", 2),
        ]
        self.assertEqual(seen, expected)

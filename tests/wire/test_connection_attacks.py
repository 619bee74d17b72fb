import itertools

from twisted.trial.unittest import SynchronousTestCase as TestCase

from tests.support.both_ends import failed, frame, header, heard, start_of
from txws2.wire.connection import Connection, State
from txws2.wire.frames import BINARY, CLOSE, CONT, PING, PONG, TEXT

BAD_UTF8 = failed(1007, "invalid UTF-8 in text message")
BAD_REASON = failed(1007, "invalid UTF-8 in close reason")


def first_byte(byte):
    return lambda masked: bytes([byte])


class EndlessFragmentsTests(TestCase):
    """Attack 2: endless tiny fragments of one message, never finished."""

    def test_they_are_counted_together(self):
        more = frame(CONT, b"x", fin=False)
        expected = failed(
            1009, "message of 11 bytes or more exceeds the limit of 10 bytes (max_size)"
        )
        ten = [frame(BINARY, b"x", fin=False), *[more] * 9]
        self.assertEqual(heard(*ten, max_size=10), [])
        self.assertEqual(heard(*ten, more, max_size=10), [expected])

    def test_empty_ones_are_counted(self):
        more = frame(CONT, fin=False)
        ten = frame(TEXT, fin=False), *[more] * 8, frame(CONT, b"x")
        expected = failed(
            1009, "message of 10 fragments or more exceeds the limit of 9 fragments (max_fragments)"
        )
        self.assertEqual(heard(*ten, max_fragments=10), ["x"])
        self.assertEqual(heard(*ten, max_fragments=9), [expected])

    def test_the_next_message_is_counted_anew(self):
        two = frame(TEXT, b"a", fin=False), frame(CONT, b"b")
        self.assertEqual(heard(*two * 3, max_fragments=2), ["ab"] * 3)


class LengthsTests(TestCase):
    """Attack 3: 64-bit lengths near 2**63, with the top bit set, or not in their shortest form."""

    def refused(self, length, reason):
        key = bytes(4)

        def said(masked):
            head = header(0x82, 127, length.to_bytes(8, "big"))(masked)
            return head + key if masked else head

        self.assertEqual(heard(said), [failed(*reason)])

    def test_the_largest_is_over_max_size(self):
        size = 2**63 - 1
        reason = f"message of {size} bytes or more exceeds the limit of 1048576 bytes (max_size)"
        self.refused(size, (1009, reason))

    def test_the_top_bit_is_refused(self):
        for length in (2**63, 2**64 - 1):
            self.refused(length, (1002, "invalid length: the highest bit is set"))

    def test_other_forms_than_the_shortest_are_refused(self):
        expected = (1002, "invalid length: 65535 is not in its shortest form")
        self.refused(65535, expected)

    def test_a_later_fragment_that_would_be_too_much_is_refused(self):
        said = frame(TEXT, b"ab", fin=False), start_of(frame(CONT, b"x" * 9), 0)
        expected = failed(
            1009, "message of 11 bytes or more exceeds the limit of 10 bytes (max_size)"
        )
        self.assertEqual(heard(*said, max_size=10), [expected])


class AnnouncedPayloadTests(TestCase):
    """Attack 4: a header that announces a huge payload, then silence."""

    def test_it_is_refused_before_the_payload(self):
        said = start_of(frame(BINARY, bytes(11)), 0)
        expected = failed(
            1009, "message of 11 bytes or more exceeds the limit of 10 bytes (max_size)"
        )
        self.assertEqual(heard(said, max_size=10), [expected])

    def test_within_max_size_the_connection_waits(self):
        self.assertEqual(heard(start_of(frame(BINARY, bytes(10)), 0), max_size=10), [])


class AfterCloseTests(TestCase):
    """Attack 14: frames after a close frame, a second close, data after the transport is gone."""

    CLOSED = [("closing", "1000 (OK)", [(CLOSE, b"\x03\xe8")])]

    def test_a_second_close_frame_is_ignored(self):
        said = frame(CLOSE, b"\x03\xe8"), frame(CLOSE, b"\x03\xe9")
        self.assertEqual(heard(*said), self.CLOSED)

    def test_messages_and_pings_after_a_close_frame_are_ignored(self):
        said = frame(CLOSE, b"\x03\xe8"), frame(TEXT, b"x"), frame(PING), frame(PONG)
        self.assertEqual(heard(*said), self.CLOSED)

    def test_rubbish_after_a_close_frame_is_ignored(self):
        said = frame(CLOSE, b"\x03\xe8"), lambda masked: b"\xff" * 100
        self.assertEqual(heard(*said), self.CLOSED)

    def test_all_after_a_failure_is_ignored(self):
        said = first_byte(0x83), frame(CLOSE, b"\x03\xe8"), frame(TEXT, b"x")
        self.assertEqual(heard(*said), [failed(1002, "invalid opcode: 0x3")])

    def test_a_failure_after_our_close_frame_is_not_answered(self):
        expected = ("failed", 1002, "invalid opcode: 0x3", [])
        self.assertEqual(heard(first_byte(0x83), closing=True), [expected])

    def test_data_after_the_transport_is_gone_is_ignored(self):
        for client, data in itertools.product((False, True), (b"\x81", b"\xff", b"\x88\x00")):
            connection = Connection(client=client)
            connection.connection_lost(None)
            self.assertEqual(connection.receive(data), [])
            self.assertIs(connection.state, State.CLOSED)


class FirstWrongByteTests(TestCase):
    """Attack 15: a peer that breaks the protocol fails at the first byte that breaks it."""

    def test_reserved_bits(self):
        for bit in (0x40, 0x20, 0x10):
            expected = failed(1002, "reserved bits must be 0")
            self.assertEqual(heard(first_byte(0x81 | bit)), [expected])

    def test_reserved_opcodes(self):
        for opcode in (*range(0x3, 0x8), *range(0xB, 0x10)):
            expected = failed(1002, f"invalid opcode: 0x{opcode:X}")
            self.assertEqual(heard(first_byte(0x80 | opcode)), [expected])

    def test_control_frames_in_fragments(self):
        for opcode in (CLOSE, PING, PONG):
            expected = failed(1002, "fragmented control frame")
            self.assertEqual(heard(first_byte(opcode)), [expected])

    def test_a_continuation_without_a_start(self):
        expected = failed(1002, "unexpected continuation frame")
        self.assertEqual(heard(first_byte(0x80)), [expected])

    def test_a_continuation_after_the_end(self):
        begun = frame(TEXT, b"a", fin=False), frame(CONT, b"b")
        expected = failed(1002, "unexpected continuation frame")
        self.assertEqual(heard(*begun, first_byte(0x80)), ["ab", expected])

    def test_a_message_within_a_message(self):
        expected = failed(1002, "expected a continuation frame")
        for first in (0x01, 0x81, 0x02, 0x82):
            said = frame(TEXT, b"a", fin=False), first_byte(first)
            self.assertEqual(heard(*said), [expected])

    def test_a_client_that_does_not_mask(self):
        server = Connection(client=False)
        [event] = server.receive(b"\x81\x05")
        self.assertEqual(str(event.cause), "expected a masked frame")
        self.assertEqual(server.answer(event), b"\x88\x19\x03\xeaexpected a masked frame")

    def test_a_server_that_masks(self):
        [event] = Connection(client=True).receive(b"\x81\x85")
        self.assertEqual(str(event.cause), "expected an unmasked frame")

    def test_long_control_frames(self):
        for opcode, length in itertools.product((CLOSE, PING, PONG), (126, 127)):
            expected = failed(1002, "control frame too long")
            self.assertEqual(heard(header(0x80 | opcode, length)), [expected])

    def test_messages_before_it_are_delivered(self):
        said = frame(TEXT, b"a"), frame(PONG, b"b"), first_byte(0x83)
        events = heard(*said)
        self.assertEqual(events[0], "a")
        self.assertEqual(events[2], failed(1002, "invalid opcode: 0x3"))


class InvalidUtf8Tests(TestCase):
    """Attack 16: invalid UTF-8, in every place, fails at the byte that makes it invalid."""

    # Each text comes with the number of bytes after which it is known to be wrong.
    BAD = {
        b"\x80": 1,
        b"\xff": 1,
        b"\xc0\x80": 1,
        b"\xc1\xbf": 1,
        b"\xe0\x80\x80": 2,
        b"\xf0\x80\x80\x80": 2,
        b"\xf4\x90\x80\x80": 2,
        b"\xe2\x28\xa1": 2,
        b"\xf0\x9f\xa6\x28": 4,
    }
    SURROGATES = {b"\xed\xa0\x80": 2, b"\xed\xbf\xbf": 2}

    def all(self):
        return self.BAD | self.SURROGATES

    def test_in_a_whole_message(self):
        for bad in self.all():
            self.assertEqual(heard(frame(TEXT, b"good " + bad)), [BAD_UTF8])

    def test_in_a_frame_that_has_not_ended(self):
        for bad, shown in self.BAD.items():
            said = start_of(frame(TEXT, b"good " + bad + b" more"), 5 + shown)
            self.assertEqual(heard(said), [BAD_UTF8], msg=bad)
            said = start_of(frame(TEXT, b"good " + bad + b" more"), 5 + shown - 1)
            self.assertEqual(heard(said), [], msg=bad)

    def test_in_a_fragment_that_has_not_ended(self):
        for bad, shown in self.BAD.items():
            rest = start_of(frame(CONT, bad + b" more", fin=False), shown)
            self.assertEqual(heard(frame(TEXT, b"good", fin=False), rest), [BAD_UTF8], msg=bad)

    def test_a_surrogate_in_a_frame_that_has_not_ended(self):
        for bad, shown in self.SURROGATES.items():
            said = start_of(frame(TEXT, b"good " + bad + b" more"), 5 + shown)
            self.assertEqual(heard(said), [BAD_UTF8], msg=bad)

    def test_split_between_fragments_at_every_byte(self):
        for bad in self.all():
            for at in range(len(bad) + 1):
                said = frame(TEXT, bad[:at], fin=False), frame(CONT, bad[at:])
                self.assertEqual(heard(*said), [BAD_UTF8], msg=(bad, at))

    def test_a_character_that_the_message_breaks_off(self):
        self.assertEqual(heard(frame(TEXT, b"\xf0\x9f\xa6")), [BAD_UTF8])
        said = frame(TEXT, b"\xf0\x9f", fin=False), frame(CONT, b"\xa6", fin=False)
        self.assertEqual(heard(*said), [])
        self.assertEqual(heard(*said, frame(CONT)), [BAD_UTF8])

    def test_in_a_close_reason(self):
        for bad in (*self.all(), b"\xe2\x82"):
            self.assertEqual(heard(frame(CLOSE, b"\x03\xe8" + bad)), [BAD_REASON])

    def test_binary_may_be_anything(self):
        for bad in self.all():
            said = frame(BINARY, bad[:1], fin=False), frame(CONT, bad[1:])
            self.assertEqual(heard(*said), [bad])


class CloseCodesTests(TestCase):
    """Attack 17: close codes that may not travel, and a payload of one byte."""

    def test_codes_that_may_not_travel_are_a_protocol_error(self):
        for code in (0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65535):
            expected = failed(1002, f"invalid close code: {code}")
            self.assertEqual(heard(frame(CLOSE, code.to_bytes(2, "big"))), [expected])

    def test_codes_that_may_travel_are_answered_with_themselves(self):
        for code in (1000, 1003, 1007, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999):
            payload = code.to_bytes(2, "big") + b"why"
            [(kind, _, reply)] = heard(frame(CLOSE, payload))
            self.assertEqual((kind, reply), ("closing", [(CLOSE, payload)]))

    def test_a_payload_of_one_byte_is_a_protocol_error(self):
        expected = failed(1002, "close frame too short")
        self.assertEqual(heard(frame(CLOSE, b"\x03")), [expected])

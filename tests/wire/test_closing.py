from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase as TestCase

from tests.wire import same_each_time
from txws2.exceptions import (
    ConnectionClosed,
    ConnectionClosedError,
    ConnectionClosedOK,
    ProtocolError,
)
from txws2.wire.closing import MAX_REASON_SIZE, Close, CloseCode, ClosingHandshake

TRAVELLING = {1000, 1001, 1002, 1003, *range(1007, 1015), *range(3000, 5000)}


def refused(call, *args):
    try:
        call(*args)
    except ProtocolError as exc:
        return exc.code, str(exc)
    return None


class CloseCodeTests(TestCase):
    def test_the_codes_are_those_of_the_registry(self):
        codes = {
            "NORMAL_CLOSURE": 1000,
            "GOING_AWAY": 1001,
            "PROTOCOL_ERROR": 1002,
            "UNSUPPORTED_DATA": 1003,
            "NO_STATUS_RCVD": 1005,
            "ABNORMAL_CLOSURE": 1006,
            "INVALID_DATA": 1007,
            "POLICY_VIOLATION": 1008,
            "MESSAGE_TOO_BIG": 1009,
            "MANDATORY_EXTENSION": 1010,
            "INTERNAL_ERROR": 1011,
            "SERVICE_RESTART": 1012,
            "TRY_AGAIN_LATER": 1013,
            "BAD_GATEWAY": 1014,
            "TLS_HANDSHAKE": 1015,
        }
        self.assertEqual({code.name: code.value for code in CloseCode}, codes)


class InWordsTests(TestCase):
    EXPLANATIONS = {
        1000: "OK",
        1001: "going away",
        1002: "protocol error",
        1003: "unsupported data",
        1005: "no status received [internal]",
        1006: "abnormal closure [internal]",
        1007: "invalid frame payload data",
        1008: "policy violation",
        1009: "message too big",
        1010: "mandatory extension",
        1011: "internal error",
        1012: "service restart",
        1013: "try again later",
        1014: "bad gateway",
        1015: "TLS handshake failure [internal]",
        3000: "registered",
        3999: "registered",
        4000: "private use",
        4999: "private use",
        999: "unknown",
        1004: "unknown",
        1016: "unknown",
        2999: "unknown",
        5000: "unknown",
    }

    def test_each_code_is_explained(self):
        expected = {code: f"{code} ({words})" for code, words in self.EXPLANATIONS.items()}
        self.assertEqual({code: str(Close(code)) for code in self.EXPLANATIONS}, expected)

    def test_the_name_of_a_code_is_its_number(self):
        self.assertEqual(str(Close(CloseCode.GOING_AWAY)), "1001 (going away)")

    def test_the_reason_comes_after(self):
        self.assertEqual(str(Close(4001, "so long")), "4001 (private use) so long")


class CloseTests(TestCase):
    def test_those_that_say_the_same_are_the_same(self):
        self.assertEqual(len({Close(1000), Close(1000, ""), Close(1000, "x"), Close(1001)}), 3)

    def test_it_does_not_change(self):
        self.assertRaises(AttributeError, setattr, Close(1000), "code", 1001)


class ParseTests(TestCase):
    """Attack 17: codes that no frame may have, and a payload of one byte."""

    def test_code_and_reason(self):
        self.assertEqual(Close.parse(b"\x03\xe8bye \xe2\x82\xac"), Close(1000, "bye €"))

    def test_a_code_alone(self):
        self.assertEqual(Close.parse(b"\x03\xe8"), Close(1000, ""))

    def test_nothing_is_1005(self):
        self.assertEqual(Close.parse(b""), Close(1005, ""))

    def test_one_byte_is_too_short(self):
        for byte in (b"\x00", b"\x03"):
            self.assertEqual(refused(Close.parse, byte), (1002, "close frame too short"))

    def test_these_codes_may_travel_and_no_others(self):
        codes = {c for c in range(65536) if not refused(Close.parse, c.to_bytes(2, "big"))}
        self.assertEqual(codes, TRAVELLING)

    def test_the_code_that_may_not_is_named(self):
        for code in (0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65535):
            payload = code.to_bytes(2, "big") + b"why"
            expected = (1002, f"invalid close code: {code}")
            self.assertEqual(refused(Close.parse, payload), expected)

    def test_the_code_is_judged_before_the_reason(self):
        self.assertEqual(refused(Close.parse, b"\x00\x00\xff")[0], 1002)

    def test_a_reason_must_be_utf8(self):
        for reason in (b"\xff", b"ok \xe2\x82", b"\xed\xa0\x80", b"\xc0\xaf", b"\xf4\x90\x80\x80"):
            expected = (1007, "invalid UTF-8 in close reason")
            self.assertEqual(refused(Close.parse, b"\x03\xe8" + reason), expected)

    def test_the_codec_s_error_is_the_cause(self):
        exc = self.assertRaises(ProtocolError, Close.parse, b"\x03\xe8\xff")
        self.assertIsInstance(exc.__cause__, UnicodeDecodeError)


class PayloadTests(TestCase):
    """Attack 17, the other way round: codes and reasons that we may not send."""

    def test_code_and_reason(self):
        self.assertEqual(Close(1001, "bye €").payload(), b"\x03\xe9bye \xe2\x82\xac")

    def test_these_codes_may_travel_and_no_others(self):
        codes = {code for code in range(-1, 65540) if not refused(Close(code).payload)}
        self.assertEqual(codes, TRAVELLING)

    def test_the_code_that_may_not_is_named(self):
        expected = (
            1002,
            "invalid close code: 1006; use 1000-1003, 1007-1014 (but not 1004-1006) or 3000-4999",
        )
        self.assertEqual(refused(Close(1006).payload), expected)

    def test_a_reason_has_at_most_123_bytes(self):
        self.assertEqual(MAX_REASON_SIZE, 123)
        self.assertEqual(Close(1000, "x" * 123).payload(), b"\x03\xe8" + b"x" * 123)
        self.assertEqual(
            refused(Close(1000, "x" * 124).payload),
            (1002, "close reason too long: 124 bytes of UTF-8; at most 123"),
        )

    def test_the_bytes_of_a_reason_count_not_its_characters(self):
        self.assertEqual(len(Close(1000, "€" * 41).payload()), 125)
        self.assertIsNotNone(refused(Close(1000, "€" * 42).payload))

    @same_each_time
    @given(st.sampled_from(sorted(TRAVELLING)), st.text(max_size=30))
    def test_each_payload_is_read_as_it_was_written(self, code, reason):
        self.assertEqual(Close.parse(Close(code, reason).payload()), Close(code, reason))


class CutTests(TestCase):
    def test_a_short_reason_is_left(self):
        self.assertEqual(Close.cut(1011, "x" * 123), Close(1011, "x" * 123))

    def test_a_long_reason_is_cut(self):
        self.assertEqual(Close.cut(1011, "x" * 124), Close(1011, "x" * 123))

    def test_the_cut_is_between_characters(self):
        self.assertEqual(Close.cut(1011, "x" * 122 + "é").reason, "x" * 122)
        self.assertEqual(Close.cut(1011, "x" + "€" * 41).reason, "x" + "€" * 40)


class ClosingHandshakeTests(TestCase):
    def ended(self, *steps):
        closing = ClosingHandshake()
        for step, close in steps:
            getattr(closing, step)(close)
        return closing

    def test_at_first_nothing_was_said(self):
        closing = ClosingHandshake()
        known = (closing.rcvd, closing.sent, closing.rcvd_then_sent, closing.cause)
        self.assertEqual(known, (None, None, None, None))

    def test_without_a_close_frame_it_is_1006(self):
        closing = self.ended(("sending", Close(1000, "bye")))
        self.assertEqual((closing.code, closing.reason), (1006, ""))

    def test_code_and_reason_are_the_peer_s(self):
        closing = self.ended(("sending", Close(1000, "bye")), ("received", Close(1001, "so")))
        self.assertEqual((closing.code, closing.reason), (1001, "so"))

    def test_rcvd_then_sent_says_which_close_frame_was_first(self):
        mine, yours = ("sending", Close(1000)), ("received", Close(1001))
        orders = [self.ended(*steps).rcvd_then_sent for steps in ([mine], [yours])]
        self.assertEqual(orders, [None, None])
        self.assertIs(self.ended(mine, yours).rcvd_then_sent, False)
        self.assertIs(self.ended(yours, mine).rcvd_then_sent, True)

    def test_the_exception_tells_all(self):
        closing = self.ended(("received", Close(1001, "so")), ("sending", Close(1001)))
        exc = ConnectionClosed.of(closing)
        self.assertEqual(str(exc), "received 1001 (going away) so; then sent 1001 (going away)")
        self.assertEqual((exc.rcvd, exc.sent), (Close(1001, "so"), Close(1001)))
        self.assertIs(exc.rcvd_then_sent, True)
        self.assertIsNone(exc.__cause__)

    def test_the_cause_is_passed_on(self):
        closing = ClosingHandshake()
        closing.cause = OSError("reset")
        self.assertIs(ConnectionClosed.of(closing).__cause__, closing.cause)


class OkOrErrorTests(TestCase):
    def kind(self, rcvd, sent):
        closing = ClosingHandshake()
        closing.rcvd = None if rcvd is None else Close(rcvd)
        closing.sent = None if sent is None else Close(sent)
        return type(ConnectionClosed.of(closing))

    def test_it_is_ok_if_both_said_a_good_code(self):
        for rcvd in (1000, 1001, 1005):
            for sent in (1000, 1001, 1005):
                self.assertIs(self.kind(rcvd, sent), ConnectionClosedOK)

    def test_it_is_an_error_if_one_said_nothing(self):
        for pair in ((None, None), (1000, None), (None, 1000)):
            self.assertIs(self.kind(*pair), ConnectionClosedError)

    def test_it_is_an_error_if_one_said_another_code(self):
        for code in (1002, 1003, 1006, 1007, 1008, 1009, 1010, 1011, 1012, 3000, 4999):
            self.assertIs(self.kind(code, 1000), ConnectionClosedError)
            self.assertIs(self.kind(1000, code), ConnectionClosedError)

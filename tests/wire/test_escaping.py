"""A peer's words neither end a line of the log nor steer the program that shows it (CWE-117)."""

import sys
import unicodedata

from twisted.internet.address import UNIXAddress
from twisted.logger import formatEvent, formatEventAsClassicLogText
from twisted.trial.unittest import SynchronousTestCase

from tests.support.sides import CLOSE, REQUEST, TEXT, ClientSide, Peer, ServerSide, closing
from txws2 import exceptions
from txws2.server.factory import WebSocketServerFactory
from txws2.testing import Joined
from txws2.wire.closing import Close
from txws2.wire.escaping import anonymous, escaped
from txws2.wire.http.heads import Response

HOSTILE = "a\r\nb\x1b[2J\x00\x9b\u2028\u202egnp\u2066\u200f\ufeff\ud800"
SHOWN = r"a\r\nb\x1b[2J\x00\x9b\u2028\u202egnp\u2066\u200f\ufeff\ud800"
READABLE = "до свидания 👩‍🚀 👋🏽 می‌خواهم　再見\u00a0!"

# As much of the text as a close frame can have.
REASON = "a\r\nb\x1b[2J\u2028\u202egnp"
REASON_SHOWN = r"a\r\nb\x1b[2J\u2028\u202egnp"

STEERING = {"Cc", "Cs", "Zl", "Zp"}


class AnonymousTests(SynchronousTestCase):
    def test_a_possible_password_is_not_shown(self):
        for uri, expected in (
            ("ws://me:secret@h/", "ws://***@h/"),
            ("ws://h/", "ws://h/"),
            ("//me:secret@h/", "//***@h/"),
            ("me:secret@h//x", "***@h//x"),
            ("me:secret//x@h", "***@h"),
            ("ws://me:a@b/c?d#e//@h/", "ws://***@h/"),
            ("ws://a\n@h", "ws://***@h"),
            ("", ""),
        ):
            self.assertEqual(anonymous(uri), expected)


class EscapedTests(SynchronousTestCase):
    """Attack 27."""

    def test_control_characters_are_shown_as_python_writes_them(self):
        self.assertEqual(escaped(HOSTILE), SHOWN)

    def test_readable_text_stays(self):
        for text in ("", "so long", r"C:\new", READABLE):
            self.assertEqual(escaped(text), text)

    def test_to_escape_it_twice_changes_nothing(self):
        self.assertEqual(escaped(escaped(HOSTILE)), SHOWN)

    def test_no_character_gets_through_that_ends_a_line_or_turns_the_writing(self):
        for number in range(sys.maxunicode + 1):
            character = chr(number)
            bidirectional = unicodedata.bidirectional(character)
            steers = unicodedata.category(character) in STEERING or (
                bidirectional in ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI")
                or character in "\u200e\u200f\u061c"
                or len(f"a{character}b".splitlines()) > 1
            )
            if steers:
                self.assertTrue(escaped(character).isascii(), hex(number))


class ExceptionTests(SynchronousTestCase):
    """The text of an exception is one line, even if it has a peer's words in it."""

    CASES = (
        exceptions.ConnectionClosed(Close(4000, HOSTILE), Close(1000, HOSTILE), True),
        exceptions.ConnectionClosedOK(Close(1000, HOSTILE), Close(1000, HOSTILE), False),
        exceptions.ConnectionClosedError(None, Close(1000, HOSTILE)),
        exceptions.InvalidURI(HOSTILE, HOSTILE),
        exceptions.InvalidProxy(HOSTILE, HOSTILE),
        exceptions.InvalidProxyStatus(HOSTILE, Response(407, HOSTILE)),
        exceptions.InvalidMethod(HOSTILE),
        exceptions.InvalidProtocol(HOSTILE),
        exceptions.InvalidStatus(Response(403, HOSTILE)),
        exceptions.InvalidHeader(HOSTILE),
        exceptions.InvalidHeader(HOSTILE, ""),
        exceptions.InvalidHeader("Host", HOSTILE),
        exceptions.InvalidHeaderValue("Host", HOSTILE),
        exceptions.InvalidHeaderFormat("Host", "a token", HOSTILE, 1),
        exceptions.InvalidHost(HOSTILE),
        exceptions.InvalidOrigin(HOSTILE),
        exceptions.InvalidUpgrade("Upgrade", HOSTILE),
        exceptions.InvalidPath(HOSTILE),
        exceptions.RedirectError([HOSTILE, HOSTILE], HOSTILE),
        exceptions.OpeningTimeout(),
        exceptions.ServerClosing(),
        exceptions.TooManyConnections(),
        exceptions.TooManyConnectionsFromHost(),
        exceptions.PayloadTooBig(11, 10),
        *(
            kind(HOSTILE)
            for kind in (
                exceptions.WebSocketException,
                exceptions.InvalidHandshake,
                exceptions.SecurityError,
                exceptions.RequestLineTooLong,
                exceptions.StatusLineTooLong,
                exceptions.HeaderLineTooLong,
                exceptions.TooManyHeaders,
                exceptions.ProxyError,
                exceptions.UnreachableThroughProxy,
                exceptions.InvalidMessage,
                exceptions.NegotiationError,
                exceptions.ProtocolError,
                exceptions.InvalidState,
                exceptions.ConcurrencyError,
            )
        ),
    )

    def test_no_class_of_them_is_left_out(self):
        every = {value for value in vars(exceptions).values() if isinstance(value, type)}
        ours = {kind for kind in every if kind.__module__ == exceptions.__name__}
        self.assertEqual({type(case) for case in self.CASES}, ours)

    def test_each_is_one_line_that_steers_nothing(self):
        for case in self.CASES:
            self.assertEqual(str(case), escaped(str(case)), type(case))

    def test_each_representation_is_one_line_that_steers_nothing(self):
        for case in self.CASES:
            self.assertEqual(repr(case), escaped(repr(case)), type(case))

    def test_a_reason_that_can_be_read_is_shown_as_it_is(self):
        exc = exceptions.ConnectionClosedError(Close(4000, READABLE), None)
        self.assertEqual(str(exc), f"received 4000 (private use) {READABLE}; no close frame sent")
        self.assertEqual(exc.rcvd.reason, READABLE)

    def test_a_close_frame_has_its_reason_as_it_came(self):
        self.assertEqual(Close(1000, HOSTILE).reason, HOSTILE)
        self.assertEqual(str(Close(1000, HOSTILE)), f"1000 (OK) {SHOWN}")


class LogTests:
    def assertOneLineEach(self):
        self.assertTrue(self.events)
        for event in self.events:
            text = formatEvent(event)
            self.assertEqual(text, escaped(text))

    def test_the_debug_log_is_of_lines_that_steer_nothing(self):
        self.open(debug=True, log_connections=True)
        self.hear((TEXT, HOSTILE[:-1].encode()), (CLOSE, closing(4000, REASON)))
        self.joined.drop()
        self.assertOneLineEach()
        self.assertTrue(any(REASON_SHOWN in formatEvent(event) for event in self.events))


class ServerLogTests(LogTests, ServerSide):
    def close_for(self, handler):
        """Have the client of a connection with this handler close with the reason."""
        factory = WebSocketServerFactory(handler, reactor=self.clock)
        self.ws = factory.buildProtocol(None)
        self.peer = Peer()
        self.joined = Joined(self.ws, self.peer, self.clock)
        self.open_peer()
        self.hear((CLOSE, closing(4000, REASON)))

    def test_the_end_of_a_handler_has_the_reason_escaped(self):
        self.close_for(lambda ws: ws.recv())
        self.joined.drop()
        self.assertOneLineEach()
        [event] = self.events
        self.assertIn(f"received 4000 (private use) {REASON_SHOWN}; then", formatEvent(event))

    def test_the_traceback_of_a_handler_has_the_reason_escaped(self):
        async def handler(ws):
            try:
                await ws.recv()
            except exceptions.ConnectionClosed as exc:
                raise RuntimeError(exc) from exc

        self.close_for(handler)
        [event] = self.take_loud()
        text = formatEventAsClassicLogText(event)
        self.assertIn(f"received 4000 (private use) {REASON_SHOWN}; then sent 4000", text)
        self.assertNotIn("\x1b", text)

    def test_an_address_that_a_peer_has_chosen_is_one_line(self):
        self.connect(log_connections=True)
        self.ws.transport.getPeer = lambda: UNIXAddress(REASON.encode())
        self.open_peer()
        self.joined.drop()
        self.assertOneLineEach()

    def test_a_refusal_shows_what_was_wrong_with_a_header(self):
        self.connect(log_connections=True)
        broken = REQUEST.replace(b"Version: 13", "Version: \u202e\u0085\u2028é".encode())
        self.receive(broken)
        self.joined.drop()
        self.assertOneLineEach()
        self.assertIn(r"\u202e\x85\u2028é", self.peer.take().decode())


class ClientLogTests(LogTests, ClientSide):
    pass

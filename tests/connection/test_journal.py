"""The log lines on connections, with the options that ask for them."""

from twisted.internet.address import IPv6Address
from twisted.logger import LogLevel, formatEvent

from tests.support.sides import CLOSE, REQUEST, TEXT, ClientSide, Peer, ServerSide, closing
from txws2._connection.handle import driver_of
from txws2.exceptions import InvalidStatus
from txws2.wire.handshake.origins import SAME_ORIGIN


class JournalTests:
    def said(self):
        """Return the events so far, and forget them."""
        said = self.events[:]
        self.events.clear()
        for event in said:
            self.assertEqual(event["log_namespace"], self.namespace)
            self.assertEqual(event["log_level"], LogLevel.info)
            self.assertEqual(event["connection"], self.ws.id)
        return said

    def lines(self):
        """Return the texts of the events so far, without the ids."""
        return [formatEvent(event).removeprefix(f"{self.ws.id} ") for event in self.said()]

    def open(self, **options):
        ws = super().open(log_connections=True, **options)
        ws.remembered, self.events[:] = self.events[:], []
        return ws

    def test_one_event_says_that_a_connection_is_open(self):
        ws = self.open()
        [self.events[:]] = [ws.remembered]
        [event] = self.said()
        self.assertEqual(formatEvent(event), f"{ws.id} opened: {self.address} for /chat")
        expected = {"peer": self.address, "path": "/chat", "subprotocol": None}
        self.assertEqual({name: event[name] for name in expected}, expected)

    def test_one_event_says_how_it_was_closed(self):
        ws = self.open()
        self.hear((TEXT, b"hello"))
        self.clock.advance(1.5)
        self.hear((CLOSE, closing(1000, "bye")))
        self.joined.drop()
        self.joined.pump()
        [event] = self.said()
        how = "received 1000 (OK) bye; then sent 1000 (OK) bye"
        line = f"{ws.id} closed after 1.500 s: {how}; 1 messages in, 0 out"
        self.assertEqual(formatEvent(event), line)
        counters = ws.counters
        expected = {
            "peer": self.address,
            "reason": how,
            "received_code": 1000,
            "received_reason": "bye",
            "sent_code": 1000,
            "sent_reason": "bye",
            "duration": 1.5,
            "messages_in": 1,
            "messages_out": 0,
            "bytes_in": counters.bytes_in,
            "bytes_out": counters.bytes_out,
        }
        self.assertEqual({name: event[name] for name in expected}, expected)

    def test_one_event_says_that_a_connection_broke(self):
        self.open()
        self.joined.drop()
        [event] = self.said()
        self.assertIn("no close frame received or sent", formatEvent(event))
        for name in "received_code", "received_reason", "sent_code", "sent_reason":
            self.assertIsNone(event[name])
        self.assertNotIn("log_failure", event)

    def test_the_words_of_a_peer_are_one_line_and_steer_nothing(self):
        self.open()
        self.hear((CLOSE, closing(1000, "a\nb\x1b[2Jé")))
        self.joined.drop()
        [line] = self.lines()
        self.assertIn(r"a\nb\x1b[2Jé", line)
        self.assertTrue(line.isprintable())

    def test_by_default_nothing_is_said(self):
        super().open()
        self.joined.drop()
        self.assertEqual(self.events, [])

    def test_an_address_of_any_kind_is_shown(self):
        for address, shown in ((IPv6Address("TCP", "::1", 80), "[::1]:80"), (None, "unknown")):
            self.connect(log_connections=True)
            self.peer.transport.getHost = self.ws.transport.getPeer = lambda a=address: a
            self.open_peer()
            [line] = self.lines()
            self.assertEqual(line, f"opened: {shown} for /chat")


class ServerJournalTests(JournalTests, ServerSide):
    namespace = "txws2.server"
    address = "127.0.0.1:50000"

    def test_one_event_says_that_a_request_was_refused(self):
        self.connect(log_connections=True)
        self.receive(b"GET /chat?password=secret HTTP/1.1\r\nHost: example.com\r\n\r\n")
        self.joined.drop()
        [event] = self.said()
        reason = str(driver_of(self.ws).ended_with())
        expected = {
            "peer": self.address,
            "path": "/chat",
            "status": self.ws.response.status_code,
            "error": "InvalidUpgrade",
            "reason": reason,
        }
        self.assertEqual({name: event[name] for name in expected}, expected)
        line = f"{self.ws.id} refused with {expected['status']}: {self.address}: {reason}"
        self.assertEqual(formatEvent(event), line)

    def test_one_event_says_that_garbage_was_refused(self):
        self.connect(log_connections=True)
        self.receive(b"\x15\x03\x01\x1b[2J\r\n\r\n")
        self.joined.drop()
        [event] = self.said()
        self.assertEqual((event["status"], event["path"]), (400, None))
        self.assertTrue(formatEvent(event).isprintable())

    def test_one_event_says_that_the_application_refused_a_request(self):
        self.connect(log_connections=True, process_request=lambda ws, _: ws.respond(403, "no"))
        self.open_peer()
        self.joined.drop()
        [event] = self.said()
        self.assertEqual((event["status"], event["error"]), (403, InvalidStatus.__name__))

    def test_one_that_the_application_answers_otherwise_is_answered_and_not_refused(self):
        for status in 200, 302:
            self.connect(
                log_connections=True, process_request=lambda ws, _, s=status: ws.respond(s, "up")
            )
            self.open_peer()
            self.joined.drop()
            [event] = self.said()
            line = f"{self.ws.id} answered with {status}: {self.address} for /chat"
            self.assertEqual(formatEvent(event), line)
            self.assertEqual(event["status"], status)
            self.assertEqual(self.factory.counters.refused, {})
            self.assertEqual(self.factory.counters.answered, 1)

    def test_a_connection_without_a_byte_is_not_logged(self):
        self.connect(log_connections=True)
        self.joined.drop()
        self.assertEqual(self.said(), [])


class RefusalWarningTests(ServerSide):
    """A page that is refused by mistake isn't a riddle to the owner of the server."""

    def refuse(self, **headers):
        """Let the server refuse a request with these headers; return the text of the response."""
        self.ws = self.factory.buildProtocol(None)
        self.peer = Peer()
        self.joined = self.make_joined()
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        self.receive(REQUEST[:-2] + lines.encode() + b"\r\n")
        self.joined.drop()
        return self.peer.take().partition(b"\r\n\r\n")[2].decode()

    def warnings(self):
        """Return the warnings so far, and forget them."""
        said = [event for event in self.events if event["log_level"] is LogLevel.warn]
        self.events.clear()
        return said

    def start(self, *origins):
        self.factory = self.make_factory(None, origins=origins)

    def test_the_answer_says_what_was_compared_with_what(self):
        self.start(SAME_ORIGIN)
        self.assertIn(
            "invalid Origin header: https://evil.example; it is neither that of the host "
            "example.com nor another one of origins=",
            self.refuse(Origin="https://evil.example"),
        )

    def test_the_log_has_the_same_without_being_asked(self):
        self.start(SAME_ORIGIN)
        self.refuse(Origin="https://evil.example")
        [event] = self.warnings()
        text = formatEvent(event)
        self.assertIn("refused with 403: 127.0.0.1:50000: invalid Origin header: https", text)
        self.assertIn("the host example.com", text)
        self.assertEqual((event["error"], event["status"]), ("InvalidOrigin", 403))
        self.assertEqual((event["connection"], event["path"]), (self.ws.id, "/chat"))

    def test_there_is_one_warning_a_minute_which_counts_the_others(self):
        self.start("https://a.example")
        unsaid = []
        for _ in range(150):
            self.refuse(Origin="https://evil.example")
            self.clock.advance(1)
            unsaid += [event["unsaid"] for event in self.warnings()]
        self.assertEqual(unsaid, [0, 59, 59])

    def test_each_says_how_many_others_there_were(self):
        self.start("https://a.example")
        for seconds, words in (
            (0, "(such a warning comes once"),
            (30, None),
            (30, "(1 more since"),
        ):
            self.clock.advance(seconds)
            self.refuse(Origin="https://evil.example")
            texts = [formatEvent(event) for event in self.warnings()]
            self.assertEqual([words in text for text in texts], [True] if words else [])

    def test_a_clock_that_is_set_back_does_not_silence_it(self):
        self.start("https://a.example")
        self.refuse(Origin="https://evil.example")
        self.clock.rightNow -= 10_000
        self.refuse(Origin="https://evil.example")
        self.assertEqual(len(self.warnings()), 2)

    def test_a_mistake_of_the_client_alone_is_no_warning(self):
        self.start("https://a.example")
        self.refuse(Origin="https://a.example", Upgrade="h2c")
        self.assertEqual(self.warnings(), [])

    def test_each_kind_has_its_own_minute(self):
        self.factory = self.make_factory(None, origins=["https://a.example"], hosts=["a.example"])
        for _ in range(2):
            self.refuse(Origin="https://evil.example")
            self.factory.hosts = None
        self.assertEqual(
            [event["error"] for event in self.warnings()], ["InvalidHost", "InvalidOrigin"]
        )


class ClientJournalTests(JournalTests, ClientSide):
    namespace = "txws2.client"
    address = "127.0.0.1:80"

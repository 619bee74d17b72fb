"""Row 13 of the contract: debug logs show when and how."""

from twisted.logger import LogLevel

from tests.support.sides import BINARY, CLOSE, TEXT, ClientSide, ServerSide, closing
from tests.support.ways import OverTLS, OverTLSThroughProxy, ThroughProxy


class DebugLog:
    """Row 13, on either side, whatever is between them."""

    def trace(self):
        return [f"{event['sign']} {event['text']}" for event in self.events if "sign" in event]

    def test_f13_the_log_shows_states_handshake_and_frames(self):
        ws = self.open(debug=True)
        ws.send("hello")
        self.hear((BINARY, b"\x00\xff"), (CLOSE, closing(1000)))
        self.peer.transport.loseConnection()
        self.joined.pump()
        trace = self.trace()
        for line in (
            "= connection is CONNECTING",
            f"{'>' if self.client else '<'} GET /chat HTTP/1.1",
            f"{'<' if self.client else '>'} HTTP/1.1 101 Switching Protocols",
            "= connection is OPEN",
            "> TEXT 'hello' [5 bytes]",
            "< BINARY 00 ff [binary, 2 bytes]",
            "< CLOSE 1000 (OK) [2 bytes]",
            "> CLOSE 1000 (OK) [2 bytes]",
            "= connection is CLOSING",
            "= connection is CLOSED",
        ):
            self.assertEqual(trace.count(line), 1, line)

    def test_f13_each_event_has_namespace_level_and_id(self):
        ws = self.open(debug=True)
        self.hear((TEXT, b"hello"))
        self.assertTrue(self.events)
        for event in self.events:
            side = "client" if self.client else "server"
            self.assertEqual(event["log_namespace"], f"txws2.{side}")
            self.assertEqual(event["log_level"], LogLevel.debug)
            self.assertEqual(event["connection"], ws.id)
            self.assertEqual(event["log_format"], "{connection} {sign} {text}")

    def test_f13_a_long_payload_is_cut_short(self):
        self.open(debug=True)
        self.hear((TEXT, b"x" * 5000))
        line = self.trace()[-1]
        self.assertLess(len(line), 120)
        self.assertIn("5000 bytes", line)
        self.assertIn("...", line)

    def test_f13_the_keepalive_says_what_it_does(self):
        self.open(debug=True)
        self.joined.vanish()
        self.joined.advance(50)
        notes = [line for line in self.trace() if line.startswith("%")]
        expected = [
            "% sending keepalive ping",
            "% timed out waiting for keepalive pong",
            "% timed out while closing",
        ]
        self.assertEqual(notes, expected)

    def test_f13_a_refused_handshake_is_shown_too(self):
        self.connect(debug=True)
        self.joined.pump()
        self.receive(b"HTTP/1.1 403 No\r\n\r\n" if self.client else b"GET / HTTP/1.1\r\n\r\n")
        self.joined.drop()
        trace = self.trace()
        self.assertIn(f"< {'HTTP/1.1 403 No' if self.client else 'GET / HTTP/1.1'}", trace)
        self.assertEqual(trace[-1], "= connection is CLOSED")

    def test_f13_nothing_is_emitted_when_it_is_off(self):
        ws = self.open(debug=False)
        ws.send("hello")
        self.hear((TEXT, b"hello"), (CLOSE, closing(1000)))
        self.joined.drop()
        self.assertEqual(self.events, [])


class ServerDebugLogTests(DebugLog, ServerSide):
    pass


class ServerDebugLogOverTLSTests(OverTLS, DebugLog, ServerSide):
    pass


class ClientDebugLogTests(DebugLog, ClientSide):
    pass


class ClientDebugLogThroughProxyTests(ThroughProxy, DebugLog, ClientSide):
    pass


class ClientDebugLogOverTLSThroughProxyTests(OverTLSThroughProxy, DebugLog, ClientSide):
    pass

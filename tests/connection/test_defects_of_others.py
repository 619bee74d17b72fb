"""Defects of other WebSocket libraries, one test each, so that txws2 never has them.

T: `twisted.web.websocket` of Twisted 26.10; A: Autobahn 26.10.2; W: `websockets` 17.4.
"""

from unittest import mock

from twisted.internet.testing import StringTransport

from tests.client.test_connections import Reactor, Resolver
from tests.support.sides import (
    CLOSE,
    PING,
    REQUEST,
    TEXT,
    ClientSide,
    Peer,
    QuietTestCase,
    ServerSide,
    closing,
)
from txws2 import broadcast
from txws2.client.dialer import Dialer
from txws2.exceptions import (
    InvalidMessage,
    InvalidStatus,
    OpeningTimeout,
    ProtocolError,
)
from txws2.server.factory import WebSocketServerProtocol
from txws2.server.server import Server
from txws2.testing import Joined
from txws2.wire import masking_keys as keys
from txws2.wire.connection import State


class ServerDefectsTests(ServerSide, QuietTestCase):
    def refused(self, request, **options):
        """Return the status and the head of the response to a request."""
        self.connect(**options)
        self.receive(request)
        head = self.peer.take().partition(b"\r\n\r\n")[0]
        return int(head.split()[1]), head

    def test_T4_a_producer_can_be_registered(self):
        ws = self.open()
        producer = mock.Mock()
        ws.registerProducer(producer, True)
        self.peer.transport.pauseProducing()
        for _ in range(200):
            ws.sendMessage("x" * 1000)
        producer.pauseProducing.assert_called_once()
        self.peer.transport.resumeProducing()
        self.joined.pump()
        producer.resumeProducing.assert_called_once()

    def test_T5_a_frame_right_behind_the_request_is_kept(self):
        self.connect()
        self.receive(REQUEST + self.frame(TEXT, b"early"))
        self.assertEqual(self.successResultOf(self.ws.recv()), "early")

    def test_T6_another_origin_is_refused(self):
        request = REQUEST.replace(b"\r\n\r\n", b"\r\nOrigin: https://evil.example\r\n\r\n")
        status, _ = self.refused(request, origins=["https://example.com"])
        self.assertEqual(status, 403)

    def test_T7_the_application_gets_the_code_and_the_reason_of_the_close(self):
        ws = self.open()
        self.hear((CLOSE, closing(4200, "bye")))
        self.joined.drop()
        self.assertEqual((ws.close_code, ws.close_reason), (4200, "bye"))
        self.assertEqual((ws.lost[0].rcvd.code, ws.lost[0].rcvd.reason), (4200, "bye"))

    def test_T8_1006_never_travels(self):
        ws = self.open()
        for code in (1005, 1006, 1015):
            self.assertRaises(ProtocolError, ws.close, code)
        self.assertEqual(self.said(), [])

    def test_T9_an_exception_of_the_application_sends_a_close_frame(self):
        class Broken(WebSocketServerProtocol):
            def messageReceived(self, message):
                raise ValueError("secret")

        self.open(Broken)
        self.hear((TEXT, b"x"))
        self.assertEqual(self.said(), [(CLOSE, closing(1011))])
        self.assertEqual(len(self.take_loud()), 1)

    def test_T10_A10_the_size_of_a_message_has_a_limit_by_default(self):
        self.open()
        self.receive(b"\x82\xff" + (2**20 + 1).to_bytes(8) + b"\0\0\0\0")
        [(opcode, payload)] = self.said()
        self.assertEqual((opcode, payload[:2]), (CLOSE, closing(1009)))

    def test_T11_sending_after_the_close_is_an_exception_of_ours(self):
        ws = self.open()
        self.hear((CLOSE, closing(1001)))
        sent = ws.send("late")
        self.joined.drop()
        self.assertIn("1001", str(self.failureResultOf(sent).value))
        ws.sendMessage("later")

    def test_T12_a_server_that_stops_closes_its_connections(self):
        self.open()
        stopped = Server(self.factory, []).close()
        self.assertEqual(self.said(), [(CLOSE, closing(1001))])
        self.hear((CLOSE, closing(1001)))
        self.successResultOf(stopped)
        self.assertGone()

    def test_T13_W2_the_refusal_of_a_version_names_the_right_one(self):
        request = REQUEST.replace(b"Version: 13", b"Version: 12")
        _, head = self.refused(request)
        self.assertIn(b"\r\nSec-WebSocket-Version: 13", head)

    def test_T14_compression_subprotocol_and_keepalive_are_there(self):
        offer = (
            b"\r\nSec-WebSocket-Extensions: permessage-deflate"
            b"\r\nSec-WebSocket-Protocol: chat\r\n\r\n"
        )
        self.connect(subprotocols=["chat"])
        self.receive(REQUEST.replace(b"\r\n\r\n", offer))
        head = self.peer.take()
        self.assertIn(b"\r\nSec-WebSocket-Extensions: permessage-deflate", head)
        self.assertIn(b"\r\nSec-WebSocket-Protocol: chat\r\n", head)
        self.joined.advance(20)
        self.assertEqual([opcode for opcode, _ in self.said()], [PING])

    def test_A4_the_answer_to_a_plain_get_redirects_nowhere(self):
        status, head = self.refused(
            b"GET /?redirect=https://evil.example&after=0 HTTP/1.1\r\nHost: example.com\r\n\r\n"
        )
        self.assertEqual(status, 426)
        self.assertNotIn(b"evil.example", head)

    def test_A5_the_headers_of_a_request_have_a_limit(self):
        endless = b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 100_000
        status, _ = self.refused(endless)
        self.assertEqual(status, 431)

    def test_A6_every_code_that_may_travel_can_be_sent(self):
        for code in (1001, 1011, 1012, 3000, 4999):
            ws = self.open()
            ws.close(code)
            self.assertEqual(self.said(), [(CLOSE, closing(code))])
            self.joined.drop()

    def test_A7_a_peer_that_errs_gets_a_close_frame(self):
        self.open()
        self.receive(b"\xf1\x80\0\0\0\0")
        [(opcode, payload)] = self.said()
        self.assertEqual((opcode, payload[:2]), (CLOSE, closing(1002)))

    def test_A9_a_close_frame_is_answered_with_its_code(self):
        self.open()
        self.hear((CLOSE, closing(4001)))
        self.assertEqual(self.said()[0][1][:2], closing(4001))

    def test_W1_text_that_is_no_utf_8_fails_before_its_end(self):
        self.open()
        self.receive(self.frame(TEXT, b"good \xff", fin=False))
        [(opcode, payload)] = self.said()
        self.assertEqual((opcode, payload[:2]), (CLOSE, closing(1007)))

    def test_W3_a_request_needs_one_host(self):
        host = b"Host: example.com\r\n"
        for wrong in (b"", host * 2):
            status, _ = self.refused(REQUEST.replace(host, wrong))
            self.assertEqual(status, 400)

    def test_W4_whatever_arrives_is_a_sign_of_life(self):
        ws = self.open()
        for _ in range(20):
            self.joined.advance(15)
            self.hear((TEXT, b"busy"))
            self.successResultOf(ws.recv())
        self.assertIs(ws.state, State.OPEN)

    def test_W5_a_broadcast_fills_no_memory_for_one_who_does_not_read(self):
        ws = self.open()
        self.peer.transport.pauseProducing()
        reached = sum(broadcast([ws], "x" * 1000) for _ in range(1000))
        self.assertLess(reached, 200)

    def test_W7_what_goes_on_is_counted(self):
        ws = self.open()
        self.hear((TEXT, b"Hello"), (PING, b""))
        for counters in (ws.counters, self.factory.counters):
            self.assertEqual((counters.messages_in, counters.payload_in), (1, 5))

    def test_W8_connections_can_be_limited(self):
        self.connect(max_connections=1)
        self.receive(REQUEST)
        first = self.factory.buildProtocol(None)
        refused = Joined(first, peer := Peer(), self.clock)
        peer.transport.write(REQUEST)
        refused.pump()
        self.assertTrue(peer.take().startswith(b"HTTP/1.1 503 "))
        [told] = [event for event in self.events if "advice" in event]
        self.assertIn("max_connections=1 is reached", told["advice"])
        self.joined.drop()

    def test_W9_compression_is_chosen_for_each_message(self):
        offer = b"\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n"
        self.connect()
        self.receive(REQUEST.replace(b"\r\n\r\n", offer))
        self.peer.take()
        for compress in (True, False):
            self.ws.sendMessage("x" * 1000, compress=compress)
            self.joined.pump()
            self.assertEqual(self.peer.take()[0] & 0x40, 0x40 if compress else 0)

    def test_W10_a_request_that_takes_too_long_is_answered(self):
        self.connect()
        self.receive(REQUEST[:30])
        self.joined.advance(11)
        self.assertTrue(self.peer.take().startswith(b"HTTP/1.1 408 "))


class ClientDefectsTests(ClientSide, QuietTestCase):
    def failed(self):
        return self.failureResultOf(self.opened).value

    def connect(self, *args, **options):
        super().connect(*args, **options)
        self.opened = self.ws.wait_opened()
        self.joined.pump()

    def test_T1_the_host_has_its_port(self):
        with mock.patch("tests.support.sides.URI", "ws://example.com:46123/chat"):
            self.connect()
        self.assertIn(b"\r\nHost: example.com:46123\r\n", self.peer.take())

    def test_T2_A1_a_failed_opening_is_reported(self):
        cases = [
            (lambda: self.joined.drop(), InvalidMessage),
            (lambda: self.receive(b"SSH-2.0-OpenSSH\r\n\r\n"), InvalidMessage),
            (lambda: self.receive(b"HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n"), InvalidStatus),
        ]
        for happen, expected in cases:
            self.connect()
            happen()
            self.assertIsInstance(self.failed(), expected)

    def test_T3_a_silent_server_is_left(self):
        self.connect()
        self.joined.advance(11)
        self.assertIsInstance(self.failed(), OpeningTimeout)

    def test_A2_ws_goes_through_a_proxy_that_wants_a_password(self):
        self.connect()
        reactor = Reactor()
        reactor.nameResolver = Resolver()
        self.factory.reactor = reactor
        Dialer(proxy="http://me:secret@127.0.0.1:3128").endpoint_for(self.factory).connect(
            self.factory
        )
        [(host, port, factory, *_)] = reactor.tcpClients
        self.assertEqual((host, port), ("127.0.0.1", 3128))
        transport = StringTransport()
        factory.buildProtocol(None).makeConnection(transport)
        head = transport.value()
        self.assertTrue(head.startswith(b"CONNECT example.com:80 HTTP/1.1\r\n"))
        self.assertIn(b"\r\nProxy-Authorization: Basic bWU6c2VjcmV0\r\n", head)

    def test_A8_masking_keys_come_from_the_system(self):
        self.patch(keys, "_keys", iter(()))
        with mock.patch("os.urandom", return_value=b"key!" * 64) as urandom:
            self.assertEqual(keys.new_mask(), b"key!")
        urandom.assert_called_once()

    def test_W1_text_that_is_no_utf_8_fails_before_its_end(self):
        ws = self.open()
        self.receive(self.frame(TEXT, b"good \xff", fin=False))
        self.joined.drop()
        self.assertEqual(self.failureResultOf(ws.recv()).value.sent.code, 1007)

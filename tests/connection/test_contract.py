"""The contract with users of the FAQ's library, row by row."""

import builtins
import gc
from functools import partial

from twisted.internet.defer import CancelledError, Deferred, TimeoutError
from twisted.internet.error import ConnectionDone, ConnectionLost

from tests.support.sides import (
    BINARY,
    CLOSE,
    PING,
    PONG,
    TEXT,
    ClientSide,
    RecordedClient,
    RecordedServer,
    ServerSide,
    closing,
)
from tests.support.ways import (
    OverTLS,
    OverTLSThroughProxy,
    OverTLSThroughTLSProxy,
    ThroughProxy,
    ThroughSOCKS,
    tls,
)
from txws2.exceptions import (
    ConcurrencyError,
    ConnectionClosedError,
    OpeningTimeout,
)

LOST = "ConnectionClosedError: no close frame received or sent"
KEEPALIVE = (
    "ConnectionClosedError: "
    "sent 1011 (internal error) keepalive ping timeout; no close frame received"
)


class BothSides:
    """The rows for a server and a client alike, whatever is between them."""

    def test_the_bytes_go_the_way_that_is_meant(self):
        self.open()
        written = bytes(self.joined.client_transport.written)
        self.assertTrue(written.startswith(self.first_bytes), written[:40])
        self.assertEqual(b"Sec-WebSocket-Key" in written, tls not in self.ways)

    def test_f01_a_lost_transport_reads_no_close_frame_received_or_sent(self):
        ws = self.open()
        receiving = ws.recv()
        reason = ConnectionLost("reset")
        self.joined.drop(reason)
        closed = self.assertClosed(receiving, LOST)
        # TLS reports the loss of its transport, but not the reason.
        self.assertIs(type(closed.__cause__), ConnectionLost)
        self.assertEqual(closed.__cause__ is reason, tls not in self.ways)
        self.assertEqual((ws.close_code, ws.close_reason), (1006, ""))
        self.assertGone()

    def test_f01_what_connection_lost_gets_is_both_exceptions_in_one(self):
        ws = self.open()
        self.joined.drop()
        self.assertIsInstance(ws.lost[0], ConnectionClosedError)
        self.assertIsInstance(ws.lost[0], ConnectionLost)

    def test_f01_the_end_of_the_stream_without_a_close_frame_is_no_clean_end(self):
        ws = self.open()
        self.peer.transport.loseConnection()
        self.joined.pump()
        self.assertEqual(str(ws.lost[0]), "no close frame received or sent")
        self.assertIsInstance(ws.lost[0].__cause__, ConnectionDone)

    def test_f02_async_for_ends_quietly_on_an_ok_close(self):
        ws = self.open()

        async def collect():
            return [message async for message in ws]

        collected = Deferred.fromCoroutine(collect())
        self.hear((TEXT, b"one"), (BINARY, b"two"), (CLOSE, closing(1001)))
        if self.client:
            self.peer.transport.loseConnection()
            self.joined.pump()
        self.assertEqual(self.successResultOf(collected), ["one", b"two"])

    def test_f02_async_for_raises_on_another_close(self):
        ws = self.open()

        async def collect():
            return [message async for message in ws]

        collected = Deferred.fromCoroutine(collect())
        self.joined.drop()
        self.assertClosed(collected, LOST)

    def test_f03_deferreds_that_nobody_looks_at_say_nothing(self):
        ws = self.open()
        for _ in range(2):
            ws.recv()
            ws.ping()
            ws.send("hello")
            ws.close()
            ws.wait_closed()
            self.joined.drop()
        ws.wait_opened()
        del ws
        self.ws = self.joined = self.peer = self.factory = None
        gc.collect()
        self.assertEqual(self.take_loud(), [])

    def test_f03_who_looks_later_gets_the_failure_still(self):
        ws = self.open()
        pinging = ws.ping()
        self.joined.drop()
        self.assertClosed(pinging, LOST)

    def test_f04_a_failed_keepalive_says_so_to_the_peer_and_to_the_user(self):
        ws = self.open()
        receiving = ws.recv()
        self.joined.advance(40)
        self.assertEqual(self.said()[-1], (CLOSE, closing(1011, "keepalive ping timeout")))
        self.assertClosed(receiving, KEEPALIVE)
        self.joined.advance(10)
        self.assertGone()

    def test_f05_a_ping_goes_out_each_20_seconds_by_default(self):
        self.open()
        for _ in range(5):
            self.joined.advance(20)
            [(opcode, payload)] = self.said()
            self.assertEqual(opcode, PING)
            self.hear((PONG, payload))

    def test_f05_a_vanished_peer_is_found_within_40_seconds(self):
        for age in (0, 1, 19, 20, 21, 39, 40):
            ws = self.open()
            for _ in range(age):
                self.joined.advance(1)
                self.hear((PONG, b""))
            self.joined.vanish()
            self.joined.advance(40)
            self.assertEqual([f"ConnectionClosedError: {lost}" for lost in ws.lost], [KEEPALIVE])
            self.joined.advance(10)
            self.assertGone()

    def test_f05_none_switches_the_pings_off(self):
        self.open(ping_interval=None)
        self.joined.advance(100)
        self.assertEqual(self.said(), [])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_f05_none_switches_the_timeout_off(self):
        ws = self.open(ping_timeout=None)
        self.joined.advance(100)
        self.assertEqual([opcode for opcode, _ in self.said()], [PING] * 5)
        self.assertEqual(ws.lost, [])

    def test_f06_any_byte_counts_as_life(self):
        ws = self.open()
        self.joined.advance(20)
        self.receive(self.frame(TEXT, b"a long message, slowly")[:1])
        self.joined.advance(25)
        self.assertEqual(ws.lost, [])

    def test_f06_pings_are_answered_while_the_application_reads_nothing(self):
        self.open()
        for number in range(30):
            self.peer.transport.write(self.frame(TEXT, b"%d" % number))
        self.peer.transport.write(self.frame(PING, b"there?"))
        self.theirs.chop = 7
        self.joined.advance(40)
        self.assertIn((PONG, b"there?"), self.said())

    def test_f06_an_application_that_reads_nothing_is_no_dead_peer(self):
        ws = self.open()
        for number in range(100):
            self.hear((TEXT, b"%d" % number), (PONG, b""))
            self.joined.advance(1)
        self.assertEqual(ws.lost, [])

    def test_f06_a_peer_that_talks_but_answers_no_ping_leaves_no_trail_of_pings(self):
        ws = self.open()
        ours = ws.ping(b"")
        sent = []
        for _ in range(10):
            self.joined.advance(20)
            sent += [payload for opcode, payload in self.said() if opcode == PING]
            self.hear((TEXT, b"busy"))
            self.successResultOf(ws.recv())
        for payload in sent[1:-1]:
            self.assertNoResult(ws.ping(payload))
        self.assertNoResult(ours)

    def test_f06_a_ping_jumps_the_queue(self):
        ws = self.open(write_limit=0)
        self.ours.frozen = True
        sent = [ws.send(b"x" * 70_000) for _ in range(3)]
        ws.ping(b"now")
        self.ours.frozen = False
        opcodes = [opcode for opcode, _ in self.said()]
        self.assertEqual(opcodes, [BINARY, PING, BINARY, BINARY])
        self.assertEqual([self.successResultOf(each) for each in sent], [None] * 3)

    def test_f07_a_timeout_loses_no_message(self):
        ws = self.open()
        receiving = ws.recv().addTimeout(10, self.clock)
        self.receive(self.frame(TEXT, b"hello")[:4])
        self.joined.advance(10)
        self.failureResultOf(receiving, TimeoutError)
        self.assertEqual(ws.lost, [])

    def test_f07_what_comes_after_a_cancel_goes_to_the_next_recv_whole(self):
        ws = self.open()
        receiving = ws.recv()
        data = self.frame(TEXT, b"hello")
        self.receive(data[:4])
        receiving.cancel()
        self.failureResultOf(receiving, CancelledError)
        self.receive(data[4:])
        self.assertEqual(self.successResultOf(ws.recv()), "hello")

    def test_f09_a_partial_gives_arguments_to_a_subclass(self):
        class Greeter(RecordedClient if self.client else RecordedServer):
            def __init__(self, *args, extra_argument=None, **kwargs):
                self.extra_argument = extra_argument

        ws = self.open(partial(Greeter, extra_argument=42))
        self.assertEqual(ws.extra_argument, 42)
        self.hear((TEXT, b"hello"))
        self.assertEqual(self.successResultOf(ws.recv()), "hello")

    def test_f10_no_silence_of_30_seconds_while_the_peer_answers(self):
        self.open()
        silence = 0
        for _ in range(120):
            self.joined.advance(1)
            frames = self.said()
            silence = 0 if frames else silence + 1
            self.assertLess(silence, 30)
            self.hear(*((PONG, payload) for _, payload in frames))

    def test_f11_a_ping_is_answered_with_its_payload_amid_fragments(self):
        ws = self.open()
        self.receive(self.frame(TEXT, b"hel", fin=False))
        self.hear((PING, b"\x00payload"))
        self.assertEqual(self.said(), [(PONG, b"\x00payload")])
        self.receive(self.frame(0, b"lo"))
        self.assertEqual(self.successResultOf(ws.recv()), "hello")
        self.assertEqual(ws.pinged, [b"\x00payload"])

    def test_f12_no_text_is_intercepted(self):
        ws = self.open()
        for text in ("ping", "pong", "PING", "", "keepalive", "\x89\x00"):
            self.hear((TEXT, text.encode()))
            self.assertEqual(self.said(), [])
            self.assertEqual(self.successResultOf(ws.recv()), text)

    def test_f14_unknown_pongs_are_ignored(self):
        ws = self.open()
        pinging = ws.ping(b"mine")
        self.hear((PONG, b"yours"), (PONG, b""))
        self.assertNoResult(pinging)
        self.hear((PONG, b"mine"))
        self.assertEqual(self.successResultOf(pinging), 0.0)

    def test_f14_a_pong_settles_earlier_pings_too(self):
        ws = self.open()
        first = ws.ping(b"1")
        self.clock.advance(2)
        second, third = ws.ping("2"), ws.ping()
        self.clock.advance(1)
        self.hear((PONG, b"2"))
        self.assertEqual(self.successResultOf(first), 3.0)
        self.assertEqual(self.successResultOf(second), 1.0)
        self.assertNoResult(third)
        self.assertEqual(ws.latency, 1.0)

    def test_f15_after_the_close_all_raise_the_same(self):
        ws = self.open()
        ws.close(1001, "bye")
        self.hear((CLOSE, closing(1000, "tschüs")))
        self.peer.transport.loseConnection()
        self.joined.pump()
        text = "ConnectionClosedOK: sent 1001 (going away) bye; then received 1000 (OK) tschüs"
        for deferred in (ws.send("late"), ws.recv(), ws.ping()):
            self.assertClosed(deferred, text)
        self.assertEqual(f"ConnectionClosedOK: {ws.lost[0]}", text)
        self.assertEqual((ws.close_code, ws.close_reason), (1000, "tschüs"))
        self.assertIsInstance(ws.lost[0], ConnectionDone)

    def test_f15_closing_again_does_nothing(self):
        ws = self.open()
        closings = [ws.close(), ws.close(1001, "again")]
        self.assertEqual(self.said(), [(CLOSE, closing(1000))])
        self.hear((CLOSE, closing(1000)))
        self.peer.transport.loseConnection()
        self.joined.pump()
        closings.append(ws.close(3000))
        self.assertEqual([self.successResultOf(each) for each in closings], [None] * 3)

    def test_f16_a_second_reader_fails_and_the_first_reads_on(self):
        ws = self.open()
        first = ws.recv()
        self.failureResultOf(ws.recv(), ConcurrencyError)
        self.hear((TEXT, b"hello"))
        self.assertEqual(self.successResultOf(first), "hello")

    def test_f16_a_second_ping_with_the_payload_fails_and_isnt_sent(self):
        ws = self.open()
        first = ws.ping("same")
        self.failureResultOf(ws.ping(b"same"), ConcurrencyError)
        self.assertEqual(self.said(), [(PING, b"same")])
        self.hear((PONG, b"same"))
        self.successResultOf(first)


class ServerRows(BothSides):
    def test_f08_a_request_that_doesnt_come_is_answered_408_within_open_timeout(self):
        self.connect()
        opening = self.ws.wait_opened()
        self.joined.advance(9)
        self.assertEqual(self.peer.take(), b"")
        self.joined.advance(1)
        self.assertTrue(self.peer.take().startswith(b"HTTP/1.1 408 Request Timeout\r\n"))
        self.peer.transport.loseConnection()
        self.joined.pump()
        timeout = self.failureResultOf(opening, OpeningTimeout).value
        self.assertEqual(str(timeout), "timed out during opening handshake")
        self.assertGone()


class ClientRows(BothSides):
    def test_f08_a_response_that_doesnt_come_is_an_opening_timeout(self):
        self.connect()
        opening = self.ws.wait_opened()
        self.joined.advance(10)
        timeout = self.failureResultOf(opening, OpeningTimeout).value
        self.assertEqual(str(timeout), "timed out during opening handshake")
        self.assertIsInstance(timeout, builtins.TimeoutError)
        self.assertGone()


class ServerContractTests(ServerRows, ServerSide):
    pass


class ServerContractOverTLSTests(OverTLS, ServerRows, ServerSide):
    pass


class ClientContractTests(ClientRows, ClientSide):
    pass


class ClientContractOverTLSTests(OverTLS, ClientRows, ClientSide):
    pass


class ClientContractThroughProxyTests(ThroughProxy, ClientRows, ClientSide):
    pass


class ClientContractThroughSOCKSTests(ThroughSOCKS, ClientRows, ClientSide):
    pass


class ClientContractOverTLSThroughProxyTests(OverTLSThroughProxy, ClientRows, ClientSide):
    pass


class ClientContractOverTLSThroughTLSProxyTests(OverTLSThroughTLSProxy, ClientRows, ClientSide):
    pass

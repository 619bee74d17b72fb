"""A connection from the first byte to the loss of its transport."""

from copy import copy, deepcopy
from pickle import dumps

from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.testing import StringTransport
from twisted.trial.unittest import SynchronousTestCase as TestCase

from tests.support.sides import (
    BINARY,
    CLOSE,
    PING,
    PONG,
    REQUEST,
    TEXT,
    ClientSide,
    Peer,
    RecordedClient,
    RecordedServer,
    ServerSide,
    answer,
    closing,
)
from txws2._connection import parts
from txws2._connection.handle import driver_of
from txws2._transport.progress import Progress
from txws2.client.protocol import WebSocketClientProtocol
from txws2.exceptions import InvalidState, PayloadTooBig, ProtocolError
from txws2.server.factory import WebSocketServerProtocol
from txws2.testing import Joined
from txws2.wire.connection import State


class CorkTests:
    def test_messages_sent_during_a_read_leave_in_one_write(self):
        writes = []

        class Echo(self.recorded):
            def messageReceived(self, message):
                self.sendMessage(message)

        ws = self.open(Echo)
        write = ws.transport.write
        ws.transport.write = lambda data: (writes.append(data), write(data))
        self.hear((TEXT, b"1"), (PING, b"p"), (TEXT, b"2"))
        self.assertEqual(len(writes), 1)
        self.assertEqual(self.said(), [(TEXT, b"1"), (PONG, b"p"), (TEXT, b"2")])

    def test_a_message_that_arrives_while_another_is_delivered_comes_after_it(self):
        class Reentrant(self.recorded):
            got = ()

            def messageReceived(self, message):
                if not self.got:
                    self.dataReceived(self.more)
                self.got += (message,)

        ws = self.open(Reentrant)
        ws.more = self.frame(TEXT, b"3")
        self.hear((TEXT, b"1"), (TEXT, b"2"))
        self.assertEqual(ws.got, ("1", "2", "3"))


class EpollTests(ServerSide):
    def test_each_connection_is_offered_to_the_shared_epoll_unless_that_is_off(self):
        self.connect()
        offered = []
        self.factory.epoll_sharing.offer = lambda *offer: offered.append(offer)
        for _ in range(2):
            Joined(self.factory.buildProtocol(None), Peer(), self.clock)
        self.assertEqual([count for _, count, _ in offered], [2, 3])
        self.open(share_epoll=False)
        self.assertIsNone(self.factory.epoll_sharing)


class CloseTests:
    def test_the_peer_s_close_frame_is_answered_with_its_code(self):
        ws = self.open()
        self.hear((CLOSE, closing(3333, "bye")))
        self.assertEqual(self.said(), [(CLOSE, closing(3333, "bye"))])
        self.assertIs(ws.state, State.CLOSED if not self.client else State.CLOSING)

    def test_a_close_frame_without_a_code_is_answered_with_one(self):
        self.open()
        self.hear((CLOSE, b""))
        self.assertEqual(self.said(), [(CLOSE, b"")])

    def test_bytes_after_a_close_frame_are_ignored(self):
        """Attack 14."""
        ws = self.open()
        self.hear((CLOSE, closing(1000)), (TEXT, b"late"), (PING, b""), (CLOSE, closing(1001)))
        self.receive(self.frame(TEXT, b"later still"))
        self.assertEqual(self.said(), [(CLOSE, closing(1000))])
        self.joined.advance(10)
        self.assertClosed(ws.recv(), "ConnectionClosedOK: received 1000 (OK); then sent 1000 (OK)")

    def test_data_after_the_transport_is_gone_is_ignored(self):
        """Attack 14."""
        ws = self.open()
        self.joined.drop()
        written = len(ws.transport.written)
        for frame in ((TEXT, b"x"), (PING, b"x"), (CLOSE, b""), (3, b"")):
            ws.dataReceived(self.frame(*frame))
        self.assertEqual(len(ws.transport.written), written)
        self.assertEqual(len(ws.lost), 1)

    def test_messages_still_arrive_while_we_are_closing(self):
        ws = self.open()
        ws.close()
        self.hear((TEXT, b"on its way"), (CLOSE, closing(1000)))
        self.assertEqual(self.successResultOf(ws.recv()), "on its way")

    def test_nothing_follows_our_close_frame(self):
        class Closing(self.recorded):
            def messageReceived(self, message):
                self.close()

        self.open(Closing)
        self.hear((TEXT, b"x"), (PING, b"y"), (TEXT, b"z"))
        self.assertEqual(self.said(), [(CLOSE, closing(1000))])

    def test_a_ping_while_we_are_closing_reaches_the_hook_and_is_not_answered(self):
        ws = self.open()
        ws.close()
        self.hear((PING, b"y"))
        self.assertEqual(self.said(), [(CLOSE, closing(1000))])
        self.assertEqual(ws.pinged, [b"y"])

    def test_a_peer_that_does_not_answer_is_left_after_close_timeout(self):
        ws = self.open()
        closed = ws.close(1001)
        self.joined.advance(9)
        self.assertNoResult(closed)
        self.joined.advance(1)
        self.successResultOf(closed)
        self.assertEqual(str(ws.lost[0]), "sent 1001 (going away); no close frame received")
        self.assertGone()

    def test_without_a_close_timeout_it_is_waited_for(self):
        ws = self.open(close_timeout=None)
        ws.close()
        self.joined.advance(100)
        self.assertEqual(ws.lost, [])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_one_without_a_keepalive_closes_as_any(self):
        ws = self.open(ping_interval=None)
        self.hear((CLOSE, closing(1000)))
        self.peer.transport.loseConnection()
        self.joined.pump()
        self.assertEqual(str(ws.lost[0]), "received 1000 (OK); then sent 1000 (OK)")
        self.assertGone()

    def test_a_second_deadline_does_not_prolong_the_first(self):
        ws = self.open()
        ws.close()
        self.joined.advance(9)
        self.hear((PING, b""))
        self.receive(self.frame(3))
        self.joined.advance(1)
        self.assertGone()
        self.assertIsInstance(ws.lost[0].__cause__, ProtocolError)


class SlowReaderTests:
    """Attack 28: a connection that closes isn't given up while its peer reads."""

    def close_behind_much(self, **options):
        """Close while the peer reads nothing and many bytes wait."""
        ws = self.open(**options)
        self.theirs.paused = True
        for _ in range(10):
            ws.sendMessage(bytes(2**16))
        ws.close()
        return ws

    def read(self):
        """Let the peer read the transport's buffer; the transport then asks for more."""
        self.theirs.paused = False
        self.ours.step()
        self.theirs.paused = True
        self.ours.step()

    def test_one_that_is_reading_gets_all_that_was_sent_before_the_close(self):
        ws = self.close_behind_much()
        for _ in range(9):
            self.joined.advance(9)
            self.read()
        self.theirs.paused = False
        messages = self.said()
        self.assertEqual(messages, [(BINARY, bytes(2**16))] * 10 + [(CLOSE, closing(1000))])
        self.hear((CLOSE, closing(1000)))
        self.peer.transport.loseConnection()
        self.joined.pump()
        self.assertEqual(str(ws.lost[0]), "sent 1000 (OK); then received 1000 (OK)")
        self.assertGone()

    def test_one_that_reads_nothing_is_left_after_close_timeout(self):
        self.close_behind_much()
        self.joined.advance(9)
        self.assertEqual(self.ws.lost, [])
        self.joined.advance(1)
        self.assertGone()

    def test_one_that_ceases_to_read_is_left_after_another(self):
        self.close_behind_much()
        self.joined.advance(9)
        self.read()
        self.joined.advance(10)
        self.assertEqual(self.ws.lost, [])
        self.joined.advance(1)
        self.assertGone()

    def test_one_that_sends_and_reads_nothing_is_left_all_the_same(self):
        self.close_behind_much()
        for _ in range(9):
            self.joined.advance(1)
            self.hear((BINARY, bytes(1000)), (PING, b"x"), (PONG, b"y"))
        self.joined.advance(1)
        self.assertGone()

    def test_one_whose_system_has_no_room_has_its_time_twice(self):
        """Such a system reports new room only when there is enough of it."""
        ws = self.close_behind_much()
        full = Progress(1000, 0, acknowledged=5000, room=5000)
        driver_of(ws).ending.progress = full
        self.patch(parts, "progress_of", lambda *_: full)
        self.joined.advance(19)
        self.assertEqual(ws.lost, [])
        self.joined.advance(1)
        self.assertGone()

    def test_one_whose_system_has_all_of_it_is_let_go_and_not_reset(self):
        ws = self.open()
        ws.close()
        arrived = driver_of(ws).ending.progress = Progress(0, 0, acknowledged=5000, room=9000)
        self.patch(parts, "progress_of", lambda *_: arrived)
        self.joined.advance(10)
        self.assertIsInstance(ws.lost[0].__cause__, ConnectionDone)
        self.assertIsInstance(self.peer.lost[0], ConnectionDone)
        self.assertGone()

    def test_a_server_that_stops_waiting_destroys_the_rest(self):
        ws = self.close_behind_much()
        self.read()
        driver_of(ws).give_up_closing()
        self.joined.pump()
        self.assertGone()
        driver_of(ws).give_up_closing()
        self.assertGone()


class FailTests:
    def assertFails(self, data, code, reason, **options):
        ws = self.open(**options)
        self.receive(data)
        self.assertEqual(self.said(), [(CLOSE, closing(code, reason))])
        self.peer.transport.loseConnection()
        self.joined.pump()
        self.assertIn(f"sent {code} ", str(ws.lost[0]))
        self.assertGone()
        return ws.lost[0].__cause__

    def test_a_wrong_first_byte_fails_it(self):
        """Attack 15."""
        for first in (0xB1, 0xC1, 0x91, 0x83, 0x8B, 0x09, 0x80):
            ws = self.open()
            self.receive(bytes([first, 0x00 if self.client else 0x80]))
            [(opcode, payload)] = self.said()
            self.assertEqual((opcode, payload[:2]), (CLOSE, b"\x03\xea"))
            self.joined.advance(10)
            self.assertIsInstance(ws.lost[0].__cause__, ProtocolError)

    def test_the_wrong_mask_bit_fails_it(self):
        """Attack 15."""
        ws = self.open()
        self.receive(b"\x81\x80" if self.client else b"\x81\x00")
        [(_, payload)] = self.said()
        self.assertEqual(payload[:2], b"\x03\xea")
        self.joined.advance(10)
        self.assertIsInstance(ws.lost[0].__cause__, ProtocolError)

    def test_a_huge_length_is_refused_from_its_header(self):
        """Attacks 3 and 4."""
        for length in (2**20 + 1, 2**40, 2**63 - 1):
            header = bytes([0x82, 127 | (0 if self.client else 0x80)])
            reason = (
                f"message of {length} bytes or more exceeds the limit of 1048576 bytes (max_size)"
            )
            data = header + length.to_bytes(8, "big") + (b"" if self.client else b"abcd")
            self.assertIsInstance(self.assertFails(data, 1009, reason), PayloadTooBig)

    def test_a_length_with_its_top_bit_set_or_too_long_a_form_is_wrong(self):
        """Attack 3."""
        for length in (2**63, 2**64 - 1, 125, 65535):
            ws = self.open()
            header = bytes([0x82, 127 | (0 if self.client else 0x80)])
            self.receive(header + length.to_bytes(8, "big") + b"abcd")
            [(_, payload)] = self.said()
            self.assertEqual(payload[:2], b"\x03\xea")
            self.joined.advance(10)
            self.assertEqual(len(ws.lost), 1)

    def test_text_that_is_no_utf_8_is_1007_at_its_first_wrong_byte(self):
        """Attack 16."""
        data = self.frame(TEXT, b"ok\xff" + b"x" * 100)
        cause = self.assertFails(data[:-99], 1007, "invalid UTF-8 in text message")
        self.assertIsInstance(cause.__cause__, UnicodeDecodeError)

    def test_a_close_code_that_may_not_travel_is_1002(self):
        """Attack 17."""
        for code in (0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000):
            data = self.frame(CLOSE, closing(code))
            self.assertFails(data, 1002, f"invalid close code: {code}")
        self.assertFails(self.frame(CLOSE, b"\x03"), 1002, "close frame too short")

    def test_bytes_after_the_failure_are_ignored(self):
        ws = self.open()
        self.receive(self.frame(3) + self.frame(TEXT, b"x"))
        self.receive(self.frame(CLOSE, closing(1000)))
        self.assertEqual(len(self.said()), 1)
        self.joined.advance(10)
        self.assertIn("no close frame received", str(ws.lost[0]))

    def test_messages_before_it_are_delivered(self):
        ws = self.open()
        self.receive(self.frame(TEXT, b"fine") + self.frame(3))
        self.assertEqual(self.successResultOf(ws.recv()), "fine")

    def test_the_peer_can_read_why_before_the_connection_is_closed(self):
        self.open()
        self.receive(self.frame(3))
        self.assertTrue(self.peer.ended)
        self.assertEqual(self.peer.lost, [])


class CutTests:
    """Attack 21: reset, half-close, or vanish at every point of a connection's life."""

    def session(self, request):
        opening = answer(request) if self.client else REQUEST
        frames = [(TEXT, b"hello"), (PING, b"p"), (BINARY, b"12", False), (0, b"34")]
        frames.append((CLOSE, closing(1000, "bye")))
        return opening + b"".join(self.frame(*frame) for frame in frames)

    def cut_at_each_byte(self, cut, close=False):
        offset, size = 0, 1
        while offset <= size:
            self.connect(ping_interval=5, ping_timeout=5)
            pending = [self.ws.wait_opened(), self.ws.wait_closed()]
            self.joined.pump()
            session = self.session(self.peer.take())
            size = len(session)
            self.receive(session[:offset])
            if self.ws.opened:
                pending += [self.ws.recv(), self.ws.recv(), self.ws.ping(), self.ws.send("x")]
                pending += [self.ws.close()] if close else []
            cut()
            self.assertGone()
            for deferred in pending:
                self.assertTrue(deferred.called, offset)
                deferred.addErrback(lambda _: None)
            self.assertEqual(self.factory.connections, set())
            offset += 1

    def test_a_reset(self):
        self.cut_at_each_byte(self.joined_drop)
        self.cut_at_each_byte(self.joined_drop, close=True)

    def test_a_clean_end(self):
        self.cut_at_each_byte(self.end)
        self.cut_at_each_byte(self.end, close=True)

    def test_a_half_close(self):
        self.cut_at_each_byte(self.half_close)

    def test_silence_without_an_end(self):
        self.cut_at_each_byte(self.vanish)
        self.cut_at_each_byte(self.vanish, close=True)

    def joined_drop(self):
        self.joined.drop(ConnectionLost("reset"))

    def end(self):
        self.peer.transport.loseConnection()
        self.joined.advance(10)

    def half_close(self):
        self.peer.transport.loseWriteConnection()
        self.joined.advance(10)

    def vanish(self):
        self.joined.vanish()
        self.joined.advance(30)


class ServerCorkTests(CorkTests, ServerSide):
    recorded = RecordedServer


class ClientCorkTests(CorkTests, ClientSide):
    recorded = RecordedClient


class ServerCloseTests(CloseTests, ServerSide):
    recorded = RecordedServer

    def test_the_server_closes_the_transport(self):
        self.open()
        self.hear((CLOSE, closing(1000)))
        self.assertEqual(len(self.peer.lost), 1)
        self.assertGone()


class ClientCloseTests(CloseTests, ClientSide):
    recorded = RecordedClient

    def test_the_client_waits_for_the_server_to_close_the_transport(self):
        ws = self.open()
        self.hear((CLOSE, closing(1000)))
        self.assertEqual(self.peer.lost, [])
        self.joined.advance(10)
        self.assertEqual(len(self.peer.lost), 1)
        self.assertEqual(str(ws.lost[0]), "received 1000 (OK); then sent 1000 (OK)")
        self.assertGone()


class ServerSlowReaderTests(SlowReaderTests, ServerSide):
    pass


class ClientSlowReaderTests(SlowReaderTests, ClientSide):
    pass


class ServerFailTests(FailTests, ServerSide):
    pass


class ClientFailTests(FailTests, ClientSide):
    pass


class ServerCutTests(CutTests, ServerSide):
    pass


class ClientCutTests(CutTests, ClientSide):
    pass


class WithoutFactoryTests(TestCase):
    def test_one_that_no_factory_has_made_says_so(self):
        for kind in (WebSocketServerProtocol, WebSocketClientProtocol):
            ws = kind()
            self.assertIs(ws.factory, None)
            exc = self.assertRaises(InvalidState, ws.makeConnection, StringTransport())
            self.assertIn("has no factory", str(exc))

    def test_none_can_be_copied_or_pickled(self):
        for kind in (WebSocketServerProtocol, WebSocketClientProtocol):
            for way in (copy, deepcopy, dumps):
                exc = self.assertRaises(TypeError, way, kind())
                self.assertEqual(str(exc), f"cannot pickle {kind.__name__!r} object")

    def test_the_methods_that_the_transport_calls_take_no_keywords(self):
        for kind in (WebSocketServerProtocol, WebSocketClientProtocol):
            for wrong in ({"data": b""}, {"more": b""}):
                self.assertRaises(TypeError, kind().dataReceived, **wrong)
            self.assertRaises(TypeError, kind().dataReceived, b"", more=b"")

"""A slow side makes some things wait and others not; in memory, between our own two sides."""

from twisted.internet.interfaces import IPushProducer
from twisted.internet.testing import StringTransport
from zope.interface.verify import verifyObject

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
    frames_in,
)
from txws2._connection.handle import driver_of
from txws2.wire.connection import State


class ProducerTests:
    def test_a_producer_is_paused_while_too_much_waits(self):
        ws, producer = self.open(), StringTransport()
        ws.registerProducer(producer, True)
        self.peer.transport.pauseProducing()
        for _ in range(20):
            ws.sendMessage(b"x" * 10_000)
        self.assertEqual(producer.producerState, "paused")
        self.peer.transport.resumeProducing()
        self.joined.pump()
        self.assertEqual(producer.producerState, "producing")
        ws.unregisterProducer()

    def test_it_is_stopped_when_the_connection_is_closed(self):
        ws, producer = self.open(), StringTransport()
        ws.registerProducer(producer)
        self.joined.drop()
        self.assertEqual(producer.producerState, "stopped")

    def test_a_pull_producer_is_refused(self):
        self.assertRaises(ValueError, self.open().registerProducer, StringTransport(), False)


class PauseTests:
    """An application that pauses the connection, as it could any producer."""

    def open_picky(self, wanted=1):
        """Open a connection that pauses when it has this many messages."""

        class Picky(self.recorded):
            def connectionOpened(self):
                super().connectionOpened()
                self.got = []

            def messageReceived(self, message):
                self.got.append(message)
                if len(self.got) == wanted:
                    self.pauseProducing()

        ws = self.open(Picky)
        self.assertTrue(verifyObject(IPushProducer, ws))
        return ws

    def test_nothing_of_the_same_read_is_delivered(self):
        ws = self.open_picky()
        self.hear((TEXT, b"1"), (PING, b"p"), (TEXT, b"2"), (TEXT, b"3"))
        self.assertEqual((ws.got, ws.pinged), (["1"], [b"p"]))
        self.assertEqual(self.said(), [(PONG, b"p")])
        self.assertTrue(ws.transport.paused)
        ws.resumeProducing()
        self.assertEqual(ws.got, ["1", "2", "3"])
        self.assertFalse(ws.transport.paused)

    def test_it_answers_pings_however_long_it_pauses(self):
        ws = self.open_picky(99)
        ws.pauseProducing()
        for number in range(100):
            self.hear((TEXT, b"%d" % number), (PING, b"p"))
            self.assertEqual(self.said(), [])
            self.joined.advance(1)
            self.assertIn((PONG, b"p"), self.said())
        self.assertIs(ws.state, State.OPEN)
        ws.resumeProducing()
        self.assertEqual(ws.got[:98], [str(number) for number in range(98)])

    def test_the_bytes_that_wait_then_are_bounded(self):
        for size, most in ((0, 2**14), (1000, 400)):
            ws = self.open_picky(10**9)
            ws.pauseProducing()
            for _ in range(100):
                self.peer.transport.write(self.frame(TEXT, b"x" * size) * (2**16 // (size + 6)))
                self.joined.advance(1)
            self.assertLess(len(driver_of(ws).intake.queue), most)
            self.joined.drop()

    def test_it_may_pause_again_at_what_waited(self):
        ws = self.open_picky(2)
        ws.pauseProducing()
        ws.pauseProducing()
        ws.dataReceived(b"".join(self.frame(TEXT, b"%d" % number) for number in range(4)))
        self.assertEqual(ws.got, [])
        ws.resumeProducing()
        self.assertEqual(ws.got, ["0", "1"])
        self.assertTrue(ws.transport.paused)
        ws.resumeProducing()
        self.assertEqual(ws.got, ["0", "1", "2", "3"])
        self.assertFalse(ws.transport.paused)

    def test_a_message_that_arrives_meanwhile_comes_after_those_that_waited(self):
        ws = self.open_picky()
        self.hear((TEXT, b"1"), (TEXT, b"2"), (TEXT, b"3"))
        deliver = ws.messageReceived

        def deliver_and_receive(message):
            deliver(message)
            if message == "2":
                ws.dataReceived(self.frame(TEXT, b"4"))

        ws.messageReceived = deliver_and_receive
        ws.resumeProducing()
        self.assertEqual(ws.got, ["1", "2", "3", "4"])

    def test_nothing_need_have_come_meanwhile(self):
        ws = self.open_picky()
        ws.resumeProducing()
        ws.pauseProducing()
        ws.resumeProducing()
        self.assertFalse(ws.transport.paused)

    def test_closing_reads_on_and_drops_what_waits(self):
        ws = self.open_picky()
        self.hear((TEXT, b"1"), (TEXT, b"2"))
        ws.close()
        self.assertFalse(ws.transport.paused)
        self.hear((TEXT, b"3"), (CLOSE, closing(1000)))
        self.assertEqual(ws.got, ["1"])
        self.assertEqual(self.said(), [(CLOSE, closing(1000))])
        self.joined.drop()
        self.assertEqual(ws.close_code, 1000)

    def test_once_it_is_gone_nothing_is_paused(self):
        ws = self.open_picky()
        self.joined.drop()
        ws.pauseProducing()
        ws.resumeProducing()
        ws.stopProducing()

    def test_it_can_be_its_own_producer(self):
        class Echo(self.recorded):
            def connectionOpened(self):
                self.registerProducer(self)

            def messageReceived(self, message):
                self.sendMessage(message)

        ws = self.open(Echo)
        self.peer.transport.pauseProducing()
        messages = [(BINARY, bytes([number]) * 20_000) for number in range(20)]
        self.hear(*messages)
        self.assertTrue(ws.transport.paused)
        self.peer.transport.resumeProducing()
        self.assertEqual(self.said(), messages)
        self.assertFalse(ws.transport.paused)


class SendTests:
    """Attack 12: a peer that reads nothing while we send."""

    def test_send_waits_above_write_limit_and_all_arrives_in_order(self):
        ws = self.open()
        self.peer.transport.pauseProducing()
        messages = [bytes([number]) * 30_000 for number in range(20)]
        sent = [ws.send(message) for message in messages]
        self.joined.pump()
        self.assertTrue(sent[0].called)
        self.assertFalse(sent[-1].called)
        self.peer.transport.resumeProducing()
        self.assertEqual(self.said(), [(BINARY, message) for message in messages])
        self.assertEqual([self.successResultOf(each) for each in sent], [None] * 20)

    def test_send_bounds_the_bytes_that_wait(self):
        ws = self.open()
        self.peer.transport.pauseProducing()
        total = 0
        while ws.send(b"x" * 1000).called:
            total += 1000
            self.assertLess(total, 2**16 + 2**15 + 10_000)
        self.joined.drop()

    def test_without_a_limit_send_never_waits(self):
        ws = self.open(write_limit=None)
        self.peer.transport.pauseProducing()
        for _ in range(10):
            self.successResultOf(ws.send(b"x" * 100_000))

    def test_senders_that_wait_fail_when_it_ends(self):
        ws = self.open(write_limit=0)
        self.peer.transport.pauseProducing()
        ws.send(b"x" * 100_000)
        waiting = ws.send(b"y")
        self.assertNoResult(waiting)
        self.joined.drop()
        self.assertClosed(waiting, "ConnectionClosedError: no close frame received or sent")

    def test_cancelling_does_not_unsend(self):
        ws = self.open(write_limit=0)
        self.peer.transport.pauseProducing()
        ws.send(b"x" * 100_000)
        ws.send(b"y").addErrback(lambda _: None).cancel()
        self.peer.transport.resumeProducing()
        self.assertEqual(self.said()[-1], (BINARY, b"y"))

    def test_closing_lets_all_that_waits_leave_first(self):
        ws = self.open()
        self.peer.transport.pauseProducing()
        for _ in range(3):
            ws.send(b"x" * 100_000)
        ws.close()
        self.peer.transport.resumeProducing()
        self.assertEqual([opcode for opcode, _ in self.said()], [2, 2, 2, 8])

    def test_a_peer_that_reads_nothing_is_left_after_close_timeout(self):
        ws = self.open()
        self.peer.transport.pauseProducing()
        for _ in range(3):
            ws.send(b"x" * 100_000)
        closed = ws.close()
        self.joined.advance(10)
        self.successResultOf(closed)
        self.assertGone()

    def test_the_answer_to_a_close_frame_comes_after_what_waits(self):
        ws = self.open()
        self.peer.transport.pauseProducing()
        for _ in range(3):
            ws.send(b"x" * 100_000)
        self.hear((8, b""))
        self.peer.transport.resumeProducing()
        self.assertEqual([opcode for opcode, _ in self.said()], [2, 2, 2, 8])

    def test_a_peer_that_breaks_the_protocol_gets_no_more_of_what_waits(self):
        ws = self.open()
        self.peer.transport.pauseProducing()
        for _ in range(3):
            ws.send(b"x" * 100_000)
        self.hear((3, b""))
        self.peer.transport.resumeProducing()
        self.assertEqual([opcode for opcode, _ in self.said()], [2, 8])


class FloodTests:
    """Attack 13: a peer that floods with pings, or with messages that nobody reads."""

    def test_pongs_to_a_peer_that_reads_nothing_are_bounded(self):
        ws = self.open()
        self.peer.transport.pauseProducing()
        ws.send(b"x" * 100_000)
        before = len(ws.transport.written)
        for number in range(1000):
            self.hear((PING, b"%d" % number))
        self.assertEqual(len(ws.transport.written), before)
        self.peer.transport.resumeProducing()
        self.assertEqual([frame for frame in self.said() if frame[0] == PONG], [(PONG, b"999")])

    def test_reading_pauses_at_max_queue_and_resumes(self):
        ws = self.open()
        for number in range(16):
            self.hear((TEXT, b"%d" % number))
        self.assertTrue(ws.transport.paused)
        got = [self.successResultOf(ws.recv()) for _ in range(16)]
        self.assertEqual(got, [str(number) for number in range(16)])
        self.assertFalse(ws.transport.paused)

    def test_all_that_was_held_back_arrives_in_order(self):
        ws = self.open()
        self.peer.transport.chop = 1000
        for number in range(2000):
            self.peer.transport.write(self.frame(TEXT, b"%d" % number))
        got = []
        while len(got) < 2000:
            self.joined.pump()
            got.append(self.successResultOf(ws.recv()))
        self.assertEqual(got, [str(number) for number in range(2000)])

    def test_memory_is_bounded_though_reading_is_probed(self):
        ws = self.open()
        for _ in range(100):
            self.peer.transport.write(self.frame(BINARY, b"x" * 60_000))
        self.peer.transport.chop = 2**16
        self.joined.advance(300)
        self.assertGreater(len(self.peer.transport._buffer), 5_000_000)
        self.assertEqual(ws.lost, [])

    def test_a_slow_reader_is_pinged_again_once_it_reads(self):
        ws = self.open(max_queue=1)
        for _ in range(2):
            self.peer.transport.write(self.frame(BINARY, b"x" * 300_000))
        self.joined.advance(60)
        for _ in range(2):
            self.successResultOf(ws.recv())
            self.joined.pump()
        self.said()
        self.joined.vanish()
        self.joined.advance(40)
        self.assertIn("keepalive ping timeout", str(ws.lost))

    def test_an_impatient_keepalive_knows_that_it_is_we_who_do_not_read(self):
        ws = self.open(max_queue=1, ping_interval=0.5, ping_timeout=0.5)
        self.clock.advance(0.01)
        for _ in range(50):
            self.hear((TEXT, b"alive"))
            for _ in range(20):
                self.clock.advance(0.005)
                self.joined.pump()
        self.assertEqual(ws.lost, [])

    def test_closing_reads_on_to_the_close_frame_behind_it_all(self):
        ws = self.open()
        for _ in range(1000):
            self.peer.transport.write(self.frame(TEXT, b"x"))
        self.peer.transport.chop = 100
        closed = ws.close()
        self.hear((8, b""))
        self.peer.transport.loseConnection()
        self.joined.pump()
        self.successResultOf(closed)
        self.assertEqual(ws.close_code, 1005)


class ServerProducerTests(ProducerTests, ServerSide):
    pass


class ClientProducerTests(ProducerTests, ClientSide):
    pass


class ServerPauseTests(PauseTests, ServerSide):
    recorded = RecordedServer


class ClientPauseTests(PauseTests, ClientSide):
    recorded = RecordedClient


class ServerSendTests(SendTests, ServerSide):
    pass


class ClientSendTests(SendTests, ClientSide):
    pass


class ServerFloodTests(FloodTests, ServerSide):
    pass


class ClientFloodTests(FloodTests, ClientSide):
    pass


class BothEndsTests(ServerSide):
    """Our own two sides, each of which slows the other down."""

    def test_a_reader_that_is_slow_makes_a_sender_wait(self):
        both = self.join(RecordedServer, RecordedClient, compression=None)
        sent = [both.client.send(b"%d" % number + b"x" * 50_000) for number in range(40)]
        both.pump()
        self.assertFalse(sent[-1].called)
        got = []
        while len(got) < 40:
            both.pump()
            got.append(self.successResultOf(both.server.recv()))
        self.assertEqual(got, [b"%d" % number + b"x" * 50_000 for number in range(40)])
        self.assertTrue(all(each.called for each in sent))

    def test_no_byte_is_lost_however_it_is_chopped(self):
        both = self.join(RecordedServer, RecordedClient)
        both.client.transport.chop = 1
        both.client.send("hello")
        both.client.send(b"\x00" * 300)
        both.pump()
        got = [self.successResultOf(both.server.recv()) for _ in range(2)]
        self.assertEqual(got, ["hello", b"\x00" * 300])
        frames = frames_in(bytes(both.client.transport.written).partition(b"\r\n\r\n")[2])
        self.assertEqual([opcode for opcode, _ in frames], [TEXT, BINARY])

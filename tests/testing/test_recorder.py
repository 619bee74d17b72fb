"""The transport in memory moves bytes, holds them back and ends as TCP does."""

from twisted.internet.error import ConnectionAborted, ConnectionDone, ConnectionLost
from twisted.internet.interfaces import (
    IConsumer,
    IHalfCloseableDescriptor,
    IPushProducer,
    ITransport,
)
from twisted.internet.protocol import Protocol
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from tests.support.sides import BINARY, CLOSE, PING, TEXT, URI, Peer, QuietTestCase
from txws2.client.protocol import WebSocketClientFactory
from txws2.testing import Joined
from txws2.testing.recorder import Frame, frames_in


class Producer:
    def __init__(self):
        self.calls = []

    def __getattr__(self, name):
        return lambda: self.calls.append(name)


class PeersTestCase(SynchronousTestCase):
    def setUp(self):
        self.one, self.other = Peer(), Peer()
        self.joined = Joined(self.one, self.other, None)
        self.end = self.one.transport


class MovingTests(PeersTestCase):
    def test_it_is_what_it_says(self):
        for interface in ITransport, IConsumer, IPushProducer, IHalfCloseableDescriptor:
            verifyObject(interface, self.end)

    def test_each_end_has_the_other_s_address_as_its_peer_s(self):
        self.assertEqual(self.end.getPeer(), self.other.transport.getHost())
        self.assertNotEqual(self.end.getPeer(), self.end.getHost())

    def test_nothing_moves_until_it_is_pumped(self):
        self.end.writeSequence([b"a", b"b"])
        self.assertEqual((self.other.take(), self.end.waiting), (b"", 2))
        self.end.pump()
        self.assertEqual((self.other.take(), self.end.waiting), (b"ab", 0))

    def test_all_that_was_written_is_recorded(self):
        self.end.write(b"a")
        self.end.pump()
        self.end.write(b"b")
        self.assertEqual(self.end.written, b"ab")

    def test_it_can_arrive_in_pieces(self):
        reads = []
        self.other.dataReceived = reads.append
        self.end.chop = 2
        self.end.write(b"abcde")
        self.end.pump()
        self.assertEqual(reads, [b"ab", b"cd", b"e"])

    def test_a_reader_that_is_paused_gets_nothing_until_it_is_resumed(self):
        self.other.transport.pauseProducing()
        self.end.write(b"a")
        self.end.pump()
        self.assertEqual((self.other.take(), self.end.waiting), (b"", 0))
        self.other.transport.resumeProducing()
        self.end.pump()
        self.assertEqual(self.other.take(), b"a")

    def test_a_frozen_end_keeps_what_it_is_given(self):
        self.end.frozen = True
        self.end.write(b"a")
        self.end.pump()
        self.assertEqual((self.other.take(), self.end.waiting), (b"", 0))

    def test_two_ends_that_answer_for_ever_are_an_error(self):
        class Parrot(Protocol):
            def dataReceived(self, data):
                self.transport.write(data)

        both = Joined(Parrot(), Parrot(), None)
        both.server.transport.write(b"hello")
        error = self.assertRaises(AssertionError, both.pump)
        self.assertIn("don't come to rest", str(error))


class ProducerTests(PeersTestCase):
    def setUp(self):
        super().setUp()
        self.producer = Producer()
        self.end.registerProducer(self.producer, True)

    def test_it_is_paused_by_much_and_resumed_when_that_has_moved(self):
        self.end.write(b"x" * 2**16)
        self.assertEqual(self.producer.calls, [])
        self.end.write(b"x")
        self.assertEqual(self.producer.calls, ["pauseProducing"])
        self.end.pump()
        self.assertEqual(self.producer.calls, ["pauseProducing", "resumeProducing"])

    def test_there_is_one_at_a_time(self):
        self.assertRaises(RuntimeError, self.end.registerProducer, Producer(), True)
        self.end.unregisterProducer()
        self.end.registerProducer(Producer(), True)

    def test_one_that_is_gone_is_not_resumed(self):
        self.end.write(b"x" * (2**16 + 1))
        self.end.unregisterProducer()
        self.end.pump()
        self.assertEqual(self.producer.calls, ["pauseProducing"])

    def test_it_is_stopped_when_the_connection_is_gone(self):
        self.joined.drop()
        self.assertEqual(self.producer.calls, ["stopProducing"])


class EndTests(PeersTestCase):
    def assertEnded(self, one, other):
        """Assert that both ends were told the end once, with these reasons."""
        self.end.pump()
        self.assertEqual([type(reason) for reason in self.one.lost], [one])
        self.assertEqual([type(reason) for reason in self.other.lost], [other])
        self.assertFalse(self.end.connected or self.other.transport.connected)

    def test_closing_lets_what_was_written_arrive_first(self):
        self.end.write(b"last")
        self.end.loseConnection()
        self.assertEndedCleanly(b"last")

    def test_stopping_is_closing(self):
        self.end.stopProducing()
        self.assertEndedCleanly(b"")

    def assertEndedCleanly(self, last):
        self.assertEnded(ConnectionDone, ConnectionDone)
        self.assertEqual(self.other.take(), last)

    def test_aborting_does_not(self):
        self.end.write(b"last")
        self.end.abortConnection()
        self.assertEnded(ConnectionAborted, ConnectionLost)
        self.assertEqual(self.other.take(), b"")

    def test_a_broken_connection_is_lost_to_both(self):
        self.joined.drop()
        self.assertEnded(ConnectionLost, ConnectionLost)

    def test_the_first_reason_is_the_one_that_counts(self):
        self.end.abortConnection()
        self.end.end(ConnectionLost())
        self.assertEnded(ConnectionAborted, ConnectionLost)

    def test_a_paused_transport_can_close_all_the_same(self):
        self.end.write(b"much")
        self.other.transport.pauseProducing()
        self.other.transport.loseConnection()
        self.assertEnded(ConnectionDone, ConnectionDone)

    def test_bytes_that_did_not_arrive_before_the_end_do_not_wait_any_more(self):
        self.end.write(b"late")
        self.joined.drop()
        self.assertEqual(self.end.waiting, 0)

    def test_bytes_written_after_the_end_go_nowhere(self):
        self.joined.drop()
        self.end.write(b"late")
        self.assertEqual(self.end.written, b"")

    def test_bytes_that_arrive_while_it_closes_are_not_read(self):
        self.end.loseConnection()
        self.other.transport.write(b"late")
        self.end.pump()
        self.assertEqual(self.one.take(), b"")

    def test_a_cut_cable_is_reported_to_nobody(self):
        self.joined.vanish()
        self.end.abortConnection()
        self.end.pump()
        self.assertEqual((len(self.one.lost), self.other.lost), (1, []))

    def test_closing_for_writing_still_lets_it_read(self):
        self.end.write(b"last")
        self.end.loseWriteConnection()
        self.end.pump()
        self.end.write(b"late")
        self.other.transport.write(b"reply")
        self.end.pump()
        self.assertEqual((self.other.take(), self.other.ended), (b"last", True))
        self.assertEqual(self.one.take(), b"reply")

    def test_a_paused_transport_gets_the_half_close_when_resumed(self):
        self.other.transport.pauseProducing()
        self.end.loseWriteConnection()
        self.end.pump()
        self.assertFalse(self.other.ended)
        self.other.transport.resumeProducing()
        self.end.pump()
        self.assertTrue(self.other.ended)

    def test_a_protocol_without_half_closing_is_closed(self):
        both = Joined(Peer(), Whole(), None)
        both.server.transport.loseWriteConnection()
        both.pump()
        self.assertEqual(len(both.server.lost), 1)

    def test_a_frozen_end_does_not_see_the_end_of_the_stream(self):
        self.other.transport.frozen = True
        self.end.loseWriteConnection()
        self.end.pump()
        self.assertFalse(self.other.ended)


class Whole(Protocol):
    """No IHalfCloseableProtocol."""


class FramesTests(QuietTestCase):
    def test_those_of_either_side_are_taken_apart(self):
        both = self.join(compression=None)
        for size in 0, 125, 126, 65_536:
            both.client.sendMessage(b"x" * size)
            both.pump()
            both.server.sendMessage("y" * size)
            frames = both.client_transport.frames() + both.server_transport.frames()
            expected = [Frame(BINARY, b"x" * size), Frame(TEXT, b"y" * size)]
            self.assertEqual(frames, expected)

    def test_each_is_returned_once(self):
        both = self.join()
        both.server.sendMessage("one")
        self.assertEqual(len(both.server_transport.frames()), 1)
        both.server.sendMessage("two")
        both.server.sendMessage("three")
        payloads = [frame.payload for frame in both.server_transport.frames()]
        self.assertEqual(payloads, [b"two", b"three"])

    def test_there_are_none_before_the_handshake_is_done(self):
        clients = WebSocketClientFactory(URI, reactor=self.clock)
        both = Joined(Peer(), clients.buildProtocol(None), self.clock)
        both.server.transport.write(b"HTTP/1.1 101")
        self.assertEqual(both.server_transport.frames(), [])
        self.assertEqual(both.client_transport.frames(), [])

    def test_they_tell_where_a_message_ends_and_whether_it_is_compressed(self):
        both = self.join()
        both.server.send(["x" * 5000, "x"], compress=True)
        first, *_, last = both.server_transport.frames()
        self.assertEqual((first.fin, first.compressed), (False, True))
        self.assertEqual((last.fin, last.compressed), (True, False))

    def test_one_that_is_not_complete_is_left_out(self):
        whole = b"\x81\x02hi"
        for size in range(len(whole)):
            self.assertEqual(frames_in(whole + whole[:size]), [Frame(TEXT, b"hi")])


class FeedTests(QuietTestCase):
    def test_a_frame_arrives_at_either_side_with_the_mask_that_it_must_have(self):
        both = self.join()
        both.server_transport.feed(PING, b"to the server")
        both.client_transport.feed(PING, b"to the client")
        self.assertEqual(both.server.pinged, [b"to the server"])
        self.assertEqual(both.client.pinged, [b"to the client"])

    def test_a_message_can_come_in_fragments(self):
        both = self.join()
        both.server_transport.feed(TEXT, b"hel", fin=False)
        both.server_transport.feed(0, b"lo")
        self.assertEqual(self.successResultOf(both.server.recv()), "hello")

    def test_a_frame_may_break_the_protocol(self):
        server = self.join().server
        transport = server.transport
        transport.feed(3, b"")
        [close] = transport.frames()
        self.assertEqual((close.opcode, close.payload[:2]), (CLOSE, (1002).to_bytes(2, "big")))

    def test_bytes_arrive_as_they_are(self):
        both = self.join()
        both.client_transport.feed_bytes(b"\x81\x02h")
        both.client_transport.feed_bytes(b"i")
        self.assertEqual(self.successResultOf(both.client.recv()), "hi")

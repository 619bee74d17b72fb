"""The transport of a wrapped protocol behaves like a TCP transport."""

import gc
from weakref import ref

from twisted.internet.error import ConnectionAborted, ConnectionDone, ConnectionLost
from twisted.internet.interfaces import (
    IConsumer,
    IPullProducer,
    IPushProducer,
    ISSLTransport,
    ITCPTransport,
    ITransport,
)
from zope.interface import directlyProvides, implementer
from zope.interface.verify import verifyObject

from tests.support.implementations import counts_references
from tests.support.sides import BINARY, CLOSE, REQUEST, TEXT, ServerSide, closing, frames_in
from tests.support.streams import CLIENT, SERVER, Made, Plain, StreamTestCase
from txws2._connection import parts
from txws2._connection.handle import driver_of
from txws2._transport.progress import Progress
from txws2.exceptions import ConnectionClosedError, ConnectionClosedOK
from txws2.streams import carrier as carriers
from txws2.streams.byte_stream import ByteStream, TCPByteStream, TLSByteStream
from txws2.streams.codecs import Base64
from txws2.streams.factories import WebSocketFactory
from txws2.testing import Joined, RecordingTransport

KIB = 1024


class WritingTests(StreamTestCase):
    def test_bytes_arrive_both_ways(self):
        self.link()
        self.server.transport.write(b"down")
        self.client.transport.write(b"up")
        self.pump()
        self.assertEqual((self.server.received, self.client.received), ([b"up"], [b"down"]))

    def test_a_sequence_is_one_message(self):
        self.link()
        self.server.transport.writeSequence([b"a line", b"\r\n"])
        self.pump()
        self.assertEqual(self.client.received, [b"a line\r\n"])

    def test_nothing_is_no_message(self):
        self.link(text=True)
        self.joined.server_transport.written.clear()
        self.server.transport.write("ü".encode()[:1])
        self.assertEqual(self.joined.server_transport.written, b"")

    def test_a_large_write_arrives_in_pieces(self):
        self.link(max_size=64 * KIB)
        self.server.transport.write(b"a" * 200 * KIB)
        self.pump()
        self.assertEqual(list(map(len, self.client.received)), [64 * KIB] * 3 + [8 * KIB])

    def test_it_takes_no_str_as_tcp_does_not(self):
        self.link()
        self.assertRaises(TypeError, self.server.transport.write, "text")

    def test_the_bytes_that_a_protocol_writes_when_connected_arrive(self):
        class Greeting(Plain):
            def connectionMade(self):
                self.transport.write(b"hello")

        self.link(Greeting, Greeting)
        self.assertEqual((self.server.received, self.client.received), ([b"hello"], [b"hello"]))

    def test_invalid_utf_8_ends_a_stream_of_text_with_1011_and_is_logged(self):
        self.link(text=True)
        self.server.transport.write(b"\xff")
        self.pump()
        [event] = self.take_loud()
        self.assertEqual(event["log_format"], "connection handler failed")
        self.assertEqual(event["log_failure"].type, UnicodeDecodeError)
        self.assertEqual(self.lower.close_code, 1011)

    def test_a_stream_of_text_that_ends_within_a_character_ends_with_1011(self):
        self.link(text=True)
        self.server.transport.write("ü".encode()[:1])
        self.server.transport.loseConnection()
        self.pump()
        self.assertEqual(self.lower.close_code, 1011)
        self.assertEqual(len(self.take_loud()), 1)

    def test_after_the_end_writing_does_nothing(self):
        self.link()
        self.joined.drop()
        self.server.transport.write(b"late")


class ReadingTests(ServerSide):
    """A server's stream delivers the bytes of messages."""

    def listen(self, protocol=Plain, request=REQUEST, *, text=False, **options):
        self.made = Made(protocol)
        self.factory = WebSocketFactory(self.made, text=text, reactor=self.clock, **options)
        self.connect()
        self.receive(request)
        self.peer.take()
        [self.protocol] = self.made.made
        return self.protocol

    def make_factory(self, create_protocol, **options):
        return self.factory

    def test_text_messages_are_their_utf_8(self):
        self.listen()
        self.hear((TEXT, "grün".encode()), (BINARY, b"\xff"))
        self.assertEqual(self.protocol.received, ["grün".encode(), b"\xff"])

    def test_text_is_sent_if_it_is_wanted(self):
        self.listen(text=True)
        self.protocol.transport.write("grün".encode())
        self.assertEqual(self.said(), [(TEXT, "grün".encode())])

    def offer(self, subprotocols):
        line = f"Sec-WebSocket-Protocol: {subprotocols}\r\n\r\n".encode()
        return REQUEST.removesuffix(b"\r\n") + line

    def test_a_client_that_offers_base64_gets_it(self):
        self.listen(request=self.offer("base64"))
        self.hear((TEXT, b"AP8="))
        self.protocol.transport.write(b"\x00\xff")
        self.assertEqual(self.protocol.received, [b"\x00\xff"])
        self.assertEqual(self.said(), [(TEXT, b"AP8=")])

    def test_a_client_that_offers_binary_too_gets_that(self):
        self.listen(request=self.offer("base64, binary"), text=True)
        self.protocol.transport.write(b"\x00\xff")
        self.assertEqual(self.said(), [(BINARY, b"\x00\xff")])

    def test_invalid_base64_ends_it_with_1007(self):
        self.listen(request=self.offer("base64"))
        self.hear((TEXT, b"!"), (TEXT, b"AP8="))
        self.assertEqual(self.said(), [(CLOSE, closing(1007, "invalid Base64"))])
        self.assertEqual(self.protocol.received, [])

    def test_the_names_that_programs_for_txws_use_are_there(self):
        transport = self.listen(text=True).transport
        self.assertEqual(transport.location, "/chat")
        transport.setBinaryMode(True)
        transport.write(b"\xff")
        transport.write("grün")
        transport.setBinaryMode(False)
        transport.write(b"text")
        self.assertEqual(self.said(), [(BINARY, b"\xff"), (TEXT, "grün".encode()), (TEXT, b"text")])

    def test_their_binary_mode_leaves_base64_alone(self):
        transport = self.listen(request=self.offer("base64")).transport
        transport.setBinaryMode(True)
        self.assertIsInstance(transport.codec, Base64)

    def test_a_protocol_that_hangs_up_hears_nothing_more_of_the_same_read(self):
        class Curt(Plain):
            def dataReceived(self, data):
                super().dataReceived(data)
                self.transport.loseConnection()

        self.listen(Curt)
        self.hear((BINARY, b"one"), (BINARY, b"two"))
        self.hear((BINARY, b"three"), (CLOSE, closing(1000)))
        self.assertEqual(self.protocol.received, [b"one"])
        [reason] = self.protocol.lost
        self.assertIsInstance(reason, ConnectionDone)

    def test_a_protocol_that_raises_ends_it_with_1011_and_a_word_in_the_log(self):
        class Wrong(Plain):
            def dataReceived(self, data):
                raise ZeroDivisionError

        self.listen(Wrong)
        self.hear((BINARY, b"one"))
        self.assertEqual(self.said(), [(CLOSE, closing(1011))])
        [event] = self.take_loud()
        self.assertEqual(event["log_failure"].type, ZeroDivisionError)
        self.hear((CLOSE, closing(1011)))
        [reason] = self.protocol.lost
        self.assertIsInstance(reason, ConnectionLost)

    def test_after_half_a_close_what_the_peer_has_sent_still_comes(self):
        self.listen()
        self.protocol.transport.loseWriteConnection()
        self.protocol.transport.write(b"too late")
        self.assertEqual(self.said(), [(CLOSE, closing(1000))])
        self.hear((BINARY, b"on its way"), (CLOSE, closing(1000)))
        self.assertEqual(self.protocol.received, [b"on its way"])
        self.assertEqual(len(self.protocol.lost), 1)


class PausingTests(StreamTestCase):
    def test_a_paused_protocol_gets_nothing_and_nothing_is_read(self):
        self.link()
        self.server.transport.pauseProducing()
        self.client.transport.write(b"a")
        self.pump()
        self.assertEqual((self.server.received, self.joined.server_transport.paused), ([], True))
        self.server.transport.resumeProducing()
        self.settle()
        self.assertEqual(
            (self.server.received, self.joined.server_transport.paused), ([b"a"], False)
        )

    def test_messages_of_the_same_read_wait_for_a_paused_protocol(self):
        class Careful(Plain):
            def dataReceived(self, data):
                super().dataReceived(data)
                self.transport.pauseProducing()

        self.link(Careful)
        for letter in b"abc":
            self.client.transport.write(bytes([letter]))
        self.pump()
        self.assertEqual(self.server.received, [b"a"])
        self.server.transport.resumeProducing()
        self.assertEqual(self.server.received, [b"a"], "not before the next turn")
        self.settle()
        self.assertEqual(self.server.received, [b"a", b"b"])

    def test_the_rest_of_a_compressed_read_is_inflated_when_the_protocol_resumes(self):
        """Attack 36."""

        class Careful(Plain):
            def dataReceived(self, data):
                super().dataReceived(data)
                self.transport.pauseProducing()

        self.link(Careful)
        self.server.transport.pauseProducing()
        for _ in range(9):
            self.client.transport.write(bytes(KIB * KIB))
        self.server.transport.resumeProducing()
        for count in range(1, 10):
            self.settle()
            self.assertEqual(len(self.server.received), count)
            self.assertLessEqual(self.upper.counters.payload_in, (count + 1) * KIB * KIB)
            self.server.transport.resumeProducing()

    def test_a_protocol_that_resumes_and_pauses_again_gets_nothing(self):
        self.link()
        self.client.transport.write(b"a")
        transport = self.server.transport
        transport.pauseProducing()
        self.pump()
        transport.resumeProducing()
        transport.resumeProducing()
        transport.pauseProducing()
        self.settle()
        self.assertEqual(self.server.received, [])

    def test_nothing_is_left_to_do_when_it_ends_meanwhile(self):
        self.link()
        self.server.transport.pauseProducing()
        self.server.transport.resumeProducing()
        self.joined.drop()
        self.server.transport.resumeProducing()
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_stopping_is_hanging_up(self):
        self.link()
        self.server.transport.stopProducing()
        self.pump()
        self.assertEqual(self.lower.close_code, 1000)


class ClosingTests(StreamTestCase):
    def reasons(self):
        [server], [client] = self.server.lost, self.client.lost
        return server, client

    def test_hanging_up_sends_what_was_written_and_a_close_frame(self):
        # Regression: wrapped protocols of other libraries drop TCP, so that the peer sees 1006.
        self.link()
        self.server.transport.write(b"last words")
        self.server.transport.loseConnection()
        self.pump()
        self.assertEqual(self.client.received, [b"last words"])
        self.assertEqual((self.lower.close_code, self.upper.close_code), (1000, 1000))

    def test_either_side_gets_what_tcp_ends_with_and_the_whole_story_as_its_cause(self):
        self.link()
        self.client.transport.loseConnection()
        self.pump()
        for reason in self.reasons():
            self.assertIs(type(reason), ConnectionDone)
            self.assertIsInstance(reason.__cause__, ConnectionClosedOK)
        self.assertEqual(str(reason.__cause__), "sent 1000 (OK); then received 1000 (OK)")

    def test_a_server_that_goes_away_is_a_clean_end(self):
        self.link()
        self.upper.close(1001)
        self.pump()
        for reason in self.reasons():
            self.assertIs(type(reason), ConnectionDone)

    def test_another_code_is_no_clean_end(self):
        self.link()
        self.upper.close(1008, "no")
        self.pump()
        for reason in self.reasons():
            self.assertIs(type(reason), ConnectionLost)
            self.assertIn("1008 (policy violation) no", str(reason))
            self.assertIsInstance(reason.__cause__, ConnectionClosedError)

    def test_the_end_of_tcp_alone_is_no_clean_end(self):
        self.link()
        self.joined.drop(ConnectionDone())
        for reason in self.reasons():
            self.assertIs(type(reason), ConnectionLost)
            self.assertIn("no close frame received or sent", str(reason))

    def test_a_protocol_that_aborts_gets_aborted_and_the_other_gets_lost(self):
        self.link()
        self.server.transport.write(b"lost")
        self.server.transport.abortConnection()
        self.pump()
        server, client = self.reasons()
        self.assertIs(type(server), ConnectionAborted)
        self.assertIs(type(client), ConnectionLost)
        self.assertEqual(self.client.received, [])

    def test_a_protocol_that_aborts_hears_nothing_more_of_the_same_read(self):
        class Curt(Plain):
            def dataReceived(self, data):
                super().dataReceived(data)
                self.transport.abortConnection()

        self.link(Curt)
        self.client.transport.write(b"a")
        self.client.transport.write(b"b")
        self.pump()
        self.assertEqual(self.server.received, [b"a"])

    @counts_references
    def test_after_the_end_nothing_holds_the_protocol(self):
        self.link()
        self.joined.drop()
        protocol = ref(self.server)
        gc.disable()
        self.addCleanup(gc.enable)
        self.server = None
        self.servers.made.clear()
        self.assertIsNone(protocol())

    def test_hanging_up_twice_is_hanging_up(self):
        self.link()
        for _ in range(2):
            self.server.transport.loseConnection()
        self.assertTrue(self.server.transport.disconnecting)
        self.server.transport.write(b"too late")
        self.pump()
        self.assertEqual((self.client.received, self.lower.close_code), ([], 1000))

    def test_a_protocol_that_hangs_up_has_as_long_as_the_peer_takes_to_read(self):
        self.link(close_timeout=10, ping_interval=None)
        self.client.transport.pauseProducing()
        self.server.transport.write(b"a" * 1000 * KIB)
        self.server.transport.loseConnection()
        self.server.transport.write(b"too late")
        self.joined.advance(60)
        self.client.transport.resumeProducing()
        self.settle()
        self.assertEqual(len(b"".join(self.client.received)), 1000 * KIB)
        self.assertEqual(self.lower.close_code, 1000)

    def test_a_connection_that_is_lost_meanwhile_is_lost(self):
        self.link(ping_interval=None)
        self.client.transport.pauseProducing()
        self.server.transport.write(b"a" * 1000 * KIB)
        self.server.transport.loseConnection()
        self.pump()
        self.joined.drop()
        for reason in self.reasons():
            self.assertIs(type(reason), ConnectionLost)


class WaysToEndTests(StreamTestCase):
    """A protocol gets the same reasons as over TCP, with one exception."""

    @staticmethod
    def lose(end):
        end.transport.loseConnection()

    @staticmethod
    def abort(end):
        end.transport.abortConnection()

    @staticmethod
    def lose_for_writing(end):
        end.transport.loseWriteConnection()

    def lose_and_abort(self, end):
        self.lose(end)
        self.abort(end)

    def lose_both(self, end):
        self.lose(self.client)
        self.lose(self.server)

    def table(self):
        """Generate the ways to end: the act of one end, its reason, and the reason of the other."""
        yield self.lose, ConnectionDone, ConnectionDone
        yield self.lose_for_writing, ConnectionDone, ConnectionDone
        yield self.lose_both, ConnectionDone, ConnectionDone
        yield self.abort, ConnectionAborted, ConnectionLost
        yield self.lose_and_abort, ConnectionAborted, ConnectionLost

    def link_plainly(self):
        self.server, self.client = Plain(), Plain()
        self.joined = Joined(self.server, self.client, self.clock)

    def test_both_protocols_get_the_reasons_that_they_get_over_tcp(self):
        for link in (self.link_plainly, self.link):
            for act, of_one, of_other in self.table():
                for side in ("server", "client"):
                    link()
                    one = getattr(self, side)
                    other = self.client if one is self.server else self.server
                    other.transport.write(b"data")
                    act(one)
                    self.pump()
                    self.joined.advance(1)
                    ends = [[type(each) for each in end.lost] for end in (one, other)]
                    self.assertEqual(ends, [[of_one], [of_other]], (link, act, side))

    def hang_up(self, side):
        """Have one end hang up; return its protocol and the transport of the other."""
        self.link()
        one, other = getattr(self, side), {"server": "client", "client": "server"}[side]
        self.lose(one)
        return one, getattr(self.joined, f"{other}_transport")

    def test_a_protocol_that_hangs_up_needs_no_close_frame_of_the_other(self):
        for side in ("server", "client"):
            one, theirs = self.hang_up(side)
            theirs.frozen = True
            self.joined.pump()
            theirs.frozen = False
            theirs.end()
            self.joined.pump()
            [reason] = one.lost
            self.assertIs(type(reason), ConnectionDone)
            self.assertEqual(str(reason.__cause__), "sent 1000 (OK); no close frame received", side)

    def test_a_protocol_that_hangs_up_needs_no_end_of_tcp_in_due_form(self):
        for side in ("server", "client"):
            one, theirs = self.hang_up(side)
            theirs.frozen = True
            self.joined.pump()
            theirs.frozen = False
            theirs.end(ConnectionLost())
            self.joined.pump()
            self.assertEqual([type(each) for each in one.lost], [ConnectionDone])

    def test_a_protocol_that_hangs_up_needs_no_end_if_the_other_has_everything(self):
        for side, carrier in (("server", "upper"), ("client", "lower")):
            one, theirs = self.hang_up(side)
            theirs.frozen = True
            all_of_it = Progress(0, 0, acknowledged=5000, room=9000)
            self.patch(parts, "progress_of", lambda *_, progress=all_of_it: progress)
            driver_of(getattr(self, carrier)).ending.progress = all_of_it
            self.joined.advance(10)
            self.assertEqual([type(each) for each in one.lost], [ConnectionDone])

    def test_bytes_that_did_not_leave_are_lost(self):
        self.link(ping_interval=None)
        self.client.transport.pauseProducing()
        self.server.transport.write(b"a" * 100 * KIB)
        self.server.transport.loseConnection()
        self.pump()
        self.joined.drop(ConnectionDone())
        self.assertIs(type(self.server.lost[0]), ConnectionLost)

    def test_data_that_its_transport_still_has_is_lost(self):
        one, _ = self.hang_up("server")
        below = Socket(self.upper, 80)
        self.patch(carriers, "socket_of", lambda transport: below)
        self.patch(carriers, "has_unsent", lambda transport: transport is below)
        self.joined.drop(ConnectionDone())
        self.assertIs(type(one.lost[0]), ConnectionLost)

    def test_a_protocol_given_up_as_the_other_reads_nothing_has_lost_data(self):
        one, theirs = self.hang_up("server")
        theirs.paused = True
        self.joined.advance(10)
        self.assertEqual([type(each) for each in one.lost], [ConnectionLost])

    def test_the_answer_may_have_another_code(self):
        one, _ = self.hang_up("client")
        self.upper.close(4000)
        self.pump()
        self.assertIs(type(one.lost[0]), ConnectionDone)
        self.assertIs(type(self.server.lost[0]), ConnectionLost)

    def test_the_other_protocol_gets_a_reason_that_says_something_may_be_missing(self):
        """TCP can't tell this; TLS can, and the stream follows TLS."""
        self.link()
        self.joined.drop(ConnectionDone())
        for end in (self.server, self.client):
            self.assertIs(type(end.lost[0]), ConnectionLost)


@implementer(IPushProducer)
class Pump:
    """A push producer that writes as long as it may, up to 10 MiB.

    Attributes:
        written: the number of bytes that it has written.
        paused: the number of times that it was paused.
        stopped: the number of times that it was stopped.
    """

    def __init__(self, consumer):
        self._consumer = consumer
        self._running = False
        self.written = self.paused = self.stopped = 0

    def resumeProducing(self):
        self._running = True
        while self._running and self.written < 10 * KIB * KIB:
            self._consumer.write(b"a" * KIB)
            self.written += KIB

    def pauseProducing(self):
        self._running = False
        self.paused += 1

    def stopProducing(self):
        self._running = False
        self.stopped += 1


@implementer(IPullProducer)
class Drops:
    """A pull producer that writes ten times, and then ends."""

    def __init__(self, consumer):
        self._consumer = consumer
        self.asked = self.stopped = 0

    def resumeProducing(self):
        self.asked += 1
        self._consumer.write(b"a")
        if self.asked == 10:
            self._consumer.unregisterProducer()

    def stopProducing(self):
        self.stopped += 1


class ProducingTests(StreamTestCase):
    def setUp(self):
        super().setUp()
        self.link(ping_interval=None, open_timeout=None)

    def pull(self):
        producer = Drops(self.server.transport)
        self.server.transport.registerProducer(producer, False)
        return producer

    def test_a_push_producer_of_a_server_waits_while_the_peer_does_not_read(self):
        # Regression: with other WebSockets for Twisted, registering one on a server raises.
        self.client.transport.pauseProducing()
        producer = Pump(self.server.transport)
        self.server.transport.registerProducer(producer, True)
        producer.resumeProducing()
        self.settle()
        self.assertLess(producer.written, 300 * KIB)
        self.assertEqual(producer.paused, 1)
        self.client.transport.resumeProducing()
        self.settle()
        self.assertEqual(len(b"".join(self.client.received)), 10 * KIB * KIB)

    def test_a_pull_producer_is_asked_turn_by_turn(self):
        self.pull()
        self.settle()
        self.assertEqual(self.client.received, [b"a"] * 10)

    def test_a_pull_producer_waits_while_the_peer_does_not_read(self):
        self.client.transport.pauseProducing()
        self.server.transport.write(b"a" * 1000 * KIB)
        producer = self.pull()
        self.settle()
        self.assertEqual(producer.asked, 0)
        self.client.transport.resumeProducing()
        self.settle()
        self.assertEqual(producer.asked, 10)

    def test_a_pull_producer_that_raises_ends_it_with_1011_and_a_word_in_the_log(self):
        producer = self.pull()
        producer.resumeProducing = lambda: 1 / 0
        self.settle()
        self.assertEqual(self.lower.close_code, 1011)
        [event] = self.take_loud()
        self.assertEqual(event["log_failure"].type, ZeroDivisionError)

    def test_there_is_only_one(self):
        transport = self.server.transport
        transport.registerProducer(Pump(transport), True)
        self.assertRaises(RuntimeError, transport.registerProducer, Pump(transport), True)
        self.assertRaises(RuntimeError, transport.registerProducer, Drops(transport), False)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_after_one_there_may_be_another(self):
        transport = self.server.transport
        transport.registerProducer(Pump(transport), True)
        transport.unregisterProducer()
        self.pull()
        self.settle()
        self.assertEqual(self.client.received, [b"a"] * 10)

    def test_unregistering_none_does_nothing(self):
        self.server.transport.unregisterProducer()

    def test_a_protocol_that_hangs_up_amid_producing_still_sends_everything(self):
        producer = self.pull()
        self.server.transport.loseConnection()
        self.settle()
        self.assertEqual((producer.asked, self.client.received), (10, [b"a"] * 10))
        self.assertEqual(self.lower.close_code, 1000)

    def test_a_protocol_that_hangs_up_during_a_pause_still_sends_everything(self):
        self.client.transport.pauseProducing()
        producer = self.push()
        producer.resumeProducing()
        self.server.transport.loseConnection()
        self.client.transport.resumeProducing()
        self.settle()
        self.assertEqual(len(b"".join(self.client.received)), 10 * KIB * KIB)
        self.assertEqual(self.lower.close_code, 1000)

    def test_a_push_producer_that_has_nothing_to_send_holds_nobody_up(self):
        # twisted.protocols.portforward never unregisters a producer.
        self.push()
        self.server.transport.loseConnection()
        self.pump()
        self.assertEqual(self.lower.close_code, 1000)

    def test_unregistered_after_that_it_changes_nothing(self):
        self.push()
        self.server.transport.loseConnection()
        self.server.transport.unregisterProducer()
        self.server.transport.write(b"too late")
        self.pump()
        self.assertEqual((self.client.received, self.lower.close_code), ([], 1000))

    def test_they_are_stopped_when_it_ends(self):
        for register in (self.pull, self.push):
            self.link()
            producer = register()
            self.joined.drop()
            self.assertEqual(producer.stopped, 1)
            self.assertEqual(self.clock.getDelayedCalls(), [])

    def push(self):
        producer = Pump(self.server.transport)
        self.server.transport.registerProducer(producer, True)
        return producer

    def test_one_that_comes_after_the_end_is_stopped(self):
        self.joined.drop()
        for register in (self.pull, self.push):
            self.assertEqual(register().stopped, 1)


class Socket(RecordingTransport):
    """A transport in memory with the options of TCP and TLS."""

    delay, alive = True, False

    def getTcpNoDelay(self):
        return not self.delay

    def setTcpNoDelay(self, enabled):
        self.delay = not enabled

    def getTcpKeepAlive(self):
        return self.alive

    def setTcpKeepAlive(self, enabled):
        self.alive = enabled

    def getPeerCertificate(self):
        return "a certificate"


class InterfacesTests(StreamTestCase):
    def stream(self, *interfaces):
        """Return the stream over a transport that has these interfaces, and the transport."""
        self.link()
        transport = Socket(self.upper, 80)
        transport.peer = self.joined.client_transport
        directlyProvides(transport, *interfaces)
        driver_of(self.upper).outbox._transport = transport
        return self.upper.wrap(Made(), text=False).transport, transport

    def test_it_is_a_transport_a_consumer_and_a_producer(self):
        stream, _ = self.stream(ITransport)
        self.assertIs(type(stream), ByteStream)
        for interface in (ITransport, IConsumer, IPushProducer):
            verifyObject(interface, stream)

    def test_addresses_are_those_of_the_transport_below(self):
        stream, transport = self.stream(ITransport)
        self.assertEqual(stream.getHost(), transport.getHost())
        self.assertEqual(stream.getPeer(), transport.getPeer())

    def test_protocols_are_made_for_the_addresses_that_the_reactor_tells(self):
        self.link()
        self.assertEqual((self.servers.addresses, self.clients.addresses), ([CLIENT], [SERVER]))

    def test_over_tcp_it_is_one_of_tcp(self):
        stream, transport = self.stream(ITCPTransport)
        self.assertIs(type(stream), TCPByteStream)
        verifyObject(ITCPTransport, stream)
        stream.setTcpNoDelay(False)
        stream.setTcpKeepAlive(True)
        self.assertEqual((transport.delay, transport.alive), (True, True))
        self.assertEqual((stream.getTcpNoDelay(), stream.getTcpKeepAlive()), (False, True))

    def test_over_tls_it_is_one_of_tls(self):
        stream, _ = self.stream(ISSLTransport)
        self.assertIs(type(stream), TLSByteStream)
        verifyObject(ISSLTransport, stream)
        self.assertEqual(stream.getPeerCertificate(), "a certificate")

    def test_it_is_connected_until_the_protocol_gets_the_end(self):
        told = []

        class Asking(Plain):
            def connectionMade(self):
                told.append((self.transport.connected, self.transport.disconnected))

            connectionLost = lambda self, reason: self.connectionMade()  # noqa: E731

        self.link(Asking, Asking)
        self.client.transport.loseConnection()
        self.assertTrue(self.client.transport.connected)
        self.pump()
        self.assertEqual(told, [(True, False)] * 2 + [(False, True)] * 2)

    def test_aborting_after_the_end_does_nothing(self):
        self.link()
        self.client.transport.loseConnection()
        self.pump()
        self.client.transport.abortConnection()
        self.pump()
        self.assertEqual(len(self.client.lost), 1)

    def test_it_has_the_reactor_and_the_handle_of_the_transport_below(self):
        stream, transport = self.stream(ITCPTransport)
        transport.getHandle = lambda: "a socket"
        self.assertEqual(stream.getHandle(), "a socket")
        self.assertIs(stream.reactor, self.clock)

    def test_it_knows_the_connection_that_carries_it(self):
        self.link()
        self.assertEqual(self.server.transport.websocket.request.path, "/chat")
        self.assertEqual(self.client.transport.location, "/chat")

    def test_a_stream_without_a_protocol_reports_nothing(self):
        self.link()
        lonely = self.factory.buildProtocol(None)
        lonely.messageReceived(b"data")
        lonely.connectionLost(None)
        self.servers.buildProtocol = lambda addr: None
        self.assertIsNone(lonely.wrap(self.servers, text=False))

    def test_its_bytes_are_on_the_wire_as_frames(self):
        self.link()
        self.joined.client_transport.written.clear()
        self.client.transport.write(b"\x00\xff")
        self.assertEqual(
            frames_in(bytes(self.joined.client_transport.written)), [(BINARY, b"\x00\xff")]
        )

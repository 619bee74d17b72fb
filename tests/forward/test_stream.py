"""Bytes between a WebSocket and a service that speaks bytes."""

from base64 import b64encode

from twisted.internet.error import ConnectionLost

from tests.support.sides import Peer
from tests.support.targets import KIB, ForwardTestCase


class CarryingTests(ForwardTestCase):
    def test_bytes_arrive_both_ways(self):
        self.open()
        self.client.sendMessage(b"up")
        self.target.peer.transport.write(b"down")
        self.settle()
        self.assertEqual((self.target.peer.take(), self.take()), (b"up", [b"down"]))

    def test_the_messages_of_a_read_are_written_together(self):
        self.open()
        for number in range(100):
            self.client.sendMessage(b"%d " % number)
        self.settle()
        self.assertEqual(self.target.peer.take(), b"".join(b"%d " % each for each in range(100)))

    def test_a_service_that_speaks_first_is_heard(self):
        class Greeting(Peer):
            def connectionMade(self):
                self.transport.write(b"RFB 003.008\n")

        self.target.make = Greeting
        self.open()
        self.assertEqual(self.take(), [b"RFB 003.008\n"])

    def test_nothing_is_read_from_the_service_before_the_websocket_is_open(self):
        def look(connection, request, response):
            paused.append(self.target.joined.client_transport.paused)

        paused = []
        self.open(process_response=look)
        self.assertEqual((paused, self.target.joined.client_transport.paused), ([True], False))

    def test_many_bytes_at_once_go_in_messages_of_64_kib(self):
        self.open()
        self.target.peer.transport.write(bytes(200 * KIB))
        self.settle()
        self.assertEqual(list(map(len, self.take())), [64 * KIB] * 3 + [8 * KIB])

    def test_a_text_message_is_refused_after_the_messages_before_it(self):
        self.open()
        for message in b"before", "text", b"after":
            self.client.sendMessage(message)
        self.settle()
        self.assertEqual(self.target.peer.take(), b"before")
        self.assertEqual(self.client.close_code, 1003)
        self.assertTrue(self.target.peer.ended)

    def test_a_fragmented_message_is_whole(self):
        self.open()
        self.client.send([b"a", b"b", b"c"])
        self.settle()
        self.assertEqual(self.target.peer.take(), b"abc")

    def test_a_compressed_connection_carries_the_same(self):
        self.open(compression="deflate")
        self.client.sendMessage(bytes(10 * KIB))
        self.target.peer.transport.write(bytes(20 * KIB))
        self.settle()
        self.assertEqual(self.target.peer.take(), bytes(10 * KIB))
        self.assertEqual(b"".join(self.take()), bytes(20 * KIB))


class SubprotocolTests(ForwardTestCase):
    def test_binary_is_chosen_before_base64(self):
        self.open(offered=["base64", "binary"])
        self.assertEqual(self.client.subprotocol, "binary")

    def test_a_client_that_offers_none_gets_none(self):
        self.open()
        self.assertIsNone(self.client.subprotocol)

    def test_a_client_that_offers_others_gets_none(self):
        self.open(offered=["chat"])
        self.assertIsNone(self.client.subprotocol)

    def test_text_messages_carry_base64(self):
        self.open(offered=["base64"])
        for data in b"\x00\xff", b"more":
            self.client.sendMessage(b64encode(data).decode())
        self.target.peer.transport.write(b"\xfe\x00")
        self.settle()
        self.assertEqual(self.target.peer.take(), b"\x00\xffmore")
        self.assertEqual(self.take(), [b64encode(b"\xfe\x00").decode()])

    def test_what_is_no_base64_is_refused_after_the_messages_before_it(self):
        self.open(offered=["base64"])
        for text in "YQ==", "?", "Yg==":
            self.client.sendMessage(text)
        self.settle()
        self.assertEqual((self.target.peer.take(), self.client.close_code), (b"a", 1007))

    def test_the_option_goes_before_the_choice_of_the_handler(self):
        self.open(offered=["binary", "base64"], subprotocols=["base64"])
        self.assertEqual(self.client.subprotocol, "base64")


class EndingTests(ForwardTestCase):
    def test_what_a_service_sends_before_its_end_arrives_and_then_1000(self):
        self.open()
        self.target.peer.transport.write(b"last words")
        self.target.peer.transport.loseConnection()
        self.settle()
        self.assertEqual(self.take(), [b"last words"])
        self.assertEqual(self.client.close_code, 1000)
        self.assertFalse(self.target.joined.client_transport.connected)

    def test_a_service_that_ends_its_side_still_gets_what_is_on_its_way(self):
        self.open()
        self.joined.server_transport.pauseProducing()
        self.client.sendMessage(b"on its way")
        self.target.peer.transport.loseWriteConnection()
        self.settle()
        self.joined.server_transport.resumeProducing()
        self.settle()
        self.assertEqual(self.target.peer.take(), b"on its way")
        self.assertEqual(self.client.close_code, 1000)
        self.assertFalse(self.target.joined.client_transport.connected)

    def test_a_service_that_is_lost_closes_the_websocket_with_1014(self):
        self.open()
        self.target.joined.client_transport.end(ConnectionLost())
        self.settle()
        self.assertEqual(self.client.close_code, 1014)

    def test_messages_that_come_after_the_service_is_lost_hold_nothing_up(self):
        self.open()
        self.target.peer.transport.pauseProducing()
        self.client.sendMessage(bytes(100 * KIB))
        self.settle()
        self.joined.server_transport.pauseProducing()
        for _ in range(10):
            self.client.sendMessage(bytes(60 * KIB))
        self.target.joined.client_transport.end(ConnectionLost())
        self.settle()
        self.joined.server_transport.resumeProducing()
        self.settle()
        self.assertEqual(self.client.close_code, 1014)
        self.assertEqual(self.factory.running, set())

    def test_an_empty_message_is_nothing(self):
        self.open()
        self.target.joined.client_transport.write = lambda data: self.assertTrue(data)
        self.client.sendMessage(b"")
        self.settle()

    def test_a_service_that_ends_before_the_websocket_is_open_is_told_to_the_client(self):
        def end(connection, request, response):
            self.target.joined.client_transport.end(ConnectionLost())
            self.target.joined.pump()

        self.open(process_response=end)
        self.assertEqual(self.client.close_code, 1014)

    def test_the_service_gets_all_that_was_sent_before_the_close(self):
        self.open()
        self.client.sendMessage(b"last words")
        self.client.close()
        self.settle()
        self.assertEqual(self.target.peer.take(), b"last words")
        self.assertTrue(self.target.peer.ended)

    def test_a_service_may_say_more_after_the_close_until_it_ends(self):
        self.open()
        self.client.close()
        self.settle()
        self.target.peer.transport.write(b"nobody hears this")
        self.settle()
        self.assertTrue(self.target.joined.client_transport.connected)
        self.target.peer.transport.loseConnection()
        self.settle()
        self.assertFalse(self.target.joined.client_transport.connected)

    def test_a_service_that_stays_after_the_close_is_left_after_close_timeout(self):
        self.open(close_timeout=5)
        self.client.close()
        self.advance(4)
        self.assertTrue(self.target.joined.client_transport.connected)
        self.advance(2)
        self.assertFalse(self.target.joined.client_transport.connected)

    def test_a_service_that_never_reads_is_given_up(self):
        self.open(close_timeout=5)
        self.target.peer.transport.pauseProducing()
        self.client.sendMessage(bytes(300 * KIB))
        self.settle()
        self.client.close()
        self.advance(20)
        self.assertFalse(self.target.joined.client_transport.connected)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_a_client_that_vanishes_ends_the_service_side(self):
        self.open()
        self.joined.drop()
        self.settle()
        self.assertTrue(self.target.peer.ended)

    def test_a_handler_that_is_cancelled_leaves_nothing_behind(self):
        self.open()
        [running] = self.factory.running
        self.factory.stopping = True
        running.cancel()
        self.settle()
        self.assertFalse(self.target.joined.client_transport.connected)


class BackpressureTests(ForwardTestCase):
    def test_a_slow_service_stops_the_client(self):
        self.open()
        self.target.peer.transport.pauseProducing()
        self.joined.client_transport.chop = 16 * KIB
        for _ in range(200):
            self.client.sendMessage(bytes(16 * KIB))
        self.settle()
        self.assertTrue(self.joined.server_transport.paused)
        written = len(self.target.joined.client_transport.written)
        self.assertLess(written, 400 * KIB)
        self.target.peer.transport.resumeProducing()
        self.advance(3)
        self.assertEqual(len(self.target.peer.take()), 200 * 16 * KIB)

    def test_a_slow_client_stops_the_service(self):
        self.open()
        self.joined.client_transport.pauseProducing()
        self.target.joined.server_transport.chop = 16 * KIB
        for _ in range(200):
            self.target.peer.transport.write(bytes(16 * KIB))
        self.settle()
        self.assertTrue(self.target.joined.client_transport.paused)
        self.assertLess(len(self.joined.server_transport.written), 400 * KIB)
        self.joined.client_transport.resumeProducing()
        self.settle()
        messages = self.take()
        while more := self.take_more():
            messages += more
        self.assertEqual(sum(map(len, messages)), 200 * 16 * KIB)

    def take_more(self):
        self.settle()
        return self.take()

    def test_a_slow_client_gets_everything_although_the_service_has_ended(self):
        self.open()
        self.joined.client_transport.pauseProducing()
        self.target.peer.transport.write(bytes(100 * KIB))
        self.target.peer.transport.loseConnection()
        self.settle()
        self.joined.client_transport.resumeProducing()
        messages = []
        while more := self.take_more():
            messages += more
        self.assertEqual(sum(map(len, messages)), 100 * KIB)
        self.assertEqual(self.client.close_code, 1000)

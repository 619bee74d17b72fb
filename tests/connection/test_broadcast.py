"""One message to many connections."""

from unittest.mock import Mock

from tests.support.parts import Parts
from tests.support.sides import CLOSE, TEXT, Peer, ServerSide, closing, frames_in
from txws2 import broadcast
from txws2._connection import broadcast as broadcasts
from txws2._connection.handle import driver_of
from txws2.testing import Joined
from txws2.wire.connection import State

CONT = 0


class BroadcastTestCase(ServerSide):
    def open_many(self, number, **options):
        """Open this many connections; the peer of each is its `peer`."""
        self.everybody = []
        self.connect(**options)
        for _ in range(number):
            self.ws, self.peer = self.factory.buildProtocol(None), Peer()
            self.joined = Joined(self.ws, self.peer, self.clock)
            self.open_peer()
            self.peer.take()
            self.ws.peer, self.ws.joined = self.peer, self.joined
            self.everybody.append(self.ws)
        return self.everybody

    def got(self, ws):
        ws.joined.pump()
        return frames_in(ws.peer.take())

    def make_slow(self, ws):
        """Let more than write_limit bytes wait on a connection."""
        ws.peer.transport.pauseProducing()
        for _ in range(4):
            ws.sendMessage("x" * 50_000)

    def recover(self, ws):
        ws.peer.transport.resumeProducing()
        self.got(ws)


class BroadcastTests(BroadcastTestCase):
    def test_an_error_of_one_connection_is_no_other_s(self):
        first, broken, last = self.open_many(3)
        # A connection that has sent a fragmented message can't take the fast path.
        broken.send(["a", "b"])
        self.got(broken)
        self.patch(broadcasts, "send_shared", Mock(side_effect=SystemExit))
        self.assertEqual(broadcast([first, broken, last], "x"), 2)
        [event] = self.take_loud()
        self.assertEqual(event["connection"], broken.id)
        self.assertEqual(self.got(broken), [(CLOSE, closing(1011))])
        self.assertEqual([self.got(each) for each in (first, last)], [[(TEXT, b"x")]] * 2)

    def test_everybody_gets_it(self):
        everybody = self.open_many(3)
        self.assertEqual(broadcast(everybody, "hello"), 3)
        for ws in everybody:
            self.assertEqual(self.got(ws), [(TEXT, b"hello")])

    def test_the_connections_of_a_factory_may_be_given(self):
        self.open_many(2)
        self.assertEqual(broadcast(self.factory.connections, b"\x00"), 2)

    def test_those_that_are_not_open_are_passed_over(self):
        first, second, third = self.open_many(3)
        first.close()
        second.joined.drop()
        self.connect()
        self.assertEqual(broadcast([first, second, third, self.ws], "hello"), 1)
        self.assertEqual(self.got(third), [(TEXT, b"hello")])

    def test_a_wrong_message_is_an_error_even_if_nobody_is_there(self):
        self.assertRaises(TypeError, broadcast, [], 5)
        self.assertRaises(UnicodeError, broadcast, [], b"\xff", True)

    def test_bytes_can_be_sent_as_text(self):
        [ws] = self.open_many(1)
        broadcast([ws], b"a", True)
        self.assertEqual(self.got(ws), [(TEXT, b"a")])

    def test_it_waits_for_the_end_of_a_fragmented_message(self):
        [ws], parts = self.open_many(1), Parts()
        ws.send(parts)
        parts.give("a")
        self.assertEqual(broadcast([ws], "hello"), 1)
        self.assertEqual(self.got(ws), [(TEXT, b"a")])
        parts.end()
        self.assertEqual(self.got(ws), [(CONT, b""), (TEXT, b"hello")])

    def test_clients_may_broadcast_too(self):
        both = self.join()
        self.assertEqual(broadcast([both.client], "hello"), 1)
        both.pump()
        self.assertEqual(self.successResultOf(both.server.recv()), "hello")

    def test_compressed_messages_of_its_own_may_come_between(self):
        both = self.join()
        sent = ['{"bid": 1.5}' * 20] * 6
        for number, message in enumerate(sent):
            if number % 2:
                broadcast([both.server], message)
            else:
                both.server.sendMessage(message)
        both.pump()
        self.assertEqual([self.successResultOf(both.client.recv()) for _ in sent], sent)


class SlowTests(BroadcastTestCase):
    """Attack 12: a peer that reads nothing while we send."""

    def test_by_default_one_that_falls_behind_is_skipped_until_all_has_left(self):
        slow, other = everybody = self.open_many(2)
        self.make_slow(slow)
        self.assertEqual(broadcast(everybody, "1"), 1)
        self.recover(slow)
        self.assertEqual(broadcast(everybody, "2"), 2)
        self.assertEqual(self.got(slow), [(TEXT, b"2")])
        self.assertEqual(self.got(other), [(TEXT, b"1"), (TEXT, b"2")])

    def test_once_all_has_left_it_may_have_something_waiting_again(self):
        [ws] = self.open_many(1)
        self.make_slow(ws)
        broadcast([ws], "1")
        self.recover(ws)
        driver_of(ws).outbox.pauseProducing()
        self.assertEqual(broadcast([ws], "2"), 1)
        self.recover(ws)
        self.assertEqual(self.got(ws), [])

    def test_skipped_means_until_nothing_waits_dropped_only_until_there_is_room(self):
        for slow, expected in (("skip", 0), ("drop", 1)):
            [ws] = self.open_many(1)
            self.make_slow(ws)
            self.assertEqual(broadcast([ws], "1", slow=slow), 0)
            driver_of(ws).outbox._size = 0
            self.assertEqual(broadcast([ws], "2", slow=slow), expected)
            ws.joined.drop()

    def test_one_may_be_closed(self):
        slow, other = everybody = self.open_many(2)
        self.make_slow(slow)
        self.assertEqual(broadcast(everybody, "1", slow="close"), 1)
        self.assertIs(slow.state, State.CLOSING)
        slow.peer.transport.resumeProducing()
        self.assertEqual(self.got(slow)[-1], (CLOSE, closing(1013, "too slow")))
        self.assertEqual(self.got(other), [(TEXT, b"1")])
        slow.joined.drop()

    def test_the_bytes_that_wait_are_bounded_with_a_stuck_one_among_many(self):
        stuck, *others = everybody = self.open_many(10)
        stuck.peer.transport.pauseProducing()
        for _ in range(1000):
            broadcast(everybody, "x" * 1000)
            for ws in others:
                self.got(ws)
        self.assertLess(sum(map(len, driver_of(stuck).outbox._waiting)), 2**15 + 2000)
        for ws in everybody:
            ws.joined.drop()

    def test_there_is_no_other_policy(self):
        error = self.assertRaises(ValueError, broadcast, [], "hello", slow="wait")
        self.assertEqual(str(error), "slow must be one of ('skip', 'drop', 'close'); it is 'wait'")

"""Rooms in memory: their members, and their messages."""

import gc
import weakref

from twisted.internet.task import Clock
from zope.interface.verify import verifyObject

from tests.support.sides import Joined, Peer, QuietTestCase, RecordedServer
from txws2._connection.ending import Moment
from txws2._connection.handle import driver_of
from txws2._connection.rooms import Rooms
from txws2.interfaces import IRooms, Presence
from txws2.server.factory import WebSocketServerFactory


class RoomsTestCase(QuietTestCase):
    def setUp(self):
        super().setUp()
        self.rooms = Rooms()

    def enter(self, *rooms, info=None):
        """Open a connection and let it join; return both its ends."""
        both = self.join()
        for room in rooms:
            self.assertIsNone(self.successResultOf(self.rooms.join(room, both.server, info)))
        return both

    def here(self, room):
        return self.successResultOf(self.rooms.here(room))

    def names(self):
        return self.successResultOf(self.rooms.names())

    def say(self, room, message, *arguments, **options):
        return self.successResultOf(self.rooms.broadcast(room, message, *arguments, **options))

    def heard(self, both):
        """Return the messages that a client has got since the last call."""
        both.pump()
        heard = []
        while (waiting := both.client.recv()).called:
            heard.append(self.successResultOf(waiting))
        waiting.addErrback(lambda _: None)
        waiting.cancel()
        return heard


class BroadcastTests(RoomsTestCase):
    def test_all_in_a_room_hear_what_is_said_there(self):
        alice, bob, carol = self.enter("a"), self.enter("a", "b"), self.enter("b")
        self.assertEqual(self.say("a", "hello"), 2)
        self.assertEqual([self.heard(each) for each in (alice, bob, carol)], [["hello"]] * 2 + [[]])

    def test_a_member_that_joins_twice_hears_once(self):
        alice = self.enter("a", "a")
        self.assertEqual(self.say("a", "hello"), 1)
        self.assertEqual(self.heard(alice), ["hello"])

    def test_one_may_be_left_out(self):
        alice, bob = self.enter("a"), self.enter("a")
        self.assertEqual(self.say("a", "hello", but=alice.server), 1)
        self.assertEqual((self.heard(alice), self.heard(bob)), ([], ["hello"]))

    def test_nobody_need_be_there(self):
        self.assertEqual(self.say("a", "hello"), 0)
        self.assertRaises(TypeError, self.rooms.broadcast, "a", 5)

    def test_the_options_are_those_of_a_broadcast(self):
        alice = self.enter("a")
        self.assertEqual(self.say("a", b"hello", True, compress=False), 1)
        self.assertEqual(self.heard(alice), ["hello"])
        self.assertRaises(ValueError, self.rooms.broadcast, "a", "hello", slow="wait")

    def test_one_who_does_not_keep_up_may_be_closed(self):
        alice, bob = self.enter("a"), self.enter("a")
        alice.client_transport.pauseProducing()
        for _ in range(4):
            alice.server.sendMessage("x" * 50_000, compress=False)
        self.assertEqual(self.say("a", "hello", slow="close"), 1)
        self.assertEqual(self.heard(bob), ["hello"])
        self.assertEqual([each.id for each in self.here("a")], [bob.server.id])


class PresenceTests(RoomsTestCase):
    def test_members_are_listed_in_the_order_of_joining(self):
        alice, bob = self.enter("a", info="Alice"), self.enter("a", info={"name": "Bob"})
        expected = [Presence(alice.server.id, "Alice"), Presence(bob.server.id, {"name": "Bob"})]
        self.assertEqual(self.here("a"), expected)
        self.assertEqual(self.here("b"), [])

    def test_a_member_that_joins_again_may_say_something_else(self):
        alice, bob = self.enter("a", info="Alice"), self.enter("a")
        self.rooms.join("a", alice.server, "away")
        self.assertEqual([each.info for each in self.here("a")], ["away", None])
        self.assertEqual(self.say("a", "hello", but=bob.server), 1)

    def test_a_client_s_end_may_join(self):
        both = self.join()
        self.rooms.join("a", both.client)
        self.assertEqual(self.here("a"), [Presence(both.client.id)])

    def test_one_that_is_not_open_yet_is_not_here_but_will_be(self):
        factory = WebSocketServerFactory(create_protocol=RecordedServer, reactor=Clock())
        ws = factory.buildProtocol(None)
        both = Joined(ws, Peer(), factory.clock)
        self.rooms.join("a", ws)
        self.assertEqual((self.here("a"), self.names()), ([], ["a"]))
        both.drop()
        self.assertEqual(self.names(), [])


class LeavingTests(RoomsTestCase):
    def test_a_member_that_leaves_hears_no_more(self):
        alice, bob = self.enter("a", "b"), self.enter("a")
        self.rooms.leave("a", alice.server)
        self.assertEqual(self.say("a", "hello"), 1)
        self.assertEqual(self.say("b", "and here"), 1)
        self.assertEqual((self.heard(alice), self.heard(bob)), (["and here"], ["hello"]))

    def test_a_room_without_anybody_is_no_more(self):
        alice = self.enter("a", "b")
        self.assertEqual(self.names(), ["a", "b"])
        self.rooms.leave("a", alice.server)
        self.assertEqual(self.names(), ["b"])

    def test_nothing_happens_if_somebody_else_leaves(self):
        alice, bob = self.enter("a"), self.enter()
        for ws in alice.server, bob.server:
            self.assertIsNone(self.successResultOf(self.rooms.leave("b", ws)))
        self.assertEqual(self.names(), ["a"])

    def test_a_member_that_has_left_may_come_back(self):
        alice = self.enter("a")
        self.rooms.leave("a", alice.server)
        self.rooms.join("a", alice.server)
        self.assertEqual(self.say("a", "hello"), 1)
        alice.drop()
        self.assertEqual(self.names(), [])

    def test_a_closed_connection_has_left_all_rooms(self):
        alice, bob = self.enter("a", "b"), self.enter("a")
        closed = alice.server.close()
        alice.pump()
        self.successResultOf(closed)
        self.assertEqual(self.names(), ["a"])
        bob.drop()
        self.assertEqual(self.names(), [])

    def test_a_closing_connection_is_not_listed(self):
        alice = self.enter("a")
        alice.server.close()
        self.assertEqual(self.here("a"), [])
        self.assertEqual(self.say("a", "hello"), 0)

    def test_a_closed_connection_can_not_join(self):
        alice = self.enter()
        alice.server.close()
        self.rooms.join("a", alice.server)
        alice.pump()
        self.rooms.join("a", alice.server)
        self.assertEqual(self.names(), [])

    def test_in_a_handler_that_ends_one_is_not_here_any_more(self):
        seen = []

        async def handler(ws):
            await self.rooms.join("a", ws, "Alice")
            try:
                async for _ in ws:
                    pass
            finally:
                seen.append(await self.rooms.here("a"))

        both = self.join(handler=handler)
        self.assertEqual([each.info for each in self.here("a")], ["Alice"])
        both.client.close()
        both.pump()
        self.assertEqual(seen, [[]])


class ChurnTests(RoomsTestCase):
    def assertEmpty(self):
        self.assertEqual(vars(self.rooms), vars(Rooms()))

    def test_nothing_remains_of_ten_thousand_who_come_and_leave(self):
        everybody = [self.join().server for _ in range(10)]
        for turn in range(1000):
            for ws in everybody:
                self.rooms.join(f"room {turn % 7}", ws, turn)
                self.rooms.join("lobby", ws, turn)
            for ws in everybody:
                self.rooms.leave("lobby", ws)
                self.rooms.leave(f"room {turn % 7}", ws)
        self.assertEmpty()
        for ws in everybody:
            self.assertEqual(driver_of(ws).ending.waiting(Moment.CLOSED), 0)

    def test_nothing_remains_of_those_who_were_cut_off(self):
        gone = []
        for number in range(100):
            both = self.enter("lobby", f"room {number % 7}")
            gone.append(weakref.ref(both.server))
            both.drop()
        del both
        self.assertEmpty()
        gc.collect()
        self.assertEqual([ws() for ws in gone if ws() is not None], [])


class InterfaceTests(RoomsTestCase):
    def test_they_are_what_the_interface_says(self):
        verifyObject(IRooms, self.rooms)

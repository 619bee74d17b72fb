"""`RelayClient`, with a relay and with servers that aren't one, in memory."""

import json

from twisted.internet.defer import CancelledError, Deferred

from tests.support.sides import QuietTestCase
from txws2.exceptions import ConcurrencyError, ConnectionClosed, InvalidState, NegotiationError
from txws2.relay import SUBPROTOCOL, Gap, Message, Position, Relay, RelayClient, RelayError
from txws2.testing import MemoryReactor, ScriptedServer


class ClientTestCase(QuietTestCase):
    def serve(self, handler=None, subprotocols=(SUBPROTOCOL,), **options):
        self.reactor = MemoryReactor()
        self.relay = Relay(reactor=self.reactor, **options)
        self.server = ScriptedServer(
            handler or self.relay,
            reactor=self.reactor,
            subprotocols=subprotocols,
            ping_interval=None,
        )
        self.client = RelayClient(
            "ws://example.com/", reactor=self.reactor, proxy=None, ping_interval=None
        )
        self.client.startService()
        self.reactor.pump()
        self.addCleanup(self.stop, self.client, self.reactor)

    def stop(self, client=None, reactor=None):
        stopped = (client or self.client).stopService()
        (reactor or self.reactor).advance(10)
        self.successResultOf(stopped)

    def iterate(self, subscription):
        """Iterate; return the items so far, and at the end the exception, or None."""
        items = []

        async def iterate():
            try:
                async for item in subscription:
                    items.append(item)
            except Exception as exc:
                items.append(exc)
            else:
                items.append(None)

        Deferred.fromCoroutine(iterate())
        self.reactor.pump()
        return items

    def publish(self, data, room="a"):
        position = self.successResultOf(self.relay.publish(room, data))
        self.reactor.pump()
        return position


def data_of(items):
    return [item.data if isinstance(item, Message) else item for item in items]


class SubscribingTests(ClientTestCase):
    def test_messages_come_with_their_positions(self):
        self.serve()
        first = self.publish("one")
        items = self.iterate(self.client.subscribe("a"))
        self.publish(b"\x00")
        self.assertEqual(data_of(items), ["one", b"\x00"])
        self.assertEqual([each.position for each in items], [first, Position(first.epoch, 2)])

    def test_since_resumes_at_a_position(self):
        self.serve()
        position = self.publish("one")
        self.publish("two")
        self.assertEqual(data_of(self.iterate(self.client.subscribe("a", str(position)))), ["two"])
        self.assertRaises(ValueError, self.client.subscribe, "a")
        self.assertRaises(ValueError, self.client.subscribe, "b", "x")
        self.assertRaises(RelayError, self.client.subscribe, "\n")

    def test_a_lost_connection_loses_no_message(self):
        self.serve()
        items = self.iterate(self.client.subscribe("a"))
        self.publish("one")
        self.server.connection.drop()
        self.publish("two")
        self.reactor.advance(10)
        self.publish("three")
        self.assertEqual(data_of(items), ["one", "two", "three"])

    def test_a_gap_is_reported(self):
        self.serve(history=1)
        items = self.iterate(self.client.subscribe("a"))
        epoch = self.publish("one").epoch
        self.server.connection.drop()
        self.publish("two")
        self.publish("three")
        self.reactor.advance(10)
        self.assertEqual(data_of(items), ["one", Gap("a", Position(epoch, 2)), "three"])

    def test_a_slow_iterator_stops_the_reading(self):
        self.serve(history=10_000, history_bytes=10**8)
        subscription = self.client.subscribe("a")
        self.reactor.pump()
        for number in range(200):
            self.publish(f"{number}".ljust(20_000))
        self.assertLess(len(subscription._queue), 20)
        items = self.iterate(subscription)
        self.assertEqual([int(item.data) for item in items], [*range(200)])

    def test_closing_a_subscription_leaves_the_room(self):
        self.serve()
        subscription = self.client.subscribe("a")
        items = self.iterate(subscription)
        subscription.close()
        self.publish("one")
        self.assertEqual((items, self.relay._rooms), ([None], {}))
        self.assertEqual(data_of(self.iterate(self.client.subscribe("a"))), ["one"])

    def test_only_one_may_iterate_at_a_time(self):
        self.serve()
        subscription = self.client.subscribe("a")
        self.iterate(subscription)
        (refused,) = self.iterate(subscription)
        self.assertIsInstance(refused, ConcurrencyError)

    def test_a_refused_subscription_raises(self):
        self.serve(max_rooms_each=1)
        self.client.subscribe("a")
        (refused,) = self.iterate(self.client.subscribe("b"))
        self.assertEqual(refused.code, "too-many-rooms")

    def test_stopping_ends_the_iteration(self):
        self.serve()
        items = self.iterate(self.client.subscribe("a"))
        self.stop()
        self.assertEqual(items, [None])


class PublishingTests(ClientTestCase):
    def test_publishing_returns_the_position(self):
        self.serve()
        position = self.reactor.result_of(self.client.publish("a", "one"))
        self.assertEqual(position.offset, 1)
        self.assertEqual(data_of(self.iterate(self.client.subscribe("a"))), ["one"])

    def test_a_message_whose_answer_is_lost_is_sent_again_and_not_doubled(self):
        self.serve()
        publishing = self.client.publish("a", "one")
        # The message arrives, and its answer doesn't.
        both = self.server.connection
        both.client_transport.step()
        both.server_transport.step()
        self.assertEqual(self.relay._history.names(), ["a"])
        both.drop()
        self.reactor.advance(10)
        self.assertEqual(self.successResultOf(publishing).offset, 1)
        self.assertEqual(self.publish("two").offset, 2)

    def test_refusals_and_limits_are_failures(self):
        self.serve(publish="nobody")
        refused = self.client.publish("a", "one")
        self.reactor.pump()
        self.assertEqual(self.failureResultOf(refused, RelayError).value.code, "not-allowed")
        waiting = [self.client.publish("a", "one") for _ in range(257)]
        self.failureResultOf(waiting[-1], InvalidState)

    def test_what_cannot_be_sent_is_refused_at_once_and_hinders_nothing_later(self):
        self.serve()
        self.assertRaises(RelayError, self.client.publish, "a", "\ud800")
        self.assertRaises(RelayError, self.client.publish, "\n", "x")
        for data in 7, None, bytearray(b"x"):
            self.assertRaises(TypeError, self.client.publish, "a", data)
        for info in float("nan"), "\ud800":
            self.assertRaises(ValueError, self.client.subscribe, "a", info=info)
        self.assertRaises(TypeError, self.client.subscribe, "a", info=object())
        items = self.iterate(self.client.subscribe("a"))
        self.reactor.connections[0].drop()
        self.reactor.advance(100)
        self.client.publish("a", "fine")
        self.reactor.pump()
        self.assertEqual(data_of(items), ["fine"])

    def test_a_refusal_for_its_rate_says_how_long_to_wait(self):
        self.serve(publish_rate=1)
        first, refused = self.client.publish("a", "one"), self.client.publish("a", "two")
        self.reactor.pump()
        self.successResultOf(first)
        error = self.failureResultOf(refused, RelayError).value
        self.assertEqual((error.code, error.wait), ("too-fast", 1))

    def test_stopping_fails_what_waits(self):
        self.serve()
        self.stop()
        self.client.startService()
        waiting = self.client.publish("a", "one")
        self.stop()
        self.failureResultOf(waiting, CancelledError)


class ComingBackTests(ClientTestCase):
    def test_close_codes_say_whether_to_come_back(self):
        for code, back in (
            (1001, True),
            (1011, True),
            (1012, True),
            (1013, True),
            (4508, True),
            (4503, True),
            (3000, True),
            (1000, True),
            (1008, False),
            (4403, False),
        ):
            self.serve()
            items = self.iterate(self.client.subscribe("a"))
            waiting = self.client.publish("b", "x")
            self.server.connection.server.close(code, "as tested")
            self.reactor.advance(10)
            self.assertEqual(len(self.server.attempts), 1 + back, code)
            if back:
                self.publish("one")
                self.assertEqual(data_of(items), ["one"])
            else:
                self.assertIsInstance(items[0], ConnectionClosed, code)
                self.failureResultOf(waiting, ConnectionClosed)
            self.take_loud()

    def test_a_server_that_is_no_relay_is_given_up(self):
        self.serve(lambda ws: ws.wait_closed(), subprotocols=())
        items = self.iterate(self.client.subscribe("a"))
        self.reactor.advance(60)
        self.assertIsInstance(items[0], NegotiationError)
        self.failureResultOf(self.client.publish("a", "x"), NegotiationError)
        self.assertEqual(len(self.take_loud()), 1)

    def test_what_a_newer_relay_says_is_passed_over(self):
        async def handler(ws):
            await ws.send(json.dumps({"type": "news", "room": "a"}))
            await self.relay(ws)

        self.serve(handler)
        items = self.iterate(self.client.subscribe("a"))
        self.publish("one")
        self.assertEqual(data_of(items), ["one"])

    def test_a_subprotocol_of_the_application_is_refused(self):
        self.assertRaises(TypeError, RelayClient, "ws://example.com/", subprotocols=["x"])

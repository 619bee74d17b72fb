"""Timers that the clients of a clock share."""

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from txws2._time.deadlines import Deadlines
from txws2._time.sharing import _shared, shared
from txws2.client.protocol import WebSocketClientFactory
from txws2.server.factory import WebSocketServerFactory


class SharingTests(SynchronousTestCase):
    def test_clients_with_the_same_times_have_one_timer(self):
        clock = Clock()
        one, two = (WebSocketClientFactory("ws://h/", reactor=clock) for _ in range(2))
        self.assertIs(one.keepalive, two.keepalive)
        self.assertIs(one.closing_deadlines, two.closing_deadlines)
        self.assertIs(one.parting_deadlines, two.parting_deadlines)
        self.assertIsNot(one.closing_deadlines, one.opening_deadlines)

    def test_other_times_or_another_clock_have_another(self):
        clock = Clock()
        one = WebSocketClientFactory("ws://h/", reactor=clock)
        for other in (
            WebSocketClientFactory("ws://h/", reactor=clock, ping_interval=5, close_timeout=5),
            WebSocketClientFactory("ws://h/", reactor=Clock()),
            WebSocketServerFactory(reactor=clock),
        ):
            self.assertIsNot(one.keepalive, other.keepalive)
            self.assertIsNot(one.closing_deadlines, other.closing_deadlines)

    def test_it_is_kept_as_long_as_somebody_has_it(self):
        clock = Clock()
        made = shared(Deadlines, clock, 1, len)
        self.assertIn(made, list(_shared.values()))
        del made
        self.assertFalse([key for key in _shared if key[1] is clock])

    def test_a_clock_without_a_hash_has_its_own(self):
        class Unhashable(Clock):
            __hash__ = None

        clock = Unhashable()
        self.assertIsNot(shared(Deadlines, clock, 1, len), shared(Deadlines, clock, 1, len))

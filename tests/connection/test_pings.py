from twisted.internet.defer import CancelledError
from twisted.trial.unittest import SynchronousTestCase

from txws2._connection.pings import PendingPings
from txws2.exceptions import ConcurrencyError, ConnectionClosedError


class PendingPingsTests(SynchronousTestCase):
    def setUp(self):
        self.pings = PendingPings()

    def test_a_pong_tells_how_long_it_took(self):
        pinging = self.pings.add(b"a", 10.0)
        self.pings.settle(b"a", 10.25)
        self.assertEqual(self.successResultOf(pinging), 0.25)
        self.assertEqual(self.pings.latency, 0.25)

    def test_there_is_no_latency_before_the_first_pong(self):
        self.pings.add(b"a", 10.0)
        self.assertEqual(self.pings.latency, 0.0)

    def test_a_pong_settles_earlier_pings_but_none_later(self):
        first, second, third = (self.pings.add(each, 0.0) for each in (b"1", b"2", b"3"))
        self.pings.settle(b"2", 5.0)
        self.assertEqual([self.successResultOf(each) for each in (first, second)], [5.0, 5.0])
        self.assertNoResult(third)

    def test_a_pong_that_nobody_knows_settles_nothing(self):
        pinging = self.pings.add(b"a", 0.0)
        self.pings.settle(b"b", 1.0)
        self.assertNoResult(pinging)
        self.assertEqual(self.pings.latency, 0.0)

    def test_a_second_pong_settles_nothing(self):
        self.pings.add(b"a", 0.0)
        self.pings.settle(b"a", 1.0)
        self.pings.settle(b"a", 9.0)
        self.assertEqual(self.pings.latency, 1.0)

    def test_the_payload_of_a_ping_that_waits_is_taken(self):
        self.pings.add(b"a", 0.0)
        self.pings.check(b"b")
        error = self.assertRaises(ConcurrencyError, self.pings.check, b"a")
        self.assertEqual(str(error), "a ping with the payload b'a' is already waiting")

    def test_the_payload_is_free_again_after_the_pong(self):
        self.pings.add(b"a", 0.0)
        self.pings.settle(b"a", 1.0)
        self.pings.check(b"a")

    def test_only_the_latest_ping_of_the_keepalive_waits(self):
        first, second = (self.pings.add_for_keepalive(seconds) for seconds in (0.0, 20.0))
        self.pings.check(first)
        self.assertRaises(ConcurrencyError, self.pings.check, second)

    def test_one_of_the_keepalive_tells_the_latency_too(self):
        self.pings.settle(self.pings.add_for_keepalive(10.0), 10.5)
        self.assertEqual(self.pings.latency, 0.5)
        self.pings.add_for_keepalive(30.0)

    def test_payloads_are_four_bytes_and_differ(self):
        payloads = {self.pings.new_payload() for _ in range(100)}
        self.assertGreater(len(payloads), 90)
        self.assertEqual({len(payload) for payload in payloads}, {4})

    def test_one_who_cancelled_lost_interest_and_the_pong_is_no_surprise(self):
        pinging = self.pings.add(b"a", 0.0)
        pinging.cancel()
        self.failureResultOf(pinging, CancelledError)
        self.pings.settle(b"a", 1.0)
        self.assertEqual(self.pings.latency, 1.0)

    def test_the_end_fails_all_of_them(self):
        pings = [self.pings.add(each, 0.0) for each in (b"1", b"2")]
        self.pings.close(ConnectionClosedError(None, None))
        for pinging in pings:
            self.failureResultOf(pinging, ConnectionClosedError)

    def test_a_callback_that_pings_again_is_not_settled_with_the_rest(self):
        again = []
        pinging = self.pings.add(b"a", 0.0)
        pinging.addCallback(lambda _: again.append(self.pings.add(b"a", 1.0)))
        self.pings.settle(b"a", 1.0)
        self.assertNoResult(again[0])

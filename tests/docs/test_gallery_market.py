"""docs/examples/gallery/market.py in memory."""

import json

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.support.gallery import example
from txws2 import ConnectionClosed
from txws2.testing import joined


class MarketTests(SynchronousTestCase):
    def setUp(self):
        self.example = example(self, "market")
        self.market = self.example.Market()

    def subscribe(self, **options):
        return self.enterContext(joined(self.market.handler, **options))

    def heard(self, both):
        quotes = json.loads(both.result_of(both.client.recv()))
        return [(quote["symbol"], quote["price"]) for quote in quotes]

    def test_a_subscriber_begins_with_the_latest_quotes_and_gets_each_new_one(self):
        for symbol, price in ("TEA", 4), ("SALT", 1), ("TEA", 5):
            self.market.quote(symbol, price)
        both = self.subscribe()
        self.assertEqual(self.heard(both), [("TEA", 5), ("SALT", 1)])
        self.market.quote("TEA", 4.23456)
        self.assertEqual(self.heard(both), [("TEA", 4.2346)])

    def test_a_thousand_subscribers_get_it(self):
        clock = Clock()
        everybody = [
            self.subscribe(clock=clock, compression=None, ping_interval=None) for _ in range(1000)
        ]
        self.market.quote("TEA", 4)
        for both in everybody:
            self.assertEqual([self.heard(both), self.heard(both)], [[], [("TEA", 4)]])

    def test_a_slow_subscriber_is_closed_and_the_others_miss_nothing(self):
        slow = self.subscribe(write_limit=1000, compression=None)
        other = self.subscribe()
        slow.client_transport.pauseProducing()
        self.assertEqual(self.heard(other), [])
        for number in range(2000):
            self.market.quote("TEA", number)
            slow.pump()
            self.assertEqual(self.heard(other), [("TEA", number)])
        slow.client_transport.resumeProducing()
        with self.assertRaises(ConnectionClosed):
            for _ in range(2000):
                self.heard(slow)
        self.assertEqual(slow.client.close_code, 1013)
        self.assertEqual(len(self.market.subscribers), 1)

    def test_trading_changes_one_price(self):
        prices = {"TEA": 4.0}
        self.example.trade(self.market, prices)
        self.assertEqual(self.market.latest["TEA"]["price"], round(prices["TEA"], 4))
        self.assertNotEqual(prices["TEA"], 4.0)

"""docs/examples/gallery/feed.tac and its server in memory: no event is lost, and none doubled."""

import json
import os
import runpy
import sqlite3
from contextlib import closing, contextmanager
from pathlib import Path
from unittest.mock import patch

from twisted.application.service import IServiceCollection
from twisted.logger import formatEvent

from tests.support.gallery import GALLERY, example
from tests.support.sides import QuietTestCase
from txws2.testing import Drop, Refuse, ScriptedServer, Vanish, joined

URI = "ws://feed.example/"


class FeedTestCase(QuietTestCase):
    def setUp(self):
        super().setUp()
        self.feed = example(self, "feed_server").Feed(kept=20)
        self.feed.numbers = iter(range(1, 10_000))


class ServerTests(FeedTestCase):
    def connect(self, message):
        both = self.enterContext(joined(self.feed.handler))
        both.client.sendMessage(message)
        both.pump()
        return both

    def heard(self, both, events):
        return [json.loads(both.result_of(both.client.recv()))["number"] for _ in range(events)]

    def test_a_subscriber_gets_what_it_has_missed_and_then_what_comes(self):
        for data in "abcd":
            self.feed.publish(data)
        both = self.connect('{"after": 2}')
        self.feed.publish("e")
        self.assertEqual(self.heard(both, 3), [3, 4, 5])

    def test_it_keeps_the_latest_events(self):
        for number in range(30):
            self.feed.publish(number)
        self.assertEqual(self.heard(self.connect('{"after": 0}'), 20), list(range(11, 31)))

    def test_a_wrong_request_is_refused(self):
        for message in "hello", "[]", "[" * 100_000, b"\xff", '{"after": "x"}':
            self.assertEqual(self.connect(message).client.close_code, 1008)


class ClientTests(FeedTestCase):
    def setUp(self):
        super().setUp()
        self.database = str(Path(self.mktemp()).absolute())

    @contextmanager
    def running(self, *steps):
        """Run feed.tac, with a server in memory that has this script."""
        settings = {"FEED_URI": URI, "FEED_DATABASE": self.database}
        server = ScriptedServer(self.feed.handler, at=URI).script(*steps)
        with patch.dict(os.environ, settings), server:
            tac = runpy.run_path(str(GALLERY / "feed.tac"))
            services = IServiceCollection(tac["application"])
            services.startService()
            server.pump()
            yield server
            server.result_of(services.stopService())
            tac["journal"].database.close()

    def publish(self, server, *events):
        for data in events:
            self.feed.publish(data)
            server.pump()

    def assertStored(self, *events):
        with closing(sqlite3.connect(self.database)) as database:
            found = [json.loads(data) for [data] in database.execute("select data from events")]
        self.assertEqual(found, list(events))

    def test_no_event_is_lost_or_doubled_whatever_happens_to_the_connection(self):
        steps = Drop(after=10), ConnectionRefusedError(), Refuse(404), Vanish(after=5), Refuse(503)
        with self.running(*steps) as server:
            for event in range(15):
                self.publish(server, event)
                server.advance(20)
        self.assertStored(*range(15))
        told = [event["log_format"] for event in self.take_loud()]
        self.assertEqual(told, ["the feed has answered {status}"] * 2)

    def test_another_process_goes_on_where_the_last_one_ended(self):
        with self.running() as server:
            self.publish(server, "a", "b")
        self.feed.publish("c")
        with self.running() as server:
            self.publish(server, "d")
        self.assertStored("a", "b", "c", "d")

    def test_events_that_the_feed_keeps_no_more_are_noticed(self):
        with self.running() as server:
            self.publish(server, 0)
        for event in range(1, 31):
            self.feed.publish(event)
        with self.running():
            pass
        self.assertStored(0, *range(11, 31))
        [event] = self.take_loud()
        self.assertEqual(formatEvent(event), "nothing between 1 and 12")

"""docs/howto/tasks.rst shows code that works."""

from pathlib import Path

from twisted.internet.defer import Deferred, DeferredQueue
from twisted.internet.task import LoopingCall

import txws2
from tests.command.test_commands import ROOT
from tests.support.examples import ExampleTestCase, blocks, free_port
from tests.support.sides import QuietTestCase
from txws2.testing import joined

CLOCK, SEVERAL, STATUS, TICKER, FEED, ECHO, ANSWER, MANY = blocks(
    Path(ROOT, "docs", "howto", "tasks.rst").read_text(), "python"
)


class HowtoTests(QuietTestCase):
    def setUp(self):
        super().setUp()
        self.printed = []
        self.names = {"reactor": self.clock, "txws2": txws2, "print": self.printed.append}

    def show(self, *examples, **names):
        """Run these blocks of the page, with these names; return what they have defined."""
        self.names.update(names)
        for example in examples:
            exec(example, self.names)
        self.names["LoopingCall"] = self.call_in_a_loop
        return self.names

    def call_in_a_loop(self, function, *args):
        """Return a LoopingCall that goes by the clock and not by the reactor."""
        looping = LoopingCall(function, *args)
        looping.clock = self.clock
        return looping

    def connect(self, handler=None, **options):
        options.setdefault("ping_interval", None)
        return self.enterContext(joined(handler=handler, clock=self.clock, **options))

    def heard(self, both):
        """Return the messages that the client has got."""
        both.pump()
        messages = []
        while True:
            receiving = both.client.recv(timeout=0)
            receiving.addErrback(lambda failure: failure.trap(TimeoutError) and None)
            message = self.successResultOf(receiving)
            if message is None:
                return messages
            messages.append(message)

    def leave(self, both):
        both.client.close()
        both.pump()

    def test_a_clock_stops_when_the_peer_leaves(self):
        for leave in self.leave, lambda both: both.drop():
            both = self.connect(self.show(CLOCK)["clock"])
            both.advance(2)
            self.assertEqual(len(self.heard(both)), 3)
            leave(both)
            self.assertEqual(self.printed.pop(), "stopped")
            self.assertEqual(self.clock.getDelayedCalls(), [])
            self.assertEqual(both.take_failures(), [])

    def show_several(self):
        self.saved, self.queue = [], DeferredQueue()

        async def save(message):
            self.saved.append(message)

        return self.show(SEVERAL, save=save, subscribe=lambda ws: self.queue)["handler"]

    def test_a_handler_receives_and_feeds(self):
        for leave in self.leave, lambda both: both.drop():
            both = self.connect(self.show_several())
            both.client.sendMessage("hello")
            self.queue.put("price")
            self.assertEqual(self.heard(both), ["price"])
            self.assertEqual(self.saved, ["hello"])
            leave(both)
            self.assertEqual(self.queue.waiting, [])
            self.assertEqual(both.server.factory.running, set())
            self.assertEqual(both.take_failures(), [])

    def test_a_feed_that_fails_closes_the_connection_and_is_logged_once(self):
        both = self.connect(self.show_several())
        self.queue.put(42)
        both.pump()
        self.assertEqual(both.client.close_code, 1011)
        self.assertEqual(len(both.take_failures()), 1)
        [event] = self.take_loud()
        self.assertEqual(event["log_format"], "connection handler failed")
        self.assertEqual(both.server.factory.running, set())

    def test_a_receiver_that_fails_closes_the_connection_and_is_logged_once(self):
        handler = self.show_several()
        self.names["save"] = None
        both = self.connect(handler)
        both.client.sendMessage("hello")
        both.pump()
        self.assertEqual(both.client.close_code, 1011)
        self.assertEqual(len(both.take_failures()), 1)
        self.assertEqual(len(self.take_loud()), 1)
        self.assertEqual(self.queue.waiting, [])

    def test_a_status_is_sent_at_intervals(self):
        reports = iter(["1", "2", "3"])
        both = self.connect(self.show(STATUS, report=lambda: next(reports))["status"])
        both.client.sendMessage("hello")
        both.advance(10)
        self.assertEqual(self.heard(both), ["1", "2", "3"])
        self.assertEqual(self.printed, ["hello"])
        self.leave(both)
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.assertEqual(both.take_failures(), [])

    def test_a_status_that_fails_is_reported_at_the_end(self):
        both = self.connect(self.show(STATUS, report={}.popitem)["status"])
        self.leave(both)
        [failure] = both.take_failures()
        self.assertIsInstance(failure, KeyError)
        self.assertEqual(len(self.take_loud()), 1)

    def test_a_ticker_in_push_style(self):
        both = self.connect(server=self.show(STATUS, TICKER)["Ticker"])
        both.advance(2)
        self.assertEqual(self.heard(both), ["tick"] * 3)
        both.drop()
        self.assertEqual(self.clock.getDelayedCalls(), [])
        with self.assertRaises(txws2.InvalidStatus):
            refuse = {"process_request": lambda ws, request: ws.respond(403, "no")}
            self.connect(server=self.names["Ticker"], **refuse)
        self.assertEqual(self.take_loud(), [])

    def test_an_idle_connection_is_closed(self):
        both = self.connect(self.show(ECHO)["echo"])
        both.advance(59)
        both.client.sendMessage("hello")
        both.advance(59)
        self.assertEqual(self.heard(both), ["hello"])
        both.advance(1)
        self.assertEqual((both.client.close_code, both.client.close_reason)[0], 4000)
        self.assertEqual(both.client.close_reason, "idle for a minute")

    def test_work_that_takes_too_long_is_cancelled(self):
        async def work(question):
            return await working

        answer = self.show(ANSWER, work=work)["answer"]
        working = Deferred()
        both = self.connect(lambda ws: answer(ws, "why?"))
        both.advance(10)
        self.assertTrue(working.called)
        self.assertEqual(self.successResultOf(both.client.recv()), "that takes too long")

    def test_many_answers_at_once(self):
        async def work(message):
            self.begun[message] = Deferred()
            return await self.begun[message]

        self.begun = {}
        busy = self.show(FEED.partition("async def")[0], MANY, work=work)["busy"]
        both = self.connect(busy)
        for number in range(12):
            both.client.sendMessage(str(number))
        both.pump()
        self.assertEqual(len(self.begun), 10)
        for number in 5, 3:
            self.begun[str(number)].callback(f"answer {number}")
        self.assertEqual(self.heard(both), ["answer 5", "answer 3"])
        self.assertEqual(len(self.begun), 12)
        both.drop()
        self.assertTrue(all(working.called for working in self.begun.values()))
        self.assertEqual(both.take_failures(), [])
        self.assertEqual(self.take_loud(), [])

    def test_one_of_many_that_fails_is_logged_and_the_others_go_on(self):
        async def work(message):
            return {"2": "two"}[message]

        both = self.connect(self.show(FEED.partition("async def")[0], MANY, work=work)["busy"])
        both.client.sendMessage("1")
        both.client.sendMessage("2")
        self.assertEqual(self.heard(both), ["no reply", "two"])
        [event] = self.take_loud()
        self.assertEqual(event["log_format"], "no reply")


class FeedTests(ExampleTestCase):
    async def test_one_feed_for_all(self):
        port = free_port()
        head = "import txws2\nfrom twisted.internet.task import LoopingCall\nprice = '1.50'.strip\n"
        program = self.run_block(head + FEED, port)
        await self.until_somebody_listens(port)
        uri = f"ws://localhost:{port}/"
        async with txws2.connect(uri) as one, txws2.connect(uri) as two:
            for ws in one, two:
                self.assertEqual(await ws.recv(), "1.50")
        program.transport.signalProcess("INT")
        await program.ended
        self.assertEqual(program.status, 0)

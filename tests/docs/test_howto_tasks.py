"""docs/howto/tasks.rst shows code that works."""

from pathlib import Path
from types import SimpleNamespace

import twisted.internet
from twisted.internet.task import deferLater

import txws2
from tests.command.test_commands import ROOT
from tests.support.examples import ExampleTestCase, blocks, free_port
from tests.support.printed import PrintedTestCase
from txws2.testing import joined

CLOCK, STATUS, TICKER, FEED, ECHO, ANSWER = blocks(
    Path(ROOT, "docs", "howto", "tasks.rst").read_text(), "python"
)
EXAMPLES = Path(ROOT, "docs", "examples", "tasks")
SEVERAL = (EXAMPLES / "queues.py").read_text()
MANY = (EXAMPLES / "many.py").read_text()


class HowtoTests(PrintedTestCase):
    def setUp(self):
        super().setUp()
        self.patch(twisted.internet, "reactor", self.clock)

    def show(self, block, **names):
        """Run a block of the page; return its names, with other values for these."""
        found = self.run_printed(block)
        self.assertLessEqual(set(names), set(found))
        found.update(names)
        return found

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
            self.assertEqual(self.printed()[-1], "stopped")
            self.assertEqual(self.clock.getDelayedCalls(), [])
            self.assertEqual(both.take_failures(), [])
        self.assertEqual(self.printed(), ["stopped"] * 2)

    def test_a_handler_receives_and_feeds(self):
        for leave in self.leave, lambda both: both.drop():
            names = self.show(SEVERAL)
            both, another = (self.connect(names["handler"]) for _ in range(2))
            both.client.sendMessage("hello")
            for each in both, another:
                self.assertEqual(self.heard(each), ["hello"])
            [queue, _] = names["queues"]
            leave(both)
            leave(another)
            self.assertEqual((queue.waiting, names["queues"]), ([], set()))
            self.assertEqual(both.server.factory.running, set())
            self.assertEqual(both.take_failures(), [])

    def test_a_feed_that_fails_closes_the_connection_and_is_logged_once(self):
        names = self.show(SEVERAL)
        both = self.connect(names["handler"])
        [queue] = names["queues"]
        queue.put(42)
        both.pump()
        self.assertEqual(both.client.close_code, 1011)
        self.assertEqual(len(both.take_failures()), 1)
        [event] = self.take_loud()
        self.assertEqual(event["log_format"], "connection handler failed")
        self.assertEqual(both.server.factory.running, set())

    def test_a_receiver_that_fails_closes_the_connection_and_is_logged_once(self):
        names = self.show(SEVERAL)
        both = self.connect(names["handler"])
        [queue] = names["queues"]
        names["queues"].add(None)
        both.client.sendMessage("hello")
        both.pump()
        self.assertEqual(both.client.close_code, 1011)
        self.assertEqual(len(both.take_failures()), 1)
        self.assertEqual(len(self.take_loud()), 1)
        self.assertEqual(queue.waiting, [])

    def show_status(self, function):
        """Run the block, with a function in place of the machine's load; return its handler."""
        return self.show(STATUS, os=SimpleNamespace(getloadavg=function))["status"]

    def test_a_status_is_sent_at_intervals(self):
        loads = iter([[1], [2], [3]])
        both = self.connect(self.show_status(lambda: next(loads)))
        both.client.sendMessage("hello")
        both.advance(10)
        self.assertEqual(self.heard(both), ["1", "2", "3"])
        self.assertEqual(self.printed(), ["hello"])
        self.leave(both)
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.assertEqual(both.take_failures(), [])

    def test_a_status_that_fails_is_reported_at_the_end(self):
        both = self.connect(self.show_status({}.popitem))
        self.leave(both)
        [failure] = both.take_failures()
        self.assertIsInstance(failure, KeyError)
        self.assertEqual(len(self.take_loud()), 1)

    def test_a_ticker_in_push_style(self):
        ticker = self.show(TICKER)["Ticker"]
        self.assertIs(self.served[0][2]["create_protocol"], ticker)
        both = self.connect(server=ticker)
        both.advance(2)
        self.assertEqual(self.heard(both), ["tick"] * 3)
        both.drop()
        self.assertEqual(self.clock.getDelayedCalls(), [])
        with self.assertRaises(txws2.InvalidStatus):
            refuse = {"process_request": lambda ws, request: ws.respond(403, "no")}
            self.connect(server=ticker, **refuse)
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
        both = self.connect(self.show(ANSWER)["answer"])
        both.client.sendMessage("why?" * 3)
        both.advance(10)
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.assertEqual(both.result_of(both.client.recv()), "that takes too long")
        both = self.connect(self.show(ANSWER)["answer"])
        both.client.sendMessage("why?")
        both.advance(4)
        self.assertEqual(both.result_of(both.client.recv()), "42")

    def test_many_answers_at_once(self):
        begun = []

        async def work(message):
            begun.append(message)
            await deferLater(self.clock, float(message))
            return message

        both = self.connect(self.show(MANY, work=work)["busy"])
        for number in range(12):
            both.client.sendMessage(str(20 - number))
        both.pump()
        self.assertEqual(begun, [str(20 - number) for number in range(10)])
        both.advance(12)
        self.assertEqual(self.heard(both), ["11", "12"])
        self.assertEqual(begun[10:], ["10", "9"])
        both.drop()
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.assertEqual(both.take_failures(), [])
        self.assertEqual(self.take_loud(), [])

    def test_one_of_many_that_fails_is_logged_and_the_others_go_on(self):
        both = self.connect(self.show(MANY)["busy"])
        both.client.sendMessage("one")
        both.client.sendMessage("1")
        both.advance(1)
        both.advance(1)
        self.assertEqual(self.heard(both), ["no reply", "that took 1 seconds"])
        [event] = self.take_loud()
        self.assertEqual(event["log_format"], "no reply")


class FeedTests(ExampleTestCase):
    async def test_one_feed_for_all(self):
        port = free_port()
        program = self.run_block(FEED, port)
        await self.until_somebody_listens(port)
        uri = f"ws://localhost:{port}/"
        async with txws2.connect(uri) as one, txws2.connect(uri) as two:
            for ws in one, two:
                self.assertRegex(await ws.recv(), r"\d\d:\d\d:\d\d")
        program.transport.signalProcess("INT")
        await program.ended
        self.assertEqual(program.status, 0)

"""`run` in memory: what it runs, what it says, how it ends."""

import os
import signal
from errno import EACCES

from twisted.internet.defer import CancelledError, fail, succeed
from twisted.internet.error import CannotListenError
from twisted.internet.testing import MemoryReactorClock
from twisted.logger import LogLevel, globalLogPublisher
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.resource import Resource
from twisted.web.server import Site

from txws2 import WebSocketServerFactory, reloading, run, running
from txws2.serving import Server


async def echo(ws):
    async for message in ws:
        await ws.send(message)


class RunTests(SynchronousTestCase):
    def setUp(self):
        self.reactor = MemoryReactorClock()
        self.events = []
        globalLogPublisher.addObserver(self.events.append)
        self.addCleanup(globalLogPublisher.removeObserver, self.events.append)

    def run_it(self, target, *arguments, **options):
        run(target, *arguments, reactor=self.reactor, **options)

    def said(self):
        return [running._line(event) for event in self.events]

    def test_a_handler_is_served_with_its_options(self):
        self.run_it(echo, "127.0.0.1", 8000, max_size=5)
        [(port, factory, _, _)] = self.reactor.tcpServers
        self.assertEqual((port, factory.max_size), (8000, 5))
        self.assertRegex("".join(self.said()), "listening on ws://")

    def test_a_factory_and_a_resource_are_served_as_they_are(self):
        factory = WebSocketServerFactory(echo, reactor=self.reactor)
        self.run_it(factory, "127.0.0.1", 8000)
        self.run_it(Resource(), endpoint="tcp:8001")
        self.assertIs(self.reactor.tcpServers[0][1], factory)
        self.assertIsInstance(self.reactor.tcpServers[1][1], Site)

    def test_options_that_nobody_takes_are_refused(self):
        for target, where, options in (
            (Resource(), {"port": 0}, {"max_size": 5}),
            (echo, {}, {"max_size": 5}),
            (echo, {"host": "localhost"}, {}),
            (echo, {"port": 0, "endpoint": "tcp:0"}, {}),
        ):
            with self.assertRaises(TypeError):
                self.run_it(target, **where, **options)

    def test_a_function_is_called_with_the_reactor(self):
        called = []

        def main(reactor):
            called.append(reactor)
            return succeed(None)

        self.run_it(main)
        self.assertEqual(called, [self.reactor])

    def test_a_function_that_fails_is_seen_and_gives_status_1(self):
        stopped = self.assertRaises(SystemExit, self.run_it, lambda _: fail(KeyError("x")))
        self.assertEqual(stopped.code, 1)
        self.assertIn("builtins.KeyError: 'x'", "".join(self.said()))
        self.flushLoggedErrors(KeyError)

    def test_what_cannot_listen_says_why(self):
        for error, why in (
            (CannotListenError("", 80, OSError(EACCES, "no")), "ports below 1024 are for root"),
            (CannotListenError("", 80, OSError(99999, "odd")), "odd"),
            (ValueError("no such endpoint"), "no such endpoint"),
        ):
            self.assertEqual(running._explain(Failure(error), "here"), 1)
            self.assertRegex(self.said()[-1], f"cannot listen on here: .*{why}")
        other = Failure(KeyError())
        self.assertIs(running._explain(other, "here"), other)

    def test_twisted_starting_and_stopping_is_left_out(self):
        for namespace, level, text, shown in (
            ("twisted.web", LogLevel.info, "starting", False),
            ("twisted.web", LogLevel.warn, "take care", True),
            ("mine", LogLevel.info, "hello", True),
            ("mine", LogLevel.debug, "detail", False),
            ("txws2.server", LogLevel.debug, "frame", True),
            ("log_legacy", LogLevel.info, "Site starting on 80", False),
            ("log_legacy", LogLevel.info, "(TCP Port 80 Closed)", False),
        ):
            event = {"log_namespace": namespace, "log_level": level, "log_text": text}
            self.assertEqual(running._for_people(event).name == "maybe", shown, text)

    def test_signals_are_as_before_afterwards(self):
        before = signal.getsignal(signal.SIGTERM)
        self.run_it(echo, "127.0.0.1", 0)
        self.assertEqual(signal.getsignal(signal.SIGTERM), before)

    def test_logging_begins_where_nobody_observes(self):
        begun = []
        self.patch(running, "is_unobserved", lambda: True)
        self.patch(running, "globalLogBeginner", self)
        self.beginLoggingTo = lambda observers, redirectStandardIO: begun.extend(observers)
        self.run_it(echo, "127.0.0.1", 0)
        self.assertEqual(len(begun), 1)


class ServeForeverTests(SynchronousTestCase):
    def server(self):
        return Server(WebSocketServerFactory(echo, reactor=MemoryReactorClock()), [])

    def test_it_fires_when_the_server_is_closed(self):
        server = self.server()
        forever = server.serve_forever()
        self.assertNoResult(forever)
        server.close()
        self.assertIsNone(self.successResultOf(forever))

    def test_to_cancel_it_closes_the_server(self):
        server = self.server()
        forever = server.serve_forever()
        forever.cancel()
        self.failureResultOf(forever, CancelledError)
        self.assertFalse(server.is_serving())


class ChangesTests(SynchronousTestCase):
    def test_a_changed_file_stops_the_reactor(self):
        path = self.mktemp()
        open(path, "w").close()
        self.patch(reloading, "_times", lambda: {path: os.stat(path).st_mtime})
        reactor = MemoryReactorClock()
        changes = reloading.Changes(reactor)
        reactor.run()
        reactor.advance(1)
        self.assertFalse(changes.seen)
        os.utime(path, (5, 5))
        reactor.advance(1)
        self.assertTrue(changes.seen)

    def test_a_file_that_is_away_for_a_moment_has_not_changed(self):
        self.assertFalse(reloading._have_changed({self.mktemp(): 5.0}))

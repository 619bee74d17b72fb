"""`run` in memory: its targets, its output, and its end."""

import os
import signal
import sys
from errno import EACCES, EADDRINUSE
from io import StringIO

from twisted.internet.defer import CancelledError, Deferred, fail, succeed
from twisted.internet.error import CannotListenError, DNSLookupError
from twisted.internet.testing import MemoryReactorClock
from twisted.logger import LogLevel, globalLogPublisher
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.resource import Resource
from twisted.web.server import Site

from txws2 import ConnectionClosed, WebSocketServerFactory, run, serve
from txws2.server import program as running
from txws2.server import reload as reloading
from txws2.server.server import Server


async def echo(ws):
    async for message in ws:
        await ws.send(message)


class _Reactor(MemoryReactorClock):
    """A reactor that calls its triggers when it stops."""

    taken = False

    def __init__(self):
        super().__init__()
        self.waits = []

    def stop(self):
        for call, arguments, options in self.triggers.pop("before", {}).get("shutdown", ()):
            self.waits.append(call(*arguments, **options))
        self.advance(0)
        super().stop()

    def waits_on(self):
        """Return True if it waits for something before it stops."""
        return not all(each is None or each.called for each in self.waits)

    def listenTCP(self, port, *arguments, **options):
        if self.taken:
            raise CannotListenError("", port, OSError(EADDRINUSE, "in use"))
        return super().listenTCP(port, *arguments, **options)


class RunTests(SynchronousTestCase):
    def setUp(self):
        self.reactor = _Reactor()
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

    def test_a_factory_is_served_as_it_is(self):
        factory = WebSocketServerFactory(echo, reactor=self.reactor)
        self.run_it(factory, "127.0.0.1", 8000)
        self.assertIs(self.reactor.tcpServers[0][1], factory)

    def test_a_resource_is_served_as_it_is(self):
        self.run_it(Resource(), endpoint="tcp:8001")
        self.assertIsInstance(self.reactor.tcpServers[0][1], Site)
        self.assertRegex("".join(self.said()), "listening on http://")

    def test_options_that_nobody_takes_are_refused(self):
        for target, where, options in (
            (Resource(), {"port": 0}, {"max_size": 5}),
            (echo, {}, {"max_size": 5}),
            (echo, {"host": "localhost"}, {}),
            (echo, {"port": 0, "endpoint": "tcp:0"}, {}),
            (echo, {"host": "127.0.0.1", "endpoint": "tcp:0"}, {}),
        ):
            with self.assertRaises(TypeError):
                self.run_it(target, **where, **options)

    def test_an_object_that_is_no_reactor_is_refused(self):
        async def main(reactor):
            pass

        self.reactor = object()
        self.assertRaises(TypeError, self.run_it, main)

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

    def test_an_error_of_listening_says_why(self):
        for error, why in (
            (CannotListenError("", 80, OSError(EACCES, "no")), "ports below 1024 are for root"),
            (CannotListenError("", 80, OSError(99999, "odd")), "odd"),
            (ValueError("no such endpoint"), "no such endpoint"),
        ):
            self.assertEqual(running._explain(Failure(error), "here"), 1)
            self.assertRegex(self.said()[-1], f"cannot listen on here: .*{why}")
        other = Failure(KeyError())
        self.assertIs(running._explain(other, "here"), other)

    def test_a_port_that_is_taken_gives_status_1(self):
        self.reactor.taken = True
        stopped = self.assertRaises(SystemExit, self.run_it, echo, "127.0.0.1", 8000)
        self.assertEqual(stopped.code, 1)
        self.assertRegex("".join(self.said()), "127.0.0.1:8000: another program listens")

    def test_a_program_that_ends_after_a_signal_has_not_failed(self):
        closed = ConnectionClosed(None, None)
        for error, failed in (
            (closed, False),
            (ExceptionGroup("of tasks", [closed]), False),
            (KeyError(), True),
        ):
            self.reactor, result = _Reactor(), Deferred()

            async def main(reactor, result=result, error=error):
                reactor.addSystemEventTrigger("before", "shutdown", result.errback, error)
                await result

            if failed:
                self.assertRaises(SystemExit, self.run_it, main)
            else:
                self.run_it(main)
        self.flushLoggedErrors(KeyError)

    def test_a_function_that_waits_when_the_reactor_stops_is_cancelled(self):
        seen = []

        async def main(reactor):
            try:
                await Deferred()
            finally:
                seen.append("cleaned up")

        self.run_it(main)
        self.assertEqual(seen, ["cleaned up"])
        self.assertFalse(self.reactor.waits_on())
        self.assertNotIn("failed", "".join(self.said()))

    def test_the_reactor_waits_for_the_end_of_a_cancelled_function(self):
        cleaning = Deferred()

        async def main(reactor):
            try:
                await Deferred()
            finally:
                await cleaning

        self.run_it(main)
        self.assertTrue(self.reactor.waits_on())
        cleaning.callback(None)
        self.assertFalse(self.reactor.waits_on())

    def test_the_reactor_does_not_wait_longer_for_a_function_than_for_a_connection(self):
        async def main(reactor):
            try:
                await Deferred()
            finally:
                await Deferred()

        self.run_it(main)
        self.reactor.advance(9)
        self.assertTrue(self.reactor.waits_on())
        self.reactor.advance(1)
        self.assertFalse(self.reactor.waits_on())

    def test_a_function_that_waits_for_its_server_is_not_cancelled(self):
        seen = []

        async def main(reactor):
            async with serve(echo, "127.0.0.1", 8000, reactor=reactor) as server:
                # The factory is told of a port by the port, which there is none of here.
                reactor.tcpServers[0][1].doStart()
                seen.append(await server.serve_forever())
            seen.append("after")

        self.run_it(main)
        self.assertEqual(seen, [None, "after"])
        self.assertFalse(self.reactor.waits_on())

    def test_the_second_signal_is_the_affair_of_the_system(self):
        seen = []

        async def main(reactor):
            reactor.addSystemEventTrigger(
                "before", "shutdown", lambda: seen.append(signal.getsignal(signal.SIGTERM))
            )

        self.run_it(main)
        self.assertEqual(seen, [signal.SIG_DFL])

    def test_a_name_without_an_address_is_said(self):
        self.assertEqual(running._explain(Failure(DNSLookupError()), "here"), 1)
        self.assertIn("the name has no address", self.said()[-1])

    def test_nothing_is_a_resource_if_twisted_web_is_not_loaded(self):
        self.patch(sys, "modules", {})
        self.assertFalse(running._is_resource(echo))

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
        self.patch(reloading, "_times", lambda known=(): {path: os.stat(path).st_mtime})
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


class _Processes:
    """Stands for `subprocess`: each process ends at once, with the next of these statuses."""

    def __init__(self, *statuses):
        self.statuses = list(statuses)
        self.environments = []
        self.signals = []
        self.ended = False

    def Popen(self, command, env, preexec_fn):
        preexec_fn()
        self.environments.append(env)
        return self

    def wait(self):
        return self.statuses.pop(0)

    def poll(self):
        return 0 if self.ended else None

    def send_signal(self, number):
        self.signals.append(number)


class SuperviseTests(SynchronousTestCase):
    def setUp(self):
        for each in (signal.SIGINT, signal.SIGTERM):
            self.addCleanup(signal.signal, each, signal.getsignal(each))
        self.addCleanup(signal.pthread_sigmask, signal.SIG_UNBLOCK, [signal.SIGINT])
        # No thread of a test takes signals.
        self.patch(reloading, "_hear_interrupts", self.hear)
        self.out = StringIO()
        self.patch(sys, "stderr", self.out)

    def hear(self, interrupt):
        self.interrupt = interrupt

    def supervise(self, *statuses):
        self.processes = _Processes(*statuses)
        self.patch(reloading, "subprocess", self.processes)
        return reloading.supervise()

    def test_a_change_starts_it_again_until_it_ends(self):
        status = reloading.Changes.STATUS
        self.assertEqual(self.supervise(status, status, 0), 0)
        self.assertEqual(len(self.processes.environments), 3)
        self.patch(os, "environ", self.processes.environments[0])
        self.assertTrue(reloading.is_watched())
        self.assertEqual(self.out.getvalue(), "")

    def test_a_signal_that_ends_it_is_the_exit_status(self):
        self.assertEqual(self.supervise(-signal.SIGTERM), 128 + signal.SIGTERM)

    def test_a_mistake_waits_for_the_next_change(self):
        looks = iter([False, True])
        self.patch(reloading, "_have_changed", lambda known: next(looks))
        self.patch(reloading, "sleep", lambda seconds: None)
        self.assertEqual(self.supervise(1, 0), 0)
        self.assertEqual(self.out.getvalue(), "waiting for a file to change\n")

    def test_sigterm_is_passed_on_and_ends_it_where_nothing_runs(self):
        self.supervise(0)
        passed_on = signal.getsignal(signal.SIGTERM)
        passed_on(signal.SIGTERM, None)
        self.assertEqual(self.processes.signals, [signal.SIGTERM])
        self.processes.ended = True
        self.assertRaises(SystemExit, passed_on, signal.SIGTERM, None)

    def test_a_sigint_of_another_process_is_passed_on_and_ends_it_where_nothing_runs(self):
        killed = []
        self.patch(os, "kill", lambda _, number: killed.append(number))
        self.supervise(0)
        self.interrupt()
        self.assertEqual(self.processes.signals, [signal.SIGINT])
        self.processes.ended = True
        self.interrupt()
        self.assertEqual(killed, [signal.SIGTERM])

    def test_run_supervises_once(self):
        self.patch(running, "supervise", lambda: 7)
        self.patch(running, "is_watched", lambda: False)
        stopped = self.assertRaises(SystemExit, run, echo, "127.0.0.1", 0, reload=True)
        self.assertEqual(stopped.code, 7)

    def test_run_asks_for_another_start_once_a_file_has_changed(self):
        self.patch(running, "is_watched", lambda: True)
        self.patch(reloading, "_have_changed", lambda known: True)
        reactor = MemoryReactorClock()
        stopped = self.assertRaises(
            SystemExit, run, echo, "127.0.0.1", 0, reload=True, reactor=reactor
        )
        self.assertEqual(stopped.code, reloading.Changes.STATUS)

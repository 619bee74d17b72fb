"""One program for all connections."""

from errno import EAGAIN

from twisted.logger import formatEvent

from tests.programs.test_program import ProgramTestCase
from txws2 import Backoff
from txws2.exceptions import InvalidStatus
from txws2.programs import SharedProgram

WAITS = Backoff(initial=2, minimum=4, factor=2, maximum=16, random=lambda: 1.0)


class SharedProgramTests(ProgramTestCase):
    def start(self, **options):
        self.shared = SharedProgram(["cat"], backoff=WAITS, reactor=self.reactor, **options)
        self.shared.startService()
        self.factory = self.serve(self.shared, compression=None)
        return self.processes[-1]

    def listen(self):
        return self.connect(self.factory)[0]

    def test_each_line_goes_to_all(self):
        process = self.start()
        process.prints(b"before\n")
        self.reactor.rest()
        listeners = [self.listen() for _ in range(3)]
        process.prints(b"one\ntwo\nthr")
        self.assertEqual([self.received(each) for each in listeners], [["one", "two"]] * 3)
        self.assertEqual(len(self.processes), 1)

    def test_it_is_encoded_once(self):
        process = self.start(binary=True)
        listeners = [self.listen() for _ in range(3)]
        process.prints(b"\xff")
        self.assertEqual([self.received(each) for each in listeners], [[b"\xff"]] * 3)

    def test_newcomers_get_the_last_lines(self):
        process = self.start(history=2)
        process.prints(b"one\ntwo\nthree\n")
        self.reactor.rest()
        listener = self.listen()
        process.prints(b"four\n")
        self.assertEqual(self.received(listener), ["two", "three", "four"])
        self.assertEqual(self.received(self.listen()), ["three", "four"])

    def test_one_who_leaves_gets_no_more(self):
        process = self.start()
        first, second = self.listen(), self.listen()
        first.client.close()
        self.move(first)
        process.prints(b"one\ntwo\n")
        self.assertEqual(self.received(second), ["one", "two"])
        self.assertEqual(len(self.shared._listeners), 1)

    def test_a_slow_one_is_passed_over_or_closed(self):
        for slow, code in (("skip", None), ("close", 1013)):
            process = self.start(slow=slow)
            quick, late = self.listen(), self.listen()
            late.client_transport.pauseProducing()
            for _ in range(50):
                process.prints(b"x" * 9_999 + b"\n")
                self.reactor.rest()
                late.pump()
                self.assertEqual(len(self.received(quick)), 1)
            self.assertLess(late.server.counters.waiting_out, 100_000)
            late.client_transport.resumeProducing()
            self.assertLess(len(self.received(late)), 20)
            self.assertEqual(late.client.close_code, code)

    def test_messages_are_dropped_unless_it_takes_input(self):
        process = self.start()
        listener = self.listen()
        listener.client.sendMessage("hello")
        self.move(listener)
        self.assertIsNone(process.stdin)
        self.assertIs(listener.client.close_code, None)

    def test_its_input_has_the_messages_of_all(self):
        process = self.start(takes_input=True)
        first, second = self.listen(), self.listen()
        first.client.sendMessage("one")
        self.move(first)
        second.client.sendMessage("x" * 100_000)
        self.move(second)
        first.client.sendMessage("three")
        self.move(first)
        got = b""
        for _ in range(5):
            got += process.reads()
            self.move(second)
            self.move(first)
        self.assertEqual(got, b"one\n" + b"x" * 100_000 + b"\nthree\n")

    def test_it_is_started_again_after_a_growing_wait(self):
        process = self.start(history=1)
        listener = self.listen()
        process.prints(b"last")
        for wait in (2, 4, 8, 16, 16):
            self.processes[-1].exits(1)
            self.move(listener)
            [event] = self.take_loud()
            self.assertIn(
                f"has ended (exit status 1); it is started again in {wait}.0 seconds",
                formatEvent(event),
            )
            started = len(self.processes)
            self.reactor.advance(wait - 0.1)
            self.assertEqual(len(self.processes), started)
            self.reactor.advance(0.1)
            self.assertEqual(len(self.processes), started + 1)
        self.processes[-1].prints(b"again\n")
        self.assertEqual(self.received(listener), ["last", "again"])

    def test_one_that_has_run_for_long_is_started_again_soon(self):
        self.start()
        for _ in range(3):
            self.reactor.advance(100)
            self.processes[-1].exits()
            self.reactor.rest()
            self.take_loud()
            self.reactor.advance(2)
        self.assertEqual(len(self.processes), 4)

    def test_one_that_cannot_be_started_is_tried_again(self):
        self.problem = OSError(EAGAIN, "no processes")
        self.processes.append(None)
        self.start()
        [event] = self.take_loud()
        self.assertIn("can't be started", formatEvent(event))
        self.problem = None
        self.reactor.advance(2)
        self.assertEqual(len(self.processes), 2)

    def test_a_line_that_is_too_long_stops_it(self):
        process = self.start(max_size=10)
        process.prints(b"x" * 11)
        self.reactor.rest()
        self.assertEqual(process.signals, ["SIGTERM"])
        process.exits(-15)
        self.reactor.rest()
        self.assertEqual(len(self.take_loud()), 2)

    def test_output_that_is_no_utf_8_is_told_once(self):
        process = self.start()
        listener = self.listen()
        for _ in range(2):
            process.prints(b"\xff\n")
            self.reactor.rest()
        self.assertEqual(self.received(listener), ["\ufffd"] * 2)
        self.assertEqual(len(self.take_loud()), 1)

    def test_it_stops_with_the_service(self):
        for takes_input in (False, True):
            process = self.start(takes_input=takes_input)
            stopping = self.shared.stopService()
            self.assertNoResult(stopping)
            self.reactor.advance(0.1)
            self.assertEqual(process.signals, ["SIGTERM"])
            self.reactor.advance(5)
            self.assertEqual(process.signals, ["SIGTERM", "SIGKILL"])
            process.exits(-9)
            self.successResultOf(stopping)
            self.reactor.advance(100)
            self.assertIs(self.processes[-1], process)
            self.take_loud()

    def test_a_service_that_waits_to_start_it_again_stops_at_once(self):
        process = self.start()
        process.exits()
        self.reactor.rest()
        self.successResultOf(self.shared.stopService())
        self.assertEqual(self.reactor.getDelayedCalls(), [])
        self.take_loud()

    def test_the_service_can_be_started_again(self):
        process = self.start()
        stopping = self.shared.stopService()
        process.exits(-15)
        self.reactor.rest()
        self.successResultOf(stopping)
        self.shared.startService()
        self.assertEqual(len(self.processes), 2)

    def test_one_that_is_started_while_it_stops_runs_again(self):
        process = self.start()
        self.shared.stopService()
        self.shared.startService()
        process.exits(-15)
        self.reactor.rest()
        self.take_loud()
        self.reactor.advance(2)
        self.assertEqual(len(self.processes), 2)

    def test_requests_are_refused_while_the_service_does_not_run(self):
        factory = self.serve(SharedProgram(["cat"], reactor=self.reactor))
        self.processes.append(None)
        error = self.assertRaises(InvalidStatus, self.connect, factory)
        self.assertEqual(error.response.status_code, 503)
        [event] = self.take_loud()
        self.assertIn("call startService()", formatEvent(event))

    def test_options_are_checked(self):
        for options in ({"history": -1}, {"slow": "x"}, {"binary": True, "history": 1}):
            with self.assertRaises(ValueError):
                SharedProgram(["cat"], **options)
        for options in ({"takes_input": "x"}, {"backoff": 1}, {"reactor": 1}):
            with self.assertRaises(TypeError):
                SharedProgram(["cat"], **options)

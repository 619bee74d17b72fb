"""A program for each connection."""

import os

from twisted.logger import formatEvent

from tests.support.processes import PipeReactor, ScriptedProcess, play_processes
from tests.support.sides import QuietTestCase
from txws2.programs import Program
from txws2.programs.command import Command
from txws2.server.factory import WebSocketServerFactory
from txws2.testing import joined


class ProgramTestCase(QuietTestCase):
    def setUp(self):
        super().setUp()
        play_processes(self)
        self.reactor = PipeReactor()
        self.processes = []
        self.environments = []
        self.problem = None

        def start(command, environment, *, stdin=True):
            if self.problem is not None:
                raise self.problem
            self.environments.append(environment)
            self.processes.append(ScriptedProcess(self, stdin))
            return self.processes[-1]

        self.patch(Command, "start", start)

    def program(self, **options):
        return Program(["cat"], **options)

    def serve(self, program, **options):
        """Return a factory that serves the program, for several connections."""
        return WebSocketServerFactory(program, reactor=self.reactor, **options)

    def connect(self, program=None, **options):
        """Connect a client; return both ends, and the process."""
        program = self.program() if program is None else program
        if isinstance(program, WebSocketServerFactory):
            both = joined(program, **options)
        else:
            both = joined(program, clock=self.reactor, **options)
        both.pump()
        return both, self.processes[-1]

    def move(self, both):
        """Let all bytes move, through pipes and connections."""
        for _ in range(20):
            both.pump()
            self.reactor.rest()

    def received(self, both):
        """Return the messages that the client has got."""
        self.move(both)
        found = []
        while True:
            waiting = both.client.recv()
            both.pump()
            if not waiting.called:
                waiting.addErrback(lambda _: None)
                waiting.cancel()
                return found
            failures = []
            waiting.addCallbacks(found.append, failures.append)
            if failures:
                return found

    def texts(self):
        return [
            formatEvent(event)
            for event in self.events
            if event["log_namespace"] == "txws2.programs"
        ]


class MessageTests(ProgramTestCase):
    def test_each_line_is_a_text_message(self):
        both, process = self.connect()
        process.prints("one\ntwö\r\n\nthr".encode())
        self.assertEqual(self.received(both), ["one", "twö", ""])
        process.prints(b"ee\n")
        self.assertEqual(self.received(both), ["three"])

    def test_with_binary_each_read_is_a_binary_message(self):
        both, process = self.connect(self.program(binary=True))
        process.prints(b"\xff\n\x00")
        self.assertEqual(self.received(both), [b"\xff\n\x00"])

    def test_a_text_gets_a_line_end_and_a_binary_message_none(self):
        for binary in (False, True):
            both, process = self.connect(self.program(binary=binary))
            for message in ("one", b"two", "", "thr\nee"):
                both.client.sendMessage(message)
            self.move(both)
            self.assertEqual(process.reads(), b"one\ntwo\nthr\nee\n")

    def test_the_messages_of_a_read_make_one_write(self):
        both, process = self.connect()
        writes = []
        write = os.write
        self.patch(os, "write", lambda fd, data: writes.append(bytes(data)) or write(fd, data))
        for number in range(100):
            both.client.sendMessage(str(number))
        self.move(both)
        self.assertEqual(len(writes), 1)
        self.assertEqual(process.reads().split(), [str(n).encode() for n in range(100)])

    def test_the_lines_of_a_read_leave_in_one_write(self):
        both, process = self.connect()
        writes = []
        self.patch(both.server_transport, "write", writes.append)
        process.prints(b"x\n" * 100)
        self.reactor.rest()
        self.assertEqual(writes, [b"\x81\x01x" * 100])

    def test_output_that_is_no_utf_8_is_told_once(self):
        both, process = self.connect()
        process.prints(b"a\xff\n")
        process.prints(b"\xff\n")
        self.assertEqual(self.received(both), ["a\ufffd", "\ufffd"])
        process.prints(b"\xff\n")
        self.move(both)
        [event] = self.take_loud()
        self.assertIn("its output isn't UTF-8", formatEvent(event))

    def test_a_line_that_is_too_long_ends_the_program_and_its_connection(self):
        both, process = self.connect(self.program(max_size=1000))
        process.prints(b"ok\n" + b"x" * 1001)
        self.move(both)
        [event] = self.take_loud()
        self.assertIn("a line is longer than max_size allows", formatEvent(event))
        self.assertEqual(self.received(both), ["ok"])
        process.exits()
        self.move(both)
        self.assertEqual(
            (both.client.close_code, both.client.close_reason), (1011, "line too long")
        )

    def test_the_environment_has_the_request_and_what_was_chosen(self):
        path = os.environ["PATH"]
        self.patch(os, "environ", {"PATH": path, "SECRET": "x"})
        program = self.program(environment={"COLOR": "no"}, path="/tool")
        self.connect(program, uri="ws://example.com/tool/a?b")
        [environment] = self.environments
        self.assertEqual(environment[b"COLOR"], b"no")
        self.assertEqual(environment[b"PATH"], path.encode())
        self.assertEqual(environment[b"PATH_INFO"], b"/a")
        self.assertNotIn(b"SECRET", environment)


class PressureTests(ProgramTestCase):
    def test_a_client_that_reads_slowly_makes_the_program_wait(self):
        both, process = self.connect(write_limit=1000, compression=None)
        both.client_transport.pauseProducing()
        taken = 0
        while taken < 10_000_000:
            try:
                process.prints(b"x" * 999 + b"\n")
            except BlockingIOError:
                break
            taken += 1000
            self.reactor.rest()
            both.pump()
        self.assertLess(taken, 300_000)
        both.client_transport.resumeProducing()
        self.assertEqual(len(self.received(both)), taken // 1000)

    def test_a_program_that_reads_slowly_makes_the_client_wait(self):
        both, process = self.connect(max_queue=4, compression=None)
        for _ in range(200):
            both.client.sendMessage("x" * 9_999)
        self.move(both)
        self.assertGreater(both.client.counters.waiting_out, 1_000_000)
        got = 0
        for _ in range(1000):
            data = process.reads()
            if data:
                got += len(data)
            self.move(both)
            if got == 2_000_000:
                break
        self.assertEqual(got, 2_000_000)

    def test_a_program_that_has_closed_its_input_still_prints(self):
        both, process = self.connect()
        process.close("stdin")
        both.client.sendMessage("lost")
        self.move(both)
        process.prints(b"still here\n")
        self.assertEqual(self.received(both), ["still here"])
        process.exits()
        self.move(both)
        self.assertEqual(both.client.close_code, 1000)
        self.assertIn("had closed its input", self.texts()[-1])


class EndTests(ProgramTestCase):
    def test_all_that_it_printed_is_sent_before_the_end(self):
        both, process = self.connect()
        process.prints(b"one\nrest")
        process.exits()
        self.assertEqual(self.received(both), ["one", "rest"])
        self.assertEqual((both.client.close_code, both.client.close_reason), (1000, ""))

    def test_a_failure_is_told(self):
        for status, told in ((3, "exit status 3"), (-11, "ended by SIGSEGV")):
            both, process = self.connect()
            process.exits(status)
            self.move(both)
            self.assertEqual((both.client.close_code, both.client.close_reason), (1011, told))
            self.assertEqual(self.texts()[-1], f"cat [{process.pid}]: {told}")

    def test_a_client_that_leaves_is_the_end_of_its_input_behind_all_messages(self):
        both, process = self.connect()
        both.client.sendMessage("last")
        both.client.close()
        self.move(both)
        self.assertEqual(process.reads(), b"last\n")
        self.assertIsNone(process.reads())
        process.exits(1)
        self.move(both)
        self.assertEqual(self.texts(), [])

    def test_so_is_one_that_vanishes(self):
        both, process = self.connect()
        both.drop()
        self.reactor.rest()
        self.assertIsNone(process.reads())
        self.reactor.advance(0.1)
        self.assertEqual(process.signals, ["SIGTERM"])
        self.reactor.advance(5)
        self.assertEqual(process.signals, ["SIGTERM", "SIGKILL"])
        process.exits(-9)
        self.take_loud()

    def test_messages_before_the_close_are_written_however_slowly_it_reads(self):
        both, process = self.connect()
        for _ in range(30):
            both.client.sendMessage("x" * 9_999)
        both.client.close()
        self.move(both)
        while process.stdin is not None and not process.stdin.closed:
            process.reads(20_000)
            self.move(both)
            self.reactor.advance(0.05)
            self.assertEqual(process.signals, [])
        rest = b"".join(iter(process.reads, None))
        self.assertTrue(rest.endswith(b"x\n"))

    def test_a_peer_that_does_not_answer_the_close_frame_does_not_keep_it_running(self):
        both, process = self.connect()
        both.server.close(1001)
        self.reactor.advance(0.2)
        self.assertEqual(process.signals, ["SIGTERM"])
        process.exits(-15)
        self.move(both)

    def test_a_handler_that_is_cancelled_kills_it(self):
        program = self.program()
        factory = self.serve(program)
        both, process = self.connect(factory)
        [running] = factory.running
        factory.stopping = True
        running.cancel()
        self.assertEqual(process.signals, ["SIGKILL"])
        self.assertEqual(program.running, 1)
        process.exits(-9)
        self.reactor.rest()
        self.assertEqual(program.running, 0)
        both.client.close()
        self.move(both)

    def test_nothing_of_it_is_left(self):
        program = self.program()
        both, process = self.connect(program)
        both.client.close()
        self.move(both)
        process.exits()
        self.move(both)
        self.reactor.advance(60)
        self.assertTrue(process.waited)
        self.assertEqual(program.running, 0)
        self.assertEqual(self.reactor.readers | self.reactor.writers, set())
        self.assertEqual(self.reactor.getDelayedCalls(), [])

"""Requests for which no program is started, and mistakes in the arguments of `Program`."""

import os
from errno import EAGAIN, ENOEXEC

from twisted.logger import formatEvent

from tests.programs.test_program import ProgramTestCase
from tests.support.sides import QuietTestCase
from txws2.exceptions import InvalidStatus
from txws2.programs import Program
from txws2.server import guarded, route
from txws2.testing import joined


class RefusalTests(ProgramTestCase):
    def refused(self, target, **options):
        error = self.assertRaises(InvalidStatus, self.connect, target, **options)
        return error.response

    def test_only_so_many_programs_run(self):
        program = self.program(max_programs=2)
        factory = self.serve(program)
        first, process = self.connect(factory)
        self.connect(factory)
        for _ in range(2):
            response = self.refused(factory)
            self.assertEqual(response.status_code, 503)
            self.assertEqual(response.headers["Retry-After"], "5")
        [event] = self.take_loud()
        self.assertIn("2 programs run already", formatEvent(event))
        process.exits()
        self.move(first)
        self.connect(factory)
        self.assertEqual(program.running, 2)

    def test_a_program_that_ends_still_counts_until_it_is_gone(self):
        factory = self.serve(self.program(max_programs=1))
        both, process = self.connect(factory)
        both.client.close()
        self.move(both)
        self.assertEqual(self.refused(factory).status_code, 503)
        process.exits()
        self.move(both)
        self.connect(factory)
        self.take_loud()

    def test_those_that_are_accepted_at_the_same_time_do_not_pass_the_limit(self):
        program = self.program(max_programs=1)
        factory = self.serve(program)
        self.connect(factory)
        self.patch(program, "process_request", lambda *_: None)
        late = self.serve(program)
        both, _ = self.connect(late)
        self.move(both)
        self.assertEqual(both.client.close_code, 1013)
        self.assertEqual(len(self.processes), 1)

    def test_a_program_that_is_gone_meanwhile_is_told(self):
        path = self.mktemp()
        with open(path, "w") as file:
            file.write("#!/bin/sh\n")
        os.chmod(path, 0o755)
        factory = self.serve(Program([os.path.abspath(path)]))
        os.remove(path)
        self.assertEqual(self.refused(factory).status_code, 502)
        self.refused(factory)
        [event] = self.take_loud()
        self.assertIn("there is no program", formatEvent(event))

    def test_behind_a_path_and_a_hook_it_refuses_too(self):
        seen = []
        tool = guarded(self.program(max_programs=1), lambda ws, request: seen.append(request.path))
        factory = self.serve(route({"/tool": tool}))
        self.connect(factory, uri="ws://example.com/tool")
        response = self.refused(factory, uri="ws://example.com/tool")
        self.assertEqual((response.status_code, seen), (503, ["/tool"] * 2))
        self.assertEqual(len(self.take_loud()), 1)

    def test_a_connection_with_another_producer_leaves_no_process(self):
        tool = self.program()

        async def handler(ws):
            ws.registerProducer(ws)
            await tool(ws)

        both, process = self.connect(handler)
        self.assertEqual(process.signals, ["SIGKILL"])
        process.exits(-9)
        self.move(both)
        self.assertEqual(tool.running, 0)
        self.assertEqual(len(self.take_loud()), 1)

    def test_a_path_with_a_nul_is_refused(self):
        response = self.refused(self.serve(self.program()), uri="ws://example.com/%00")
        self.assertEqual(response.status_code, 400)

    def test_a_system_that_starts_none_is_told_apart_from_a_wrong_program(self):
        for number, code in ((EAGAIN, 1013), (ENOEXEC, 1011)):
            self.problem = OSError(number, "no\x1b")
            both = joined(self.program(), clock=self.reactor)
            self.move(both)
            self.assertEqual(both.client.close_code, code)
            [event] = self.take_loud()
            self.assertIn("cat can't be started", formatEvent(event))
            self.assertNotIn("\x1b", formatEvent(event))


class MistakeTests(QuietTestCase):
    def test_a_program_that_is_not_there_is_told_at_once(self):
        for arguments, text in (
            (["no-such-program"], "there is no program 'no-such-program' in PATH"),
            (["/no/such"], "there is no program '/no/such'"),
            (["/"], "'/' isn't executable"),
            ([os.path.abspath(__file__)], "isn't executable"),
        ):
            with self.assertRaisesRegex(ValueError, text):
                Program(arguments)

    def test_arguments_are_a_sequence(self):
        for wrong in ("cat -A", [], ["cat", 1], ["a\0b"], None):
            with self.assertRaisesRegex(TypeError, "arguments must be"):
                Program(wrong)

    def test_options_are_checked(self):
        for options in (
            {"max_programs": 0},
            {"max_size": 0},
            {"path": "x"},
            {"directory": "/no/such"},
            {"term_after": -1},
            {"kill_after": -1},
        ):
            with self.assertRaises(ValueError):
                Program(["cat"], **options)
        for options in ({"binary": "no"}, {"path": None}, {"reactor": 1}, {"kill_after": None}):
            with self.assertRaises(TypeError):
                Program(["cat"], **options)

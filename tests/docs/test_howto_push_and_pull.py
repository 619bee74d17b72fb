"""docs/howto/push-and-pull.rst shows code that works."""

from pathlib import Path

import twisted.internet
from twisted.internet.defer import maybeDeferred

from tests.command.test_commands import ROOT
from tests.support.examples import ExampleTestCase, blocks, free_port
from tests.support.printed import PrintedTestCase
from txws2.testing import ScriptedServer

PAGE = Path(ROOT, "docs", "howto", "push-and-pull.rst").read_text()
ECHO, PROGRAM, PARTS, UPLOAD, ASK, CHAT, ASKING = blocks(PAGE, "python")
PRODUCER = Path(ROOT, "docs", "examples", "push_and_pull", "producer.py").read_text()


class ProgramTests(ExampleTestCase):
    async def test_a_program_runs_the_reactor_itself(self):
        program = self.run_block(PROGRAM, free_port())
        await program.ended
        self.assertEqual((program.out, program.status), ("hello\n", 0))


class PullTests(PrintedTestCase):
    def test_an_echo(self):
        both = self.join_printed(ECHO)
        both.client.sendMessage("hello")
        self.assertEqual(both.result_of(both.client.recv()), "hello")

    def test_a_message_is_sent_in_parts(self):
        both = self.join_printed(PARTS)
        hosts = Path("/etc/hosts").read_text()
        self.assertEqual(both.result_of(both.client.recv()), hosts)

    def test_a_message_is_received_in_pieces(self):
        self.addCleanup(Path("upload.bin").unlink)
        both = self.join_printed(UPLOAD)
        both.client.sendMessage(bytes(2**21))
        both.result_of(both.client.wait_closed())
        self.assertEqual(Path("upload.bin").read_bytes(), bytes(2**21))

    def test_an_answer_has_a_time_limit(self):
        async def answer(ws):
            await ws.send((await ws.recv()).upper())

        for handler in answer, lambda ws: ws.wait_closed():
            self.run_printed(ASK)
            main = self.served[-1][0]
            with ScriptedServer(handler) as server:
                asking = server.start(main(server.reactor))
                server.advance(10)
                self.successResultOf(asking)
        self.assertEqual(self.printed(), ["HOW ARE YOU?", "no answer within 10 seconds"])


class PushTests(PrintedTestCase):
    def test_a_subclass_has_arguments_of_its_own(self):
        both = self.join_printed(CHAT)
        self.assertEqual(both.server.extra_argument, 42)
        both.client.sendMessage("hello")
        heard = [both.result_of(both.client.recv()) for _ in range(2)]
        self.assertEqual(heard, ["You asked for /", "hello"])
        both.client.close()
        both.pump()
        self.assertEqual(self.printed(), ["received 1000 (OK); then sent 1000 (OK)"])

    def test_a_hook_may_be_a_coroutine_function(self):
        self.patch(twisted.internet.threads, "deferToThread", maybeDeferred)
        both = self.join_printed(ASKING)
        both.client.sendMessage("hello")
        self.assertEqual(both.result_of(both.client.recv()), "HELLO")

    def test_a_producer_sends_while_there_is_room(self):
        self.patch(twisted.internet, "reactor", self.clock)
        both = self.join_printed(PRODUCER)
        both.advance(0.05)
        for _ in range(6):
            self.assertRegex(both.result_of(both.client.recv()), r"\d\d:\d\d:\d\d")
        both.client.pauseProducing()
        both.drop()
        self.assertEqual(self.clock.getDelayedCalls(), [])

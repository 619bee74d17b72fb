"""docs/start/tutorial shows code that works."""

import os
import runpy
import shlex
import sys
from importlib import import_module
from pathlib import Path

import txws2
from tests.command.test_commands import ROOT, CommandTestCase
from tests.support.examples import blocks
from tests.support.sides import QuietTestCase
from txws2.tap import Options
from txws2.testing import ScriptedServer, joined

TUTORIAL = Path(ROOT, "docs", "examples", "tutorial")
PAGES = Path(ROOT, "docs", "start", "tutorial")


class TutorialTestCase(QuietTestCase):
    """The modules of the tutorial, new for each test."""

    def setUp(self):
        super().setUp()
        self.patch(sys, "path", [str(TUTORIAL), *sys.path])
        # docs/examples has another chat.py.
        self.forget_modules()
        self.addCleanup(self.forget_modules)

    def forget_modules(self):
        for path in TUTORIAL.glob("*.py"):
            sys.modules.pop(path.stem, None)

    def run_as_program(self, name):
        """Run one of the programs; return the arguments of `txws2.run`."""
        called = []
        self.patch(txws2, "run", lambda *arguments: called.append(arguments))
        runpy.run_path(str(TUTORIAL / name), run_name="__main__")
        [arguments] = called
        return arguments


class EchoTests(TutorialTestCase):
    def assertEchoes(self, **served):
        both = self.enterContext(joined(uri="ws://localhost:8000/ws", **served))
        for message in "hello", b"\x00":
            both.client.sendMessage(message)
            self.assertEqual(both.result_of(both.client.recv()), message)

    def test_in_both_styles_messages_come_back(self):
        self.assertEchoes(handler=import_module("echo").echo)
        self.assertEchoes(server=import_module("echo_push").Echo)


class ProgramTests(TutorialTestCase):
    def test_each_program_serves_a_page_and_its_websockets_on_one_port(self):
        for name in "echo.py", "echo_push.py", "chat.py", "chat_push.py":
            mounts, *place = self.run_as_program(name)
            self.assertEqual(place, ["localhost", 8000])
            self.assertIsInstance(mounts, txws2.Mounts)
            self.assertEqual(list(mounts._paths), ["/ws"])
            self.assertIsNotNone(mounts.site)

    def test_the_chats_accept_their_own_pages_and_programs(self):
        for name in "chat.py", "chat_push.py":
            factory = self.run_as_program(name)[0].factories[0]
            self.assertEqual(factory.max_size, 2000)
            self.assertEqual(list(factory.origins), [txws2.SAME_ORIGIN, None])


class LoadTests(TutorialTestCase):
    def test_the_load_is_measured(self):
        room = "ws://localhost:8000/ws/lobby"
        self.patch(sys, "argv", ["load.py", room, "5", "8", "3"])
        [main] = self.run_as_program("load.py")
        printed = []
        main.__globals__["print"] = printed.append
        with ScriptedServer(import_module("chat").handler) as server:
            measuring = server.start(main(server.reactor))
            server.advance(10)
            self.successResultOf(measuring)
        self.assertEqual(printed[0], "120 deliveries, 40 a second")
        self.assertRegex(printed[1], r"\Ahalf of them within \d+ ms, 99 % within \d+ ms\Z")


# These commands change the machine that they run on.
SYSTEM = {"apt-get", "cd", "certbot", "cp", "curl", "journalctl", "nginx", "systemctl"}


def commands_in(page):
    """Return the commands of a page, without their comments."""
    lines = "".join(blocks((PAGES / f"{page}.rst").read_text(), "shell")).splitlines()
    return [shlex.split(line, comments=True) for line in lines if line]


class CommandsTests(TutorialTestCase):
    def setUp(self):
        super().setUp()
        # Before the tests leave trial's own directory.
        self.temporary = Path(self.mktemp()).absolute()
        self.addCleanup(os.chdir, os.getcwd())
        os.chdir(TUTORIAL)

    def check(self, program, *arguments):
        """Check that a command can be run, as far as that changes nothing."""
        if program in {"twistd", "venv/bin/twistd"}:
            first = arguments.index("ws") + 1
            Options().parseOptions([each for each in arguments[first:] if each != "--check-config"])
        elif program == "python" and arguments[0] != "-m":
            self.assertTrue(Path(arguments[0]).exists(), arguments)
        elif program == "python":
            self.assertIn(arguments[1], {"pytest", "twisted.trial", "txws2"})
        else:
            self.assertIn(program, {"echo", "pip", *SYSTEM})

    def test_the_commands_of_each_step(self):
        for page in sorted(PAGES.glob("[1-5]-*.rst")):
            commands = commands_in(page.stem)
            self.assertNotEqual(commands, [])
            for command in commands:
                if command[0].startswith("/opt/chat/venv/bin/") or command[:2] == ["python3", "-m"]:
                    continue
                self.check(*command)

    def test_the_lines_for_watching_belong_into_the_file(self):
        [lines] = blocks((PAGES / "5-scale.rst").read_text(), "toml")
        path = self.temporary
        path.mkdir()
        (path / "status.txt").write_text("secret")
        toml = (TUTORIAL / "ws.toml").read_text() + lines.replace(
            "status.txt", f"{path}/status.txt"
        )
        (path / "ws.toml").write_text(toml)
        options = Options()
        options.parseOptions(["--config", str(path / "ws.toml")])


class TestsTests(CommandTestCase):
    """Step 3: the tests of the tutorial."""

    async def run_tests(self, name):
        """Copy the tutorial, and run a file of tests as its first line says."""
        path = self.make_directory()
        (path / "pytest.ini").write_text("[pytest]\n")
        for each in TUTORIAL.glob("*.py"):
            (path / each.name).write_text(each.read_text())
        command = (TUTORIAL / name).read_text().split('"""')[1]
        self.assertIn(f"\n   {command}\n", (PAGES / "3-tests.rst").read_text())
        python, *arguments = command.split()
        self.assertEqual(python, "python")
        tests = self.start(sys.executable, *arguments, path=str(path))
        await tests.ended
        self.assertEqual(tests.status, 0, tests.out + tests.err)
        return tests.out

    async def test_with_pytest(self):
        self.assertIn("5 passed", await self.run_tests("test_chat.py"))

    async def test_with_trial(self):
        self.assertIn("PASSED (successes=8)", await self.run_tests("test_chat_trial.py"))

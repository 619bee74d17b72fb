"""The programs in docs/examples run as their users would run them."""

import sys
from pathlib import Path
from urllib.request import urlopen

from twisted.internet.threads import deferToThread

from tests.command.test_commands import ROOT, TWISTD, CommandTestCase, free_port
from txws2 import connect

EXAMPLES = Path(ROOT, "docs", "examples")


class SiteTests(CommandTestCase):
    async def start_site(self):
        """Start it on free ports; return the process, and the URIs of the site and the echo."""
        ports = {"SITE_PORT": str(free_port()), "WS_PORT": str(free_port())}
        path = str(self.make_directory())
        tac = str(EXAMPLES / "site.tac")
        twistd = self.start(TWISTD, "--pidfile=", "-ny", tac, path=path, **ports)
        await twistd.shown("heard: hello")
        site, ws = (f"127.0.0.1:{port}/" for port in ports.values())
        return twistd, f"http://{site}", f"ws://{ws}"

    async def test_one_process_has_a_site_an_echo_and_a_client_of_that(self):
        _, site, ws = await self.start_site()
        page = await deferToThread(lambda: urlopen(site).read())
        self.assertIn(f"new WebSocket(`{ws}`)".encode(), page)
        async with connect(ws) as client:
            await client.send("hello")
            self.assertEqual(await client.recv(), "hello")

    async def test_sigterm_ends_it_and_tells_the_peers(self):
        twistd, _, ws = await self.start_site()
        client = await connect(ws)
        twistd.transport.signalProcess("TERM")
        await client.wait_closed()
        self.assertEqual(client.close_code, 1001)
        await twistd.ended
        self.assertIn("Server Shut Down", twistd.out)
        self.assertNotIn("Traceback", twistd.out + twistd.err)


class TestingTests(CommandTestCase):
    """The examples of how to test."""

    async def run_tests(self, name):
        """Copy one of them, with what it tests, and run it as its first line says."""
        path = self.make_directory()
        (path / "pytest.ini").write_text("[pytest]\n")
        for copied in "chat.py", "prices.py", name:
            (path / copied).write_text((EXAMPLES / copied).read_text())
        python, *command = (EXAMPLES / name).read_text().split('"""')[1].split()
        self.assertEqual(python, "python")
        tests = self.start(sys.executable, *command, path=str(path))
        await tests.ended
        self.assertEqual(tests.status, 0, tests.out + tests.err)
        return tests.out

    async def test_with_trial(self):
        out = await self.run_tests("test_chat_trial.py")
        self.assertIn("PASSED (successes=4)", out)

    async def test_with_pytest(self):
        out = await self.run_tests("test_chat_pytest.py")
        self.assertIn("5 passed", out)

    async def test_with_a_scripted_server(self):
        out = await self.run_tests("test_prices.py")
        self.assertIn("3 passed", out)

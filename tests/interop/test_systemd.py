"""systemd listens, and starts the service of docs/deploy at the first connection."""

import re
import shlex
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

from twisted.internet import reactor
from twisted.internet.endpoints import UNIXClientEndpoint
from twisted.trial.unittest import SkipTest

import txws2
from tests.command.test_commands import TWISTD, CommandTestCase, free_port
from tests.interop.test_reverse_proxies import DEPLOY

ACTIVATE = shutil.which("systemd-socket-activate")
ANALYZE = shutil.which("systemd-analyze")

CHAT = """
async def handler(ws):
    async for message in ws:
        await ws.send(message)
"""


class SystemdTests(CommandTestCase):
    timeout = 60

    def command(self):
        """Return the command line that the unit starts."""
        [line] = [
            line
            for line in (DEPLOY / "chat.service").read_text().splitlines()
            if line.startswith("ExecStart=")
        ]
        _, *arguments = shlex.split(line.partition("=")[2])
        return [TWISTD, *arguments]

    async def test_it_serves_on_the_socket_that_it_is_given(self):
        if ACTIVATE is None:
            raise SkipTest("systemd-socket-activate is not installed")
        path = self.make_directory()
        (path / "chat.py").write_text(CHAT)
        port = free_port()
        process = self.start(
            ACTIVATE,
            *("--listen", f"127.0.0.1:{port}", "--fdname", "chat", "--setenv", "PYTHONPATH"),
            *self.command(),
            path=str(path),
        )
        await process.shown("Listening on")
        async with txws2.connect(f"ws://127.0.0.1:{port}/", reactor=reactor) as client:
            await client.send("hello")
            self.assertEqual(await client.recv(), "hello")
            process.transport.signalProcess("TERM")
            # The service lets open connections finish.
            await process.shown("SIGTERM|Closed")
            await client.send("bye")
            self.assertEqual(await client.recv(), "bye")
        await process.ended
        self.assertEqual(process.status, 0)

    async def test_a_unix_socket_stays_as_systemd_has_made_it(self):
        if ACTIVATE is None:
            raise SkipTest("systemd-socket-activate is not installed")
        path = self.make_directory()
        # The path of a Unix socket has 107 characters at most.
        place = Path(self.enterContext(TemporaryDirectory())) / "ws"
        process = self.start(
            *(ACTIVATE, "--listen", str(place), "--fdname", "chat", "--setenv", "PYTHONPATH"),
            *(TWISTD, "-n", "--pidfile=", "ws", "--listen", "systemd:domain=UNIX:name=chat"),
            path=str(path),
        )
        await process.shown("Listening on")
        # As with SocketMode=0600.
        place.chmod(0o600)
        endpoint = UNIXClientEndpoint(reactor, str(place))
        async with txws2.connect("ws://localhost/", endpoint=endpoint) as client:
            await client.send("hello")
            self.assertEqual(await client.recv(), "hello")
            self.assertEqual(place.stat().st_mode & 0o777, 0o600)
        process.transport.signalProcess("TERM")
        await process.ended
        self.assertEqual(process.status, 0)
        # Otherwise, nobody could connect any more, and so start the service again.
        self.assertTrue(place.is_socket())

    async def test_the_units_are_right(self):
        if ANALYZE is None:
            raise SkipTest("systemd-analyze is not installed (Debian's package systemd)")
        path = self.make_directory()
        shutil.copy(DEPLOY / "chat.socket", path)
        for name in "chat.service", "https.service":
            text = (DEPLOY / name).read_text()
            (path / name).write_text(text.replace("/opt/chat/venv/bin/twistd", TWISTD))
        process = self.start(ANALYZE, "verify", *map(str, sorted(path.iterdir())))
        await process.ended
        self.assertEqual(process.status, 0, process.err)
        self.assertNotRegex(process.err, "(chat|https).service:")

    async def test_the_unit_may_do_as_little_as_its_page_says(self):
        if ANALYZE is None:
            raise SkipTest("systemd-analyze is not installed (Debian's package systemd)")
        unit = DEPLOY / "chat.service"
        process = self.start(ANALYZE, "security", "--offline=true", "--no-pager", str(unit))
        await process.ended
        figure = re.search(r"Overall exposure level for chat.service: ([\d.]+)", process.out)[1]
        page = (DEPLOY / "systemd.rst").read_text()
        self.assertIn(f"these units get\n{figure} of 10", page)

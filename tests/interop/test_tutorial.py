"""docs/start/tutorial in a real browser, behind a real nginx, and with several processes."""

import json
import re
import shlex
import shutil
import sys
from pathlib import Path
from urllib.request import urlopen

from twisted.internet import reactor
from twisted.internet.endpoints import TCP4ClientEndpoint
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import SkipTest

import txws2
from tests.command.test_commands import ROOT, TWISTD, CommandTestCase, free_port
from tests.interop.devtools import inspect
from tests.interop.test_reverse_proxies import CLIENT, RunsNginx
from tests.interop.test_systemd import ANALYZE

TUTORIAL = Path(ROOT, "docs", "examples", "tutorial")


class PageTests(CommandTestCase):
    timeout = 60

    async def run_program(self, name):
        """Run a program of the tutorial on a free port; return its process and its URI."""
        port = free_port()
        text = (TUTORIAL / name).read_text().replace('"localhost", 8000', f'"localhost", {port}')
        path = self.make_directory() / name
        path.write_text(text)
        (path.parent / "public").symlink_to(TUTORIAL / "public")
        program = self.start(sys.executable, str(path), path=str(path.parent))
        await program.shown("listening on")
        return program, f"http://localhost:{port}/"

    async def submit(self, page, form, **values):
        """Fill the fields of a form, and submit it."""
        for field, value in values.items():
            await page.evaluate(f"document.forms[{form}][{field!r}].value = {value!r}")
        await page.evaluate(f"document.forms[{form}].requestSubmit()")

    async def shows(self, page, text):
        await page.until(f"document.body.innerText.includes({text!r})")

    async def test_the_echo_and_the_chat(self):
        echo, uri = await self.run_program("echo.py")
        page = await inspect(self, uri)
        await self.shows(page, "connected")
        await page.evaluate("document.forms[0][0].value = '<b>hello'")
        await self.submit(page, 0)
        await self.shows(page, "came back: <b>hello")
        echo.transport.signalProcess("INT")
        await self.shows(page, "closed with code 1001")

        chat, uri = await self.run_program("chat.py")
        ann = await page.another(uri)
        bob = await page.another(uri)
        await self.submit(ann, 0, name="Ann", room="lobby")
        await self.shows(ann, "Here: Ann")
        await ann.until("!document.getElementById('text').disabled")
        await self.submit(ann, 1, text="<b>hello")
        await self.submit(bob, 0, name="Bob", room="lobby")
        await self.shows(bob, "Ann <b>hello")
        await self.shows(bob, "Here: Ann, Bob")
        await self.shows(ann, "Bob has come")
        await self.submit(bob, 0, name="Bob", room="kitchen")
        await self.shows(ann, "Bob has gone")
        await self.shows(bob, "Here: Bob")
        chat.transport.signalProcess("INT")
        await self.shows(ann, "The connection is lost")


class DeployTests(RunsNginx):
    """Step 4."""

    timeout = 60

    def setUp(self):
        super().setUp()
        self.chat = self.make_directory() / "chat"
        shutil.copytree(TUTORIAL, self.chat)

    def unit(self, name):
        """Return the command line that a unit of systemd starts."""
        [line] = re.findall(r"^ExecStart=(.*)$", (TUTORIAL / name).read_text(), re.MULTILINE)
        program, *arguments = shlex.split(line)
        self.assertEqual(program, "/opt/chat/venv/bin/twistd")
        return [TWISTD, *arguments]

    async def start_nginx(self, **ports):
        """Start nginx with the tutorial's file, on other ports."""
        self.port = free_port()
        text = (TUTORIAL / self.file).read_text()
        for old, new in {"80": self.port, **ports}.items():
            text, count = re.subn(rf"(listen |127\.0\.0\.1:){old}\b", rf"\g<1>{new}", text)
            self.assertEqual(count, 1, old)
        (self.path / self.file).write_text(text)
        self.proxy = self.start(*self.command())
        self.addCleanup(self.stop_proxy, self.proxy)
        await self.proxy.shown(self.started)

    async def visit(self, name, room="lobby", **options):
        """Connect as a page that nginx has sent."""
        client = await txws2.connect(
            f"ws://localhost:{self.port}/ws/{room}?name={name}",
            endpoint=TCP4ClientEndpoint(reactor, "127.0.0.1", self.port, bindAddress=(CLIENT, 0)),
            **{"origin": f"http://localhost:{self.port}", **options},
        )
        self.addCleanup(client.close)
        return client

    async def news(self, visitor):
        return json.loads(await visitor.recv())

    async def test_the_chat_behind_nginx(self):
        port = free_port()
        toml = self.chat / "ws.toml"
        toml.write_text(toml.read_text().replace("8000", str(port)))
        server = self.start(*self.unit("chat.service"), path=str(self.chat))
        await server.shown("listening on")
        await self.start_nginx(**{"8000": port})

        url = f"http://localhost:{self.port}/"
        page = await deferToThread(lambda: urlopen(url).read())
        self.assertEqual(page, (TUTORIAL / "public" / "index.html").read_bytes())

        ann, bob = await self.visit("ann"), await self.visit("bob")
        self.assertEqual(await self.news(ann), {"here": ["ann"], "history": []})
        self.assertEqual(await self.news(ann), {"joined": "bob"})
        await bob.send("hello")
        self.assertEqual(await self.news(ann), {"from": "bob", "text": "hello"})
        # The log has the client's address, not nginx's.
        await server.shown(f"opened: {CLIENT}:")
        with self.assertRaises(txws2.InvalidStatus) as refused:
            await self.visit("cy", origin="https://elsewhere.example")
        self.assertEqual(refused.exception.response.status_code, 403)

        server.transport.signalProcess("TERM")
        await ann.wait_closed()
        self.assertEqual(ann.close_code, 1001)

    async def test_each_room_is_in_one_of_several_processes(self):
        ports = {name: free_port() for name in ("8001", "8002")}
        command = " ".join(self.unit("chat@.service"))
        for port in ports.values():
            server = self.start(*command.replace("%i", str(port)).split(), path=str(self.chat))
            await server.shown(f"listening on .*:{port}/")
        self.file = "nginx-rooms.conf"
        await self.start_nginx(**ports)
        for room in "lobby", "garden", "kitchen":
            ann = await self.visit("ann", room)
            for name in "bob", "cy":
                visitor = await self.visit(name, room)
                self.assertIn("ann", (await self.news(visitor))["here"])
            self.assertEqual(await self.news(ann), {"here": ["ann"], "history": []})
            self.assertEqual(await self.news(ann), {"joined": "bob"})

    async def test_the_units_are_right(self):
        if ANALYZE is None:
            raise SkipTest("systemd-analyze is not installed (Debian's package systemd)")
        for unit in sorted(TUTORIAL.glob("*.service")):
            text = unit.read_text().replace("/opt/chat/venv/bin/twistd", TWISTD)
            path = self.chat / unit.name.replace("@", "@8001")
            path.write_text(text)
            process = self.start(ANALYZE, "verify", str(path))
            await process.ended
            self.assertEqual(process.status, 0, process.err)
            self.assertNotIn(f"{path.name}:", process.err)

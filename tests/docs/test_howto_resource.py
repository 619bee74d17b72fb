"""docs/howto/resource.rst shows code that works."""

import shlex
from pathlib import Path

from twisted.internet import reactor
from twisted.trial.unittest import TestCase
from twisted.web.client import Agent, readBody
from twisted.web.resource import Resource, getChildForRequest
from twisted.web.server import Site

import txws2
from tests.command.test_commands import ROOT, TWISTD
from tests.support.examples import ExampleTestCase, blocks, free_port
from tests.support.sides import REQUEST
from tests.support.website import SiteTestCase, plus
from txws2 import connect

HOWTO = Path(ROOT, "docs", "howto", "resource.rst").read_text()
SITE, SESSION, KLEIN, STOP = blocks(HOWTO, "python")
EXAMPLES = Path(ROOT, "docs", "examples", "resource")
FILES = "members.py", "echo.rpy", "wsgi.py"
PASSWORD, SCRIPT, WSGI = ((EXAMPLES / name).read_text() for name in FILES)


async def echo(ws):
    async for message in ws:
        await ws.send(message)


class ScriptTests(ExampleTestCase):
    async def assertEchoes(self, uri):
        """Open a connection, which echoes; return it."""
        ws = await connect(uri, reactor=reactor)
        self.addCleanup(ws.close)
        await ws.send("hello")
        self.assertEqual(await ws.recv(), "hello")
        return ws

    async def assertGoesAway(self, ws, command):
        """Assert that a server that is told to stop says so to its client."""
        command.transport.signalProcess("TERM")
        await ws.wait_closed()
        self.assertEqual(ws.close_code, 1001)
        await command.ended

    async def get(self, uri):
        response = await Agent(reactor).request(b"GET", uri.encode())
        return response.code, await readBody(response)

    async def test_the_site_has_pages_and_an_echo(self):
        port = free_port()
        command = self.run_block(SITE, port)
        await self.until_somebody_listens(port)
        ws = await self.assertEchoes(f"ws://127.0.0.1:{port}/chat")
        code, _ = await self.get(f"http://127.0.0.1:{port}/nothing.html")
        self.assertEqual(code, 404)
        await self.assertGoesAway(ws, command)

    async def test_klein_has_a_page_and_rooms(self):
        port = free_port()
        command = self.run_block(KLEIN, port)
        await self.until_somebody_listens(port)
        ws = await self.assertEchoes(f"ws://localhost:{port}/rooms/lobby/socket")
        self.assertEqual(await self.get(f"http://localhost:{port}/"), (200, b"Hello!"))
        await self.assertGoesAway(ws, command)

    async def test_twistd_web_runs_the_script(self):
        directory = self.make_directory()
        (directory / "public").mkdir()
        (directory / "public" / "echo.rpy").write_text(SCRIPT)
        [line] = blocks(HOWTO, "shell")
        port = free_port()
        _, *arguments = shlex.split(line.replace("8080", str(port)))
        command = self.start(TWISTD, *arguments, path=str(directory))
        await self.until_somebody_listens(port)
        ws = await self.assertEchoes(f"ws://127.0.0.1:{port}/echo.rpy")
        await self.assertEchoes(f"ws://127.0.0.1:{port}/echo.rpy")
        await self.assertGoesAway(ws, command)


class SiteTests(SiteTestCase):
    def run_block(self, text):
        """Run a block as printed; return its names, and what it serves."""
        served, names = [], {}
        self.patch(txws2, "run", lambda target, *place: served.append(target))
        exec(text, names)
        return names, served

    def test_members_get_in_and_others_are_asked_to_log_in(self):
        names, _ = self.run_block(SESSION)
        users = names["users"]
        self.serve(process_request=names["members_only"])
        headers, body = self.assertStatus("403 Forbidden", REQUEST)
        self.assertEqual(body, b"Please log in first.\n")
        cookie = headers["Set-Cookie"].partition(";")[0].encode()
        users[cookie.partition(b"=")[2]] = "me"
        self.connect()
        self.open(plus(b"Cookie: " + cookie))
        self.assertEqual(self.ws.user, "me")

    def test_those_who_have_a_password_get_in(self):
        Path("members.txt").write_text("me:secret\n")
        self.addCleanup(Path("members.txt").unlink)
        names, [root] = self.run_block(PASSWORD)
        names["chat"] = self.serve()
        self.root.putChild(b"members", root.children[b"members"])
        request = REQUEST.replace(b"/chat", b"/members")
        self.assertStatus("401 Unauthorized", request)
        authorization = b"Authorization: Basic bWU6c2VjcmV0\r\n\r\n"
        self.open(request[:-2] + authorization)

    def test_a_missing_page_is_the_wsgi_application_s(self):
        _, [root] = self.run_block(WSGI)
        for path, found, left in (
            (b"chat/room", txws2.WebSocketResource, [b"room"]),
            (b"a/b", type(root.application), [b"a", b"b"]),
        ):
            request = Request(path)
            self.assertIsInstance(getChildForRequest(root, request), found)
            self.assertEqual(request.postpath, left)


class Request:
    """A request as far as looking for its resource goes."""

    def __init__(self, path):
        self.prepath, self.postpath = [], path.split(b"/")


class StopTests(TestCase):
    async def test_the_site_stops_and_the_connections_are_closed(self):
        chat = txws2.WebSocketResource(echo, reactor=reactor)
        names = {}
        exec(STOP, names)
        root = Resource()
        root.putChild(b"chat", chat)
        port = reactor.listenTCP(0, Site(root), interface="127.0.0.1")
        ws = await connect(f"ws://127.0.0.1:{port.getHost().port}/chat", reactor=reactor)
        await names["stop"](port, chat)
        await ws.wait_closed()
        self.assertEqual(ws.close_code, 1001)

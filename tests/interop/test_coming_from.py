"""The examples of docs/coming-from and their originals work with each other."""

import json
import runpy
import shutil
import sys
from importlib.util import find_spec

from twisted.trial.unittest import SkipTest, TestCase

import txws2
from tests.command.test_commands import TWIST, free_port
from tests.interop.directions import settings
from tests.interop.peer_process import PEERS, ROOT, Peer, ProcessLines, start, start_peer
from tests.support.examples import blocks

EXAMPLES = ROOT / "docs" / "examples" / "coming-from"
LISTEN = "tcp:0:interface=127.0.0.1"


class Program(ProcessLines):
    """A process that prints lines, some of them caused by other processes at any time."""

    async def printed(self, text):
        """Return the next line with this text in it; drop the lines before."""
        while True:
            line = await self.line()
            if text in line:
                return line

    async def port(self):
        """Return the port that it listens on."""
        return int((await self.printed("listening on port")).rpartition(" ")[2])


class MigratingTestCase(TestCase):
    timeout = 60

    def run_example(self, name, *arguments):
        return start(self, Program(), sys.executable, EXAMPLES / name, *arguments)

    def run_peer(self, script, *arguments):
        return start(self, Peer(), sys.executable, PEERS / script, *arguments)

    async def serve_example(self, name, endpoint=LISTEN):
        """Start a server; return it and its URI."""
        server = self.run_example(name, endpoint)
        return server, f"ws://127.0.0.1:{await server.port()}"

    async def hears(self, peer, *expected):
        """Wait until the peer has received all of these messages, and perhaps more."""
        expected = set(expected)
        while expected:
            expected.discard((await peer.saw())["heard"])


class AutobahnEchoTests(MigratingTestCase):
    async def test_the_client_hears_what_it_says(self):
        server, uri = await self.serve_example("autobahn/echo_server.py")
        client = self.run_example("autobahn/echo_client.py", uri)
        self.assertIn("open: ('127.0.0.1', ", await client.line())
        for program in server, client:
            await program.printed("received: Hello, world!")
            await program.printed("received: 4 bytes")
        await client.kill()
        await server.printed("closed: no close frame received or sent")

    async def test_a_client_of_autobahn_need_not_change(self):
        server, uri = await self.serve_example("autobahn/echo_server.py")
        peer = self.run_peer("autobahn_talk.py", uri, "Grüße")
        self.assertEqual([await peer.saw() for _ in "12"], [{"heard": "Grüße"}, {"heard": 4}])
        self.assertRegex(await server.line(), r"^connecting: \('127.0.0.1', \d+\) /$")
        self.assertRegex(await server.line(), r"^open: ")

    async def test_a_server_of_autobahn_need_not_change(self):
        peer = start_peer(self, "autobahn", "server", settings([], []))
        port = (await peer.saw())["port"]
        client = self.run_example("autobahn/echo_client.py", f"ws://127.0.0.1:{port}/")
        await client.printed("received: Hello, world!")
        await client.printed("received: 4 bytes")

    async def test_the_client_says_why_it_could_not_connect(self):
        client = self.run_example("autobahn/echo_client.py", f"ws://127.0.0.1:{free_port()}")
        self.assertEqual(await client.ended, 1)
        self.assertIn(b"ConnectionRefusedError", client.errors)


class AutobahnBroadcastTests(MigratingTestCase):
    async def test_every_client_hears_what_one_says(self):
        server, uri = await self.serve_example("autobahn/broadcast_server.py")
        one, other = (self.run_example("autobahn/broadcast_client.py", uri) for _ in "12")
        said = await one.printed("received: Hello from Python! from 127.0.0.1:")
        await other.printed(said)
        await one.printed("received: tick ")
        await other.kill()
        await server.printed("gone: ('127.0.0.1', ")

    async def test_a_client_of_autobahn_need_not_change(self):
        _, uri = await self.serve_example("autobahn/broadcast_server.py")
        peer = self.run_peer("autobahn_talk.py", uri, "Hello from the peer!")
        async with txws2.connect(uri) as ws:
            while not (await ws.recv()).startswith("Hello from the peer! from 127.0.0.1:"):
                pass
            ws.sendMessage("Hello from us!")
            port = ws.local_address[1]
            await self.hears(peer, f"Hello from us! from 127.0.0.1:{port}")


class AutobahnWrappingTests(MigratingTestCase):
    async def assertTheyTalk(self, server, client):
        self.assertIn("connected: IPv4Address(", await client.line())
        self.assertIn("connected: IPv4Address(", await server.line())
        await client.printed("received: " + "how are you?" * 100)
        await server.printed("received: " + "hello" * 100)

    async def test_the_factory_and_the_endpoint(self):
        server, uri = await self.serve_example("autobahn/wrapping_server.py")
        await self.assertTheyTalk(server, self.run_example("autobahn/wrapping_client.py", uri))

    async def test_strings_that_describe_endpoints(self):
        server = self.run_example(
            "autobahn/wrapping_server_endpoint.py", "ws:0:interface=127.0.0.1"
        )
        where = f"ws:127.0.0.1:{await server.port()}"
        client = self.run_example("autobahn/wrapping_client_endpoint.py", where)
        await self.assertTheyTalk(server, client)

    async def test_a_client_of_autobahn_need_not_change(self):
        server, uri = await self.serve_example("autobahn/wrapping_server.py")
        peer = self.run_peer("autobahn_wrapping.py", "client", uri)
        self.assertEqual(await peer.saw(), {"heard": "how are you?" * 100})
        await server.printed("received: from the peer")

    async def test_a_server_of_autobahn_need_not_change(self):
        peer = self.run_peer("autobahn_wrapping.py", "server")
        port = (await peer.saw())["port"]
        client = self.run_example("autobahn/wrapping_client.py", f"ws://127.0.0.1:{port}")
        await client.printed("received: from the peer")
        self.assertEqual(await peer.saw(), {"heard": "hello" * 100})


class TxWSTests(MigratingTestCase):
    async def test_the_echo_sends_text_as_txws_did(self):
        _, uri = await self.serve_example("txws/echo.py")
        async with txws2.connect(uri) as ws:
            ws.sendMessage("hello")
            self.assertEqual(await ws.recv(), "hello")


class TwistedWebTests(MigratingTestCase):
    async def serve_script(self):
        """Let twist serve the script; return its URI."""
        port = free_port()
        listen = f"--listen=tcp:{port}:interface=127.0.0.1"
        path = f"--path={EXAMPLES / 'twisted-web'}"
        twist = start(self, Program(), TWIST, "--log-format=text", "web", listen, path)
        await twist.printed(f"Site starting on {port}")
        return f"ws://127.0.0.1:{port}/websocket_server.rpy"

    async def test_the_client_gets_a_reply_and_heartbeats(self):
        client = self.run_example("twisted-web/websocket_client.py", await self.serve_script())
        self.assertEqual(await client.line(), "connecting...")
        await client.printed("connected!")
        await client.printed("received: 'reply to hello, world!'")
        await client.printed("received: 'heartbeat ")

    async def test_a_client_of_twisted_need_not_change(self):
        if find_spec("twisted.web.websocket") is None:
            raise SkipTest("this Twisted has no twisted.web.websocket")
        if find_spec("wsproto") is None:
            self.fail("wsproto is not installed; `make test` installs it")
        peer = self.run_peer("twisted_websocket_client.py", await self.serve_script())
        await self.hears(peer, "heartbeat 1", "reply to hello, world!")


class FlaskSocketIOTests(MigratingTestCase):
    async def test_the_script_of_the_page_speaks_with_the_server(self):
        node = shutil.which("node")
        if node is None:
            raise SkipTest("Node.js is not installed")
        names = runpy.run_path(str(EXAMPLES / "flask-socketio" / "room_events.py"))
        server = await txws2.serve(names["handler"], "127.0.0.1", 0)
        self.addCleanup(server.close)
        page = (ROOT / "docs" / "coming-from" / "flask-socketio.rst").read_text()
        [script] = blocks(page, "javascript")
        uri = f"ws://127.0.0.1:{server.addresses[0].port}/socket"
        script = script.replace("wss://chat.example.com/socket", uri)
        # A browser has this class; older versions of Node.js have none.
        script = f'globalThis.WebSocket = require("ws");\n{script}'
        client = start(self, Program(), node, "-e", script)
        self.assertEqual(await client.line(), "1")
        await names["rooms"].broadcast("lobby", json.dumps({"event": "said", "data": "hello"}))
        self.assertEqual(await client.line(), "hello")

"""`Forward` before real services: VNC for noVNC, a peer of websockify, TLS, other servers."""

import json
import shutil
import sys
from importlib.util import find_spec
from pathlib import Path
from random import Random

from twisted.internet import reactor, ssl
from twisted.internet.endpoints import (
    SSL4ServerEndpoint,
    TCP4ServerEndpoint,
    UNIXServerEndpoint,
    quoteStringArgument,
)
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import deferLater
from twisted.trial.unittest import SkipTest, TestCase
from twisted.web.server import Site
from twisted.web.static import File

import txws2
from tests.command.test_commands import free_port
from tests.interop.devtools import inspect
from tests.interop.forwarded import MIB, BulkTests
from tests.interop.peer_process import PEERS, Peer, ProcessLines, start, start_peer
from tests.support.certificates import certify
from txws2._transport.view_reader import ViewReader
from txws2.exceptions import InvalidStatus
from txws2.forward import Forward, Replay, Targets, read_recording
from txws2.server.factory import WebSocketServerFactory
from txws2.server.resource import WebSocketResource

DEBIAN = Path("/usr/lib/python3/dist-packages/websockify")
NOVNC = Path("/usr/share/novnc")
STATUS = "document.getElementById('status').textContent"


class Echo(Protocol):
    """Sends everything back, and ends its side after "end"."""

    def dataReceived(self, data):
        if data == b"end":
            self.transport.loseConnection()
        else:
            self.transport.write(data)


class ServiceTestCase(TestCase):
    timeout = 60

    async def listen(self, endpoint=None, protocol=Echo):
        """Let a service listen; return its port."""
        if endpoint is None:
            endpoint = TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1")
        factory = Factory.forProtocol(protocol)
        factory.noisy = False
        port = await endpoint.listen(factory)
        self.addCleanup(port.stopListening)
        return port

    async def forward(self, where=None, **options):
        """Serve a Forward; return its URI."""
        handler = where if callable(where) else Forward(where, **options)
        server = await txws2.serve(handler, "127.0.0.1", 0)
        self.addCleanup(server.close)
        return f"ws://127.0.0.1:{server.addresses[0].port}/"

    async def connect(self, uri, **options):
        ws = await txws2.connect(uri, proxy=None, **options)
        self.addCleanup(ws.close)
        return ws

    async def assertEchoes(self, ws, data):
        await ws.send(data)
        got = b""
        while len(got) < len(data):
            got += await ws.recv()
        self.assertEqual(got, data)


class ServiceTests(ServiceTestCase):
    async def test_tcp(self):
        port = await self.listen()
        ws = await self.connect(await self.forward(f"tcp:127.0.0.1:{port.getHost().port}"))
        for size in 1, 1000, 300_000:
            await self.assertEchoes(ws, bytes(size))
        await ws.send(b"end")
        await ws.wait_closed()
        self.assertEqual(ws.close_code, 1000)

    async def test_a_unix_socket(self):
        path = self.mktemp()
        await self.listen(UNIXServerEndpoint(reactor, path))
        ws = await self.connect(await self.forward(f"unix:{quoteStringArgument(path)}"))
        await self.assertEchoes(ws, bytes(100_000))

    async def test_a_bulk_is_whole_and_counted_and_leaves_nothing_behind(self):
        class Source(Protocol):
            def dataReceived(self, data):
                self.transport.write(random)
                self.transport.loseConnection()

        readers, random = ViewReader._count, Random(1).randbytes(4 * MIB)
        port = await self.listen(protocol=Source)
        forward = Forward(f"localhost:{port.getHost().port}")
        factory = WebSocketServerFactory(forward, compression=None)
        listening = reactor.listenTCP(0, factory, interface="127.0.0.1")
        self.addCleanup(listening.stopListening)
        ws = await self.connect(f"ws://127.0.0.1:{listening.getHost().port}/")
        await ws.send(b"all")
        messages = [message async for message in ws]
        self.assertEqual(b"".join(messages), random)
        self.assertEqual(ws.close_code, 1000)
        counters = factory.counters
        self.assertEqual(counters.messages_out, len(messages))
        self.assertEqual(counters.payload_out, len(random))
        while ViewReader._count > readers:
            # The service is left a moment later.
            await deferLater(reactor, 0)

    async def test_a_reset_connection_is_a_1014(self):
        class Resetting(Protocol):
            def dataReceived(self, data):
                self.transport.abortConnection()

        port = await self.listen(protocol=Resetting)
        forward = Forward(f"localhost:{port.getHost().port}")
        factory = WebSocketServerFactory(forward, compression=None)
        listening = reactor.listenTCP(0, factory, interface="127.0.0.1")
        self.addCleanup(listening.stopListening)
        ws = await self.connect(f"ws://127.0.0.1:{listening.getHost().port}/")
        # The messages that come after the loss hold nothing up.
        for _ in range(300):
            ws.sendMessage(bytes(60_000))
        await ws.wait_closed()
        self.assertEqual(ws.close_code, 1014)
        await deferLater(reactor, 0.1)
        self.assertEqual(len(factory.running), 0)

    async def test_a_port_where_nobody_listens_is_a_502(self):
        uri = await self.forward(f"localhost:{free_port()}")
        failed = await self.assertFailure(txws2.connect(uri, proxy=None), InvalidStatus)
        self.assertEqual(failed.response.status_code, 502)

    async def listen_with_tls(self):
        """Let a service with TLS listen; return the directory with the certificate to trust."""
        certificate, pem = certify("localhost")
        trust = Path(self.mktemp())
        trust.mkdir()
        (trust / "service.pem").write_bytes(pem)
        endpoint = SSL4ServerEndpoint(reactor, 0, certificate.options(), interface="127.0.0.1")
        port = await self.listen(endpoint)
        return port.getHost().port, quoteStringArgument(str(trust.absolute()))

    async def test_tls(self):
        port, trust = await self.listen_with_tls()
        ws = await self.connect(await self.forward(f"tls:localhost:{port}:trustRoots={trust}"))
        for size in 1, 300_000:
            await self.assertEchoes(ws, bytes(size))
        await ws.send(b"end")
        await ws.wait_closed()
        self.assertEqual(ws.close_code, 1000)

    async def test_a_service_that_is_not_trusted_is_a_502(self):
        port, _ = await self.listen_with_tls()
        uri = await self.forward(f"tls:localhost:{port}")
        failed = await self.assertFailure(txws2.connect(uri, proxy=None), InvalidStatus)
        self.assertEqual(failed.response.status_code, 502)

    async def test_a_service_behind_a_websocket_with_tls(self):
        certificate, _ = certify("localhost")
        below = SSL4ServerEndpoint(reactor, 0, certificate.options(), interface="127.0.0.1")
        port = await self.listen(txws2.WebSocketServerEndpoint(below))
        endpoint = txws2.WebSocketClientEndpoint(
            reactor,
            f"wss://localhost:{port.getHost().port}/",
            tls=ssl.optionsForClientTLS("localhost", certificate),
            proxy=None,
        )
        ws = await self.connect(await self.forward(endpoint))
        await self.assertEchoes(ws, bytes(300_000))
        await ws.send(b"end")
        await ws.wait_closed()
        self.assertEqual(ws.close_code, 1000)

    async def test_over_tls_too_the_websocket_may_be_wss(self):
        certificate, _ = certify("localhost")
        port = await self.listen()
        server = await txws2.serve(
            Forward(f"localhost:{port.getHost().port}"),
            endpoint=SSL4ServerEndpoint(reactor, 0, certificate.options(), interface="127.0.0.1"),
        )
        self.addCleanup(server.close)
        uri = f"wss://localhost:{server.addresses[0].port}/"
        ws = await self.connect(uri, tls=ssl.optionsForClientTLS("localhost", certificate))
        await self.assertEchoes(ws, bytes(300_000))

    async def test_tokens_of_a_file(self):
        port = await self.listen()
        file = Path(self.mktemp())
        file.write_text(f"abc: 127.0.0.1:{port.getHost().port}\n")
        uri = await self.forward(None, targets=Targets(file))
        await self.assertEchoes(await self.connect(f"{uri}websockify?token=abc"), b"x")
        failed = await self.assertFailure(
            txws2.connect(f"{uri}?token=abcd", proxy=None), InvalidStatus
        )
        self.assertEqual(failed.response.status_code, 404)


class WebsockifyTests(ServiceTestCase):
    def setUp(self):
        if find_spec("websockify"):
            self.python = sys.executable
        elif DEBIAN.is_dir():
            self.python = "/usr/bin/python3"
        else:
            raise SkipTest("websockify is not installed; Debian: python3-websockify")

    async def test_its_client_is_served(self):
        port = await self.listen()
        uri = await self.forward(f"localhost:{port.getHost().port}")
        sizes = "[1, 125, 126, 65535, 65536, 300000]"
        for offered, chosen in ("[]", None), ('["binary"]', "binary"):
            script = PEERS / "websockify_client.py"
            peer = start(self, Peer(), self.python, script, uri, offered, sizes)
            self.assertEqual(await peer.saw(), {"protocol": chosen})
            self.assertEqual(await peer.saw(), {"same": True})
            self.assertEqual(await peer.saw(), {"code": 1000})


class OtherServerTests(ServiceTestCase):
    async def test_messages_and_the_subprotocol_and_the_close_code_pass(self):
        for library in "websockets", "ws", "aiohttp":
            settings = {"actions": [["fill", 5]], "subprotocols": ["chat"]}
            peer = start_peer(self, library, "server", json.dumps(settings))
            port = (await peer.saw())["port"]
            uri = await self.forward(f"ws://127.0.0.1:{port}/")
            ws = await self.connect(uri, subprotocols=["other", "chat"])
            self.assertEqual(await peer.saw(), {"open": "chat"})
            self.assertEqual(ws.subprotocol, "chat")
            self.assertEqual(await ws.recv(), bytes(5))
            for message in "text ü", b"\x00\xff", "x" * 300_000, "":
                await ws.send(message)
                self.assertEqual(await ws.recv(), message)
            await ws.close(4001, "bye")
            seen = await peer.saw()
            while "closed" not in seen:
                seen = await peer.saw()
            self.assertEqual(seen, {"closed": [4001, "bye"]})

    async def test_a_refusal_passes(self):
        peer = start_peer(self, "websockets", "server", '{"actions": [], "subprotocols": []}')
        port = (await peer.saw())["port"]
        uri = await self.forward(f"ws://127.0.0.1:{port}/elsewhere")
        failed = await self.assertFailure(txws2.connect(uri, proxy=None), InvalidStatus)
        self.assertEqual(failed.response.status_code, 404)
        self.assertEqual(failed.response.body, b"nothing here\n")


class ScreenTests(ServiceTestCase):
    """noVNC in Chromium, and a real VNC server."""

    def setUp(self):
        for needed, package in {
            "Xtigervnc": "tigervnc-standalone-server",
            "chromium": "chromium",
        }.items():
            if shutil.which(needed) is None:
                raise SkipTest(f"{needed} is not installed; Debian: {package}")
        if not NOVNC.is_dir():
            raise SkipTest("noVNC is not installed; Debian: novnc")

    async def start_vnc(self):
        """Start a VNC server; return its port."""
        port = free_port()
        screen = start(
            self,
            ProcessLines(),
            shutil.which("Xtigervnc"),
            *("-displayfd", "1", "-rfbport", port, "-interface", "127.0.0.1", "-localhost"),
            *("-SecurityTypes", "None", "-geometry", "640x480", "-nolisten", "tcp"),
        )
        # The number of the display comes when the server is ready.
        await screen.line()
        return port

    def serve_pages(self, **handlers):
        """Serve noVNC, and handlers below it; return the URI of its page."""
        root = File(str(NOVNC))
        for path, handler in handlers.items():
            factory = WebSocketServerFactory(handler, reactor=reactor, compression=None)
            root.putChild(path.encode(), WebSocketResource(factory))
        port = reactor.listenTCP(0, Site(root), interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        return f"http://127.0.0.1:{port.getHost().port}/vnc_lite.html"

    async def assertShowsScreen(self, page):
        await page.until(f"/^Connected to /.test({STATUS})")
        width = "document.querySelector('#screen canvas').width"
        await page.until(f"{width} === 640")

    async def test_its_page_shows_the_screen_and_then_the_recording(self):
        directory = Path(self.mktemp())
        forward = Forward(f"tcp:127.0.0.1:{await self.start_vnc()}", record=directory)
        page = await inspect(self, self.serve_pages(websockify=forward))
        await self.assertShowsScreen(page)
        await page.call("Page.close")
        [file] = directory.iterdir()
        while not file.read_bytes().endswith(b'"}\n'):
            await deferLater(reactor, 0.05)
        messages = list(read_recording(file))
        self.assertTrue(messages[0].message.startswith(b"RFB 003."))
        self.assertFalse(messages[0].from_client)
        page = await inspect(self, self.serve_pages(websockify=Replay(file)))
        # If the page hadn't come so far as to show a screen, something would have gone wrong.
        await page.until(f"{STATUS} === 'Disconnected' || {STATUS}.startsWith('Something')")
        self.assertEqual(await page.evaluate(STATUS), "Disconnected")


class ForwardedBulkTests(BulkTests, TestCase):
    timeout = 120
    size = 32 * MIB

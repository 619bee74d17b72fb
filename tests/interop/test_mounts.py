"""WebSockets and a site on one port, over real sockets: TCP, TLS, Unix, and behind a proxy."""

import re
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.request import urlopen

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import clientFromString, connectProtocol, serverFromString
from twisted.internet.protocol import Protocol
from twisted.internet.ssl import Certificate, trustRootFromCertificates
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import TestCase
from twisted.web.client import Agent, BrowserLikePolicyForHTTPS, HTTPConnectionPool, readBody
from twisted.web.resource import Resource
from twisted.web.static import Data

import txws2
from tests.command.test_commands import TWISTD
from tests.interop.test_stopping import ProcessTestCase
from tests.support.certificates import make_pems

PAGE = b"x" * 2_000_000

MODULE = """
async def shout(ws):
    async for message in ws:
        await ws.send(message.upper())

def wsgi(environ, start_response):
    body = environ["wsgi.input"].read()
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]
"""


async def echo(ws):
    async for message in ws:
        await ws.send(message)


async def name(ws):
    await ws.send(ws.request.path)


class Site(TestCase):
    timeout = 60
    scheme = "http"
    trust = None

    def setUp(self):
        root = Resource()
        root.putChild(b"page", Data(PAGE, "text/plain"))
        self.echo = txws2.WebSocketServerFactory(echo)
        self.mounts = txws2.Mounts(
            {"/": self.echo, "/name": txws2.WebSocketServerFactory(name)}, root
        )
        self.pool = HTTPConnectionPool(reactor)
        self.addCleanup(self.pool.closeCachedConnections)

    async def listen(self, description):
        port = await serverFromString(reactor, description).listen(self.mounts)
        self.addCleanup(port.stopListening)
        return port.getHost()

    async def connect(self, uri):
        options = {} if self.trust is None else {"tls": self.trust}
        ws = await txws2.connect(uri, reactor=reactor, **options)
        self.addCleanup(ws.close)
        return ws

    async def get(self, uri):
        policy = BrowserLikePolicyForHTTPS(self.root) if self.trust else BrowserLikePolicyForHTTPS()
        agent = Agent(reactor, policy, pool=self.pool)
        response = await agent.request(b"GET", uri.encode())
        return response.code, await readBody(response)

    async def assertServes(self, base):
        """Talk to all of it, with many connections at once, which then share an epoll."""
        ws = base.replace("http", "ws", 1)
        clients = [await self.connect(f"{ws}/{number}") for number in range(12)]
        for client in clients:
            await client.send("x" * 10_000)
        for client in clients:
            self.assertEqual(await client.recv(), "x" * 10_000)
        self.assertEqual(await (await self.connect(f"{ws}/name/7")).recv(), "/name/7")
        for _ in range(3):
            self.assertEqual(await self.get(f"{base}/page"), (200, PAGE))
        self.assertEqual((await self.get(f"{base}/nothing"))[0], 404)
        self.assertEqual(len(self.echo.connections), 12)
        for client in clients:
            await client.close()


class PlainTests(Site):
    async def test_over_tcp(self):
        host = await self.listen("tcp:0:interface=127.0.0.1")
        await self.assertServes(f"http://127.0.0.1:{host.port}")

    async def test_over_a_unix_socket(self):
        # The system permits only short paths.
        directory = TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        path = f"{directory.name}/ws.sock"
        await self.listen(f"unix:{path}")
        ws = await txws2.unix_connect(path, "ws://localhost/name", reactor=reactor)
        self.assertEqual(await ws.recv(), "/name")
        await ws.close()

    async def test_behind_a_proxy_that_tells_the_client(self):
        host = await self.listen("haproxy:tcp:0:interface=127.0.0.1")
        answer = Answer()
        endpoint = clientFromString(reactor, f"tcp:127.0.0.1:{host.port}")
        await connectProtocol(endpoint, answer)
        answer.transport.write(
            b"PROXY TCP4 192.0.2.1 192.0.2.2 11 22\r\n"
            b"GET /page HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
        )
        self.assertTrue((await answer.whole).endswith(PAGE))


class Answer(Protocol):
    def __init__(self):
        self.data = bytearray()
        self.whole = Deferred()

    def dataReceived(self, data):
        self.data += data

    def connectionLost(self, reason):
        self.whole.callback(bytes(self.data))


class OverTLSTests(Site):
    async def test_over_tls(self):
        pem, key = make_pems("localhost")
        path, trusted = Path(self.mktemp()), Path(self.mktemp())
        path.write_bytes(pem + key)
        trusted.write_bytes(pem)
        self.trust = str(trusted)
        self.root = trustRootFromCertificates([Certificate.loadPEM(pem)])
        ssl = f"ssl:0:interface=127.0.0.1:privateKey={path}:certKey={path}"
        host = await self.listen(ssl)
        await self.assertServes(f"https://localhost:{host.port}")


class CommandTests(ProcessTestCase):
    async def get(self, uri, body=None):
        return await deferToThread(lambda: urlopen(uri, body).read())

    def make(self):
        directory = self.make_directory()
        (directory / "served.py").write_text(MODULE)
        (directory / "public").mkdir()
        (directory / "public" / "index.html").write_text("<p>hello")
        return directory

    async def test_one_command_serves_an_application_files_and_wsgi(self):
        process = self.start(
            *(TWISTD, "-n", "--pidfile=", "ws", "--listen=tcp:0:interface=127.0.0.1"),
            *("--app=/shout=served:shout", "--echo", "/echo"),
            *("--static=public", "--wsgi=/w=served:wsgi"),
            path=self.make(),
        )
        uri = (await process.shown(r"listening on (http://127\.0\.0\.1:\d+)/"))[1]
        for path, heard in {"shout": "HELLO", "echo": "hello"}.items():
            client = await self.connect(f"{uri.replace('http', 'ws')}/{path}")
            await client.send("hello")
            self.assertEqual(await client.recv(), heard)
        self.assertEqual(await self.get(f"{uri}/"), b"<p>hello")
        self.assertEqual(await self.get(f"{uri}/w", b"body"), b"body")
        process.transport.signalProcess("TERM")
        await client.wait_closed()
        self.assertEqual(client.close_code, 1001)
        await process.ended
        self.assertEqual(process.status, 0)
        self.assertNotIn("Traceback", process.out + process.err)

    async def test_a_file_has_several_servers(self):
        directory, sockets = self.make(), TemporaryDirectory()
        self.addCleanup(sockets.cleanup)
        path = f"{sockets.name}/ws.sock"
        (directory / "ws.toml").write_text(
            '[[service]]\nlisten = "tcp:0:interface=127.0.0.1"\nstatic = "public"\n'
            f'[[service]]\nlisten = "unix:{path}"\napp = "served:shout"\n'
        )
        checked = self.start(TWISTD, "ws", "--config=ws.toml", "--check-config", path=directory)
        await checked.ended
        self.assertEqual((checked.status, checked.err), (0, ""))
        process = self.start(TWISTD, "-n", "--pidfile=", "ws", "--config=ws.toml", path=directory)
        uri = (await process.shown(r"listening on (http://127\.0\.0\.1:\d+)/"))[1]
        await process.shown(re.escape(f"listening on unix:{path}"))
        client = await txws2.unix_connect(path, "ws://localhost/", reactor=reactor)
        await client.send("hello")
        self.assertEqual(await client.recv(), "HELLO")
        self.assertEqual(await self.get(f"{uri}/"), b"<p>hello")
        process.transport.signalProcess("INT")
        await client.wait_closed()
        await process.ended
        self.assertEqual(process.status, 0)

"""Connections through proxies that others have written: tinyproxy, microsocks and Dante."""

import os
from pathlib import Path
from shutil import which

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import SSL4ServerEndpoint
from twisted.internet.interfaces import IProtocolNegotiationFactory
from twisted.internet.protocol import Factory, Protocol
from twisted.protocols.portforward import ProxyFactory
from twisted.trial.unittest import SkipTest, TestCase
from zope.interface import directlyProvides

import txws2
from tests.certificates import certify
from tests.examples import free_port, until_somebody_listens
from tests.interop.peer_process import ProcessLines, start
from txws2.exceptions import InvalidProxyStatus

TINYPROXY = """\
Port {port}
Listen 127.0.0.1
LogLevel Info
Timeout 30
{login}
"""

DANTE = """\
internal: 127.0.0.1 port = {port}
external: 127.0.0.1
socksmethod: none
clientmethod: none
user.privileged: {user}
user.unprivileged: {user}
logoutput: stderr
client pass {{ from: 0.0.0.0/0 to: 0.0.0.0/0 }}
socks pass {{ from: 0.0.0.0/0 to: 0.0.0.0/0 protocol: tcp }}
"""


async def echo(ws):
    async for message in ws:
        await ws.send(message)


class ProxyTestCase(TestCase):
    timeout = 60

    async def setUp(self):
        self.certificate, pem = certify("localhost", "127.0.0.1")
        self.authorities = Path(self.mktemp())
        self.authorities.write_bytes(pem)
        plain = await txws2.serve(echo, "127.0.0.1", 0)
        self.addCleanup(plain.close)
        tls = SSL4ServerEndpoint(reactor, 0, self.certificate.options(), interface="127.0.0.1")
        secure = await txws2.serve(echo, endpoint=tls)
        self.addCleanup(secure.close)
        self.ws = f"ws://localhost:{plain.addresses[0].port}/"
        self.wss = f"wss://localhost:{secure.addresses[0].port}/"

    async def run_proxy(self, program, *arguments, config=None, **values):
        """Run it on a free port; return the port once it takes connections."""
        if which(program) is None:
            raise SkipTest(f"{program} is not installed")
        port = values["port"] = free_port()
        if config is not None:
            path = Path(self.mktemp())
            path.write_text(config.format(**values))
            arguments = (*arguments, path.absolute())
        command = [str(word).format(**values) for word in arguments]
        start(self, ProcessLines(), which(program), *command)
        await until_somebody_listens(port)
        return port

    async def assertEchoes(self, uri, proxy, **options):
        async with txws2.connect(uri, proxy=proxy, tls=str(self.authorities), **options) as ws:
            for size in (1, 1000, 100_000):
                await ws.send("x" * size)
                self.assertEqual(await ws.recv(), "x" * size)

    async def assertBothEcho(self, proxy, **options):
        for uri in (self.ws, self.wss):
            await self.assertEchoes(uri, proxy, **options)


class HTTPProxyTests(ProxyTestCase):
    async def tinyproxy(self, login=""):
        return await self.run_proxy("tinyproxy", "-d", "-c", config=TINYPROXY, login=login)

    async def test_connect(self):
        await self.assertBothEcho(f"http://127.0.0.1:{await self.tinyproxy()}")

    async def test_connect_with_a_password(self):
        port = await self.tinyproxy("BasicAuth me secret")
        await self.assertBothEcho(f"http://me:secret@127.0.0.1:{port}")
        for login in ("", "me:wrong@"):
            connecting = txws2.connect(self.ws, proxy=f"http://{login}127.0.0.1:{port}")
            error = await self.assertFailure(connecting, InvalidProxyStatus)
            self.assertIn(error.response.status_code, (401, 407))
            self.assertIn(b"html", error.response.body)

    async def test_connect_over_tls(self):
        """TLS to the proxy, and for wss TLS to the server within it."""
        behind = ProxyFactory("127.0.0.1", await self.tinyproxy())
        behind.noisy = False
        endpoint = SSL4ServerEndpoint(reactor, 0, self.certificate.options(), interface="127.0.0.1")
        behind.acceptableProtocols = lambda: [b"http/1.1"]
        directlyProvides(behind, IProtocolNegotiationFactory)
        listening = await endpoint.listen(behind)
        self.addCleanup(listening.stopListening)
        proxy = f"https://localhost:{listening.getHost().port}"
        await self.assertBothEcho(proxy, proxy_tls=self.authorities)
        error = await self.assertFailure(txws2.connect(self.ws, proxy=proxy), txws2.ProxyError)
        self.assertIn("self-signed certificate", str(error))

    async def test_a_server_that_is_not_there_is_the_proxy_s_to_tell(self):
        proxy = f"http://127.0.0.1:{await self.tinyproxy()}"
        connecting = txws2.connect(f"ws://127.0.0.1:{free_port()}/", proxy=proxy)
        error = await self.assertFailure(connecting, InvalidProxyStatus)
        self.assertGreaterEqual(error.response.status_code, 500)

    async def test_the_environment_names_it(self):
        proxy = f"http://127.0.0.1:{await self.tinyproxy()}"
        self.patch(os, "environ", {**os.environ, "all_proxy": proxy})
        async with txws2.connect(self.ws) as ws:
            self.assertEqual(ws.transport.getPeer().port, int(proxy.rpartition(":")[2]))
        self.patch(os, "environ", {**os.environ, "no_proxy": "localhost"})
        async with txws2.connect(self.ws) as ws:
            self.assertEqual(ws.transport.getPeer().port, int(self.ws.split(":")[2].strip("/")))

    async def test_any_protocol_goes_through_it(self):
        class Greeter(Protocol):
            def connectionMade(self):
                self.heard = Deferred()
                self.transport.write(b"hello")

            def dataReceived(self, data):
                self.heard.callback(data)

        proxy = f"http://127.0.0.1:{await self.tinyproxy()}"
        endpoint = txws2.WebSocketClientEndpoint(reactor, self.ws, proxy=proxy)
        protocol = await endpoint.connect(Factory.forProtocol(Greeter))
        self.assertEqual(await protocol.heard, b"hello")
        protocol.transport.loseConnection()
        await protocol.transport.websocket.wait_closed()


class SOCKSTests(ProxyTestCase):
    async def test_microsocks(self):
        port = await self.run_proxy("microsocks", "-i", "127.0.0.1", "-p", "{port}")
        for scheme in ("socks5", "socks5h"):
            await self.assertBothEcho(f"{scheme}://127.0.0.1:{port}")

    async def test_microsocks_with_a_password(self):
        login = ("-u", "me", "-P", "secret")
        port = await self.run_proxy("microsocks", "-i", "127.0.0.1", "-p", "{port}", *login)
        await self.assertBothEcho(f"socks5h://me:secret@127.0.0.1:{port}")
        for wrong, words in (("", "another way to log in"), ("me:wrong@", "password is wrong")):
            connecting = txws2.connect(self.ws, proxy=f"socks5://{wrong}127.0.0.1:{port}")
            error = await self.assertFailure(connecting, txws2.ProxyError)
            self.assertIn(words, str(error))

    async def test_microsocks_tells_that_nobody_is_there(self):
        port = await self.run_proxy("microsocks", "-i", "127.0.0.1", "-p", "{port}")
        uri = f"ws://127.0.0.1:{free_port()}/"
        connecting = txws2.connect(uri, proxy=f"socks5://127.0.0.1:{port}")
        error = await self.assertFailure(connecting, txws2.ProxyError)
        self.assertIn("the connection was refused", str(error))

    async def test_dante(self):
        user = "nobody" if os.getuid() == 0 else os.environ.get("USER", "nobody")
        port = await self.run_proxy("danted", "-f", config=DANTE, user=user)
        for scheme in ("socks5", "socks4"):
            await self.assertBothEcho(f"{scheme}://127.0.0.1:{port}")

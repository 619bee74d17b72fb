"""Connections through other people's proxies: tinyproxy, squid, microsocks and Dante."""

import os
import shutil
from pathlib import Path
from shutil import which
from tempfile import mkdtemp

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import SSL4ServerEndpoint
from twisted.internet.interfaces import IProtocolNegotiationFactory
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.ssl import PrivateCertificate
from twisted.protocols.portforward import ProxyFactory
from twisted.trial.unittest import SkipTest, TestCase
from zope.interface import directlyProvides

import txws2
from tests.interop.peer_process import ProcessLines, start
from tests.support.certificates import make_pems
from tests.support.examples import free_port, until_somebody_listens
from txws2.exceptions import InvalidProxyStatus, UnreachableThroughProxy

TINYPROXY = """\
Port {port}
Listen 127.0.0.1
LogLevel Info
Timeout 30
{login}
"""

SQUID = """\
http_port 127.0.0.1:{port}
https_port 127.0.0.1:{tls_port} tls-cert={path}/proxy.pem
{login}
acl known proxy_auth REQUIRED
http_access allow {who}
visible_hostname localhost
pid_filename none
cache_log {path}/log
access_log none
cache deny all
netdb_filename none
pinger_enable off
coredump_dir {path}
shutdown_lifetime 0 seconds
"""

BASIC = "auth_param basic program /usr/lib/squid/basic_ncsa_auth {path}/passwords"

# squid refuses a second answer to a nonce as too old.
DIGEST = """\
auth_param digest program /usr/lib/squid/digest_file_auth {path}/secrets
auth_param digest realm the proxy
auth_param digest nonce_max_count 1"""

# This is "secret", in the format of basic_ncsa_auth.
PASSWORDS = "me:$apr1$abcdefgh$h9FWgUz3n9YxylKLlR5SQ/\n"

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
        pem, key = make_pems("localhost", "127.0.0.1")
        self.pem_with_key = pem + key
        self.certificate = PrivateCertificate.loadPEM(self.pem_with_key)
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
        """Run it on a free port; return the port once it accepts connections."""
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


class HTTPProxy:
    """The cases for each of them; `start` runs one, with or without a password."""

    async def test_connect(self):
        await self.assertBothEcho(f"http://127.0.0.1:{await self.start()}")

    async def test_connect_with_a_password(self):
        port = await self.start(password=True)
        await self.assertBothEcho(f"http://me:secret@127.0.0.1:{port}")
        for login in ("", "me:wrong@"):
            connecting = txws2.connect(self.ws, proxy=f"http://{login}127.0.0.1:{port}")
            error = await self.assertFailure(connecting, InvalidProxyStatus)
            self.assertIn(error.response.status_code, (401, 407))
            self.assertIn(b"html", error.response.body.lower())
            self.assertIs(txws2.process_exception(error), error)

    async def test_a_server_that_is_not_there_is_the_proxy_s_to_tell(self):
        proxy = f"http://127.0.0.1:{await self.start()}"
        connecting = txws2.connect(f"ws://127.0.0.1:{free_port()}/", proxy=proxy)
        error = await self.assertFailure(connecting, InvalidProxyStatus)
        self.assertGreaterEqual(error.response.status_code, 500)
        self.assertIsNone(txws2.process_exception(error))


class SquidTests(HTTPProxy, ProxyTestCase):
    async def start(self, password=False, login=BASIC):
        # squid runs as another user, who can't read pytest's directories.
        path = Path(mkdtemp())
        self.addCleanup(shutil.rmtree, path)
        path.chmod(0o777)
        (path / "passwords").write_text(PASSWORDS)
        (path / "secrets").write_text("me:secret\n")
        (path / "proxy.pem").write_bytes(self.pem_with_key)
        self.tls_port = free_port()
        values = {"path": path, "who": "known" if password else "all", "tls_port": self.tls_port}
        values["login"] = login.format(path=path)
        port = await self.run_proxy("squid", "-N", "-f", config=SQUID, **values)
        await until_somebody_listens(self.tls_port)
        return port

    async def test_connect_over_tls(self):
        """TLS to the proxy, and for wss TLS to the server within it."""
        await self.start()
        proxy = f"https://localhost:{self.tls_port}"
        await self.assertBothEcho(proxy, proxy_tls=self.authorities)
        error = await self.assertFailure(txws2.connect(self.ws, proxy=proxy), txws2.ProxyError)
        self.assertIn("self-signed certificate", str(error))

    async def test_connect_over_tls_with_a_password(self):
        await self.start(password=True)
        proxy = f"https://me:secret@localhost:{self.tls_port}"
        await self.assertBothEcho(proxy, proxy_tls=self.authorities)

    async def test_connect_with_digest(self):
        port = await self.start(password=True, login=DIGEST)
        await self.assertBothEcho(f"http://me:secret@127.0.0.1:{port}")
        hook = txws2.digest_auth("me", "secret")
        await self.assertBothEcho(f"http://127.0.0.1:{port}", proxy_authentication=hook)
        wrong = txws2.connect(self.ws, proxy=f"http://me:wrong@127.0.0.1:{port}")
        error = await self.assertFailure(wrong, InvalidProxyStatus)
        self.assertEqual(error.response.status_code, 407)
        self.assertIn(b"html", error.response.body.lower())

    async def test_either_of_basic_and_digest_will_do(self):
        port = await self.start(password=True, login=f"{DIGEST}\n{BASIC}")
        await self.assertBothEcho(f"http://me:secret@127.0.0.1:{port}")
        hook = txws2.digest_auth("me", "secret")
        await self.assertBothEcho(f"http://127.0.0.1:{port}", proxy_authentication=hook)

    async def test_connect_over_tls_with_digest(self):
        await self.start(password=True, login=DIGEST)
        proxy = f"https://me:secret@localhost:{self.tls_port}"
        await self.assertBothEcho(proxy, proxy_tls=self.authorities)


class TinyproxyTests(HTTPProxy, ProxyTestCase):
    async def start(self, password=False):
        login = "BasicAuth me secret" if password else ""
        return await self.run_proxy("tinyproxy", "-d", "-c", config=TINYPROXY, login=login)

    async def test_connect_over_tls(self):
        """TLS to the proxy, and for wss TLS to the server within it."""
        behind = ProxyFactory("127.0.0.1", await self.start())
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

    async def test_the_environment_names_it(self):
        proxy = f"http://127.0.0.1:{await self.start()}"
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

        proxy = f"http://127.0.0.1:{await self.start()}"
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
        error = await self.assertFailure(connecting, UnreachableThroughProxy)
        self.assertIn("the connection was refused", str(error))

    async def test_the_environment_has_socks_as_gnome_does(self):
        port = await self.run_proxy("microsocks", "-i", "127.0.0.1", "-p", "{port}")
        self.patch(os, "environ", {**os.environ, "all_proxy": f"socks://127.0.0.1:{port}/"})
        async with txws2.connect(self.ws) as ws:
            self.assertEqual(ws.transport.getPeer().port, port)

    async def test_dante(self):
        user = "nobody" if os.getuid() == 0 else os.environ.get("USER", "nobody")
        port = await self.run_proxy("danted", "-f", config=DANTE, user=user)
        for scheme in ("socks5", "socks4"):
            await self.assertBothEcho(f"{scheme}://127.0.0.1:{port}")

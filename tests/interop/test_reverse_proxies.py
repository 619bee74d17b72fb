"""nginx and HAProxy before our server, configured as docs/deploy says."""

import contextlib
import shutil
from pathlib import Path
from tempfile import mkdtemp

from twisted.internet import reactor
from twisted.internet.defer import Deferred, DeferredQueue
from twisted.internet.endpoints import TCP4ClientEndpoint, UNIXClientEndpoint
from twisted.internet.error import ConnectionRefusedError
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.ssl import Certificate, optionsForClientTLS, trustRootFromCertificates
from twisted.trial.unittest import SkipTest

import txws2
from tests.command.test_commands import ROOT, CommandTestCase, free_port
from tests.support.certificates import make_pems

DEPLOY = Path(ROOT, "docs", "deploy")
HOST = "chat.example.com"
# This must be another address than the proxy's.
CLIENT = "127.0.0.2"

# Debian's nginx.conf is like this around the file.
NGINX = """
daemon off;
pid {path}/pid;
error_log stderr notice;
events {{ }}
http {{
    access_log off;
    client_body_temp_path {path};
    proxy_temp_path {path};
    fastcgi_temp_path {path};
    uwsgi_temp_path {path};
    scgi_temp_path {path};
    include {file};
}}
"""


class Observed(txws2.WebSocketServerProtocol):
    """Sends every message back, and keeps its pongs and its end.

    Attributes:
        ponged: a queue that gets the payload of each pong.
        ended: fires with the reason why the connection is gone.
    """

    def __init__(self, opened):
        self._opened = opened
        self.ponged = DeferredQueue()
        self.ended = Deferred()

    def connectionOpened(self):
        self._opened.put(self)

    def messageReceived(self, message):
        self.sendMessage(message)

    def pongReceived(self, payload):
        self.ponged.put(payload)

    def connectionLost(self, reason):
        if not self.ended.called:
            self.ended.callback(reason.value)


class CommandLine(Protocol):
    """HAProxy's command line.

    Attributes:
        lost: fires when it is gone, as it is when HAProxy reloads.
    """

    def __init__(self):
        self.lost = Deferred()

    def connectionLost(self, reason):
        self.lost.callback(None)


class ProxyTestCase(CommandTestCase):
    """A proxy with a configuration of the docs, and our server behind it.

    Attributes:
        port: the proxy's port.
        opened: a queue of the server's connections, as they open.
    """

    timeout = 20

    def setUp(self):
        if shutil.which(self.program) is None:
            raise SkipTest(f"{self.program} is not installed")
        self.make_room()

    def make_room(self):
        """Make a directory for the files of a proxy."""
        # The path of a Unix socket must be short.
        self.path = Path(mkdtemp())
        self.addCleanup(shutil.rmtree, self.path)
        self.path.chmod(0o755)
        certificate, key = make_pems(HOST)
        self.trust = trustRootFromCertificates([Certificate.loadPEM(certificate)])
        (self.path / "chat.example.com.pem").write_bytes(certificate)
        (self.path / "chat.example.com.key").write_bytes(key)
        # HAProxy wants both in one file.
        (self.path / "both.pem").write_bytes(certificate + key)

    async def serve_behind(self, silence="30s", endpoint="tcp:0:interface=127.0.0.1", **options):
        """Start the server, and the proxy, with this limit on silence."""
        self.opened = DeferredQueue()
        options.setdefault("trusted_proxies", ["127.0.0.1"])
        server = await txws2.serve(
            None,
            endpoint=endpoint,
            create_protocol=lambda: Observed(self.opened),
            reactor=reactor,
            **options,
        )
        self.addCleanup(server.close)
        await self.put_before(server.addresses[0].port, silence)

    async def put_before(self, port, silence="30s"):
        """Start the proxy before a server."""
        self.port = free_port()
        text = (DEPLOY / self.file).read_text()
        for old, new in {
            "127.0.0.1:8000": f"127.0.0.1:{port}",
            "listen 443 ": f"listen 127.0.0.1:{self.port} ",
            "bind :443 ": f"bind 127.0.0.1:{self.port} ",
            "/etc/haproxy/chat.example.com.pem": f"{self.path}/both.pem",
            "/etc/ssl/": f"{self.path}/",
            "30s": silence,
        }.items():
            text = text.replace(old, new)
        (self.path / self.file).write_text(text)
        self.proxy = self.start(*self.command())
        # The proxy has child processes, which it ends if it isn't killed.
        self.addCleanup(self.stop_proxy, self.proxy)
        await self.proxy.shown(self.started)

    async def stop_proxy(self, proxy):
        if not proxy.ended.called:
            proxy.transport.signalProcess("TERM")
            await proxy.ended

    def endpoint(self):
        return TCP4ClientEndpoint(reactor, "127.0.0.1", self.port, bindAddress=(CLIENT, 0))

    async def connect(self, **options):
        """Connect through the proxy; return the client's and the server's connection."""
        client = await self.connecting(**options)
        self.addCleanup(client.close)
        return client, await self.opened.get()

    def connecting(self, **options):
        tls = optionsForClientTLS(HOST, trustRoot=self.trust)
        return txws2.connect(f"wss://{HOST}/", endpoint=self.endpoint(), tls=tls, **options)

    async def assertEchoes(self, client, message):
        await client.send(message)
        self.assertEqual(await client.recv(), message)


class AnyProxyTests:
    """The cases for each proxy."""

    async def test_connections_are_upgraded_and_messages_pass(self):
        await self.serve_behind()
        client, _ = await self.connect()
        for message in "hello", b"\x00\xff", "", "x" * 500_000:
            await self.assertEchoes(client, message)
        closed = client.close(1000, "bye")
        await closed
        self.assertEqual((client.close_code, client.close_reason), (1000, "bye"))

    async def test_the_close_code_of_the_server_passes(self):
        await self.serve_behind()
        client, ws = await self.connect()
        await ws.close(4000, "bye")
        await client.wait_closed()
        self.assertEqual((client.close_code, client.close_reason), (4000, "bye"))

    async def test_pings_keep_an_idle_connection_open_beyond_the_silence_that_it_allows(self):
        await self.serve_behind(silence="1s", ping_interval=0.3)
        client, ws = await self.connect(ping_interval=None)
        for _ in range(7):
            await ws.ponged.get()
        await self.assertEchoes(client, "still there")

    async def test_without_pings_it_is_cut(self):
        await self.serve_behind(silence="1s", ping_interval=None)
        client, ws = await self.connect(ping_interval=None)
        reason = await ws.ended
        self.assertIsInstance(reason, txws2.ConnectionClosedError)
        self.assertEqual(str(reason), "no close frame received or sent")
        await client.wait_closed()

    async def test_it_tells_who_the_client_is(self):
        await self.serve_behind()
        _, ws = await self.connect()
        self.assertEqual(ws.remote_address[0], CLIENT)

    async def test_a_reload_loses_no_message_on_connections_that_are_open(self):
        await self.serve_behind()
        client, ws = await self.connect()
        sent = [f"message {number}" for number in range(300)]
        for message in sent[:100]:
            client.sendMessage(message)
        await self.reload()
        for message in sent[100:200]:
            client.sendMessage(message)
        await self.proxy.shown(self.reloaded)
        newcomer, _ = await self.connect()
        await self.assertEchoes(newcomer, "hello")
        for message in sent[200:]:
            client.sendMessage(message)
        for message in sent:
            self.assertEqual(await client.recv(), message)
        self.assertIs(ws.state, txws2.State.OPEN)

    async def test_a_server_that_stops_is_heard(self):
        await self.serve_behind()
        client, ws = await self.connect()
        ws.close(1001)
        await client.wait_closed()
        self.assertEqual(client.close_code, 1001)


class HTTPProxyTests(AnyProxyTests):
    """The cases for proxies that read the request."""

    async def test_headers_that_the_client_makes_up_are_not_believed(self):
        await self.serve_behind()
        for headers in (
            {"X-Forwarded-For": "192.0.2.1", "X-Forwarded-Proto": "http"},
            {"Forwarded": "for=192.0.2.1;proto=http"},
            {"X-Forwarded-For": "127.0.0.1", "Forwarded": 'for="'},
        ):
            _, ws = await self.connect(additional_headers=headers)
            self.assertEqual(ws.remote_address[0], CLIENT)
            self.assertTrue(ws.secure)

    async def test_a_refusal_passes(self):
        await self.serve_behind(max_connections=1)
        await self.connect()
        refused = await self.assertFailure(self.connecting(), txws2.InvalidStatus)
        self.assertEqual(refused.response.status_code, 503)
        self.assertEqual(refused.response.headers["Retry-After"], "10")

    async def test_the_client_came_with_tls(self):
        await self.serve_behind()
        _, ws = await self.connect()
        self.assertTrue(ws.secure)


class RunsNginx(ProxyTestCase):
    program = "nginx"
    file = "nginx.conf"
    started = "start worker process [0-9]"
    reloaded = "gracefully shutting down"

    def command(self):
        main = self.path / "main.conf"
        main.write_text(NGINX.format(path=self.path, file=self.path / self.file))
        return shutil.which("nginx"), "-p", str(self.path), "-e", "stderr", "-c", str(main)

    async def reload(self):
        self.proxy.transport.signalProcess("HUP")


class NginxTests(HTTPProxyTests, RunsNginx):
    pass


class RunsHAProxy(ProxyTestCase):
    program = "haproxy"
    file = "haproxy.cfg"
    started = "Loading success"
    reloaded = "(?s)Loading success.*Loading success"

    def command(self):
        file, master = (str(self.path / name) for name in (self.file, "master"))
        return shutil.which("haproxy"), "-W", "-db", "-S", master, "-f", file

    async def reload(self):
        # HAProxy first executes itself anew, so signals and commands can get lost.
        master = UNIXClientEndpoint(reactor, str(self.path / "master"))
        while "Reloading HAProxy" not in self.proxy.err:
            with contextlib.suppress(ConnectionRefusedError):
                cli = await master.connect(Factory.forProtocol(CommandLine))
                cli.transport.write(b"reload\n")
                await cli.lost


class HAProxyTests(HTTPProxyTests, RunsHAProxy):
    pass


class HAProxyTCPTests(AnyProxyTests, RunsHAProxy):
    """HAProxy with the PROXY protocol."""

    file = "haproxy-tcp.cfg"

    async def serve_behind(self, **options):
        options["endpoint"] = "haproxy:tcp:0:interface=127.0.0.1"
        options["trusted_proxies"] = ()
        await super().serve_behind(**options)

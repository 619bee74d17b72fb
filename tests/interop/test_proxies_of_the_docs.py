"""`twistd ws` behind the other files of docs/deploy, and the mistakes that its pages tell of."""

import re
from pathlib import Path
from urllib.parse import urljoin

from twisted.internet import reactor
from twisted.internet.endpoints import wrapClientTLS
from twisted.internet.ssl import optionsForClientTLS
from twisted.web.client import Agent, readBody
from twisted.web.http_headers import Headers
from twisted.web.iweb import IAgentEndpointFactory
from zope.interface import implementer

import txws2
from tests.command.test_commands import TWISTD, free_port
from tests.interop import test_reverse_proxies
from tests.interop.test_behind_caddy import RunsCaddy
from tests.interop.test_reverse_proxies import CLIENT, DEPLOY, HOST, RunsHAProxy, RunsNginx

TCP = "tcp:0:interface=127.0.0.1"
PROXY_PROTOCOL = "haproxy:tcp:0:interface=127.0.0.1"
TRUST = ("--trusted-proxy", "127.0.0.1")


class BehindAProxy:
    """Starts `twistd ws` behind a proxy, perhaps with another configuration."""

    timeout = 60
    # The page that explains the mistakes.
    page = None

    async def put_twistd_behind(self, *options, listen=TCP, changes=()):
        """Start both, with changes to the proxy's file: pairs of an old and a new text."""
        twistd = self.start_behind(*options, listen=listen)
        port = (await twistd.shown(r"listening on \w+://127\.0\.0\.1:(\d+)/"))[1]
        self.change(changes)
        await self.put_before(int(port))
        return twistd

    def start_behind(self, *options, listen):
        return self.start(
            *(TWISTD, "-n", "--pidfile=", "ws", "--log-connections", "--listen", listen, *options),
            path=str(self.path),
        )

    def change(self, changes):
        """Let the proxy have a changed file."""
        text = (DEPLOY / self.file).read_text()
        for old, new in changes:
            self.assertIn(old, text)
            text = text.replace(old, new)
        (self.path / "changed").mkdir(exist_ok=True)
        (self.path / "changed" / self.file).write_text(text)
        self.patch(test_reverse_proxies, "DEPLOY", self.path / "changed")

    def assertPageSays(self, *texts):
        page = " ".join((DEPLOY / self.page).read_text().split())
        for text in texts:
            self.assertIn(text, page)

    async def assertRefused(self, status, text, *, log, **options):
        """Assert that the page tells of this status, and of what the log says."""
        connecting = self.connecting(**options)
        error = await self.assertFailure(connecting, txws2.InvalidStatus)
        self.assertEqual(error.response.status_code, status)
        await log.shown(re.escape(text))
        self.assertPageSays(f"* - {status}", text)


class NginxTests(BehindAProxy, RunsNginx):
    page = "nginx.rst"

    async def test_lines_that_are_missing(self):
        twistd = self.start_behind(*TRUST, listen=TCP)
        port = int((await twistd.shown(r"listening on \w+://127\.0\.0\.1:(\d+)/"))[1])
        await self.put_before_without(port, "Forwarded")
        text = "it names another client than X-Forwarded-For"
        made_up = {"Forwarded": "for=192.0.2.1"}
        await self.assertRefused(400, text, log=twistd, additional_headers=made_up)
        await self.put_before_without(port, "Upgrade", "Connection")
        text = "it has a Sec-WebSocket-Key, but a proxy in between passes no Upgrade on"
        await self.assertRefused(426, text, log=twistd)
        await self.put_before_without(port, "Host")
        origin = f"https://{HOST}"
        await self.assertRefused(403, "invalid Origin header", log=twistd, origin=origin)

    async def put_before_without(self, port, *headers):
        self.change([(f"proxy_set_header {header} ", "# ") for header in headers])
        await self.put_before(port)

    async def test_a_server_that_believes_it_serves_its_own_machine(self):
        twistd = await self.put_twistd_behind()
        text = f"the server doesn't answer for the host '{HOST}'"
        await self.assertRefused(421, text, log=twistd)
        twistd.transport.signalProcess("TERM")
        await twistd.ended
        text = "connect() failed (111: Connection refused)"
        await self.assertRefused(502, text, log=self.proxy)

    async def test_a_unix_socket(self):
        place = self.path / "ws"
        self.assertPageSays("--listen unix:/run/chat.sock:mode=660 --trusted-proxy unix")
        # nginx's workers are another user's, so a test lets everybody in.
        twistd = self.start_behind("--trusted-proxy", "unix", listen=f"unix:{place}:mode=666")
        await twistd.shown("listening on")
        self.change([("server 127.0.0.1:8000", f"server unix:{place}")])
        await self.put_before(0)
        async with self.connecting() as client:
            await self.assertEchoes(client, "hello")
        await twistd.shown(f"opened: {CLIENT}")


class NginxUnderAPathTests(BehindAProxy, RunsNginx):
    page = "nginx.rst"
    file = "nginx-path.conf"

    async def test_the_console_its_files_and_the_websocket_are_under_the_path(self):
        twistd = await self.put_twistd_behind(*TRUST)
        console = await self.fetch("/game/")
        self.assertIn(b"WebSocket console", console)
        for reference in re.findall(r'(?:src|href)="([^"]+)"', console.decode()):
            self.assertTrue(await self.fetch(urljoin("/game/", reference)), reference)
        self.assertPageSays(f"wss://{HOST}/game/")
        async with self.connecting_to("/game/", origin=f"https://{HOST}") as client:
            await self.assertEchoes(client, "hello")
        await twistd.shown(f"opened: {CLIENT}")

    async def test_without_the_slash_the_server_is_asked_for_the_whole_path(self):
        self.assertPageSays("--app /game=game:play")
        Path(self.path, "game.py").write_text("async def play(ws):\n    await ws.send('hello')\n")
        changes = [("http://game/;", "http://game;")]
        await self.put_twistd_behind(*TRUST, "--app=/game=game:play", changes=changes)
        async with self.connecting_to("/game/") as client:
            self.assertEqual(await client.recv(), "hello")

    def connecting_to(self, path, **options):
        tls = optionsForClientTLS(HOST, trustRoot=self.trust)
        return txws2.connect(f"wss://{HOST}{path}", endpoint=self.endpoint(), tls=tls, **options)

    async def fetch(self, path):
        """Return the body of a page."""
        tls = optionsForClientTLS(HOST, trustRoot=self.trust)
        there = wrapClientTLS(tls, self.endpoint())
        agent = Agent.usingEndpointFactory(reactor, _Fixed(there))
        url = f"https://{HOST}{path}".encode()
        response = await agent.request(b"GET", url, Headers({"Accept": ["text/html"]}))
        self.assertEqual(response.code, 200, path)
        return await readBody(response)


@implementer(IAgentEndpointFactory)
class _Fixed:
    """Leads each request to one endpoint."""

    def __init__(self, endpoint):
        self.endpointForURI = lambda uri: endpoint


class CaddyTests(BehindAProxy, RunsCaddy):
    page = "caddy.rst"

    async def test_a_server_that_is_not_there(self):
        await self.put_before(free_port())
        await self.assertRefused(502, "connect: connection refused", log=self.proxy)


class HAProxySeveralTests(BehindAProxy, RunsHAProxy):
    page = "haproxy.rst"
    file = "haproxy-several.cfg"

    async def test_clients_go_to_the_server_that_is_up(self):
        self.assertPageSays("--trusted-proxy 127.0.0.1 --healthz --drain 60")
        servers = [self.start_behind(*TRUST, "--healthz", listen=TCP) for _ in range(2)]
        ports = [
            (await each.shown(r"listening on ws://127\.0\.0\.1:(\d+)/"))[1] for each in servers
        ]
        pairs = zip(("8001", "8002"), ports, strict=True)
        self.change([(f"127.0.0.1:{old}", f"127.0.0.1:{new}") for old, new in pairs])
        await self.put_before(0)
        clients = [await self.connecting() for _ in range(2)]
        # Each has the fewest in turn.
        for server in servers:
            await server.shown(f"opened: {CLIENT}")
        servers[0].transport.signalProcess("TERM")
        await servers[0].ended
        newcomer = await self.connecting()
        await self.assertEchoes(newcomer, "hello")
        for client in *clients, newcomer:
            await client.close()


class HAProxyTCPTests(BehindAProxy, RunsHAProxy):
    page = "haproxy.rst"
    file = "haproxy-tcp.cfg"

    async def test_a_server_that_does_not_expect_the_proxy_protocol(self):
        twistd = await self.put_twistd_behind()
        await self.assertRefused(400, "a line of the head doesn't end in CRLF", log=twistd)


class HAProxyThroughTests(BehindAProxy, RunsHAProxy):
    page = "haproxy.rst"
    file = "haproxy-through.cfg"

    async def test_the_server_does_tls_and_knows_the_client(self):
        both = ("--certificate", str(self.path / "both.pem"))
        self.assertPageSays(f"{both[0]} chat.pem \\ --listen haproxy:tcp:8000:interface=127.0.0.1")
        twistd = self.start_behind(*both, listen=PROXY_PROTOCOL)
        port = (await twistd.shown(r"listening on \w+://127\.0\.0\.1:(\d+)/"))[1]
        self.change([("bind :443\n", "bind :443 \n")])
        await self.put_before(int(port))
        async with self.connecting() as client:
            await self.assertEchoes(client, "hello")
        await twistd.shown(f"opened: {CLIENT}")

"""A relay with passwords behind nginx and HAProxy, which end TLS: WebSockets, events and curl."""

import json
import shutil
from base64 import b64encode

from twisted.internet import reactor
from twisted.internet.ssl import optionsForClientTLS
from twisted.trial.unittest import SkipTest

from tests.command.test_commands import TWISTD
from tests.interop.test_reverse_proxies import CLIENT, HOST, RunsHAProxy, RunsNginx
from txws2.relay import RelayClient
from txws2.server.sha_crypt import sha_crypt

BASIC = "Basic " + b64encode(b"ann:secret").decode()


class RelayCases:
    """The cases for each proxy."""

    timeout = 60
    listen = "tcp:0:interface=127.0.0.1"
    more = ("--trusted-proxy=127.0.0.1",)
    knows_tls = True

    async def start_relay(self):
        users, tokens = self.path / "users", self.path / "tokens"
        users.write_bytes(b"ann:$6$salt$" + sha_crypt("6", b"secret", b"salt", 5000).encode())
        tokens.write_text("t0ken\n")
        options = f"--user-file={users}", f"--publish-tokens={tokens}", "--publish=nobody"
        process = self.start(
            *(TWISTD, "-n", "--pidfile=", "ws", "--listen", self.listen, "--relay=/chat"),
            *("--publish-rate=3", f"--host={HOST}", *options, *self.more),
            path=self.path,
        )
        shown = await process.shown(r"listening on \w+://127\.0\.0\.1:(\d+)/")
        await self.put_before(int(shown[1]))

    async def curl(self, path, *options):
        """Return the status and the body of a request through the proxy."""
        curl = shutil.which("curl")
        if curl is None:
            raise SkipTest("curl is not installed")
        address = f"https://{HOST}:{self.port}{path}"
        process = self.start(
            *(curl, "-sS", "--cacert", str(self.path / f"{HOST}.pem"), "--interface", CLIENT),
            *("--resolve", f"{HOST}:{self.port}:127.0.0.1", "-w", "\n%{http_code}"),
            *(*options, address),
        )
        await process.ended
        self.assertEqual(process.status, 0, process.err)
        body, _, status = process.out.rpartition("\n")
        return int(status), body

    async def test_passwords_let_in_and_tokens_publish(self):
        await self.start_relay()
        client = RelayClient(
            f"wss://{HOST}/chat/",
            endpoint=self.endpoint(),
            tls=optionsForClientTLS(HOST, trustRoot=self.trust),
            additional_headers={"Authorization": BASIC},
            reactor=reactor,
        )
        client.startService()
        self.addCleanup(client.stopService)
        room, token = "/chat/room/lobby", "Authorization: Bearer t0ken"
        heard = client.subscribe("lobby")
        await client.whenConnected()
        self.assertEqual((await self.curl(room, "-d", "no"))[0], 401)
        self.assertEqual((await self.curl(room, "-d", "no", "-u", "ann:secret"))[0], 401)
        status, body = await self.curl(room, "-d", "one", "-H", token)
        self.assertEqual((status, json.loads(body)["offset"]), (200, 1))
        both = "-u", "ann:secret", "-H", "Publish-Token: t0ken"
        self.assertEqual((await self.curl(room, "-d", "two", *both))[0], 200)
        for expected in "one", "two":
            self.assertEqual((await heard.__anext__()).data, expected)
        await self.assertEvents(room, "one", "two")
        large = self.path / "large"
        large.write_bytes(b"x" * 1_000_000)
        for chunked in (), ("-H", "Transfer-Encoding: chunked"):
            posted = "--data-binary", f"@{large}", "-H", token, *chunked
            self.assertEqual((await self.curl(room, *posted))[0], 413)
        status, body = await self.curl(room, "-u", "ann:secret")
        self.assertEqual(status, 426)
        scheme = "wss" if self.knows_tls else "ws"
        self.assertIn(f"python -m txws2 {scheme}://{HOST}:{self.port}{room}\n", body)

    async def assertEvents(self, room, *messages):
        """Listen by curl until all of these have come."""
        process = self.start(
            *(shutil.which("curl"), "-sSN", "--cacert", str(self.path / f"{HOST}.pem")),
            *("--resolve", f"{HOST}:{self.port}:127.0.0.1", "-u", "ann:secret"),
            *("-H", "Accept: text/event-stream", f"https://{HOST}:{self.port}{room}"),
        )
        await process.shown("(?s)" + ".*".join(f"data: {each}\n" for each in messages))


class RelayBehindNginxTests(RelayCases, RunsNginx):
    pass


class RelayBehindHAProxyTests(RelayCases, RunsHAProxy):
    pass


class RelayBehindHAProxyTCPTests(RelayCases, RunsHAProxy):
    """HAProxy with the PROXY protocol, which doesn't tell that the client uses TLS."""

    file = "haproxy-tcp.cfg"
    listen = "haproxy:tcp:0:interface=127.0.0.1"
    more = ()
    knows_tls = False

"""The programs of the gallery as processes: clients, a shell for ssh, and a .tac file."""

import json
import os
import shutil
import sys
from getpass import getuser
from urllib.request import urlopen

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from twisted.conch.ssh.keys import Key
from twisted.internet import reactor
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import SkipTest
from twisted.web.server import Site

from tests.command.test_commands import TWISTD, CommandTestCase, free_port
from tests.support.certificates import make_pems
from tests.support.examples import until_somebody_listens
from tests.support.gallery import GALLERY, example, forget
from txws2 import connect


class ProgramsTestCase(CommandTestCase):
    def run_example(self, name, *arguments):
        return self.start(sys.executable, str(GALLERY / name), *arguments)

    def serve_site(self, site):
        """Serve a site in this process; return the start of its URIs for WebSockets."""
        port = reactor.listenTCP(0, Site(site), interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        return f"ws://127.0.0.1:{port.getHost().port}"

    async def assertEnds(self, program, status=0):
        await program.ended
        self.assertEqual(program.status, status, program.out + program.err)
        return program.out


class ClientTests(ProgramsTestCase):
    async def test_calls_by_json_rpc(self):
        uri = await self.serve(example(self, "jsonrpc_server").handler)
        out = await self.assertEnds(self.run_example("jsonrpc_client.py", uri))
        self.assertEqual(out, "Hello, Ada!\n[10.0, 5.0, 2.5]\ndivision by zero (1)\n")

    async def test_a_program_asks_the_language_model(self):
        async def model(prompt, reactor):
            for token in "You ", "ask: ", prompt:
                yield token

        answers = example(self, "tokens").Answers(model)
        self.addCleanup(forget, answers)
        uri = self.serve_site(example(self, "tokens").site(answers))
        out = await self.assertEnds(self.run_example("tokens_client.py", "Why?", f"{uri}/answers"))
        self.assertEqual(out, "You ask: Why?\n")

    async def test_subscribers_of_the_market_measure_how_late_quotes_are(self):
        market = example(self, "market").Market()
        uri = self.serve_site(example(self, "market").site(market))
        load = self.run_example("market_load.py", f"{uri}/quotes", "20", "3")
        await load.shown("20 subscribers after")
        for price in 4.2, 4.3, 4.4:
            market.quote("TEA", price)
        out = await self.assertEnds(load)
        self.assertIn("60 quotes have come, and 0 subscribers were dropped", out)
        self.assertRegex(out, r"99 % of them within [\d.]+ ms")


class ShellTests(ProgramsTestCase):
    def make_keys(self):
        """Make the keys of the server and of the user in a directory; return that."""
        path = self.make_directory()
        for name in "host_key", "user_key":
            key = Key(Ed25519PrivateKey.generate())
            (path / name).write_bytes(key.toString("openssh"))
            (path / name).chmod(0o600)
            (path / f"{name}.pub").write_bytes(key.public().toString("openssh") + b"\n")
        return path

    async def start_shell(self):
        """Start the server; return the start of a command for ssh."""
        ssh = shutil.which("ssh")
        if ssh is None:
            raise SkipTest("ssh is not installed; Debian: openssh-client")
        keys = self.make_keys()
        where = "ws:0:interface=127.0.0.1"
        server = self.run_example(
            "shell.py", str(keys / "host_key"), str(keys / "user_key.pub"), where
        )
        port = (await server.shown(r"listening on port (\d+)"))[1]
        proxy = f"{sys.executable} {GALLERY / 'shell_client.py'} ws:127.0.0.1:{port}"
        options = {
            "ProxyCommand": proxy,
            "IdentitiesOnly": "yes",
            "BatchMode": "yes",
            "StrictHostKeyChecking": "no",
            "UserKnownHostsFile": os.devnull,
        }
        words = [word for name in options for word in ("-o", f"{name}={options[name]}")]
        return keys, [ssh, "-F", "none", *words, "-l", getuser()]

    async def test_ssh_runs_commands_with_and_without_a_terminal(self):
        keys, ssh = await self.start_shell()
        user = ["-i", str(keys / "user_key"), "localhost"]
        piped = self.start(*ssh, *user, "cat; exit 3")
        typed = self.start(*ssh, "-tt", *user, "test -t 0 && echo terminal")
        piped.transport.write(b"over WebSocket" * 10_000)
        piped.transport.closeStdin()
        self.assertEqual(await self.assertEnds(piped, 3), "over WebSocket" * 10_000)
        self.assertEqual(await self.assertEnds(typed), "terminal\r\n")


class EverythingTests(ProgramsTestCase):
    async def test_one_process_has_a_page_a_feed_tls_metrics_and_a_client(self):
        path = self.make_directory()
        certificate, key = make_pems("localhost")
        (path / "both.pem").write_bytes(certificate + key)
        site, tls, metrics = (free_port() for _ in range(3))
        settings = {
            "LISTEN": f"tcp:{site}:interface=127.0.0.1",
            "LISTEN_TLS": str(tls),
            "CERTIFICATE": "both.pem",
            "METRICS": f"tcp:{metrics}:interface=127.0.0.1",
            "LOG": "log.json",
        }
        if os.getuid() == 0:
            settings["RUN_AS"] = getuser()
        tac = str(GALLERY / "everything.tac")
        twistd = self.start(TWISTD, "--pidfile=", "-ny", tac, path=str(path), **settings)
        for port in site, tls, metrics:
            await until_somebody_listens(port)
        page = await self.fetch(f"http://127.0.0.1:{site}/")
        self.assertIn("new WebSocket(", page)
        ws = await connect(f"wss://localhost:{tls}/feed", tls=str(path / "both.pem"))
        self.assertRegex(await ws.recv(), r"\d\d:\d\d:\d\d")
        text = await self.fetch(f"http://127.0.0.1:{metrics}/metrics")
        self.assertIn('txws2_connections{factory="feed"}', text)
        twistd.transport.signalProcess("TERM")
        await ws.wait_closed()
        self.assertEqual(ws.close_code, 1001)
        await twistd.ended
        events = [json.loads(line) for line in (path / "log.json").read_text().splitlines()]
        self.assertIn("/feed", [event.get("path") for event in events])
        self.assertEqual([event for event in events if "log_failure" in event], [])

    async def fetch(self, uri):
        """Return the text at a URI."""
        return (await deferToThread(lambda: urlopen(uri).read())).decode()

"""The other files of docs/deploy, as they are printed: HTTPS without a proxy, and a Procfile."""

import contextlib
import grp
import os
import shlex
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import HTTPRedirectHandler, build_opener

from twisted.internet import reactor
from twisted.internet.endpoints import TCP4ClientEndpoint
from twisted.internet.ssl import Certificate, optionsForClientTLS, trustRootFromCertificates
from twisted.internet.threads import deferToThread

import txws2
from tests.command.test_commands import TWISTD, CommandTestCase, free_port
from tests.interop.test_reverse_proxies import DEPLOY, HOST
from tests.support.certificates import make_pems

ECHO = """
async def handler(ws):
    async for message in ws:
        await ws.send(message)
"""


class Stay(HTTPRedirectHandler):
    """Follows no redirect."""

    def redirect_request(self, *arguments):
        return None


def get(uri):
    """Return the status and the body of a response."""
    try:
        with build_opener(Stay).open(uri) as response:
            return response.status, response.read().decode()
    except HTTPError as error:
        return error.code, None


class HTTPSTests(CommandTestCase):
    timeout = 60

    def command_of_the_unit(self, **changes):
        text = (DEPLOY / "https.service").read_text()
        [line] = [line for line in text.splitlines() if line.startswith("ExecStart=")]
        _, *arguments = shlex.split(line.partition("=")[2])
        words = [changes.get(word.strip(":/"), word) for word in arguments]
        # On the loopback only, it doesn't answer for other names by itself.
        return [TWISTD, *words, "--host", "any"]

    async def renew(self):
        """Do as certbot does: write a new certificate, and call the script."""
        certificate, key = make_pems(HOST)
        lineage = self.path / "live"
        lineage.mkdir(exist_ok=True)
        (lineage / "fullchain.pem").write_bytes(certificate)
        (lineage / "privkey.pem").write_bytes(key)
        script = (DEPLOY / "renewed").read_text().replace("/etc/chat/", f"{self.path}/")
        group = grp.getgrgid(os.getgid()).gr_name
        (self.path / "script").write_text(script.replace("chgrp chat ", f"chgrp {group} "))
        process = self.start(
            *("/bin/sh", str(self.path / "script")),
            RENEWED_LINEAGE=str(lineage),
            PATH=os.environ["PATH"],
        )
        await process.ended
        self.assertEqual((process.status, process.err), (0, ""))
        self.assertEqual((self.path / "chat.pem").stat().st_mode & 0o777, 0o640)
        return trustRootFromCertificates([Certificate.loadPEM(certificate)])

    def connect(self, port, trust):
        return txws2.connect(
            f"wss://{HOST}/ws",
            endpoint=TCP4ClientEndpoint(reactor, "127.0.0.1", port),
            tls=optionsForClientTLS(HOST, trustRoot=trust),
        )

    async def connect_with_the_new(self, port, trust):
        """Connect once the server has looked at its file, which it does once a second."""
        while True:
            with contextlib.suppress(txws2.SecurityError):
                return await self.connect(port, trust)

    async def test_a_certificate_is_got_and_renewed_while_clients_stay(self):
        self.path = Path(self.make_directory())
        (self.path / "chat.py").write_text(ECHO)
        proof = self.path / "www" / ".well-known" / "acme-challenge" / "token"
        proof.parent.mkdir(parents=True)
        proof.write_text("proof")
        trust = await self.renew()
        http, https = free_port(), free_port()
        changes = {"80": str(http), "443": str(https), "srv/www": str(self.path / "www")}
        changes["etc/chat/chat.pem"] = str(self.path / "chat.pem")
        twistd = self.start(*self.command_of_the_unit(**changes), path=str(self.path))
        await twistd.shown("listening on")
        async with self.connect(https, trust) as first:
            plain = f"http://127.0.0.1:{http}/"
            proved = await deferToThread(get, f"{plain}.well-known/acme-challenge/token")
            self.assertEqual(proved, (200, "proof"))
            self.assertEqual((await deferToThread(get, plain))[0], 308)
            async with await self.connect_with_the_new(https, await self.renew()) as second:
                for client in first, second:
                    await client.send("hello")
                    self.assertEqual(await client.recv(), "hello")


class ProcfileTests(CommandTestCase):
    timeout = 60

    async def test_a_shell_runs_it_with_a_port(self):
        path = Path(self.make_directory())
        (path / "chat.py").write_text(ECHO)
        (path / "public").mkdir()
        port = free_port()
        command = (DEPLOY / "Procfile").read_text().removeprefix("web: ")
        twistd = self.start(
            *("/bin/sh", "-c", f"exec {command}"),
            path=str(path),
            PORT=str(port),
            PATH=f"{Path(TWISTD).parent}:{os.environ['PATH']}",
        )
        await twistd.shown("listening on")
        health = await deferToThread(get, f"http://127.0.0.1:{port}/healthz")
        self.assertEqual(health, (200, "ok\n"))
        async with txws2.connect(f"ws://127.0.0.1:{port}/", reactor=reactor) as client:
            await client.send("hello")
            self.assertEqual(await client.recv(), "hello")
        twistd.transport.signalProcess("TERM")
        await twistd.ended
        self.assertEqual(twistd.status, 0)

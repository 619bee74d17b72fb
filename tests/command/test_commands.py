"""`twistd ws` and `python -m txws2` as a shell runs them: real processes, sockets and signals."""

import contextlib
import os
import re
import sys
from pathlib import Path
from socket import socket

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import SSL4ServerEndpoint
from twisted.internet.error import ProcessExitedAlready
from twisted.internet.protocol import Factory, ProcessProtocol, Protocol
from twisted.internet.ssl import (
    Certificate,
    CertificateOptions,
    PrivateCertificate,
    trustRootFromCertificates,
)
from twisted.trial.unittest import TestCase

from tests.support.certificates import make_pems
from tests.support.tunnels import start_proxy
from txws2 import ConnectionClosed, connect, serve

ROOT = str(Path(__file__).resolve().parents[2])
TWIST, TWISTD = (str(Path(sys.executable).with_name(name)) for name in ("twist", "twistd"))

LATE_PLUGIN = """
from twisted.internet import reactor, task
from twisted.internet.interfaces import IStreamServerEndpointStringParser
from twisted.plugin import IPlugin
from zope.interface import implementer

@implementer(IPlugin, IStreamServerEndpointStringParser)
class Late:
    prefix = "late"

    def parseStreamServer(self, reactor, *arguments):
        return self

    def listen(self, factory):
        return task.deferLater(reactor, 0, self.fail)

    def fail(self):
        raise ValueError("no luck")

late = Late()
"""


async def echo(ws):
    async for message in ws:
        await ws.send(message)


def free_port():
    """Return the number of a port that is free now."""
    with socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Command(ProcessProtocol):
    """A process that runs.

    Attributes:
        out, err: what it has written so far.
        status: its exit status once it has ended; None if a signal ended it.
        signal: that signal.
        ended: fires then.
    """

    def __init__(self):
        self.out = self.err = ""
        self.status = self.signal = None
        self.ended = Deferred()
        self._awaited = []

    def shown(self, pattern):
        """Return a Deferred of the match when the output matches; fails if it ends before."""
        awaited = Deferred()
        self._awaited.append((pattern, awaited))
        self._look()
        return awaited

    def outReceived(self, data):
        self.out += data.decode()
        self._look()

    def errReceived(self, data):
        self.err += data.decode()
        self._look()

    def processEnded(self, reason):
        self.status, self.signal = reason.value.exitCode, reason.value.signal
        for pattern, awaited in self._awaited:
            awaited.errback(AssertionError(f"no {pattern!r} in {self.out!r} {self.err!r}"))
        self.ended.callback(self)

    def kill(self):
        """Kill the process if it runs; return a Deferred that fires when it has ended."""
        with contextlib.suppress(ProcessExitedAlready):
            self.transport.signalProcess("KILL")
        return self.ended if not self.ended.called else None

    def _look(self):
        for entry in list(self._awaited):
            pattern, awaited = entry
            match = re.search(pattern, self.out) or re.search(pattern, self.err)
            if match:
                self._awaited.remove(entry)
                awaited.callback(match)


class CommandTestCase(TestCase):
    timeout = 120

    def start(self, program, *arguments, path=None, terminal=False, **environment):
        command = Command()
        ours = {"PYTHONPATH": ROOT, "PYTHONDONTWRITEBYTECODE": "1"}
        environment = {**os.environ, **ours, **environment}
        reactor.spawnProcess(
            command, program, [program, *arguments], environment, path, usePTY=terminal
        )
        self.addCleanup(command.kill)
        return command

    async def serve(self, handler, **options):
        """Serve in this process; return the URI."""
        options = options or {"host": "127.0.0.1", "port": 0}
        server = await serve(handler, **options)
        self.addCleanup(server.close)
        return f"ws://127.0.0.1:{server.addresses[0].port}/"

    def make_directory(self):
        path = Path(self.mktemp()).absolute()
        path.mkdir()
        return path

    def assertOneLine(self, command, text, advice=None):
        """Assert that the process failed with this line on stderr, and maybe a line of advice."""
        self.assertEqual(command.status, 1, command.out + command.err)
        line, *more = command.err.splitlines()
        self.assertIn(text, line)
        self.assertEqual(len(more), 0 if advice is None else 1, command.err)
        self.assertIn(advice or "", command.err)
        self.assertNotIn("Traceback", command.out + command.err)


class TwistdTests(CommandTestCase):
    def start_twistd(self, *arguments, path=None):
        return self.start(TWISTD, "-n", "--pidfile=", "ws", *arguments, path=path)

    async def serve_with_twistd(self, *arguments, path=None):
        """Start it on a free port; return it and a client that is connected to it."""
        listen = "--listen", "tcp:0:interface=127.0.0.1"
        twistd = self.start_twistd(*listen, *arguments, path=path)
        uri = (await twistd.shown(r"listening on (ws://127\.0\.0\.1:\d+/)"))[1]
        return twistd, await connect(uri)

    async def test_by_default_it_sends_every_message_back(self):
        _, client = await self.serve_with_twistd()
        for message in "hello", b"\x00\xff":
            await client.send(message)
            self.assertEqual(await client.recv(), message)
        await client.close()

    async def test_an_application_of_the_current_directory(self):
        path = self.make_directory()
        (path / "chat.py").write_text("async def handler(ws):\n    await ws.send('from chat')\n")
        _, client = await self.serve_with_twistd("--app", "chat:handler", path=str(path))
        self.assertEqual(await client.recv(), "from chat")
        await client.wait_closed()
        self.assertEqual(client.close_code, 1000)

    async def assertStopsBy(self, name):
        await self.assertStops(*await self.serve_with_twistd(), name)

    async def assertStops(self, twistd, client, name):
        twistd.transport.signalProcess(name)
        await client.wait_closed()
        self.assertEqual(client.close_code, 1001)
        await twistd.ended
        self.assertEqual(twistd.status, 0)
        self.assertNotIn("Traceback", twistd.out + twistd.err)

    def test_sigterm_closes_the_connections_and_is_no_failure(self):
        return Deferred.fromCoroutine(self.assertStopsBy("TERM"))

    def test_sigint_closes_the_connections_and_is_no_failure(self):
        return Deferred.fromCoroutine(self.assertStopsBy("INT"))

    async def test_twist_runs_it_too(self):
        twist = self.start(
            TWIST, "--log-format=text", "ws", "--listen", "tcp:0:interface=127.0.0.1"
        )
        uri = (await twist.shown(r"listening on (ws://127\.0\.0\.1:\d+/)"))[1]
        await self.assertStops(twist, await connect(uri), "TERM")

    async def test_an_endpoint_that_fails_once_it_runs(self):
        path = self.make_directory()
        plugins = path / "twisted" / "plugins"
        plugins.mkdir(parents=True)
        (plugins / "late.py").write_text(LATE_PLUGIN)
        arguments = "-n", "--pidfile=", "ws", "--listen", "late"
        twistd = self.start(TWISTD, *arguments, PYTHONPATH=f"{ROOT}:{path}")
        await twistd.ended
        self.assertEqual(twistd.status, 1, twistd.out + twistd.err)
        self.assertIn("no luck; can't listen on late", twistd.out)
        self.assertIn("Server Shut Down", twistd.out)

    async def assertCannotStart(self, text, *arguments, path=None):
        twistd = self.start_twistd(*arguments, path=path)
        await twistd.ended
        self.assertOneLine(twistd, text)

    async def test_a_port_in_use(self):
        port = reactor.listenTCP(0, Factory(), interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        endpoint = f"tcp:{port.getHost().port}:interface=127.0.0.1"
        await self.assertCannotStart(
            f"port {port.getHost().port} is in use; can't listen on {endpoint}",
            "--listen",
            endpoint,
        )
        twistd = await self.start_twistd("--listen", endpoint).ended
        self.assertEqual((twistd.out + twistd.err).count("can't listen"), 1)
        path = self.make_directory()
        arguments = "-n", "--pidfile=", "--logfile=log", "ws", "--listen", endpoint
        twistd = await self.start(TWISTD, *arguments, path=str(path)).ended
        self.assertOneLine(twistd, "can't listen on")
        self.assertEqual((path / "log").read_text().count("can't listen on"), 1)

    async def test_a_signal_makes_it_say_for_whom_it_waits(self):
        path = self.make_directory()
        (path / "chat.py").write_text(
            "from twisted.internet.defer import Deferred\n"
            "async def handler(ws):\n    await Deferred()\n"
        )
        twistd, client = await self.serve_with_twistd("--app", "chat:handler", path=str(path))
        twistd.transport.signalProcess("INT")
        await client.wait_closed()
        await twistd.shown("waiting for 1 handler .*--close-timeout.*; a second signal")
        twistd.transport.signalProcess("INT")
        await twistd.ended
        self.assertEqual(twistd.status, 0)

    async def test_a_number_that_is_none(self):
        expected = "a number of bytes, as 65536, 64KiB or 1MB, or none"
        await self.assertCannotStart(
            f"twistd ws: --max-size must be {expected}; it is '1XB'", "--max-size", "1XB"
        )

    async def test_an_option_that_there_is_not(self):
        await self.assertCannotStart("twistd ws: option --nonsense not recognized", "--nonsense")

    async def test_an_endpoint_that_is_none(self):
        await self.assertCannotStart("'nope:1' isn't an endpoint", "--listen", "nope:1")

    async def test_an_application_that_can_not_be_imported(self):
        path = self.make_directory()
        (path / "chat.py").write_text("a = 1\nb = a / 0\n")
        await self.assertCannotStart(
            f"can't import 'chat': {path}/chat.py:2: ZeroDivisionError: division by zero",
            "--app",
            "chat:handler",
            path=str(path),
        )

    async def test_an_application_that_does_not_exist(self):
        await self.assertCannotStart("No module named 'nowhere'", "--app", "nowhere:handler")


class ClientTestCase(CommandTestCase):
    def start_client(self, *arguments, **options):
        return self.start(sys.executable, "-m", "txws2", *arguments, **options)

    async def run_client(self, *arguments, stdin=""):
        """Run it with this input until it ends."""
        client = self.start_client(*arguments)
        client.transport.write(stdin.encode())
        client.transport.closeStdin()
        return await client.ended


class PipeTests(ClientTestCase):
    def assertClosed(self, client, status, text):
        self.assertEqual((client.err, client.status), (f"closed: {text}\n", status))

    async def test_a_line_and_its_reply(self):
        client = await self.run_client(await self.serve(echo), stdin="hi\n")
        self.assertEqual(client.out, "hi\n")
        self.assertClosed(client, 0, "sent 1000 (OK); then received 1000 (OK)")

    async def test_many_lines(self):
        lines = "".join(f"line {number}\n" for number in range(5000))
        client = await self.run_client(await self.serve(echo), stdin=lines)
        self.assertEqual(client.out, lines)
        self.assertClosed(client, 0, "sent 1000 (OK); then received 1000 (OK)")

    async def test_no_lines(self):
        client = await self.run_client(await self.serve(echo))
        self.assertEqual(client.out, "")
        self.assertClosed(client, 0, "sent 1000 (OK); then received 1000 (OK)")

    async def test_files(self):
        path = self.make_directory()
        (path / "in").write_text("one\ntwo")
        command = f'exec "{sys.executable}" -m txws2 {await self.serve(echo)} < in > out'
        client = self.start("/bin/sh", "-c", command, path=str(path))
        await client.ended
        self.assertEqual((path / "out").read_text(), "one\ntwo\n")
        self.assertClosed(client, 0, "sent 1000 (OK); then received 1000 (OK)")

    async def test_a_server_that_closes_with_an_error(self):
        async def handler(ws):
            await ws.close(4001, "bye")

        client = self.start_client(await self.serve(handler))
        await client.ended
        code = "4001 (private use) bye"
        self.assertClosed(client, 1, f"received {code}; then sent {code}")

    async def test_a_reader_that_has_enough(self):
        async def handler(ws):
            with contextlib.suppress(ConnectionClosed):
                while True:
                    await ws.send("y" * 1000)

        command = f'"{sys.executable}" -m txws2 {await self.serve(handler)} | head -c 5'
        client = self.start("/bin/sh", "-c", command)
        await client.ended
        self.assertEqual(client.out, "yyyyy")
        self.assertNotIn("Traceback", client.err)

    async def test_ctrl_c_closes_the_connection(self):
        async def handler(ws):
            await ws.send("hello")
            await ws.wait_closed()

        client = self.start_client(await self.serve(handler))
        await client.shown("hello")
        client.transport.signalProcess("INT")
        await client.ended
        self.assertClosed(client, 0, "sent 1000 (OK); then received 1000 (OK)")

    async def test_pings(self):
        client = self.start_client(await self.serve(echo), "--ping")
        await client.shown(r"pong after \d+\.\d\d ms\n")
        client.transport.closeStdin()
        await client.ended
        self.assertEqual((client.out, client.status), ("", 0))

    async def test_the_options_are_in_the_request(self):
        requests = []
        uri = await self.serve(
            lambda ws: requests.append(ws.request), host="127.0.0.1", port=0, subprotocols=["chat"]
        )
        arguments = "--header", "X-One: 1", "--origin", "http://a", "--subprotocol", "chat"
        await self.run_client(uri, *arguments)
        [headers] = [request.headers for request in requests]
        self.assertEqual(headers["X-One"], "1")
        self.assertEqual(headers["Origin"], "http://a")
        self.assertEqual(headers["Sec-WebSocket-Protocol"], "chat")


class RefusalTests(ClientTestCase):
    async def test_nobody_listens(self):
        with socket() as bound:
            bound.bind(("127.0.0.1", 0))
            uri = f"ws://127.0.0.1:{bound.getsockname()[1]}/"
            client = await self.run_client(uri)
        self.assertOneLine(client, f"can't connect to {uri}: ", "is the server running")
        self.assertIn("refused", client.err)

    async def test_senseless_options_are_one_line_and_status_2(self):
        client = await self.run_client("ws://localhost/", "--max-size", "1XB")
        self.assertEqual((client.out, client.status), ("", 2))
        self.assertRegex(client.err, "^.*--max-size: must be .* 64KiB or 1MB.*; it is '1XB'.*\n$")

    async def test_no_websocket_uri(self):
        client = await self.run_client("http://example.com/")
        self.assertOneLine(client, "must begin with ws:// or wss://")

    async def test_ctrl_c_while_connecting(self):
        asked = Deferred()

        class Silent(Protocol):
            def dataReceived(self, data):
                if not asked.called:
                    asked.callback(None)

        port = reactor.listenTCP(0, Factory.forProtocol(Silent), interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        client = self.start_client(f"ws://127.0.0.1:{port.getHost().port}/")
        await asked
        client.transport.signalProcess("INT")
        await client.ended
        self.assertOneLine(client, "stopped while connecting to ws://")


class TLSTests(ClientTestCase):
    def setUp(self):
        self.path = self.make_directory()
        for name in "localhost", "me":
            certificate, key = make_pems(name)
            (self.path / f"{name}.crt").write_bytes(certificate)
            (self.path / f"{name}.pem").write_bytes(certificate + key)
        self.authority = str(self.path / "localhost.crt")

    async def serve_tls(self, **options):
        certificate = PrivateCertificate.loadPEM((self.path / "localhost.pem").read_bytes())
        contexts = CertificateOptions(
            privateKey=certificate.privateKey.original,
            certificate=certificate.original,
            **options,
        )
        endpoint = SSL4ServerEndpoint(reactor, 0, contexts, interface="127.0.0.1")
        return (await self.serve(echo, endpoint=endpoint)).replace(
            "ws://127.0.0.1", "wss://localhost"
        )

    async def assertEchoes(self, uri, *arguments):
        client = await self.run_client(uri, *arguments, stdin="hi\n")
        self.assertEqual((client.out, client.status), ("hi\n", 0), client.err)

    async def test_a_certificate_that_nobody_has_signed_is_refused(self):
        uri = await self.serve_tls()
        for arguments in (), ("--cacert", self.path / "me.crt"):
            client = await self.run_client(uri, *map(str, arguments), stdin="hi\n")
            self.assertOneLine(client, f"can't connect to {uri}: ", "--insecure")
            self.assertIn("certificate verify failed", client.err)

    async def test_unless_that_is_asked_for(self):
        await self.assertEchoes(await self.serve_tls(), "--insecure")

    async def test_a_certificate_of_a_trusted_authority_is_accepted(self):
        await self.assertEchoes(await self.serve_tls(), "--cacert", self.authority)

    async def test_a_server_may_want_to_see_one_of_ours(self):
        mine = Certificate.loadPEM((self.path / "me.crt").read_bytes())
        uri = await self.serve_tls(trustRoot=trustRootFromCertificates([mine]))
        client = await self.run_client(uri, "--cacert", self.authority)
        self.assertOneLine(client, "the TLS handshake failed: ", "--cert FILE")
        await self.assertEchoes(
            uri, "--cacert", self.authority, "--cert", str(self.path / "me.pem")
        )

    async def test_a_wrong_file_is_reported(self):
        for option, name, words in (
            ("--cacert", "nothing.crt", "No such file"),
            ("--cert", "me.crt", "must also have the certificate's key"),
        ):
            client = await self.run_client("wss://localhost/", option, str(self.path / name))
            self.assertOneLine(client, words)
            self.assertIn(name, client.err)


class ProxyTests(ClientTestCase):
    async def test_a_proxy_is_gone_through(self):
        uri, proxy = await self.serve(echo), await start_proxy(self)
        client = await self.run_client(uri, "--proxy", proxy.url, stdin="hi\n")
        self.assertEqual((client.out, client.status), ("hi\n", 0), client.err)
        self.assertEqual([f"ws://{target}/" for target in proxy.targets], [uri])

    async def test_the_proxy_of_the_environment_is_gone_through(self):
        uri, proxy = await self.serve(echo), await start_proxy(self)
        client = self.start_client(uri, all_proxy=proxy.url)
        client.transport.closeStdin()
        await client.ended
        self.assertEqual((client.status, len(proxy.targets)), (0, 1), client.err)

    async def test_a_dead_proxy_is_reported(self):
        proxy = f"http://127.0.0.1:{free_port()}"
        client = await self.run_client("ws://localhost/", "--proxy", proxy)
        self.assertOneLine(client, f"can't reach the proxy {proxy}: ", "is the proxy running")

    async def test_a_proxy_that_cannot_reach_the_server_is_reported(self):
        proxy = await start_proxy(self)
        uri = f"ws://localhost:{free_port()}/"
        client = await self.run_client(uri, "--proxy", proxy.url)
        self.assertOneLine(client, "HTTP 502 Bad Gateway", "can't reach the server")

    async def test_an_invalid_proxy_is_reported(self):
        client = await self.run_client("ws://localhost/", "--proxy", "proxy.example")
        self.assertOneLine(client, "isn't a proxy: it must be a URL, as http://")

    async def test_its_password_is_not_shown(self):
        for url in ("ftp://me:secret@h", "http://me:secret@h:x", "me:secret@h"):
            client = await self.run_client("ws://localhost/", "--proxy", url)
            self.assertNotIn("secret", client.out + client.err)
            self.assertNotEqual(client.status, 0)


class ReconnectTests(ClientTestCase):
    async def test_it_comes_back_to_a_server_that_comes_back(self):
        """It waits for some of the five seconds that `Backoff` has first."""
        server = await serve(echo, "127.0.0.1", 0)
        port = server.addresses[0].port
        client = self.start_client(f"ws://127.0.0.1:{port}/", "--reconnect")
        client.transport.write(b"one\n")
        await client.shown("one\n")
        await server.close()
        await client.shown(r"closed: received 1001 \(going away\).*; connecting again")
        client.transport.write(b"two\n")
        client.transport.closeStdin()
        await self.serve(echo, host="127.0.0.1", port=port)
        await client.ended
        self.assertEqual((client.out, client.status), ("one\ntwo\n", 0))


class TerminalTests(ClientTestCase):
    async def test_a_line_that_is_typed_and_its_reply(self):
        client = self.start_client(await self.serve(echo), terminal=True)
        await client.shown(r"connected to ws://\S+; Ctrl-D to close")
        client.transport.write(b"hello\n")
        await client.shown("< hello")
        client.transport.write(b"\x04")
        await client.ended
        self.assertIn("closed: sent 1000 (OK)", client.out)
        self.assertEqual(client.status, 0)

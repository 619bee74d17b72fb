"""Servers and clients that know nothing of WebSockets, with `ws:` as their endpoint."""

import os
import re
import sys
from hashlib import sha256
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import (
    TCP4ServerEndpoint,
    clientFromString,
    connectProtocol,
    quoteStringArgument,
    serverFromString,
)
from twisted.internet.interfaces import ISSLTransport, ITCPTransport
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase

from tests.interop.peer_process import ProcessLines, start, start_peer
from tests.interop.raw_client import memory_of, need_memory
from tests.support.certificates import make_pems
from txws2.exceptions import SecurityError

MIB = 2**20
SIZE = 100 * MIB
MEMORY = 8 * MIB


class Sink(Protocol):
    """Adds up the data that it receives."""

    def __init__(self):
        self.size, self.checksum, self.done = 0, sha256(), Deferred()

    def dataReceived(self, data):
        self.size += len(data)
        self.checksum.update(data)

    def connectionLost(self, reason):
        self.done.callback(None)


class LargeTests(TestCase):
    timeout = 100

    def make_large_file(self):
        """Make a folder with 100 MiB in it; return the folder, and the checksum."""
        folder, random, checksum = Path(self.mktemp()).absolute(), Random(7), sha256()
        folder.mkdir()
        with open(folder / "large", "wb") as file:
            for _ in range(SIZE // MIB):
                block = random.randbytes(MIB)
                checksum.update(block)
                file.write(block)
        self.addCleanup((folder / "large").unlink)
        return folder, checksum.hexdigest()

    async def start_twistd(self, *command):
        """Start a server that twistd runs by a name; return its process and its port."""
        twistd = Path(sys.executable).with_name("twistd")
        process = start(self, ProcessLines(), twistd, "--nodaemon", "--pidfile=", *command)
        port = None
        while port is None:
            port = re.search(r"WebSocketFactory starting on (\d+)", await process.line())
        return process, int(port[1])

    def start_client(self, *arguments):
        return start_peer(self, "twisted", "client", *arguments)

    async def test_twistd_web_sends_100_mib_and_memory_stays_flat(self):
        need_memory()
        folder, checksum = self.make_large_file()
        listen = "ws:0:interface=127.0.0.1:path=/web"
        server, port = await self.start_twistd("web", f"--listen={listen}", f"--path={folder}")
        before = memory_of(server, "VmHWM")
        seen = await self.start_client("fetch", f"ws:127.0.0.1:{port}:/web").saw()
        self.assertEqual((seen["size"], seen["sum"]), (SIZE, checksum))
        self.assertLess(seen["growth"], MEMORY)
        self.assertLess(memory_of(server, "VmHWM") - before, MEMORY)

    async def test_twistd_portforward_takes_100_mib_and_memory_stays_flat(self):
        need_memory()
        folder, checksum = self.make_large_file()
        sink = Sink()
        factory = Factory()
        factory.buildProtocol = lambda addr: sink
        listening = await TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1").listen(factory)
        self.addCleanup(listening.stopListening)
        server, port = await self.start_twistd(
            *("portforward", "--port=ws:0:interface=127.0.0.1", "--host=127.0.0.1"),
            f"--dest_port={listening.getHost().port}",
        )
        before = memory_of(server, "VmHWM")
        client = self.start_client("send", f"ws:127.0.0.1:{port}", folder / "large")
        seen = await client.saw()
        self.assertEqual((seen["size"], seen["sum"]), (SIZE, checksum))
        await sink.done
        self.assertEqual((sink.size, sink.checksum.hexdigest()), (SIZE, checksum))
        self.assertLess(seen["growth"], MEMORY)
        self.assertLess(memory_of(server, "VmHWM") - before, MEMORY)


class Greeter(Protocol):
    """Sends a greeting, and closes the connection when it is answered."""

    def connectionMade(self):
        self.transport.write(b"hello")

    def dataReceived(self, data):
        self.transport.loseConnection()


class Answerer(Protocol):
    """Answers a greeting.

    Attributes:
        heard: fires with what it hears.
        lost: fires with the reason when the connection is gone.
    """

    def __init__(self):
        self.heard, self.lost = Deferred(), Deferred()

    def dataReceived(self, data):
        self.transport.write(b"bye")
        self.heard.callback(data)

    def connectionLost(self, reason):
        self.lost.callback(reason.value)


class StringTests(TestCase):
    timeout = 30

    async def listen(self, description):
        port = await serverFromString(reactor, description).listen(Factory.forProtocol(Greeter))
        self.addCleanup(port.stopListening)
        return port.getHost()

    async def converse(self, description):
        """Let a client talk to the greeter; return the client's transport."""
        client = await connectProtocol(clientFromString(reactor, description), Answerer())
        self.assertEqual(await client.heard, b"hello")
        await client.lost
        return client.transport

    async def listen_tls(self):
        """Listen with a certificate for localhost; return the port and the certificate's file."""
        certificate, key = Path(self.mktemp()).absolute(), Path(self.mktemp()).absolute()
        for path, pem in zip((certificate, key), make_pems("localhost"), strict=True):
            path.write_bytes(pem)
        files = f"privateKey={key}:certKey={certificate}"
        host = await self.listen(f"wss:0:interface=127.0.0.1:{files}")
        return host.port, certificate

    async def test_over_tcp(self):
        host = await self.listen("ws:0:interface=127.0.0.1")
        transport = await self.converse(f"ws:127.0.0.1:{host.port}")
        self.assertTrue(ITCPTransport.providedBy(transport))
        self.assertFalse(ISSLTransport.providedBy(transport))

    async def test_factories_run_as_long_as_they_are_needed(self):
        servers, clients = Factory.forProtocol(Greeter), Factory.forProtocol(Answerer)
        port = await serverFromString(reactor, "ws:0:interface=127.0.0.1").listen(servers)
        endpoint = clientFromString(reactor, f"ws:127.0.0.1:{port.getHost().port}")
        client = await endpoint.connect(clients)
        self.assertEqual((servers.numPorts, clients.numPorts), (1, 1))
        await client.lost
        # The reactor stops a factory after it has called its protocol.
        await deferLater(reactor, 0)
        self.assertEqual(clients.numPorts, 0)
        await port.stopListening()
        self.assertEqual(servers.numPorts, 0)

    async def test_over_tls_with_a_certificate_that_this_machine_trusts(self):
        port, certificate = await self.listen_tls()
        self.trust(certificate)
        transport = await self.converse(f"wss:localhost:{port}")
        self.assertTrue(ISSLTransport.providedBy(transport))
        self.assertIsNotNone(transport.getPeerCertificate())

    async def test_over_tls_with_another_certificate_it_fails(self):
        port, _ = await self.listen_tls()
        endpoint = clientFromString(reactor, f"wss:localhost:{port}")
        await self.assertFailure(connectProtocol(endpoint, Answerer()), SecurityError)

    def trust(self, certificate):
        """Let OpenSSL trust the certificate, as an administrator would."""
        before = os.environ.get("SSL_CERT_FILE")
        os.environ["SSL_CERT_FILE"] = str(certificate)
        if before is None:
            self.addCleanup(os.environ.pop, "SSL_CERT_FILE")
        else:
            self.addCleanup(os.environ.__setitem__, "SSL_CERT_FILE", before)

    async def test_over_a_unix_socket(self):
        # The path of a Unix socket must be short.
        folder = TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        below = quoteStringArgument(f"unix:{folder.name}/socket")
        await self.listen(f"ws:{below}:path=/greeter")
        await self.converse(f"ws:localhost:path=/greeter:endpoint={below}")

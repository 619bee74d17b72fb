"""A server that is killed, a proxy that cuts connections, and a client that loses no message."""

import contextlib
import gc
import os
import sys
from pathlib import Path
from weakref import WeakSet

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.endpoints import TCP4ServerEndpoint
from twisted.internet.error import ProcessExitedAlready
from twisted.internet.protocol import ProcessProtocol

from tests.chaos.cutting import CuttingProxy
from tests.chaos.mortal import acknowledged, read_ledger
from tests.support.certificates import make_pems
from tests.support.tunnels import TunnelFactory
from txws2 import Backoff, WebSocketClientProtocol

ROOT = Path(__file__).parents[2]

BACKOFF = Backoff(initial=0.02, minimum=0.02, maximum=0.1)


class _Process(ProcessProtocol):
    """The server's process.

    Attributes:
        port: fires with the server's port, or with None if the process ends first.
        ended: fires when the process has ended.
    """

    def __init__(self):
        self.port, self.ended = Deferred(), Deferred()
        self._line = b""

    def outReceived(self, data):
        self._line += data
        if self._line.endswith(b"\n"):
            self.port.callback(int(self._line))

    def errReceived(self, data):
        sys.stderr.write(data.decode())

    def processEnded(self, reason):
        if not self.port.called:
            self.port.callback(None)
        self.ended.callback(None)


class Stage:
    """The server's process, the proxies, and the client that sends through them.

    Args:
        reactor: the real reactor.
        directory: the folder for the messages that the server has handled.
        faults: the faults of the proxy's connections, in turn.
        deadly: the numbers of messages after which the server dies, before it acknowledges them.
        tls: True for TLS from the client to the server.
        tunnel: True for an HTTP proxy, behind the proxy with the faults.

    Attributes:
        deaths: the number of times the server has died.
    """

    def __init__(self, reactor, directory, faults=(), deadly=(), *, tls=False, tunnel=False):
        self.reactor = reactor
        self.directory = Path(directory).absolute()
        self.directory.mkdir(exist_ok=True)
        self.proxy = CuttingProxy(reactor, 0, faults)
        self.deaths = 0
        self._arguments = [str(self.directory), *map(str, deadly)]
        self._tls, self._tunnel = tls, tunnel
        # The server's port; the proxy with the faults connects to the HTTP proxy if there is one.
        self._target = 0
        self._ports = []
        self._closing = False

    async def open(self):
        """Start the server and the proxies."""
        if self._tls:
            certificate, key = make_pems("localhost")
            (self.directory / "localhost.crt").write_bytes(certificate)
            (self.directory / "localhost.pem").write_bytes(certificate + key)
            self._arguments += ["--certificate", str(self.directory / "localhost.pem")]
        await self._serve()
        self.proxy.target = await self._listen(TunnelFactory()) if self._tunnel else self._target
        self._entrance = await self._listen(self.proxy)

    async def _listen(self, factory):
        endpoint = TCP4ServerEndpoint(self.reactor, 0, interface="127.0.0.1")
        self._ports.append(await endpoint.listen(factory))
        return self._ports[-1].getHost().port

    async def _serve(self):
        self._process = process = _Process()
        # The port stays free meanwhile: Linux gives out the port that was used last only at last.
        port = str(self._target)
        command = [sys.executable, "-m", "tests.chaos.mortal", port, *self._arguments]
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        self.reactor.spawnProcess(process, command[0], command, environment)
        process.ended.addCallback(lambda _: self._died())
        self._target = await process.port or self._target

    def _died(self):
        """Start the server again, as a service manager does."""
        if not self._closing:
            self.deaths += 1
            return Deferred.fromCoroutine(self._serve())
        return None

    def kill(self):
        """Kill the server."""
        # The process may be dying already.
        with contextlib.suppress(ProcessExitedAlready):
            self._process.transport.signalProcess("KILL")

    async def send(self, messages, name="messages"):
        """Send the messages, each one again until it is acknowledged."""
        sender = acknowledged.Sender(messages)
        scheme = "wss" if self._tls else "ws"
        port = self._target if self._tunnel else self._entrance
        await sender.run(
            f"{scheme}://localhost:{port}/{name}",
            tls=self.directory / "localhost.crt" if self._tls else None,
            proxy=f"http://127.0.0.1:{self._entrance}" if self._tunnel else None,
            backoff=BACKOFF,
            ping_interval=0.2,
            ping_timeout=0.2,
            open_timeout=1,
            close_timeout=0.2,
        )
        return sender

    def handled(self, name="messages"):
        """Return the messages that the server has handled, and the number of handlings."""
        return read_ledger(self.directory / name)

    async def close(self):
        """Stop the server and the proxies."""
        self._closing = True
        self.kill()
        await self._process.ended
        self.proxy.cut_all()
        for port in self._ports:
            await maybeDeferred(port.stopListening)
        # Aborted sockets get connectionLost in the next turn of the reactor.
        for _ in range(3):
            turn = Deferred()
            self.reactor.callLater(0, turn.callback, None)
            await turn


def connections():
    """Return all connections of the client that are in memory."""
    gc.collect()
    return WeakSet(each for each in gc.get_objects() if isinstance(each, WebSocketClientProtocol))

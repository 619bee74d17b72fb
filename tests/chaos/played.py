"""A server that is killed, a proxy that cuts, and a client that loses no message all the same."""

import gc
import importlib.util
from pathlib import Path
from weakref import WeakSet

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.endpoints import TCP4ServerEndpoint

from tests.chaos.cutting import CuttingProxy
from txws2 import Backoff, WebSocketClientProtocol, WebSocketServerProtocol, serve

_EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "acknowledged.py"
_spec = importlib.util.spec_from_file_location("acknowledged", _EXAMPLE)
acknowledged = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(acknowledged)

BACKOFF = Backoff(initial=0.02, minimum=0.02, maximum=0.1)


class Mortal(acknowledged.Receiver):
    """Tells of each message that it has handled, before it says so to the client."""

    def __init__(self, tell):
        super().__init__()
        self._tell = tell

    async def handler(self, ws):
        self.ws = ws
        await super().handler(_Told(ws, self._tell))


class _Told:
    """A connection that tells before it sends."""

    def __init__(self, ws, tell):
        self._ws, self._tell = ws, tell

    def __aiter__(self):
        return aiter(self._ws)

    def send(self, message):
        self._tell(int(message))
        return self._ws.send(message)


class Stage:
    """Where it is played.

    Args:
        reactor: the real one.
        faults: those of the proxy, in turn.
        tell: called with the number of each message when the server has it.
    """

    def __init__(self, reactor, faults, tell=lambda number: None):
        self.reactor = reactor
        self.receiver = Mortal(tell)
        self.proxy = CuttingProxy(reactor, 0, faults)
        self.deaths = 0

    async def open(self):
        """Start the server and the proxy."""
        await self._serve()
        endpoint = TCP4ServerEndpoint(self.reactor, 0, interface="127.0.0.1")
        self.port = await endpoint.listen(self.proxy)
        self.uri = f"ws://127.0.0.1:{self.port.getHost().port}/"

    async def _serve(self):
        # Nobody takes the port meanwhile: Linux gives out a port that was used last at last.
        options = {"ping_interval": 0.2, "ping_timeout": 0.2, "close_timeout": 0.2}
        port = self.proxy.target
        self.server = await serve(self.receiver.handler, "127.0.0.1", port, **options)
        self.proxy.target = self.server.addresses[0].port

    def kill(self):
        """Let the server end as a process does that is killed."""
        self.deaths += 1
        for connection in list(self.server.connections):
            connection.transport.abortConnection()
        return self.server.close()

    async def restart(self):
        """Kill the server, and start it again."""
        await self.kill()
        await self._serve()

    async def send(self, messages):
        """Send these messages, each until it is acknowledged."""
        sender = acknowledged.Sender(messages)
        await sender.run(
            self.uri,
            backoff=BACKOFF,
            ping_interval=0.2,
            ping_timeout=0.2,
            open_timeout=1,
            close_timeout=0.2,
        )
        return sender

    async def close(self):
        """End everything."""
        self.proxy.cut_all()
        await self.server.close()
        await maybeDeferred(self.port.stopListening)
        # Sockets that were aborted are told so in the next turn.
        for _ in range(3):
            turn = Deferred()
            self.reactor.callLater(0, turn.callback, None)
            await turn


def connections():
    """Return all connections that are in memory."""
    gc.collect()
    kinds = WebSocketClientProtocol, WebSocketServerProtocol
    return WeakSet(each for each in gc.get_objects() if isinstance(each, kinds))

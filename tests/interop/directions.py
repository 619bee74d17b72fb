"""Connections between us and a peer, in either direction."""

import json

from twisted.internet import reactor
from twisted.internet.defer import Deferred

import txws2
from tests.interop.peer_process import start_peer


class Recording:
    """Keeps the pings and pongs that come, and answers each ping with a ping of ours as well."""

    def __init__(self):
        self.pings = []
        self.pongs = []
        self.latencies = []

    def pingReceived(self, payload):
        self.pings.append(payload)
        self.latencies.append(self.ping(b"ours, " + payload))

    def pongReceived(self, payload):
        self.pongs.append(payload)


class RecordingServer(Recording, txws2.WebSocketServerProtocol):
    pass


class RecordingClient(Recording, txws2.WebSocketClientProtocol):
    pass


def settings(actions, subprotocols, **others):
    return json.dumps({"actions": actions, "subprotocols": subprotocols, **others})


class WeAreTheClient:
    """The peer is the server.

    Attributes:
        library: the peer's library.
        options: our options of `connect`.
    """

    options = {}

    async def start_server(self, actions=(), subprotocols=()):
        """Start the peer; return its process and its URI."""
        peer = start_peer(self, self.library, "server", settings(actions, subprotocols))
        port = (await peer.saw())["port"]
        return peer, f"ws://127.0.0.1:{port}/"

    async def link(self, *actions, ours=(), theirs=()):
        """Connect us and the peer, which then does these actions.

        Args:
            actions: the peer's actions, each the name of one in peers/, and its arguments.
            ours: our subprotocols.
            theirs: the peer's subprotocols.

        Returns:
            Our connection, the peer, and the subprotocol as the peer sees it.
        """
        peer, uri = await self.start_server(actions, theirs)
        ws = await txws2.connect(
            uri,
            subprotocols=ours,
            create_protocol=RecordingClient,
            reactor=reactor,
            **self.options,
        )
        self.addCleanup(ws.close)
        return ws, peer, (await peer.saw())["open"]


class WeAreTheServer:
    """The peer is the client.

    Attributes:
        library: the peer's library.
    """

    async def listen(self, handler, **options):
        """Start a server; return its URI."""
        server = await txws2.serve(handler, "127.0.0.1", 0, reactor=reactor, **options)
        self.addCleanup(server.close)
        return f"ws://127.0.0.1:{server.addresses[0].port}/"

    async def start_client(self, actions=(), theirs=(), **options):
        """Start a server and the peer; return the peer and a Deferred of our connection."""
        opened = Deferred()

        async def handler(ws):
            opened.callback(ws)
            await ws.wait_closed()

        uri = await self.listen(handler, create_protocol=RecordingServer, **options)
        peer = start_peer(self, self.library, "client", uri, settings(actions, theirs))
        return peer, opened

    async def link(self, *actions, ours=(), theirs=()):
        """Connect us and the peer, as `WeAreTheClient.link`."""
        peer, opened = await self.start_client(actions, theirs, subprotocols=ours)
        subprotocol = (await peer.saw())["open"]
        return await opened, peer, subprotocol

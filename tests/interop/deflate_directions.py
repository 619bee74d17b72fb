"""Connections for tests of compression, one after the other, in either direction."""

from twisted.internet import reactor
from twisted.internet.defer import Deferred

import txws2
from tests.interop.directions import settings
from tests.interop.peer_process import start_peer
from tests.interop.wire import WiredClient, WiredServer


class Linking:
    """Makes a connection for each pair of our wish and the peer's.

    Attributes:
        library: the peer's library.
    """

    async def links(self, *wishes, actions=()):
        """Connect us and the peer; each connection is closed before the next one is made.

        Args:
            wishes: pairs of our option `compression`, and the peer's setting "deflate".
            actions: the actions of the peer on each connection.
        """
        ours = [compression for compression, _ in wishes]
        theirs = [settings(actions, (), deflate=parameters) for _, parameters in wishes]
        peer, connections = await self.start(ours, theirs)
        for connection in connections:
            ws = await connection()
            self.assertEqual(await peer.saw(), {"open": None})
            yield ws
            await ws.close()
            seen = await peer.saw()
            while "pong" in seen:
                seen = await peer.saw()
            self.assertEqual(seen, {"closed": [1000, ""]})


class WeAreTheDeflatingClient(Linking):
    """The peer is the server; one runs for each connection."""

    we_are_the_client = True

    async def start(self, ours, theirs):
        peer = start_peer(self, self.library, "server", *theirs)
        ports = [(await peer.saw())["port"] for _ in theirs]

        def connection(port, compression):
            return lambda: txws2.connect(
                f"ws://127.0.0.1:{port}/",
                compression=compression,
                create_protocol=WiredClient,
                reactor=reactor,
            )

        return peer, map(connection, ports, ours)


class WeAreTheDeflatingServer(Linking):
    """The peer is the client; we run a server for each connection."""

    we_are_the_client = False

    async def serve(self, compression):
        """Return a URI, and a Deferred of the connection that comes to it."""
        opened = Deferred()

        async def handler(ws):
            opened.callback(ws)
            await ws.wait_closed()

        server = await txws2.serve(
            handler,
            "127.0.0.1",
            0,
            compression=compression,
            create_protocol=WiredServer,
            reactor=reactor,
        )
        self.addCleanup(server.close)
        return f"ws://127.0.0.1:{server.addresses[0].port}/", opened

    async def start(self, ours, theirs):
        served = [await self.serve(compression) for compression in ours]
        arguments = []
        for (uri, _), setting in zip(served, theirs, strict=True):
            arguments += [uri, setting]
        peer = start_peer(self, self.library, "client", *arguments)
        return peer, [lambda opened=opened: opened for _, opened in served]

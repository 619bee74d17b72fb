"""Interoperability with ws, on Node.js."""

from twisted.trial.unittest import TestCase

from tests.interop.cases import FragmentCases
from tests.interop.sides import OurClientCases, OurServerCases


class OurClientWithAWsServerTests(OurClientCases, FragmentCases, TestCase):
    library = "ws"


class OurServerWithAWsClientTests(OurServerCases, FragmentCases, TestCase):
    library = "ws"

    async def test_there_is_no_subprotocol_where_only_the_peer_knows_some(self):
        """ws insists on one of its own subprotocols."""
        peer, _ = await self.start_client(theirs=["mqtt", "chat"])
        self.assertEqual(await peer.saw(), {"failed": "Server sent no subprotocol"})

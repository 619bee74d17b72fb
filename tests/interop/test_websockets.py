"""Interoperability with `websockets`, on asyncio.

Its server refuses clients that don't speak one of its subprotocols.
"""

from twisted.internet.defer import ensureDeferred
from twisted.trial.unittest import TestCase

from tests.interop.cases import FragmentCases
from tests.interop.sides import OurClientCases, OurServerCases
from txws2 import InvalidStatus


class OurClientWithAWebsocketsServerTests(OurClientCases, FragmentCases, TestCase):
    library = "websockets"

    async def refuses(self, ours):
        linked = ensureDeferred(self.link(ours=ours, theirs=["mqtt"]))
        exc = await self.assertFailure(linked, InvalidStatus)
        self.assertEqual(exc.response.status_code, 400)
        self.assertIn(b"subprotocol", exc.response.body)

    async def test_without_a_subprotocol_in_common_there_is_none(self):
        await self.refuses(ours=["wamp"])

    async def test_there_is_no_subprotocol_where_only_the_peer_knows_some(self):
        await self.refuses(ours=[])


class OurServerWithAWebsocketsClientTests(OurServerCases, FragmentCases, TestCase):
    library = "websockets"

"""The cases of each direction: those for both, and those for one only."""

import txws2
from tests.interop.cases import CommonCases
from tests.interop.directions import WeAreTheClient, WeAreTheServer


class OurClientCases(WeAreTheClient, CommonCases):
    """We connect to the peer.

    Attributes:
        refusal: a part of the body of the peer's 404.
    """

    timeout = 30
    refusal = b"nothing here"

    async def test_a_refusal_is_reported_with_its_status_and_body(self):
        _, uri = await self.start_server()
        connecting = txws2.connect(f"{uri}elsewhere", **self.options)
        exc = await self.assertFailure(connecting, txws2.InvalidStatus)
        self.assertEqual(exc.response.status_code, 404)
        self.assertIn(self.refusal, exc.response.body)

    async def test_without_a_subprotocol_in_common_there_is_none(self):
        ws, _, agreed = await self.link(ours=["wamp"], theirs=["mqtt"])
        self.assertEqual((ws.subprotocol, agreed), (None, None))


class OurServerCases(WeAreTheServer, CommonCases):
    """The peer connects to us."""

    timeout = 30

    async def test_the_peer_sees_the_400_without_a_subprotocol_in_common(self):
        peer, _ = await self.start_client(subprotocols=["wamp"], theirs=["mqtt"])
        self.assertEqual(await peer.saw(), {"refused": 400})

    async def test_the_peer_sees_the_403_if_its_origin_is_not_accepted(self):
        peer, _ = await self.start_client(origins=["https://example.com"])
        self.assertEqual(await peer.saw(), {"refused": 403})

"""permessage-deflate (RFC 7692) with every peer, in both directions."""

from twisted.trial.unittest import TestCase

from tests.interop.deflate_cases import TICK, DeflateCases, FragmentCases, parameters_of
from tests.interop.deflate_directions import WeAreTheDeflatingClient, WeAreTheDeflatingServer
from tests.interop.directions import settings
from tests.support.zlibs import WithZlib
from txws2 import InvalidStatus, NegotiationError, PerMessageDeflate

# A server's response for each pair of the client's offer and the server's wish.
NOT_ASKED = {(None, None): None}
ECHOED = {**NOT_ASKED, (True, None): True}
EITHER = {**ECHOED, (None, True): True, (True, True): True}
LEAST = {**NOT_ASKED, (10, None): 10, (None, 10): 10}
LEAST_OF_BOTH = {(12, 10): 10, (10, 12): 10}
ALL_BITS = {(bits, None): bits for bits in range(9, 16)}
FROM_THE_SERVER = {(None, bits): bits for bits in range(9, 16)}


class OurClientCases(WeAreTheDeflatingClient, DeflateCases):
    """We connect to the peer; we always say that our window may be limited."""

    timeout = 30


class OurServerCases(WeAreTheDeflatingServer, DeflateCases):
    """The peer connects to us.

    Our responses don't depend on the peer, but the peer's possible offers do.
    """

    timeout = 30

    answers = (
        EITHER,
        EITHER,
        LEAST,
        # If the client doesn't say that it can, the server doesn't ask for less.
        {**NOT_ASKED, (None, 10): None, (True, None): None, (True, 10): 10, (11, None): 11},
    )
    others = (
        {},
        {},
        LEAST_OF_BOTH | ALL_BITS | {(15, 10): 10},
        {(12, 10): 10, (10, 12): 10, (15, None): None, (15, 10): 10}
        | {(True, bits): bits for bits in range(9, 15)},
    )


class OurClientWithAWebsocketsServerTests(OurClientCases, FragmentCases, TestCase):
    library = "websockets"
    answers = EITHER, EITHER, LEAST, LEAST
    others = (
        {},
        {},
        LEAST_OF_BOTH | ALL_BITS,
        LEAST_OF_BOTH | ALL_BITS | FROM_THE_SERVER,
    )

    async def test_a_server_that_wants_a_window_of_256_bytes_cannot_be_had(self):
        _, [connection] = await self.start(
            [PerMessageDeflate()], [settings([], [], deflate={"client_max_window_bits": 8})]
        )
        exc = await self.assertFailure(connection(), NegotiationError)
        self.assertEqual(
            str(exc),
            ("the server asks for client_max_window_bits=8; zlib can't compress with less than 9"),
        )


class OurServerWithAWebsocketsClientTests(OurServerCases, FragmentCases, TestCase):
    library = "websockets"

    async def test_an_offer_that_wants_a_window_of_256_bytes_of_us_is_declined(self):
        async for ws in self.links((PerMessageDeflate(), {"server_max_window_bits": 8})):
            self.assertEqual(parameters_of(ws), None)
            await self.echoes(ws, TICK, TICK)


class OurPlainClientWithAWebsocketsServerTests(WithZlib, OurClientWithAWebsocketsServerTests):
    """All other test cases use zlib-ng, if it is installed."""


class OurPlainServerWithAWebsocketsClientTests(WithZlib, OurServerWithAWebsocketsClientTests):
    """This test case uses Python's zlib, too."""


class OurClientWithAnAiohttpServerTests(OurClientCases, TestCase):
    """Its options can ask for nothing; it can't limit our window."""

    library = "aiohttp"
    answers = (
        ECHOED,
        NOT_ASKED | {(True, None): None},
        NOT_ASKED | {(10, None): 10},
        NOT_ASKED | {(10, None): None},
    )
    others = {}, {}, ALL_BITS | {(15, None): None}, {}


class OurServerWithAnAiohttpClientTests(OurServerCases, TestCase):
    """It always says that its window may be limited; it can only ask us to limit ours."""

    library = "aiohttp"
    answers = (
        NOT_ASKED | {(None, True): True},
        NOT_ASKED | {(None, True): True},
        LEAST,
        {(True, None): None, (True, 10): 10},
    )
    others = (
        {},
        {},
        LEAST_OF_BOTH | {(bits, None): bits for bits in range(9, 15)},
        {(True, bits): bits for bits in range(9, 15)},
    )


class OurClientWithAnAutobahnServerTests(OurClientCases, FragmentCases, TestCase):
    """It can be told what to ask of our messages, and doesn't answer our own promises for them."""

    library = "autobahn"
    answers = (
        ECHOED,
        NOT_ASKED | {(True, None): None, (None, True): True, (True, True): True},
        NOT_ASKED | {(10, None): 10},
        NOT_ASKED | {(10, None): None, (None, 10): 10, (10, 12): 12},
    )
    others = {}, {}, ALL_BITS, FROM_THE_SERVER | {(12, 10): 10}


class OurServerWithAnAutobahnClientTests(OurServerCases, FragmentCases, TestCase):
    """It can't name a window for its own messages."""

    library = "autobahn"
    answers = (
        *OurServerCases.answers[:3],
        {**NOT_ASKED, (None, 10): None, (True, None): None, (True, 10): 10},
    )
    others = (*OurServerCases.others[:3], {(True, bits): bits for bits in range(9, 15)})


class OurClientWithAWsServerTests(OurClientCases, FragmentCases, TestCase):
    library = "ws"
    answers = EITHER, EITHER, LEAST, LEAST
    others = (
        {},
        {},
        # It declines an offer of less than its wish, and accepts our other offer.
        {(12, 10): 10, (10, 12): 12} | ALL_BITS,
        {(12, 10): 10} | ALL_BITS | FROM_THE_SERVER,
    )

    async def test_a_server_that_declines_every_offer_refuses_us(self):
        ours = PerMessageDeflate(client_max_window_bits=10)
        _, [connection] = await self.start(
            [ours], [settings([], [], deflate={"client_max_window_bits": 12})]
        )
        exc = await self.assertFailure(connection(), InvalidStatus)
        self.assertEqual(exc.response.status_code, 400)
        self.assertIn(b"Sec-WebSocket-Extensions", exc.response.body)


class OurServerWithAWsClientTests(OurServerCases, FragmentCases, TestCase):
    library = "ws"

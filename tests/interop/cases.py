"""The cases that must work with every peer, in both directions; `link` makes the connection."""

from random import Random

from twisted.internet.defer import gatherResults

from txws2 import ConnectionClosed, ConnectionClosedError, ConnectionClosedOK

SIZES = (0, 1, 125, 126, 65535, 65536, 2**20)
CLOSES = ((1000, ""), (1001, "so long"), (1011, "oh"), (3000, ""), (4001, "adiós — 再见"))


def payload_of(size):
    return Random(size).randbytes(size)


def text_of(size):
    return payload_of(size // 2 + 1).hex()[:size]


class MessageCases:
    async def echoes(self, message):
        self.ws.sendMessage(message)
        answer = await self.ws.recv()
        # assertEqual would print megabytes.
        self.assertTrue(answer == message, f"{answer[:50]!r}… isn't {message[:50]!r}…")

    async def test_text_of_every_size_comes_back_whole(self):
        self.ws, _, _ = await self.link()
        for size in SIZES:
            await self.echoes(text_of(size))

    async def test_binary_messages_of_every_size_come_back_whole(self):
        self.ws, _, _ = await self.link()
        for size in SIZES:
            await self.echoes(payload_of(size))

    async def test_text_beyond_ascii_comes_back_whole(self):
        self.ws, _, _ = await self.link()
        for text in ("é", "Grüße, 世界 🎉\0\n", "€" * (2**20 // 3), "\U0010ffff" * 2**18):
            await self.echoes(text)

    async def test_a_hundred_messages_come_back_in_order(self):
        ws, _, _ = await self.link()
        sent = [(payload_of, text_of)[i % 2](i * 37) for i in range(100)]
        for message in sent:
            ws.sendMessage(message)
        received = [await ws.recv() for _ in sent]
        self.assertEqual(received, sent)

    async def test_a_message_over_max_size_is_answered_with_1009(self):
        ws, peer, _ = await self.link(["fill", 2**20 + 1])
        exc = await self.assertFailure(ws.recv(), ConnectionClosedError)
        self.assertTrue(str(exc).startswith("sent 1009 (message too big)"), str(exc))
        code, _ = (await peer.saw())["closed"]
        self.assertEqual(code, 1009)


class RoundTrip:
    async def all_is_heard(self, ws):
        """Wait until we have received all that the peer has sent so far."""
        ws.sendMessage("over")
        self.assertEqual(await ws.recv(), "over")


class PingCases(RoundTrip):
    async def test_our_pings_are_answered_with_the_same_payload(self):
        ws, _, _ = await self.link()
        payloads = [b"", b"\0\xff", b"x" * 125]
        for payload in payloads:
            self.assertIsInstance(await ws.ping(payload), float)
        await self.all_is_heard(ws)
        self.assertEqual(ws.pongs, payloads)

    async def test_the_peers_ping_is_answered_with_the_same_payload(self):
        ws, peer, _ = await self.link(["ping", "are you there?"])
        self.assertEqual(await peer.saw(), {"pong": "are you there?"})
        self.assertEqual(ws.pings, [b"are you there?"])

    async def test_a_ping_amid_messages_comes_back_in_its_place(self):
        ws, _, _ = await self.link()
        ws.sendMessage("before")
        latency = ws.ping(b"amid")
        ws.sendMessage("after")
        self.assertEqual([await ws.recv(), await ws.recv()], ["before", "after"])
        await latency
        self.assertEqual(ws.pongs, [b"amid"])


class FragmentCases(RoundTrip):
    async def test_the_peers_fragments_make_one_message(self):
        parts = ["Hello, ", "", "w", "örld", "!" * 70000]
        ws, _, _ = await self.link(["fragments", parts])
        self.assertEqual(await ws.recv(), "".join(parts))

    async def test_pings_from_both_sides_are_answered_amid_fragments(self):
        # The peer sends each fragment once it has the pong to the ping before the last one.
        ws, peer, _ = await self.link(["fragments", ["a", "b", "c"]])
        self.assertEqual(await ws.recv(), "abc")
        self.assertEqual(await peer.saw(), {"pong": "amid 1"})
        self.assertEqual(await peer.saw(), {"pong": "amid 2"})
        self.assertEqual(ws.pings, [b"amid 1", b"amid 2"])
        await gatherResults(ws.latencies)
        await self.all_is_heard(ws)
        self.assertEqual(ws.pongs, [b"ours, amid 1", b"ours, amid 2"])


class ClosingCases:
    async def test_we_report_what_the_peer_closes_with(self):
        for code, reason in CLOSES:
            ws, peer, _ = await self.link(["close", code, reason])
            kind = ConnectionClosedOK if code in (1000, 1001) else ConnectionClosedError
            exc = await self.assertFailure(ws.recv(), kind)
            self.assertEqual((exc.rcvd.code, exc.rcvd.reason), (code, reason))
            self.assertTrue(exc.rcvd_then_sent)
            self.assertEqual((ws.close_code, ws.close_reason), (code, reason))
            self.assertEqual((await peer.saw())["closed"][0], code)

    async def test_the_peer_may_close_without_a_code(self):
        ws, peer, _ = await self.link(["close"])
        exc = await self.assertFailure(ws.recv(), ConnectionClosedOK)
        self.assertTrue(str(exc).startswith("received 1005 (no status received [internal])"))
        self.assertEqual((ws.close_code, ws.close_reason), (1005, ""))
        self.assertEqual(await peer.saw(), {"closed": [1005, ""]})

    async def test_the_peer_reports_what_we_close_with(self):
        for code, reason in CLOSES:
            ws, peer, _ = await self.link()
            await ws.close(code, reason)
            self.assertEqual(await peer.saw(), {"closed": [code, reason]})
            exc = await self.assertFailure(ws.recv(), ConnectionClosed)
            self.assertEqual((exc.sent.code, exc.sent.reason), (code, reason))
            self.assertFalse(exc.rcvd_then_sent)

    async def test_messages_sent_right_before_the_close_arrive(self):
        ws, _, _ = await self.link(["fill", 100000], ["close", 1000, ""])
        self.assertEqual(await ws.recv(), bytes(100000))
        await self.assertFailure(ws.recv(), ConnectionClosedOK)

    async def test_we_report_that_the_peer_dropped_the_connection(self):
        ws, _, _ = await self.link(["drop"])
        exc = await self.assertFailure(ws.recv(), ConnectionClosedError)
        self.assertEqual(str(exc), "no close frame received or sent")
        self.assertEqual((ws.close_code, ws.close_reason), (1006, ""))

    async def test_the_peer_reports_that_we_dropped_the_connection(self):
        ws, peer, _ = await self.link()
        ws.transport.abortConnection()
        self.assertEqual(await peer.saw(), {"closed": [1006, ""]})
        exc = await self.assertFailure(ws.recv(), ConnectionClosedError)
        self.assertEqual(str(exc), "no close frame received or sent")


class SubprotocolCases:
    async def test_both_see_the_subprotocol_agreed_on(self):
        ws, _, agreed = await self.link(ours=["wamp", "chat"], theirs=["mqtt", "chat"])
        self.assertEqual((ws.subprotocol, agreed), ("chat", "chat"))

    async def test_there_is_no_subprotocol_where_only_the_peer_knows_some(self):
        ws, _, agreed = await self.link(theirs=["mqtt", "chat"])
        self.assertEqual((ws.subprotocol, agreed), (None, None))

    async def test_there_is_no_subprotocol_where_only_we_know_some(self):
        ws, _, agreed = await self.link(ours=["wamp"])
        self.assertEqual((ws.subprotocol, agreed), (None, None))


class CommonCases(MessageCases, PingCases, ClosingCases, SubprotocolCases):
    """The cases for every library."""

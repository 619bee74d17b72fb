"""The cases that must work with every peer that can compress, in both directions."""

import json
from itertools import product
from random import Random

from twisted.internet.defer import gatherResults

from tests.interop.wire import CONT, TEXT
from txws2 import PerMessageDeflate

PARAMETERS = (
    "server_no_context_takeover",
    "client_no_context_takeover",
    "server_max_window_bits",
    "client_max_window_bits",
)

TICK = json.dumps({"symbol": "ACME", "price": 12.5, "size": 100, "side": "buy", "at": "here"})

# Only earlier messages can help to compress this; it fits into the smallest window.
AGAIN = Random(0).randbytes(50).hex()


def noise(size):
    return Random(size).randbytes(size)


def parameters_of(ws):
    """Return the parameters in the server's response; None if there are none."""
    answer = ws.response.headers.get("Sec-WebSocket-Extensions")
    if answer is None:
        return None
    name, *words = (word.strip() for word in answer.split(";"))
    assert name == "permessage-deflate", answer
    pairs = (word.partition("=") for word in words)
    return {name: int(value) if value else True for name, _, value in pairs}


class NegotiationCases:
    """The negotiated parameters are the expected ones, and both sides keep to them.

    Attributes:
        answers: for each of PARAMETERS, the server's response for each pair of the client's offer
            and the server's wish; None for a missing parameter. All combinations are tried.
        others: further responses for each of PARAMETERS; each is tried alone, with the first of
            `answers` for the other parameters.
    """

    answers = ()
    others = ({}, {}, {}, {})

    async def echoes(self, ws, *messages):
        """Echo messages; return our frames and the peer's."""
        ws.forget_frames()
        for message in messages:
            ws.sendMessage(message)
        for message in messages:
            answer = await ws.recv()
            # assertEqual would print megabytes.
            self.assertTrue(answer == message, f"{answer[:50]!r}… isn't {message[:50]!r}…")
        return ws.sent(), ws.received()

    def combinations(self):
        """Return triples: the client's offer, the server's wish, and the response."""
        tables = [self.answers]
        first = [dict([next(iter(rows.items()))]) for rows in self.answers]
        for number, rows in enumerate(self.others):
            tables.append([*first[:number], rows, *first[number + 1 :]])
        found = []
        for table in tables:
            for asked in product(*table):
                clients, servers = zip(*asked, strict=True)
                answer = [rows[pair] for rows, pair in zip(table, asked, strict=True)]
                found.append(tuple(map(self.named, (clients, servers, answer))))
        return found

    def named(self, values):
        pairs = zip(PARAMETERS, values, strict=True)
        return {name: value for name, value in pairs if value is not None}

    async def test_the_parameters_of_either_side_are_agreed_on_and_kept_to(self):
        combinations = self.combinations()
        wishes = []
        for client, server, _ in combinations:
            ours, theirs = (client, server) if self.we_are_the_client else (server, client)
            wishes.append((PerMessageDeflate(**ours), theirs))
        remaining = iter(combinations)
        windows_asked_for = []
        async for ws in self.links(*wishes):
            client, server, answer = next(remaining)
            self.assertEqual(parameters_of(ws), answer, f"{client} to {server}")
            # Our client keeps its promises even if the server doesn't repeat them.
            promised = client if self.we_are_the_client else {}
            await self.keep_to_takeover(
                ws,
                "server_no_context_takeover" not in answer,
                "client_no_context_takeover" not in answer | promised,
            )
            asked_for = [side.get(name) for side in (client, server) for name in PARAMETERS[2:]]
            if asked_for not in windows_asked_for:
                windows_asked_for.append(asked_for)
                await self.keep_to_windows(
                    ws,
                    answer.get("server_max_window_bits", 15),
                    min(
                        answer.get("client_max_window_bits", 15),
                        promised.get("client_max_window_bits", 15),
                    ),
                )
        self.assertEqual(list(remaining), [])

    async def keep_to_takeover(self, ws, server, client):
        """Check that each side refers to earlier messages, or doesn't, as negotiated."""
        takeovers = (client, server) if self.we_are_the_client else (server, client)
        both = await self.echoes(ws, AGAIN, AGAIN, AGAIN)
        for (first, *later), takeover in zip(both, takeovers, strict=True):
            self.assertTrue(first.compressed)
            for frame in later:
                self.assertTrue(frame.compressed)
                self.assertEqual(frame.size < first.size / 2, takeover)

    async def keep_to_windows(self, ws, server, client):
        """Check how far back each side refers."""
        windows = (client, server) if self.we_are_the_client else (server, client)
        for side, bits in enumerate(windows):
            # One repetition is well within the window, and one is just beyond it.
            within, beyond = noise(2 ** (bits - 2)) * 8, b""
            if bits < 15:
                beyond = noise(2**bits) * 2
            frames = await self.echoes(ws, within, beyond)
            near, far = frames[side]
            self.assertLess(near.size, len(within) / 2)
            self.assertGreaterEqual(far.size, len(beyond) * 0.9)


class DeflateCases(NegotiationCases):
    """The cases for every library."""

    @property
    def theirs(self):
        """The weakest wish of the peer, so that we can have all that we wish."""
        return {} if self.we_are_the_client else {"client_max_window_bits": True}

    def wish(self, **parameters):
        return PerMessageDeflate(**parameters), self.theirs

    async def test_messages_of_every_kind_come_back_whole_and_in_order(self):
        texts = [TICK.replace("12.5", str(number)) for number in range(200)]
        sent = ["", "x", "x" * 63, "x" * 64, TICK, TICK, "é€🎉" * 50, noise(2**15).hex()]
        sent += [b"", b"\0", bytes(63), bytes(64), bytes(2**16), noise(2**16), noise(2**20)]
        sent += [*texts, "", b"", TICK, bytes(2**20)]
        wishes = [
            self.wish(),
            self.wish(server_no_context_takeover=True, client_no_context_takeover=True),
            self.wish(server_max_window_bits=9, client_max_window_bits=9),
        ]
        async for ws in self.links(*wishes):
            latencies = []
            for start in range(0, len(sent), 20):
                latencies.append(ws.ping(f"before {start}"))
                for message in sent[start : start + 20]:
                    ws.sendMessage(message)
            received = [await ws.recv() for _ in sent]
            self.assertTrue(received == sent)
            await gatherResults(latencies)
            size = sum(len(message) for message in texts)
            first = sent.index(texts[0])
            for frames in (ws.sent(), ws.received()):
                self.assertEqual(len(frames), len(sent))
                for message, frame in zip(sent, frames, strict=True):
                    self.assertTrue(frame.compressed or len(message) < 64)
                of_texts = frames[first : first + len(texts)]
                self.assertLess(sum(frame.size for frame in of_texts), size)
                self.assertLess(frames[-1].size, 2**20 / 50)

    async def test_uncompressed_messages_of_ours_do_not_disturb_the_compressed_ones(self):
        async for ws in self.links(self.wish()):
            compress = [True, False, True, False, False, True]
            for choice in compress:
                ws.sendMessage(AGAIN, compress=choice)
            for _ in compress:
                self.assertEqual(await ws.recv(), AGAIN)
            sent = ws.sent()
            self.assertEqual([frame.compressed for frame in sent], compress)
            self.assertLess(sent[-1].size, sent[0].size / 2)

    async def test_uncompressed_messages_of_the_peers_do_not_disturb_the_compressed_ones(self):
        actions = ["fill", 1000], ["plain", 1000], ["fill", 1000], ["plain", 0], ["fill", 1000]
        async for ws in self.links(self.wish(), actions=actions):
            for size in (1000, 1000, 1000, 0, 1000):
                self.assertEqual(await ws.recv(), bytes(size))
            received = ws.received()
            compressed = [frame.compressed for frame in received]
            self.assertEqual(compressed, [True, False, True, False, True])
            self.assertEqual(received[1].size, 1000)
            self.assertLess(received[-1].size, 100)
            await self.echoes(ws, AGAIN, AGAIN)

    async def test_without_compression_on_both_sides_there_is_none(self):
        wishes = [(PerMessageDeflate(), None), ("deflate", None), (None, self.theirs), (None, None)]
        async for ws in self.links(*wishes):
            self.assertEqual(parameters_of(ws), None)
            for frames in await self.echoes(ws, TICK, bytes(1000)):
                self.assertEqual([frame.compressed for frame in frames], [False, False])
                self.assertEqual([frame.size for frame in frames], [len(TICK), 1000])

    async def test_each_preset_works(self):
        presets = ["deflate", "memory", "balanced", "ratio"]
        async for ws in self.links(*((preset, self.theirs) for preset in presets)):
            for frames in await self.echoes(ws, TICK, AGAIN, bytes(2**16), noise(2**16), TICK):
                self.assertEqual([frame.compressed for frame in frames], [True] * 5)
                self.assertLess(frames[2].size, 1000)


class FragmentCases:
    async def test_the_peers_compressed_fragments_make_one_message(self):
        parts = [AGAIN, "", "w", AGAIN, "örld", "!" * 70000]
        none = self.wish(server_no_context_takeover=True, client_no_context_takeover=True)
        async for ws in self.links(self.wish(), none, actions=[["fragments", parts]]):
            self.assertEqual(await ws.recv(), "".join(parts))
            first, *others = ws.received()
            self.assertEqual((first.opcode, first.compressed, first.fin), (TEXT, True, False))
            self.assertEqual({frame.opcode for frame in others}, {CONT})
            self.assertFalse(any(frame.compressed for frame in others))
            size = sum(frame.size for frame in others)
            self.assertLess(size, 2000)
            await self.echoes(ws, "".join(parts), "", AGAIN)

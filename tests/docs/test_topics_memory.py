"""docs/topics/memory.rst: its formulas are those of the limits, and its programs run."""

import io
import re
import zlib
from contextlib import redirect_stdout
from inspect import signature
from pathlib import Path

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

import txws2
from benchmarks.options import parse
from tests.command.test_commands import ROOT
from tests.support.examples import blocks
from txws2._connection import read_pause
from txws2._transport.cork import TURN_SIZE
from txws2.server import handshake
from txws2.testing import ScriptedServer, joined
from txws2.wire import decoder
from txws2.wire.frames import BINARY, encode_frame

PAGE = Path(ROOT, "docs", "topics", "memory.rst").read_text()
PIPE, MOST, PLANNED = blocks(PAGE, "python")
ROW = re.compile(r"^   \* - (.+)\n     - (.+)\n     - ([\d,]+) KiB", re.M)
DEFAULTS = {
    name: parameter.default
    for name, parameter in signature(txws2.ConnectionFactory).parameters.items()
}


def printed(block):
    """Return what a block prints, and its names."""
    out, names = io.StringIO(), {}
    with redirect_stdout(out):
        exec(block, names)
    return out.getvalue(), names


def zeros(count, size):
    """Return the frames of compressed messages of zeros, from a client."""
    compressor, frames = zlib.compressobj(9, zlib.DEFLATED, -12), b""
    for _ in range(count):
        data = compressor.compress(bytes(size)) + compressor.flush(zlib.Z_SYNC_FLUSH)
        frames += encode_frame(BINARY, data[:-4], masked=True, fin=True, rsv1=True)
    return frames


class FormulaTests(SynchronousTestCase):
    def test_the_formulas_give_the_numbers_of_the_table(self):
        counted = 0
        for part, formula, kib in ROW.findall(PAGE):
            number = int(kib.replace(",", "")) * 2**10
            code = re.match("``(.+?)``", formula)
            if code:
                self.assertEqual(eval(code[1], dict(DEFAULTS)), number, part)
                counted += 1
        self.assertEqual(counted, 4)

    def test_the_fixed_sizes(self):
        self.assertEqual(handshake._MAX_EARLY, 64 * 2**10)
        self.assertEqual(read_pause.READ_AHEAD, TURN_SIZE)
        self.assertEqual(TURN_SIZE, 256 * 2**10)

    def test_messages_that_wait_stop_the_reading_at_max_queue(self):
        async def handler(ws):
            await Deferred()

        with joined(handler, compression=None, max_queue=4) as both:
            for _ in range(100):
                both.client.sendMessage(b"x" * 70_000)
            both.pump()
            self.assertLessEqual(both.server.counters.waiting_in, 5)
            both.take_failures()

    def test_one_byte_of_deflate_is_at_most_1032_bytes(self):
        data = zeros(70, 2**20)[: 2**16]
        inflated = self.inflated(data, max_queue=None)
        self.assertLessEqual(inflated / len(data), 1032)
        self.assertGreater(inflated / len(data), 1000)

    def test_a_read_is_inflated_up_to_256_kib_and_a_message(self):
        self.assertEqual(decoder.MOST_GROWTH, 2**18)
        for size in (2**20, 100_000):
            inflated = self.inflated(zeros(70, size))
            self.assertLessEqual(inflated, 2**18 + size)
            self.assertGreater(inflated, 2**18)

    def test_a_large_message_is_inflated_in_pieces(self):
        self.assertEqual(decoder._LARGE, 2**22)
        self.assertAlmostEqual(decoder._PIECE_SIZE * 1032 / decoder._LARGE, 1, 1)

    def inflated(self, data, **options):
        """Return the number of bytes that this read of a connection was inflated to."""

        async def handler(ws):
            await Deferred()

        with joined(handler, **options) as both:
            both.server_transport.feed_bytes(data)
            return both.server.counters.payload_in


class BlockTests(SynchronousTestCase):
    def test_the_most_of_a_connection(self):
        out, names = printed(MOST)
        expected = 8192 * 129 + 17 * 2**16 + 2**19 + 2**15 + 2**16
        self.assertEqual(names["most"], expected)
        self.assertRegex(out, r"^[\d,]+ KiB a connection, \d\.\d GiB for 1,000\n$")

    def test_the_plan(self):
        out, names = printed(PLANNED)
        self.assertEqual(names["planned"](1, 0, 5, 0, 7), 1)
        self.assertEqual(names["planned"](1, 10, 5, 2, 7, compression=100), 1 + 50 + 100 + 28)
        self.assertRegex(out, r"^\d\.\d\d GiB\n$")

    def test_a_pipe_sends_on(self):
        names = {}
        exec(PIPE, names)
        uri, heard = "ws://sink.example/", []

        async def sink(ws):
            async for message in ws:
                heard.append(message)

        with ScriptedServer(sink, at=uri) as server:

            async def source(ws):
                await names["pipe"](ws, uri)

            with joined(source, clock=server.reactor) as both:
                both.client.sendMessage("hello")
                both.pump()
                server.reactor.pump()
                self.assertEqual(heard, ["hello"])
                both.client.close()
                both.pump()
                server.reactor.pump()

    def test_the_command_names_loads_and_servers_that_exist(self):
        [line] = blocks(PAGE, "shell")
        for name, names in re.findall(r'(\w+)="(.+?)"', line):
            parse([f"--{name.lower()}", *names.split()])

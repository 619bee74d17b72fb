"""permessage-deflate with libwebsockets, whose test client comes with Debian.

The test client sends a line of text for each circle that it draws. The test server in Debian
doesn't support compression.
"""

import shutil
from random import Random

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SkipTest, TestCase

import txws2
from tests.interop.peer_process import ProcessLines, start
from tests.interop.wire import WiredServer

CLIENT = "libwebsockets-test-client"
CIRCLE = r"c #[0-9A-F]{6} \d+ \d+ \d+;"


class Audience(WiredServer):
    """Fires `shown` once it has received enough messages."""

    def __init__(self):
        super().__init__()
        self.messages = []
        self.shown = Deferred()

    def messageReceived(self, message):
        self.messages.append(message)
        if len(self.messages) == 100:
            self.shown.callback(None)


class LibwebsocketsTests(TestCase):
    timeout = 30

    async def connect(self, **options):
        """Start the client; return its process and our connection."""
        program = shutil.which(CLIENT)
        if program is None:
            raise SkipTest(f"{CLIENT} is not installed; Debian: libwebsockets-test-server")
        opened = Deferred()

        async def handler(ws):
            opened.callback(ws)
            await ws.wait_closed()

        # The client hangs when it gets an uncompressed message although compression was
        # negotiated.
        compression = txws2.PerMessageDeflate(threshold=0, **options)
        server = await txws2.serve(
            handler,
            "127.0.0.1",
            0,
            compression=compression,
            subprotocols=["lws-mirror-protocol"],
            create_protocol=Audience,
            reactor=reactor,
        )
        self.addCleanup(server.close)
        port = f"--port={server.addresses[0].port}"
        process = start(self, ProcessLines(), program, "127.0.0.1", port, "--justmirror", "--once")
        return process, await opened

    async def talks(self, *answers, **options):
        process, ws = await self.connect(**options)
        extensions = ws.response.headers.get("Sec-WebSocket-Extensions")
        name, *parameters = extensions.split("; ")
        self.assertEqual(name, "permessage-deflate")
        self.assertCountEqual(parameters, ["client_no_context_takeover", *answers])
        await ws.shown
        for message in ws.messages:
            self.assertRegex(message, f"^{CIRCLE}$")
        self.assertTrue(all(frame.compressed for frame in ws.received()[:100]))
        text = Random(0).randbytes(50).hex()
        sent = ["x", text, text, text.upper(), "y" * 5000, text * 1000, bytes(2**16), text]
        for message in sent:
            ws.sendMessage(message)
            # If the client couldn't inflate the message, it would drop the connection.
            await ws.ping()
        frames = ws.sent()
        self.assertEqual([frame.compressed for frame in frames], [True] * len(sent))
        await ws.close()
        self.assertEqual(await process.ended, 0)
        return frames

    async def test_its_client_and_our_server_compress(self):
        frames = await self.talks()
        self.assertLess(frames[2].size, frames[1].size / 2)

    async def test_its_client_takes_a_smaller_window_of_ours(self):
        await self.talks("server_max_window_bits=9", server_max_window_bits=9)

    async def test_its_client_takes_messages_of_ours_each_on_its_own(self):
        frames = await self.talks("server_no_context_takeover", server_no_context_takeover=True)
        self.assertEqual(frames[2], frames[1])

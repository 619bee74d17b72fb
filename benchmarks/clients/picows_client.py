"""A client made with picows, on uvloop; see stopwatch.py."""

import uvloop
from picows import WSListener, WSMsgType, ws_connect
from stopwatch import Push, text, uri

MESSAGE = text.encode()


class Receiver(WSListener):
    def on_ws_connected(self, transport):
        self.push = Push()
        if self.push.asks:
            transport.send(WSMsgType.TEXT, MESSAGE)

    def on_ws_frame(self, transport, frame):
        frame.get_payload_as_utf8_text()
        push = self.push
        if push.asks:
            transport.send(WSMsgType.TEXT, MESSAGE)
        push.count()


async def main():
    transport, _ = await ws_connect(Receiver, uri, max_frame_size=2**26)
    await transport.wait_disconnected()


uvloop.run(main())

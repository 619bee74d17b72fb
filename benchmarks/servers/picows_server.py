"""An echo made with picows, on uvloop: picows_server.py PORT [broadcast] [tls=PEM]

It takes each frame for a message, and doesn't check that text is UTF-8.
"""

import ssl
import sys

import uvloop
from picows import WSListener, WSMsgType, ws_create_server

port = int(sys.argv[1])
options = dict(option.partition("=")[::2] for option in sys.argv[2:])
everybody = set()


class Echo(WSListener):
    def on_ws_connected(self, transport):
        everybody.add(transport)

    def on_ws_disconnected(self, transport):
        everybody.discard(transport)

    def on_ws_frame(self, transport, frame):
        if frame.msg_type == WSMsgType.CLOSE:
            transport.send_close(frame.get_close_code())
            transport.disconnect()
        elif frame.msg_type != WSMsgType.PONG:
            payload = frame.get_payload_as_bytes()
            for receiver in everybody if "broadcast" in options else [transport]:
                receiver.send(frame.msg_type, payload, frame.fin)


async def main():
    tls = None
    if "tls" in options:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(options["tls"])
    server = await ws_create_server(
        lambda request: Echo(), "127.0.0.1", port, ssl=tls, max_frame_size=2**26, backlog=1024
    )
    await server.serve_forever()


uvloop.run(main())

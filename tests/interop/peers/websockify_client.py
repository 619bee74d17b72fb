"""The client of websockify, which Debian's python3-websockify has for Debian's Python."""

import json
import os
import sys
from hashlib import sha256

from websockify.websocket import WebSocket, WebSocketWantReadError


class Client(WebSocket):
    """Masks with bytes: in version 0.10, the client adds a number to them, which is an error."""

    def _sendmsg(self, opcode, msg):
        self._send_buffer += self._encode_hybi(opcode, msg, os.urandom(4))
        self._flush()


def play(uri, protocols, sizes):
    """Send messages of these sizes, each after the one before has come back."""
    ws = Client()
    ws.connect(uri, protocols=protocols)
    print(json.dumps({"protocol": ws.protocol}), flush=True)
    sent, received = sha256(), sha256()
    for size in sizes:
        data = os.urandom(size)
        sent.update(data)
        ws.send(data)
        while size:
            got = receive(ws)
            size -= len(got)
            received.update(got)
    print(json.dumps({"same": sent.digest() == received.digest()}), flush=True)
    ws.send(b"end")
    while receive(ws):
        pass
    print(json.dumps({"code": ws.close_code}), flush=True)


def receive(ws):
    """Return the next message; None at the end."""
    while True:
        try:
            return ws.recv()
        except WebSocketWantReadError:
            pass


play(sys.argv[1], json.loads(sys.argv[2]), json.loads(sys.argv[3]))

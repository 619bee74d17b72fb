"""The Autobahn peer's actions on a connection, on either side."""

import sys

from observations import observe
from twisted.python import log

# The test looks for tracebacks on stderr.
log.startLogging(sys.stderr, setStdout=False)


class Player:
    """Plays the actions, and echoes every message."""

    parts = ()

    def onOpen(self):
        observe(open=self.websocket_protocol_in_use)
        for name, *arguments in self.factory.actions:
            getattr(self, f"play_{name}")(*arguments)

    def onMessage(self, payload, isBinary):
        self.sendMessage(payload, isBinary)

    def onPong(self, payload):
        observe(pong=payload.decode())
        if self.parts:
            self.sendMessageFrame(self.parts.pop(0).encode())
            self.continue_message()

    def onClose(self, wasClean, code, reason):
        # Autobahn has None for a close frame without a code, and its own reason for no
        # close frame.
        observe(closed=[code or 1005, (reason or "") if wasClean else ""])

    def play_fill(self, size):
        self.sendMessage(bytes(size), isBinary=True)

    def play_plain(self, size):
        self.sendMessage(bytes(size), isBinary=True, doNotCompress=True)

    def play_ping(self, payload):
        self.sendPing(payload.encode())

    def play_fragments(self, parts):
        first, *self.parts = parts
        self.beginMessage()
        self.sendMessageFrame(first.encode())
        self.sent = 0
        self.continue_message()

    def continue_message(self):
        """Send the next fragment, once the pong to this ping has come."""
        if self.parts:
            self.sent += 1
            self.sendPing(f"amid {self.sent}".encode())
        else:
            self.endMessage()

    def play_close(self, code=None, reason=None):
        # Autobahn's sendClose() refuses 1001 and 1011.
        self.sendCloseFrame(code, None if reason is None else reason.encode())

    def play_drop(self):
        # Autobahn's response to the handshake may not have left yet.
        self.transport.loseConnection()

"""A Twisted server that does no WebSocket work: floor_server.py PORT size=BYTES [binary] [tls=PEM]

It accepts any request. Then it writes a ready-made frame for each message's number of bytes that
arrives; with size=0 it answers any bytes with a close frame. The difference between it and another
server on Twisted is the cost of that server's own code.
"""

import sys
from struct import pack

from twisted.internet import reactor
from twisted.internet.endpoints import serverFromString
from twisted.internet.protocol import Factory, Protocol

port = sys.argv[1]
options = dict(option.partition("=")[::2] for option in sys.argv[2:])
size = int(options["size"])

# The response to the key that the load generator always sends.
RESPONSE = (
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
)
GOODBYE = b"\x88\x02\x03\xe8"


def frame():
    """Return the frame of a message of that size, and the size of a client's frame for it."""
    opcode = 0x82 if "binary" in options else 0x81
    if size < 126:
        head = pack("!BB", opcode, size)
    elif size < 1 << 16:
        head = pack("!BBH", opcode, 126, size)
    else:
        head = pack("!BBQ", opcode, 127, size)
    return head + b"x" * size, len(head) + 4 + size


FRAME, ARRIVING = frame()


class Floor(Protocol):
    request = b""
    opened = False
    pending = 0

    def connectionMade(self):
        self.transport.setTcpNoDelay(True)

    def dataReceived(self, data):
        if not self.opened:
            self.request += data
            if self.request.endswith(b"\r\n\r\n"):
                self.opened = True
                self.transport.write(RESPONSE)
        elif not size:
            self.transport.write(GOODBYE)
            self.transport.loseConnection()
        else:
            count, self.pending = divmod(self.pending + len(data), ARRIVING)
            if count:
                self.transport.write(FRAME * count)


if pem := options.get("tls"):
    endpoint = f"ssl:{port}:backlog=1024:interface=127.0.0.1:privateKey={pem}:certKey={pem}"
else:
    endpoint = f"tcp:{port}:backlog=1024:interface=127.0.0.1"
serverFromString(reactor, endpoint).listen(Factory.forProtocol(Floor))
reactor.run()

"""Print the order of events of connections that get random frames, cut at random places.

``python -m tests.support.orders NUMBER`` prints a line for each of so many connections. The twins
print the same.
"""

import random
import sys

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure

from tests.support.sides import BINARY, CLOSE, PING, PONG, REQUEST, TEXT, closing
from txws2 import WebSocketServerFactory, WebSocketServerProtocol
from txws2.wire.frames import encode_frame

_PAYLOADS = {
    TEXT: [b"", b"text", "é€😀".encode() * 9],
    BINARY: [b"", b"\xff" * 200],
    PING: [b"ping"],
    PONG: [b"pong"],
    CLOSE: [closing(1000, "bye"), closing(4000), b"", b"\3"],
    3: [b"reserved"],
}
_WEIGHTS = [8, 8, 4, 2, 1, 1]


def _frames(chance):
    """Return the bytes of some frames."""
    parts = []
    for opcode in chance.choices(list(_PAYLOADS), _WEIGHTS, k=chance.randint(1, 12)):
        payload = chance.choice(_PAYLOADS[opcode])
        if opcode in (TEXT, BINARY) and chance.random() < 0.3:
            place = chance.randint(0, len(payload))
            parts.append(encode_frame(opcode, payload[:place], masked=True, fin=False))
            if chance.random() < 0.5:
                parts.append(encode_frame(PING, b"between", masked=True))
            parts.append(encode_frame(0, payload[place:], masked=True))
        else:
            parts.append(encode_frame(opcode, payload, masked=True))
    return b"".join(parts)


class _Connection(WebSocketServerProtocol):
    """Records its events, and acts on some messages."""

    def connectionMade(self):
        self.chance = random.Random(self.factory.seed)
        self.events = []
        self.paused = False

    def connectionOpened(self):
        styles = [self.by_push, self.by_recv, self.by_iteration, self.by_streaming]
        style = self.chance.choice(styles)
        self.events.append(style.__name__)
        Deferred.fromCoroutine(style()).addBoth(self.ended)

    def ended(self, result):
        self.events.append(str(getattr(result, "value", result)))

    def pingReceived(self, payload):
        self.events.append(payload)

    pongReceived = pingReceived

    async def by_push(self):
        self.messageReceived = self.act

    async def by_recv(self):
        while True:
            self.act(await self.recv())

    async def by_iteration(self):
        async for message in self:
            self.act(message)

    async def by_streaming(self):
        while True:
            self.act(str([piece async for piece in self.recv_streaming()]))

    def act(self, message):
        self.events.append(message)
        action = self.chance.random()
        if action < 0.1:
            self.close()
        elif action < 0.2:
            self.pauseProducing()
            self.paused = True
        elif action < 0.25:
            raise ValueError("on purpose")
        elif action < 0.6:
            self.sendMessage("answer")


def run(seed):
    """Return the events of a connection."""
    chance = random.Random(seed)
    factory = WebSocketServerFactory(
        create_protocol=_Connection, max_size=1000, compression=None, reactor=Clock()
    )
    factory.seed = seed
    connection, transport = factory.buildProtocol(None), StringTransport()
    connection.makeConnection(transport)
    data = REQUEST + _frames(chance)
    size = len(REQUEST) + chance.randint(-3, 30)
    while data and not transport.disconnecting:
        connection.dataReceived(data[:size])
        data, size = data[size:], chance.choice([1, 3, 50, 1000, 10000])
        connection.events.append(transport.producerState)
        if connection.paused and chance.random() < 0.7:
            connection.paused = False
            connection.resumeProducing()
    connection.connectionLost(Failure(ConnectionDone()))
    _, _, sent = transport.value().partition(b"\r\n\r\n")
    return [*connection.events, sent, transport.disconnecting]


if __name__ == "__main__":
    for seed in range(int(sys.argv[1])):
        print(seed, run(seed))

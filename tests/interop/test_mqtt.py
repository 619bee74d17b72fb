"""MQTT, by a protocol that knows only TCP, through the WebSocket port of a broker, mosquitto."""

import shutil
from getpass import getuser
from os import environ
from pathlib import Path
from tempfile import mkdtemp

from twisted.internet import reactor
from twisted.internet.defer import Deferred, DeferredQueue
from twisted.internet.endpoints import clientFromString, connectProtocol
from twisted.internet.error import ConnectionDone, ConnectionRefusedError
from twisted.internet.protocol import ProcessProtocol, Protocol
from twisted.internet.task import deferLater
from twisted.trial.unittest import SkipTest, TestCase

from tests.support.examples import free_port

CONNECT, CONNACK, PUBLISH, SUBSCRIBE, SUBACK, DISCONNECT = 1, 2, 3, 8, 9, 14

# mosquitto doesn't start without a listener for plain MQTT.
CONFIG = """
listener 0 {path}/mqtt.sock
listener {port} 127.0.0.1
protocol websockets
allow_anonymous true
persistence false
user {user}
"""

# This makes frames of several reads; mosquitto reads 4 KiB of such a message ten times a second.
LARGE = bytes(range(256)) * 160


def string(text):
    data = text.encode()
    return len(data).to_bytes(2, "big") + data


def packet(kind, body, flags=0):
    """Return a packet of MQTT 3.1.1; section 2.2.3 defines the encoding of its length."""
    length, rest = bytearray(), len(body)
    while True:
        rest, digit = divmod(rest, 128)
        length.append(digit | (0x80 if rest else 0))
        if not rest:
            return bytes([kind << 4 | flags]) + length + body


class MQTT(Protocol):
    """A client of MQTT 3.1.1 with QoS 0.

    Attributes:
        packets: a queue of the received packets: kind and body.
        ended: fires with the reason when the connection is gone.
    """

    def __init__(self):
        self.packets, self.ended = DeferredQueue(), Deferred()
        self._data = b""

    def connectionMade(self):
        self.say(CONNECT, string("MQTT") + bytes([4, 2, 0, 60]) + string(f"client{id(self)}"))

    def say(self, kind, body=b"", flags=0):
        self.transport.write(packet(kind, body, flags))

    def publish(self, topic, payload):
        self.say(PUBLISH, string(topic) + payload)

    def subscribe(self, topic):
        self.say(SUBSCRIBE, b"\x00\x01" + string(topic) + b"\x00", flags=2)

    def dataReceived(self, data):
        self._data += data
        while (end := self._end()) is not None and end[1] <= len(self._data):
            start, stop = end
            self.packets.put((self._data[0] >> 4, self._data[start:stop]))
            self._data = self._data[stop:]

    def _end(self):
        """Return the start and end of the first packet's body, if its length is here."""
        length = 0
        for position, byte in enumerate(self._data[1:5]):
            length |= (byte & 0x7F) << 7 * position
            if byte < 0x80:
                return position + 2, position + 2 + length
        return None

    def connectionLost(self, reason):
        self.ended.callback(reason.value)


class Broker(ProcessProtocol):
    def __init__(self):
        self.ended, self.said = Deferred(), b""

    def errReceived(self, data):
        self.said += data

    def processEnded(self, reason):
        self.ended.callback(None)


class MosquittoTests(TestCase):
    timeout = 60

    async def start(self):
        """Run a broker; return its port."""
        program = shutil.which("mosquitto", path=environ.get("PATH", "") + ":/usr/sbin")
        if program is None:
            raise SkipTest("there is no mosquitto here")
        port = free_port()
        path = Path(mkdtemp())
        self.addCleanup(shutil.rmtree, path)
        config = path / "mosquitto.conf"
        config.write_text(CONFIG.format(port=port, path=path, user=getuser()))
        broker = Broker()
        process = reactor.spawnProcess(broker, program, ["mosquitto", "-c", str(config)], None)

        def stop():
            if not broker.ended.called:
                process.signalProcess("KILL")
            return broker.ended

        self.addCleanup(stop)
        self.broker = broker
        return port

    async def connect(self, port, options=":subprotocol=mqtt"):
        """Connect by an endpoint string; the broker may have to start first."""
        endpoint = clientFromString(reactor, f"ws:127.0.0.1:{port}:/mqtt{options}")
        for _ in range(100):
            try:
                client = await connectProtocol(endpoint, MQTT())
            except ConnectionRefusedError:
                self.assertFalse(self.broker.ended.called, self.broker.said)
                await deferLater(reactor, 0.1)
            else:
                self.assertEqual(await client.packets.get(), (CONNACK, b"\x00\x00"))
                return client
        raise AssertionError(self.broker.said)

    async def test_a_client_gets_the_messages_that_another_publishes(self):
        port = await self.start()
        reader, writer = await self.connect(port), await self.connect(port)
        self.assertEqual(reader.transport.websocket.subprotocol, "mqtt")
        reader.subscribe("news/#")
        self.assertEqual(await reader.packets.get(), (SUBACK, b"\x00\x01\x00"))
        for payload in (b"hello", b"", LARGE):
            writer.publish("news/today", payload)
            expected = (PUBLISH, string("news/today") + payload)
            self.assertEqual(await reader.packets.get(), expected)
        for client in (reader, writer):
            client.say(DISCONNECT)
            client.transport.loseConnection()
            self.assertIsInstance(await client.ended, ConnectionDone)

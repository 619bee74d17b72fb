"""A server that sends much and closes: by push, by pull, and as a wrapped protocol.

It says where it listens, as JSON, and then for each connection how that ended. The path that a
client asks for says how much it is to get.
"""

import json
import sys
from functools import partial

from twisted.internet import endpoints, reactor
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.ssl import PrivateCertificate

import txws2
from tests.client.test_insecure import self_signed

# Of numbers, so that bytes that are lost or out of order show.
LINES = b"".join(b"%011d\n" % number for number in range(87_382))
PIECE = 2**16


def payload(size):
    """Return so many bytes, the same each time."""
    return (LINES * (size // len(LINES) + 1))[:size]


def asked(ws):
    """Return what a client is to get."""
    return payload(int(ws.request.path[1:]))


def say(**what):
    """Say something."""
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


class Push(txws2.WebSocketServerProtocol):
    """Sends all of it at once, and closes."""

    def connectionOpened(self):
        self.sendMessage(asked(self))
        self.close()

    def connectionLost(self, reason):
        say(how="push", ended=str(reason.value))


class Pull(txws2.WebSocketServerProtocol):
    """Is handled by `pull`."""

    def connectionLost(self, reason):
        say(how="pull", ended=str(reason.value))


async def pull(ws):
    """Send it message by message, wait for each, and close."""
    data = memoryview(asked(ws))
    for start in range(0, len(data), PIECE):
        await ws.send(data[start : start + PIECE])


async def whole(ws):
    """Send it as one message, wait for that, and close."""
    await ws.send(asked(ws))


class Wrapped(Protocol):
    """Knows of no WebSocket; writes all of it, and hangs up."""

    def connectionMade(self):
        self.transport.write(asked(self.transport.websocket))
        self.transport.loseConnection()

    def connectionLost(self, reason):
        say(how="wrapped", ended=reason.getErrorMessage())


def factories():
    """Return what sends in each way."""
    server = partial(txws2.WebSocketServerFactory, reactor=reactor)
    return {
        "push": server(create_protocol=Push),
        "pull": server(pull, create_protocol=Pull),
        "whole": server(whole, create_protocol=Pull),
        "wrapped": txws2.WebSocketFactory(Factory.forProtocol(Wrapped), text=False),
    }


def listen():
    """Listen with each of them, over TCP and over TLS; say where."""
    certificate = PrivateCertificate.loadPEM(self_signed("localhost"))
    ports = {}
    for how, factory in factories().items():
        factory.noisy = False
        for over in ("tcp", "tls"):
            if over == "tcp":
                endpoint = endpoints.TCP4ServerEndpoint(reactor, 0, 1024, "127.0.0.1")
            else:
                endpoint = endpoints.SSL4ServerEndpoint(
                    reactor, 0, certificate.options(), 1024, "127.0.0.1"
                )
            listening = endpoint.listen(factory)
            listening.addCallback(lambda port, name=f"{how}/{over}": ports.update({name: port}))
    say(**{name: port.getHost().port for name, port in ports.items()})


if __name__ == "__main__":
    reactor.callWhenRunning(listen)
    reactor.run()

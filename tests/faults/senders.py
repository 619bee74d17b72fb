"""A server that sends much and closes: in push style, in pull style, and as a wrapped protocol.

It prints its ports as JSON, and then one line for the end of each connection. The path of a
client's request is the number of bytes that it wants.
"""

import json
import sys
from functools import partial

from twisted.internet import endpoints, reactor
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.ssl import PrivateCertificate

import txws2
from tests.client.test_insecure import self_signed

# The lines are numbered, so that lost or reordered bytes show.
LINES = b"".join(b"%011d\n" % number for number in range(87_382))
PIECE = 2**16


def payload(size):
    """Return `size` bytes, the same each time."""
    return (LINES * (size // len(LINES) + 1))[:size]


def asked(ws):
    """Return the payload that a client asks for."""
    return payload(int(ws.request.path[1:]))


def say(**what):
    """Print a line of JSON."""
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


class Push(txws2.WebSocketServerProtocol):
    """Sends the whole payload at once, and closes."""

    def connectionOpened(self):
        self.sendMessage(asked(self))
        self.close()

    def connectionLost(self, reason):
        say(how="push", ended=str(reason.value))


class Pull(txws2.WebSocketServerProtocol):
    """Prints the end of a connection whose handler is `pull` or `whole`."""

    def connectionLost(self, reason):
        say(how="pull", ended=str(reason.value))


async def pull(ws):
    """Send the payload in several messages, wait for each, and close."""
    data = memoryview(asked(ws))
    for start in range(0, len(data), PIECE):
        await ws.send(data[start : start + PIECE])


async def whole(ws):
    """Send the payload as one message, wait for that, and close."""
    await ws.send(asked(ws))


class Wrapped(Protocol):
    """Knows no WebSocket; writes the whole payload, and calls loseConnection."""

    def connectionMade(self):
        self.transport.write(asked(self.transport.websocket))
        self.transport.loseConnection()

    def connectionLost(self, reason):
        say(how="wrapped", ended=reason.getErrorMessage())


def factories():
    """Return a factory for each way to send."""
    server = partial(txws2.WebSocketServerFactory, reactor=reactor)
    return {
        "push": server(create_protocol=Push),
        "pull": server(pull, create_protocol=Pull),
        "whole": server(whole, create_protocol=Pull),
        "wrapped": txws2.WebSocketFactory(Factory.forProtocol(Wrapped), text=False),
    }


def listen():
    """Listen with each factory, over TCP and over TLS; print the ports."""
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

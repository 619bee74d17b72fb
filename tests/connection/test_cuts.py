"""Connections through TLS and proxies that end anywhere, even in the middle of a record."""

from twisted.internet.error import ConnectionLost
from twisted.protocols.policies import ProtocolWrapper, WrappingFactory

from tests.support.sides import (
    BINARY,
    CLOSE,
    PING,
    REQUEST,
    TEXT,
    ClientSide,
    ServerSide,
    answer,
    closing,
)
from tests.support.ways import http_proxy, tls

STRIDE = 13
"""Bytes between two of the points at which a connection ends."""


class Frayed(ProtocolWrapper):
    """Lets this many bytes arrive, and no more.

    Attributes:
        whole: False once bytes were cut off.
    """

    def __init__(self, protocol, length):
        super().__init__(WrappingFactory(None), protocol)
        self._left = length
        self.whole = True

    def dataReceived(self, data):
        arriving = data[: self._left]
        self._left -= len(arriving)
        self.whole = self.whole and arriving == data
        if arriving:
            super().dataReceived(arriving)


class CutTests:
    """Attack 21: reset, half-close, or vanish, with something between us and the peer.

    Attributes:
        inside: the layers within the bytes that are cut, as TLS.
        outside: the layers around these bytes.
    """

    inside, outside = (), ()

    @property
    def ways(self):
        return *self.inside, self.fray, *self.outside

    def fray(self, server, client, clock):
        self.frayed = Frayed(client if self.client else server, self.length)
        return (server, self.frayed) if self.client else (self.frayed, client)

    def cut_everywhere(self, cut):
        """Play sessions that end in this way, each some bytes later than the one before."""
        self.length = -STRIDE
        while self.length < 0 or not self.frayed.whole:
            self.length += STRIDE
            pending = self.play()
            cut()
            self.joined.advance(30)
            self.assertGone()
            for deferred in pending:
                self.assertTrue(deferred.called, self.length)
                deferred.addErrback(lambda _: None)
            self.assertEqual(self.factory.connections, set())

    def play(self):
        """Play a session, as far as it goes; return its Deferreds."""
        self.connect(ping_interval=5, ping_timeout=5)
        pending = [self.ws.wait_opened(), self.ws.wait_closed()]
        self.joined.pump()
        heard = self.peer.take()
        if not self.client:
            self.receive(REQUEST)
        elif heard:
            self.receive(answer(heard))
        if self.ws.opened:
            pending += [self.ws.recv(), self.ws.recv(), self.ws.ping(), self.ws.send("x")]
            self.hear((TEXT, b"hello"), (PING, b"p"))
            self.hear((BINARY, b"12", False), (0, b"34"), (CLOSE, closing(1000, "bye")))
        return pending

    def test_a_reset(self):
        self.cut_everywhere(lambda: self.joined.drop(ConnectionLost("reset")))

    def test_a_clean_end(self):
        self.cut_everywhere(lambda: self.theirs.loseConnection())

    def test_a_half_close(self):
        self.cut_everywhere(lambda: self.theirs.loseWriteConnection())

    def test_silence_without_an_end(self):
        self.cut_everywhere(lambda: self.joined.vanish())


class ServerOverTLSTests(CutTests, ServerSide):
    inside = (tls,)


class ClientOverTLSTests(CutTests, ClientSide):
    inside = (tls,)


class ClientThroughProxyTests(CutTests, ClientSide):
    outside = (http_proxy,)


class ClientOverTLSThroughProxyTests(CutTests, ClientSide):
    inside, outside = (tls,), (http_proxy,)

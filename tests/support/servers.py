"""Base of the tests of a reconnecting client: servers that a test lets come and go."""

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionRefusedError
from twisted.internet.interfaces import IStreamClientEndpoint
from zope.interface import implementer

from tests.support.sides import CLOSE, Peer, answer, closing, frames_in
from txws2.testing import Joined
from txws2.wire.frames import encode_frame


@implementer(IStreamClientEndpoint)
class Servers:
    """An endpoint whose connection attempts the test answers.

    Attributes:
        waiting: the attempt that waits, None if there is none.
        attempts: the number of attempts so far.
        peer: the server's end of the last connection, which speaks bytes.
    """

    def __init__(self, clock):
        self.clock = clock
        self.attempts = 0
        self.waiting = self.joined = None

    def connect(self, factory):
        self.attempts += 1
        self.factory = factory
        self.waiting = Deferred(self.forget)
        return self.waiting

    def forget(self, _):
        self.waiting = None

    def fail(self, exc=None):
        waiting, self.waiting = self.waiting, None
        waiting.errback(exc or ConnectionRefusedError())

    def accept(self):
        """Let TCP connect; the client has sent its request."""
        waiting, self.waiting = self.waiting, None
        self.protocol = self.factory.buildProtocol(None)
        self.peer = Peer()
        self.joined = Joined(self.peer, self.protocol, self.clock)
        waiting.callback(self.protocol)
        self.joined.pump()

    def open(self):
        """Let the client have an open connection."""
        self.accept()
        self.say(answer(self.peer.take()))

    def pump(self):
        """Deliver the bytes that are on their way, if there was a connection."""
        if self.joined is not None:
            self.joined.pump()

    def refuse(self, status="503 Busy", *headers):
        self.accept()
        lines = [f"HTTP/1.1 {status}", "Content-Length: 0", *headers, "", ""]
        self.say("\r\n".join(lines).encode())

    def say(self, data):
        self.peer.transport.write(data)
        self.joined.pump()

    def close(self, code=1000):
        self.say(encode_frame(CLOSE, closing(code), masked=False))
        self.peer.transport.loseConnection()
        self.joined.pump()

    def heard(self):
        """Return the frames that came since the last time."""
        self.joined.pump()
        return frames_in(self.peer.take())

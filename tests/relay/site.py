"""Base of the tests of a relay over HTTP: a site in memory, and clients that speak bytes."""

from twisted.internet.address import IPv4Address
from twisted.internet.testing import MemoryReactorClock
from twisted.web.resource import Resource
from twisted.web.server import Site

from tests.support.sides import Joined, Peer, QuietTestCase
from txws2.relay import Relay


class HTTPTestCase(QuietTestCase):
    """Has a site with a relay at /chat, and clients of it that speak bytes."""

    def setUp(self):
        super().setUp()
        self.clock = MemoryReactorClock()
        self.tokens = self.mktemp()
        self.write_tokens("# publishers\nsecret\n\nother==\n")

    def write_tokens(self, text):
        with open(self.tokens, "w") as file:
            file.write(text)

    def serve(self, **options):
        options.setdefault("tokens", self.tokens)
        self.serve_resource(relay=Relay("/chat", reactor=self.clock, **options))

    def serve_resource(self, factory=None, relay=None, **options):
        """Serve the resource of a relay, with options of its WebSockets."""
        self.relay = relay or Relay("/chat", reactor=self.clock)
        root = Resource()
        self.resource = self.relay.resource(factory, **options)
        root.putChild(b"chat", self.resource)
        self.site = Site(root, reactor=self.clock)

    def request(self, method="GET", path="/chat/room/a", body="", **headers):
        """Send a request on a new connection; return both its ends."""
        body = body if isinstance(body, bytes) else body.encode()
        lines = [f"{method} {path} HTTP/1.1", "Host: example.com", f"Content-Length: {len(body)}"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        return self.send("\r\n".join([*lines, "", ""]).encode() + body)

    def send(self, data):
        """Send bytes on a new connection; return both its ends."""
        peer = Peer()
        server = self.site.buildProtocol(IPv4Address("TCP", "127.0.0.1", 50000))
        both = Joined(server, peer, self.clock)
        peer.transport.write(data)
        both.pump()
        return both

    def send_bytes(self, data):
        """Send bytes on a new connection; return the bytes of the answer."""
        return self.send(data).client.take()

    def ask(self, *arguments, **headers):
        """Send a request; return the status, the head and the body of the response."""
        head, _, body = self.request(*arguments, **headers).client.take().partition(b"\r\n\r\n")
        return int(head.split()[1]), head.decode(), body.decode()

    def post(self, body="hi", path="/chat/room/a", token="secret", **headers):
        return self.ask("POST", path, body, Authorization=f"Bearer {token}", **headers)

    def publish(self, data, room="a"):
        return self.successResultOf(self.relay.publish(room, data))

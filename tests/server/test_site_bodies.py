"""Bodies of requests to the site of `Mounts` are judged before they are read."""

from twisted.internet.testing import MemoryReactorClock
from twisted.web.resource import Resource
from twisted.web.static import Data

from tests.support.sides import Joined, Peer, QuietTestCase
from txws2 import WebSocketResource
from txws2._private_names import Names
from txws2.server import mounted_site
from txws2.server.guarded_resource import GuardedResource
from txws2.server.mounts import Mounts
from txws2.server.site_bodies import largest_body, segments_of_target


class Taking(Resource):
    """Takes small bodies, and says how large they were."""

    isLeaf = True

    def __init__(self):
        super().__init__()
        self.asked = []
        self.got = []

    def largest_body(self, segments):
        self.asked.append(segments)
        return 10

    def render(self, request):
        self.got.append(request.content.read())
        return b"taken %d" % len(self.got[-1])


class LargestBodyTests(QuietTestCase):
    def test_a_resource_says_it_for_the_path_below_it(self):
        root, deep, taking = Resource(), Resource(), Taking()
        root.putChild(b"a b", deep)
        deep.putChild(b"c", taking)
        root.putChild(b"", Data(b"", "text/plain"))
        for target, found in (
            (b"/a%20b/c", 10),
            (b"/a%20b/c/d/?e=/f", 10),
            (b"/a%20b/", None),
            (b"/a%20b", None),
            (b"/", None),
            (b"", None),
            (b"*", None),
            (b"http://host/a%20b/c", None),
        ):
            self.assertEqual(largest_body(root, segments_of_target(target)), found, target)
        self.assertEqual(taking.asked, [[], [b"d", b""]])

    def test_what_stands_in_front_passes_it_on(self):
        self.assertEqual(largest_body(GuardedResource(Taking()), [b"x"]), 10)
        self.assertIsNone(largest_body(GuardedResource(Resource()), [b"x"]))
        self.assertIsNone(largest_body(object(), [b"x"]))


class SiteBodiesTests(QuietTestCase):
    def setUp(self):
        super().setUp()
        self.clock = MemoryReactorClock()
        self.taking = Taking()
        root = Resource()
        root.putChild(b"taking", self.taking)
        root.putChild(b"page", Data(b"page", "text/plain"))
        self.mounts = Mounts({}, root, reactor=self.clock)
        self.mounts.doStart()
        self.peer = Peer()
        self.joined = Joined(self.mounts.buildProtocol(None), self.peer, self.clock)

    def send(self, head, body=b"", path="/taking"):
        lines = [f"POST {path} HTTP/1.1", "Host: example.com", *head, "", ""]
        return self.send_bytes("\r\n".join(lines).encode() + body)

    def send_bytes(self, data):
        self.peer.transport.write(data)
        self.joined.pump()
        return self.peer.take()

    def assertRefused(self, answer):
        head, _, body = answer.partition(b"\r\n\r\n")
        self.assertTrue(head.startswith(b"HTTP/1.1 413 Content Too Large\r\n"), answer)
        self.assertIn(b"Connection: close", head)
        self.assertIn(b"Content-Length: %d" % len(body), head)
        self.assertEqual(body, b"The body of this request is too large.\n")
        self.assertEqual(self.taking.got, [])

    def assertCutAfterAWhile(self):
        self.joined.advance(4)
        self.assertTrue(self.joined.server_transport.connected)
        self.joined.advance(2)
        self.assertFalse(self.joined.server_transport.connected)

    def test_a_length_that_is_too_large_is_refused_before_the_body_comes(self):
        """A body fills the memory or the disk of a server that doesn't want it."""
        self.assertRefused(self.send(["Content-Length: 11", "Expect: 100-continue"]))
        self.assertEqual(self.send_bytes(b"x" * 11), b"")
        self.assertEqual(self.send_bytes(b"GET /page HTTP/1.1\r\n\r\n"), b"")
        self.assertCutAfterAWhile()

    def test_a_body_in_chunks_is_refused_where_it_becomes_too_large(self):
        self.assertEqual(self.send(["Transfer-Encoding: chunked"], b"a\r\n0123456789\r\n"), b"")
        self.assertRefused(self.send_bytes(b"1\r\nx\r\n"))
        self.assertEqual(self.send_bytes(b"5\r\nhello\r\n0\r\n\r\n"), b"")
        self.assertCutAfterAWhile()

    def test_a_body_that_is_small_enough_is_taken(self):
        self.assertIn(b"taken 10", self.send(["Content-Length: 10"], b"x" * 10))
        chunked = ["Transfer-Encoding: chunked"]
        self.assertIn(b"taken 10", self.send(chunked, b"a\r\n0123456789\r\n0\r\n\r\n"))
        self.assertIn(b"taken 0", self.send([]))
        self.assertIn(b" 405 ", self.send(["Content-Length: 99"], b"x" * 99, path="/page"))

    def test_a_request_for_a_websocket_has_no_body(self):
        for path in "/page", "/taking":
            self.joined = Joined(self.mounts.buildProtocol(None), self.peer, self.clock)
            self.send([], path="/page")
            head = ["Sec-WebSocket-Key: x", "Content-Length: 65537"]
            self.assertRefused(self.send(head, path=path))
        self.assertEqual(largest_body(WebSocketResource(reactor=self.clock), []), 65536)

    def test_an_earlier_request_is_answered_first(self):
        page = b"GET /page HTTP/1.1\r\nHost: example.com\r\n\r\n"
        head = b"POST /taking HTTP/1.1\r\nHost: example.com\r\nContent-Length: 11\r\n\r\n"
        answer = self.send_bytes(page + head)
        self.assertIn(b"\r\n\r\npage", answer)
        self.assertRefused(answer.partition(b"\r\n\r\npage")[2])
        self.joined.drop()

    def test_the_server_need_not_wait_for_a_client_that_was_refused(self):
        self.assertRefused(self.send(["Content-Length: 11"]))
        self.mounts.doStop()
        self.joined.pump()
        self.assertFalse(self.joined.server_transport.connected)

    def test_a_client_that_leaves_amid_a_body_is_forgotten(self):
        self.send(["Transfer-Encoding: chunked"], b"5\r\nhel")
        self.joined.drop()

    def test_a_body_that_is_malformed_is_a_bad_request(self):
        self.assertIn(b"400 Bad Request", self.send(["Transfer-Encoding: chunked"], b"x\r\n"))
        self.joined.pump()
        self.assertFalse(self.joined.server_transport.connected)

    def test_without_a_private_name_of_twisted_the_resource_judges(self):
        self.patch(mounted_site, "SITE_CHANNEL", Names("it takes longer", "_nowhere"))
        self.assertIn(b"taken 11", self.send(["Content-Length: 11"], b"x" * 11))
        self.assertEqual(len(self.take_loud()), 1)

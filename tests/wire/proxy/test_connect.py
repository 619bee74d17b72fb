"""CONNECT, and the responses of proxies; each response comes at once, and byte by byte."""

from twisted.trial.unittest import SynchronousTestCase

from txws2.exceptions import InvalidProxyStatus, ProxyError
from txws2.wire.proxy.connect import HTTPTunnel
from txws2.wire.proxy.urls import parse_proxy


class TunnelTests(SynchronousTestCase):
    def tunnel(self, url="http://p:3128", host="example.com", port=443):
        self.ours = HTTPTunnel(parse_proxy(url), host, port)
        return self.ours.begin()

    def each_way(self, data):
        """Feed a new tunnel, at once and byte by byte; generate each."""
        for pieces in ([data], [data[i : i + 1] for i in range(len(data))]):
            self.tunnel()
            yield lambda pieces=pieces: [self.ours.receive(piece) for piece in pieces]

    def assertRefused(self, kind, words, data):
        for feed in self.each_way(data):
            with self.assertRaises(ProxyError) as caught:
                feed()
            self.assertIs(type(caught.exception), kind)
            self.assertIn(words, str(caught.exception))
        return caught.exception

    def test_the_request_is_that_of_the_rfc(self):
        expected = b"CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n"
        self.assertEqual(self.tunnel(), expected)
        self.assertIn(b"CONNECT [::1]:80 HTTP/1.1\r\n", self.tunnel(host="::1", port=80))

    def test_credentials_are_for_the_proxy(self):
        request = self.tunnel("http://me:secret@p")
        self.assertIn(b"\r\nProxy-Authorization: Basic bWU6c2VjcmV0\r\n", request)

    def test_any_2xx_of_either_version_opens_it(self):
        for head in (
            b"HTTP/1.1 200 Connection established\r\n\r\n",
            b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\n",
            b"HTTP/1.1 204\r\n\r\n",
        ):
            for feed in self.each_way(head):
                self.assertFalse(self.ours.complete)
                self.assertEqual(b"".join(feed()), b"")
                self.assertTrue(self.ours.complete)

    def test_interim_answers_are_skipped(self):
        for feed in self.each_way(
            b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103\r\nLink: <x>\r\n\r\nHTTP/1.1 200 OK\r\n\r\n"
        ):
            feed()
            self.assertTrue(self.ours.complete)

    def test_endless_interim_answers_are_no_tunnel(self):
        """Attack 33."""
        self.assertRefused(
            ProxyError, "more than 16 interim responses", b"HTTP/1.1 100 C\r\n\r\n" * 17
        )

    def test_a_101_is_no_interim_answer_but_a_refusal(self):
        says = b"HTTP/1.1 101 Switching Protocols\r\n\r\nHTTP/1.1 200 OK\r\n\r\n"
        self.assertRefused(InvalidProxyStatus, "HTTP 101", says)

    def test_bytes_behind_the_head_have_come_through(self):
        self.tunnel()
        self.ours.receive(b"HTTP/1.1 200 OK\r\n\r\nhello")
        self.assertEqual(self.ours.rest, b"hello")

    def test_a_refusal_is_reported_with_all_of_it(self):
        head = (
            b"HTTP/1.1 407 Who are you?\r\nProxy-Authenticate: Basic\r\nContent-Length: 2\r\n\r\n"
        )
        error = self.assertRefused(
            InvalidProxyStatus,
            "the proxy http://p:3128 did not let us through: HTTP 407 Who are you?",
            head + b"no",
        )
        self.assertEqual(error.response.headers["Proxy-Authenticate"], "Basic")
        self.assertEqual(error.response.body, b"no")
        self.assertEqual(error.proxy, "http://p:3128")

    def test_a_refusal_may_end_with_the_connection(self):
        for feed in self.each_way(b"HTTP/1.0 503 Busy\r\n\r\nlater"):
            feed()
            error = self.ours.ended()
            self.assertIsInstance(error, InvalidProxyStatus)
            self.assertEqual(error.response.body, b"later")

    def test_a_missing_answer_is_reported_as_such(self):
        for feed in self.each_way(b"HTTP/1.1 200"):
            feed()
            self.assertIn("without an answer", str(self.ours.ended()))

    def test_garbage_is_no_proxy(self):
        """Attack 20."""
        for data in (b"SSH-2.0-x\r\n\r\n", b"\x05\xff\r\n\r\n", b"HTTP/2.0 200 OK\r\n\r\n"):
            self.assertRefused(ProxyError, "speaks no HTTP", data)
        self.assertRefused(ProxyError, "exceeds the limit", b"HTTP/1.1 200 OK\r\nX: " + b"x" * 9000)


class AgainTests(SynchronousTestCase):
    """After a 407, the next CONNECT uses the same connection if the proxy keeps it open."""

    def refuse(self, data, pieces=1):
        self.ours = HTTPTunnel(parse_proxy("http://me:secret@p"), "example.com", 443)
        self.ours.begin()
        self.assertFalse(self.ours.can_ask_again)
        with self.assertRaises(InvalidProxyStatus):
            for start in range(0, len(data), pieces or len(data)):
                self.ours.receive(data[start : start + (pieces or len(data))])
        return self.ours.can_ask_again

    def test_the_proxy_keeps_it(self):
        for head in (
            b"HTTP/1.1 407 No\r\nContent-Length: 2\r\n\r\nno",
            b"HTTP/1.1 407 No\r\nContent-Length: 0\r\n\r\n",
            b"HTTP/1.1 407 No\r\nProxy-Connection: Keep-Alive\r\nContent-Length: 2\r\n\r\nno",
            b"HTTP/1.0 407 No\r\nConnection: x, keep-alive\r\nContent-Length: 2\r\n\r\nno",
            b"HTTP/1.1 407 No\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nno\r\n0\r\n\r\n",
        ):
            for pieces in (1, 0):
                self.assertTrue(self.refuse(head, pieces), head)

    def test_the_proxy_ends_it(self):
        for head in (
            b"HTTP/1.1 407 No\r\nConnection: close\r\nContent-Length: 2\r\n\r\nno",
            b"HTTP/1.1 407 No\r\nProxy-Connection: x, Close\r\nContent-Length: 2\r\n\r\nno",
            b"HTTP/1.0 407 No\r\nContent-Length: 2\r\n\r\nno",
            b"HTTP/1.1 407 No\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n",
        ):
            for pieces in (1, 0):
                self.assertFalse(self.refuse(head, pieces), head)

    def test_more_than_the_answer_is_not_to_be_trusted(self):
        data = b"HTTP/1.1 407 No\r\nContent-Length: 2\r\n\r\nnoHTTP/1.1 200 OK\r\n\r\n"
        self.assertFalse(self.refuse(data, 0))

    def test_a_body_that_ends_with_the_connection_ends_it(self):
        self.ours = HTTPTunnel(parse_proxy("http://p"), "example.com", 443)
        self.ours.receive(b"HTTP/1.1 407 No\r\n\r\nno")
        self.assertFalse(self.ours.can_ask_again)

    def test_the_next_answer_is_read_behind_the_rest_of_the_one_before(self):
        head = b"HTTP/1.1 407 No\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nno\r\n0\r\n"
        rest, answer = b"X: y\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\nearly"
        for pieces in ([rest + answer], [rest, answer], [b"X", b": y\r\n\r", b"\n", answer]):
            self.refuse(head, 0)
            request = self.ours.again("Digest x")
            self.assertIn(b"\r\nProxy-Authorization: Digest x\r\n", request)
            self.assertNotIn(b"Basic", request)
            for piece in pieces:
                self.assertFalse(self.ours.complete)
                self.ours.receive(piece)
            self.assertTrue(self.ours.complete and self.ours.has_answered)
            self.assertEqual(self.ours.rest, b"early")

    def test_the_rest_of_the_refusal_is_no_answer_to_the_next(self):
        head = b"HTTP/1.1 407 No\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n"
        self.refuse(head, 0)
        self.ours.again("Digest x")
        self.ours.receive(b"\r\n")
        self.assertFalse(self.ours.has_answered)
        self.assertIn("without an answer", str(self.ours.ended()))

    def test_another_authorization_stands_for_that_of_the_url(self):
        tunnel = HTTPTunnel(parse_proxy("http://me:x@p"), "h", 80, authorization="Negotiate abc")
        request = tunnel.begin()
        self.assertIn(b"\r\nProxy-Authorization: Negotiate abc\r\n", request)
        self.assertNotIn(b"Basic", request)

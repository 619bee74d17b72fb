"""Heads of requests and responses, and the results of a reader as they arrive."""

from twisted.trial.unittest import SynchronousTestCase as TestCase

from txws2.exceptions import InvalidHandshake
from txws2.wire.http.fields import Headers
from txws2.wire.http.readers import DEFAULT_LIMITS, RequestReader, ResponseReader

REQUEST = b"GET /chat?room=1 HTTP/1.1\r\nHost: example.com\r\nX: a\r\nx:\tb \r\n\r\n"
RESPONSE = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n"


def headers_of(*pairs):
    headers = Headers()
    for name, value in pairs:
        headers.addRawHeader(name, value)
    return headers


class ReaderTestCase(TestCase):
    def reads(self, kind, data, limits=DEFAULT_LIMITS):
        """Return the head and the bytes after it, or the exception; it is the same byte by byte."""
        whole = self.result(kind(limits), [data])
        self.assertEqual(
            self.result(kind(limits), [data[at : at + 1] for at in range(len(data))])[0], whole[0]
        )
        return whole

    def result(self, reader, parts):
        for part in parts:
            try:
                head = reader.receive(part)
            except InvalidHandshake as exc:
                return (type(exc), str(exc)), None
            if head is not None:
                return head, reader.rest
        return None, None

    def request(self, data, limits=DEFAULT_LIMITS):
        return self.reads(RequestReader, data, limits)[0]

    def response(self, data, limits=DEFAULT_LIMITS):
        return self.reads(ResponseReader, data, limits)[0]

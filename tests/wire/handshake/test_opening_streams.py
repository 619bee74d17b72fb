from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase as TestCase

from tests.support.strategies import cuts, headers, pieces, subprotocols, uris, wishes
from tests.wire import same_each_time
from txws2.wire.handshake.client import build_request, check_compression, check_response
from txws2.wire.handshake.origins import check_origin
from txws2.wire.handshake.server import (
    accept,
    check_request,
    select_compression,
    select_subprotocol,
)
from txws2.wire.http.readers import RequestReader, ResponseReader
from txws2.wire.http.uris import parse_uri


class AnyHandshakeTests(TestCase):
    """Our server understands all requests of our client, and our client all answers to them."""

    def read(self, reader, head, cuts, following):
        """Let a head arrive, with bytes after it; return the head as it was read."""
        *parts, last = pieces(head, cuts)
        # No transport has an empty read.
        while not last:
            last = parts.pop()
        found = [reader.receive(part) for part in parts]
        self.assertEqual(found, [None] * len(parts))
        read = reader.receive(last + following)
        self.assertEqual(reader.rest, following)
        return read

    @same_each_time
    @given(uris, headers, st.one_of(st.none(), st.just("https://example.com")), cuts, cuts)
    def test_the_request_arrives_as_it_was_made(self, text, additional, origin, asked, answered):
        uri = parse_uri(text)
        request = build_request(uri, origin=origin, additional_headers=additional)
        received = self.read(RequestReader(), request.serialize(), asked, b"\x81\x80")
        self.assertEqual(received, request)
        check_request(received)
        check_origin(received, [origin])
        self.assertEqual(received.path, uri.resource_name)
        self.assertEqual(received.headers["Host"], uri.host_header)
        for name in {name for name, _ in additional}:
            expected = [value for other, value in additional if other.lower() == name.lower()]
            self.assertEqual(received.headers.get_all(name), expected)

        response = accept(received, None)
        answer = self.read(ResponseReader(), response.serialize(), answered, b"\x81\x00")
        self.assertEqual(answer, response)
        self.assertIsNone(check_response(request, answer))

    @same_each_time
    @given(subprotocols, st.randoms(use_true_random=False), cuts, cuts)
    def test_both_know_the_same_subprotocol(self, offered, random, asked, answered):
        # Only the common ones, in another order.
        available = random.sample(offered, random.randint(0, len(offered)))
        request = build_request(parse_uri("ws://h"), subprotocols=offered)
        received = self.read(RequestReader(), request.serialize(), asked, b"")
        chosen = select_subprotocol(received, available)
        self.assertEqual(chosen, available[0] if available else None)
        head = accept(received, chosen).serialize()
        answer = self.read(ResponseReader(), head, answered, b"")
        self.assertEqual(check_response(request, answer), chosen)

    wishes_or_none = st.one_of(st.none(), wishes)

    @same_each_time
    @given(wishes_or_none, wishes_or_none, cuts, cuts)
    def test_both_know_whether_they_compress(self, ours, theirs, asked, answered):
        request = build_request(parse_uri("ws://h"), compression=ours)
        received = self.read(RequestReader(), request.serialize(), asked, b"")
        at_server, extensions = select_compression(received, theirs) or (None, None)
        head = accept(received, None, extensions).serialize()
        answer = self.read(ResponseReader(), head, answered, b"")
        at_client = check_compression(answer, ours)
        both = ours is not None and theirs is not None
        self.assertEqual((at_client is not None, at_server is not None), (both, both))

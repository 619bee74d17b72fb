"""The headers that an intermediary keeps to itself."""

from unittest import TestCase

from txws2.wire.http.fields import parse_headers
from txws2.wire.http.hop_headers import hop_headers


class HopHeadersTests(TestCase):
    def test_some_headers_are_always_for_the_next_hop_only(self):
        found = hop_headers(parse_headers(b"\r\nHost: h"))
        self.assertLess({"connection", "te", "transfer-encoding", "upgrade"}, found)
        self.assertNotIn("host", found)

    def test_connection_names_more_of_them(self):
        found = hop_headers(parse_headers(b"\r\nConnection: close , X-One\r\nConnection: x-Two"))
        self.assertLess({"close", "x-one", "x-two", "upgrade"}, found)

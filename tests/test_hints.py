"""What is suggested when a connection can't be made: for each kind of error something else."""

from twisted.internet import error
from twisted.trial.unittest import SynchronousTestCase

from txws2.exceptions import (
    InvalidMessage,
    InvalidStatus,
    NegotiationError,
    OpeningTimeout,
    SecurityError,
)
from txws2.hints import hint
from txws2.wire.http import Response


class HintTests(SynchronousTestCase):
    def test_each_error_has_its_own(self):
        for exc, words in (
            (error.ConnectionRefusedError(), "running"),
            (error.DNSLookupError(), "name"),
            (error.UnknownHostError(), "name"),
            (error.NoRouteError(), "network"),
            (error.TimeoutError(), "silent"),
            (OpeningTimeout(), "--timeout"),
            (SecurityError(""), "TLS"),
            (SecurityError("the TLS handshake failed: certificate verify failed"), "--insecure"),
            (SecurityError("the server's certificate isn't one for localhost"), "--insecure"),
            (InvalidMessage(""), "wss://"),
        ):
            self.assertIn(words, hint(exc))

    def test_so_has_each_status(self):
        for code, words in (
            (301, "Location"),
            (400, "request"),
            (401, "Authorization"),
            (403, "--origin"),
            (404, "path"),
            (426, "version"),
            (429, "wait"),
            (500, "later"),
            (503, "later"),
            (521, "later"),
        ):
            self.assertIn(words, hint(InvalidStatus(Response(code, ""))))

    def test_where_nothing_helps_nothing_is_said(self):
        self.assertIsNone(hint(NegotiationError("")))
        lost = InvalidMessage("")
        lost.__cause__ = error.ConnectionLost()
        self.assertIsNone(hint(lost))
        self.assertIsNone(hint(InvalidStatus(Response(418, ""))))

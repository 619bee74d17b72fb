"""The hints for a connection that can't be made: each kind of error has its own."""

from twisted.internet import error
from twisted.trial.unittest import SynchronousTestCase

from txws2._command.hints import hint
from txws2.exceptions import (
    InvalidMessage,
    InvalidProxyStatus,
    InvalidStatus,
    NegotiationError,
    OpeningTimeout,
    ProxyError,
    SecurityError,
    UnreachableThroughProxy,
)
from txws2.wire.http.heads import Response


class HintTests(SynchronousTestCase):
    def test_each_error_has_its_own(self):
        for exc, words in (
            (error.ConnectionRefusedError(), "running"),
            (error.DNSLookupError(), "name"),
            (error.UnknownHostError(), "name"),
            (error.NoRouteError(), "network"),
            (error.TimeoutError(), "silent"),
            (
                OpeningTimeout("the server's answer"),
                "waiting for the server's answer; try a longer",
            ),
            (SecurityError(""), "TLS"),
            (InvalidMessage(""), "wss://"),
            (ProxyError(""), "--proxy"),
            (UnreachableThroughProxy(""), "can't reach the server"),
        ):
            self.assertIn(words, hint(exc))

    def test_each_error_of_reaching_the_proxy_has_its_own(self):
        for cause, words in (
            (error.ConnectionRefusedError(), "is the proxy running"),
            (error.DNSLookupError(), "the proxy's name"),
            (error.UnknownHostError(), "the proxy's name"),
            (error.NoRouteError(), "no network leads to the proxy"),
            (error.TimeoutError(), "the proxy, or a firewall"),
            (ValueError(), "is this a proxy?"),
        ):
            unreached = ProxyError("")
            unreached.__cause__ = cause
            self.assertIn(words, hint(unreached))
            self.assertTrue(
                hint(unreached).endswith("it comes from --proxy, or from the environment")
            )

    def test_a_connection_that_is_lost_is_one_that_speaks_otherwise(self):
        lost = InvalidMessage("")
        lost.__cause__ = error.ConnectionLost()
        self.assertIn("wss://", hint(lost))

    def test_a_server_of_tls_that_answers_plain_http_expects_wss(self):
        for body in (
            b"<center>The plain HTTP request was sent to HTTPS port</center>",
            b"Reason: You're speaking plain HTTP to an SSL-enabled server port.<br />",
            b"Client sent an HTTP request to an HTTPS server.\n",
            b"Bad Request\nThis combination of host and port requires TLS.\n",
        ):
            refused = InvalidStatus(Response(400, "", body=body))
            self.assertEqual(hint(refused), "the server expects TLS: try wss://")
            self.assertIn("expects another request", hint(refused, secure=True))
        other = InvalidStatus(Response(400, "", body=b"see https://example.com, and use TLS"))
        self.assertIn("expects another request", hint(other))

    def test_wss_is_no_remedy_for_wss(self):
        self.assertEqual(hint(InvalidMessage(""), secure=True), "this isn't a WebSocket server")

    def test_each_trouble_with_certificates_has_its_own(self):
        for failure, words in (
            ("the TLS handshake failed: certificate verify failed; self-signed", "--cacert FILE"),
            ("the TLS handshake failed: certificate has expired (the certificate", "renew it"),
            ("the TLS handshake failed: certificate is not yet valid", "clock"),
            ("the TLS handshake failed: unsuitable certificate purpose", "for servers"),
            ("the TLS handshake failed: the certificate's key is too weak", "another certificate"),
            ("the certificate isn't one for a; it is for no host at all", "subjectAltName"),
            ("the server's certificate isn't one for localhost", "a name that it is for"),
            ("the TLS handshake failed: tlsv13 alert certificate required", "--cert FILE"),
            ("the TLS handshake failed: ssl/tls alert handshake failure", "--cert FILE"),
            ("the TLS handshake failed: tlsv1 alert protocol version", "TLS 1.2"),
            ("the TLS handshake failed: tlsv1 alert internal error", "ALPN"),
            ("the TLS handshake failed: tlsv1 alert unknown ca", "of your --cert"),
            ("the TLS handshake failed: ssl/tls alert bad certificate", "accept your --cert"),
            ("the TLS handshake failed: wrong version number", "ws://"),
        ):
            self.assertIn(words, hint(SecurityError(failure)))

    def test_each_status_of_a_proxy_has_its_own(self):
        for code, words in (
            (401, "USER:PASSWORD"),
            (403, "rules"),
            (407, "USER:PASSWORD"),
            (500, "can't reach the server"),
            (503, "can't reach the server"),
        ):
            exc = InvalidProxyStatus("http://p:3128", Response(code, ""))
            self.assertIn(words, hint(exc))

    def test_each_status_has_its_own(self):
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

    def test_nothing_is_said_if_nothing_helps(self):
        self.assertIsNone(hint(NegotiationError("")))
        self.assertIsNone(hint(InvalidStatus(Response(418, ""))))
        self.assertIsNone(hint(InvalidProxyStatus("http://p:3128", Response(418, ""))))
        self.assertIsNone(hint(ValueError("")))

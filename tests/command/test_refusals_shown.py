"""The body of a refusal by a server or a proxy, as lines for a person."""

from twisted.trial.unittest import SynchronousTestCase

from txws2._command.refusals import refusal_lines
from txws2.exceptions import InvalidProxyStatus, InvalidStatus, SecurityError
from txws2.wire.http.fields import Headers
from txws2.wire.http.heads import Response

PAGE = b"""<!DOCTYPE html>
<html><head><title>ERROR</title><style>body { color: red }</style></head>
<body><script>alert(1)</script></head>
<h1>Access &lt;denied&gt;</h1>
<p>Cache Access
  Denied.</p>
"""


class BodyLinesTests(SynchronousTestCase):
    def refusal_lines(self, body, kind=InvalidStatus):
        return refusal_lines(kind(Response(403, "Forbidden", body=body)))

    def test_the_body_of_a_refusal_is_shown(self):
        self.assertEqual(
            self.refusal_lines(b"no token\r\n\r\nask for one\n"), ["no token", "ask for one"]
        )

    def test_the_body_of_a_proxy_s_refusal_is_shown(self):
        response = Response(403, "Forbidden", body=b"not this host")
        self.assertEqual(
            refusal_lines(InvalidProxyStatus("http://p:1", response)), ["not this host"]
        )

    def test_without_a_body_there_is_nothing_to_show(self):
        self.assertEqual(self.refusal_lines(b""), [])
        self.assertEqual(refusal_lines(SecurityError("")), [])

    def test_a_whole_page_is_cut(self):
        lines = self.refusal_lines(b"x" * 1000 + b"\n" + b"y\n" * 1000)
        self.assertEqual(lines[:2], ["x" * 200, "y"])
        self.assertEqual(lines[10:], ["[body, 3001 bytes in all]"])

    def test_a_body_without_text_is_not_shown(self):
        self.assertEqual(self.refusal_lines(b"\x1f\x8b\x08"), ["[body, 3 bytes, not UTF-8]"])

    def test_the_visible_text_of_a_page_is_shown(self):
        response = Response(407, "Who?", Headers({"Content-Type": ["Text/HTML"]}), PAGE)
        lines = ["Access <denied>", "Cache Access", "Denied."]
        self.assertEqual(refusal_lines(InvalidProxyStatus("http://p:1", response)), lines)

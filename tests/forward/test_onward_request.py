"""The path and the query of a request to another server."""

from tests.support.sides import QuietTestCase
from tests.support.upstreams import UpstreamTestCase
from txws2.exceptions import InvalidURI
from txws2.forward import Forward
from txws2.forward.onward_request import InvalidOnwardPath, onward_uri


class PathTests(QuietTestCase):
    def test_the_path_below_the_mount_is_appended(self):
        for uri, path, mount, expected in [
            ("ws://o/", "/", "/", "ws://o/"),
            ("ws://o", "/a/b", "/", "ws://o/a/b"),
            ("ws://o/chat", "/", "/", "ws://o/chat"),
            ("ws://o/chat", "/x", "/x", "ws://o/chat"),
            ("ws://o/chat", "/x/", "/x", "ws://o/chat/"),
            ("ws://o/chat/", "/x", "/x", "ws://o/chat/"),
            ("ws://o/chat/", "/x/a%2Fb", "/x", "ws://o/chat/a%2Fb"),
            ("ws://o/", "/x/y/z", "/x/y", "ws://o/z"),
            ("ws://o/", "/x?a=1", "/x", "ws://o/?a=1"),
            ("ws://u:p@o/?k=1", "/x?a=1", "/x", "ws://u:p@o/?k=1&a=1"),
        ]:
            self.assertEqual(onward_uri(uri, path, mount), expected)

    def test_a_path_that_could_leave_its_part_is_refused(self):
        for path in "/x/../a", "/x/%2e%2e/a", "/x/..", "/x/./a", "/x/..%2fa", "/x/..\\a", "/..":
            self.assertRaises(InvalidOnwardPath, onward_uri, "ws://o/base/", path, "/x")

    def test_dots_within_a_name_are_fine(self):
        self.assertEqual(onward_uri("ws://o/", "/x/a..b", "/x"), "ws://o/a..b")

    def test_tls_that_would_have_no_effect_is_told_at_once(self):
        for where in "ws://o/", "localhost:1", "tls:localhost:1":
            failed = self.assertRaises(ValueError, Forward, where, tls="x", reactor=self.clock)
            self.assertIn("tls has no effect", str(failed))
        self.assertRaises(OSError, Forward, "wss://o/", tls="/nowhere", reactor=self.clock)

    def test_a_uri_that_is_none_is_told_at_once(self):
        self.assertRaises(InvalidURI, Forward, "ws://", reactor=self.clock)


class LeavingPathTests(UpstreamTestCase):
    def test_a_request_for_it_is_a_400(self):
        self.serve(path="/x", where="ws://inner/base/")
        self.assertEqual(self.refused("/x/%2e%2e/a").status_code, 400)
        self.assertEqual(self.inner.attempts, [])

    def test_path_and_query_arrive(self):
        self.serve(path="/x", where="ws://inner/base/?k=1")
        self.connect("/x/room?token=2")
        self.assertEqual(self.last_request().path, "/base/room?k=1&token=2")

    def test_a_handler_that_calls_it_closes_with_1008(self):
        self.serve()
        self.outer.factory.hooks = None
        ws = self.connect("/../" + "a" * 200)
        self.reactor.result_of(ws.wait_closed())
        self.assertEqual(ws.close_code, 1008)

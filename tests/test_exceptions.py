import inspect
import re

from twisted.internet import error
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase as TestCase

from txws2 import exceptions
from txws2.wire.closing import Close
from txws2.wire.http.heads import Response

R, S = Close(1001, "so long"), Close(1000)


def documented():
    """Return the tree in the module's docstring: the bases of each exception, its parent first."""
    tree, above = {}, {-1: "Exception"}
    for indent, line in re.findall(r"^( *)\* (.*(?:\n +`.*)*)", exceptions.__doc__, re.MULTILINE):
        depth = len(indent) // 4
        line, _, also = line.partition(" (also ")
        for name in re.findall(r"`(\w+)`", line):
            tree[name] = [above[depth - 1], *re.findall(r"`([\w.]+)`", also)]
            above[depth] = name
    return tree


def defined():
    return {
        name: value
        for name, value in vars(exceptions).items()
        if inspect.isclass(value) and value.__module__ == exceptions.__name__
    }


class TreeTests(TestCase):
    def bases(self, kind):
        first, *others = kind.__bases__
        outside = [
            f"{base.__module__}.{base.__name__}".removeprefix("builtins.") for base in others
        ]
        return [first.__name__, *outside]

    def test_the_docstring_shows_the_tree_as_it_is(self):
        actual = {name: self.bases(kind) for name, kind in defined().items()}
        self.assertEqual(documented(), actual)

    def test_every_exception_is_public(self):
        self.assertEqual(sorted(exceptions.__all__), sorted(defined()))

    def test_one_name_catches_them_all(self):
        for kind in defined().values():
            self.assertTrue(issubclass(kind, exceptions.WebSocketException), kind)


class ConnectionClosedTests(TestCase):
    def test_it_says_who_said_what(self):
        r, s = "1001 (going away) so long", "1000 (OK)"
        for args, expected in (
            ((None, None, None), "no close frame received or sent"),
            ((None, S, None), f"sent {s}; no close frame received"),
            ((R, None, None), f"received {r}; no close frame sent"),
            ((R, S, True), f"received {r}; then sent {s}"),
            ((R, S, False), f"sent {s}; then received {r}"),
        ):
            for kind in (exceptions.ConnectionClosedOK, exceptions.ConnectionClosedError):
                self.assertEqual(str(kind(*args)), expected)

    def test_it_has_both_frames_and_their_order(self):
        exc = exceptions.ConnectionClosed(R, S, False)
        self.assertEqual((exc.rcvd, exc.sent, exc.rcvd_then_sent), (R, S, False))
        self.assertEqual(exc.args, (R, S, False))

    def test_the_order_is_unknown_without_both(self):
        self.assertIsNone(exceptions.ConnectionClosed(R, None).rcvd_then_sent)

    def test_twisted_code_sees_a_connection_done(self):
        failure = Failure(exceptions.ConnectionClosedOK(R, S, True))
        self.assertIs(failure.check(error.ConnectionDone), error.ConnectionDone)
        self.assertIsNone(failure.check(error.ConnectionLost))

    def test_twisted_code_sees_a_connection_lost(self):
        failure = Failure(exceptions.ConnectionClosedError(None, None))
        self.assertIs(failure.check(error.ConnectionLost), error.ConnectionLost)
        self.assertIsNone(failure.check(error.ConnectionDone))


class MessagesTests(TestCase):
    CASES = {
        "'x' isn't a WebSocket URI: why": exceptions.InvalidURI("x", "why"),
        "'y' isn't a proxy: why": exceptions.InvalidProxy("y", "why"),
        "the method must be GET; it is PUT": exceptions.InvalidMethod("PUT"),
        "the protocol must be HTTP/1.1; it is HTTP/1.0": exceptions.InvalidProtocol("HTTP/1.0"),
        "server rejected WebSocket connection: HTTP 404": exceptions.InvalidStatus(
            Response(404, "Not Found")
        ),
        "missing Host header": exceptions.InvalidHeader("Host"),
        "empty Host header": exceptions.InvalidHeader("Host", ""),
        "invalid Host header: !": exceptions.InvalidHeader("Host", "!"),
        "invalid Upgrade header: h2c": exceptions.InvalidUpgrade("Upgrade", "h2c"),
        "invalid Host header: ?": exceptions.InvalidHeaderValue("Host", "?"),
        "invalid X header: expected a token at 1 in 'a@'": exceptions.InvalidHeaderFormat(
            "X", "a token", "a@", 1
        ),
        "the server doesn't answer for the host 'h\\n': that isn't among its hosts "
        "(--host of twistd ws)": exceptions.InvalidHost("h\n"),
        "the application answered with HTTP 200": exceptions.InvalidStatus(
            Response(200, "OK"), ours=True
        ),
        "missing Origin header; programs send none, and origins= has no None, which accepts them": (
            exceptions.InvalidOrigin(None)
        ),
        "invalid Origin header: null; it isn't one of origins=": exceptions.InvalidOrigin("null"),
        "invalid Origin header: https://a.example; it is neither that of the host b.example:80 "
        "nor another one of origins=": exceptions.InvalidOrigin(
            "https://a.example", "b.example:80"
        ),
        "the proxy p did not let us through: HTTP 407 No": exceptions.InvalidProxyStatus(
            "p", Response(407, "No")
        ),
        "the proxy p did not let us through: HTTP 500": exceptions.InvalidProxyStatus(
            "p", Response(500, "")
        ),
        "why: ws://a/ -> ws://b/": exceptions.RedirectError(["ws://a/", "ws://b/"], "why"),
        "there is no WebSocket at /x": exceptions.InvalidPath("/x"),
        "timed out during opening handshake": exceptions.OpeningTimeout(),
        "the server is shutting down": exceptions.ServerClosing(),
        "frame": exceptions.ProtocolError("frame"),
        "message of 11 bytes or more exceeds the limit of 10 bytes (max_size)": (
            exceptions.PayloadTooBig(11, 10)
        ),
        "too long": exceptions.RequestLineTooLong("too long"),
    }

    def test_each_says_what_is_wrong(self):
        for message, exc in self.CASES.items():
            self.assertEqual(str(exc), message)

    def test_a_timeout_has_a_note_of_what_it_was_waiting_for(self):
        exc = exceptions.OpeningTimeout("godot")
        self.assertEqual(str(exc), "timed out during opening handshake")
        self.assertEqual(exc.__notes__, ["It was waiting for godot."])

    def test_a_long_header_is_not_repeated(self):
        self.assertIn(f"host '{'a' * 80}': ", str(exceptions.InvalidHost("a" * 100)))
        exc = exceptions.InvalidHeaderFormat("X", "a token", "a" * 100, 90)
        self.assertEqual(exc.value, f"expected a token at 90 in '{'a' * 80}'")


class AttributesTests(TestCase):
    def test_the_attributes_say_what_is_wrong(self):
        uri = exceptions.InvalidURI("x", "why")
        proxy = exceptions.InvalidProxy("y", "why")
        header = exceptions.InvalidHeader("Host", "!")
        big = exceptions.PayloadTooBig(11, 10)
        self.assertEqual((uri.uri, uri.message), ("x", "why"))
        self.assertEqual((proxy.proxy, proxy.message), ("y", "why"))
        self.assertEqual((header.name, header.value), ("Host", "!"))
        self.assertEqual((big.size, big.max_size, big.code), (11, 10, 1009))
        self.assertEqual(exceptions.InvalidMethod("PUT").method, "PUT")
        self.assertEqual(exceptions.InvalidProtocol("HTTP/2.0").protocol, "HTTP/2.0")
        self.assertEqual(exceptions.InvalidOrigin("null").name, "Origin")
        host = exceptions.InvalidHost("h")
        self.assertEqual((host.name, host.value), ("Host", "h"))

    def test_an_answer_that_refuses_is_there_in_whole(self):
        response = Response(404, "Not Found")
        self.assertIs(exceptions.InvalidStatus(response).response, response)

    def test_the_code_of_a_protocol_error_is_1002_by_default(self):
        self.assertEqual(exceptions.ProtocolError("x").code, 1002)
        self.assertEqual(exceptions.ProtocolError("x", 1007).code, 1007)

"""A service that cannot be reached, and a handshake that is refused."""

from twisted.internet.error import ConnectionRefusedError

from tests.support.sides import Peer
from tests.support.targets import ForwardTestCase
from txws2.forward import Forward
from txws2.server.protocol import WebSocketServerProtocol
from txws2.testing import Joined


class RefusingTests(ForwardTestCase):
    def test_a_service_that_refuses_is_a_502_without_its_address(self):
        self.target.failure = ConnectionRefusedError(111, "tcp:10.0.0.7:5900")
        response = self.refused()
        self.assertEqual(response.status_code, 502)
        self.assertEqual(response.body, b"The target of this WebSocket can't be reached.\n")
        [event] = [each for each in self.events if "unsaid" in each]
        self.assertIn("111", event["reason"])
        self.assertIn("MemoryTarget", event["advice"])

    def test_any_exception_of_an_endpoint_is_a_502(self):
        self.target.failure = ValueError("an endpoint's own")
        self.assertEqual(self.refused().status_code, 502)

    def test_a_service_that_takes_too_long_is_a_504(self):
        self.target.waits = True
        self.begin(Forward(self.target, connect_timeout=3, reactor=self.clock))
        self.advance(2)
        self.assertNoResult(self.opening)
        self.advance(2)
        response = self.failureResultOf(self.opening).value.response
        self.assertEqual((response.status_code, self.target.cancelled), (504, 1))
        self.assertEqual(response.body, b"The target of this WebSocket hasn't answered in time.\n")

    def test_the_504_comes_before_open_timeout_is_over(self):
        self.target.waits = True
        self.begin()
        self.advance(10)
        self.assertEqual(self.failureResultOf(self.opening).value.response.status_code, 504)

    def test_a_client_that_leaves_meanwhile_ends_the_attempt(self):
        self.target.waits = True
        self.begin()
        self.joined.drop()
        self.settle()
        self.failureResultOf(self.opening)
        self.assertEqual(self.target.cancelled, 1)
        self.assertEqual([each for each in self.events if "unsaid" in each], [])

    def test_a_page_that_may_not_connect_never_reaches_the_service(self):
        response = self.refused(headers={"Origin": "https://evil.example"}, origins=[None])
        self.assertEqual((response.status_code, self.target.attempts), (403, 0))

    def test_a_request_that_is_no_websocket_never_reaches_the_service(self):
        self.begin()
        other = Joined(self.factory.buildProtocol(None), Peer(), self.clock)
        other.client.transport.write(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        other.pump()
        self.assertIn(b" 426 ", other.client.take())
        self.assertEqual(self.target.attempts, 1)

    def test_a_websocket_that_a_later_hook_refuses_leaves_no_connection_behind(self):
        def refuse(connection, request, response):
            return connection.respond(403, "no")

        self.assertEqual(self.refused(process_response=refuse).status_code, 403)
        self.target.joined.pump()
        self.assertFalse(self.target.joined.client_transport.connected)
        self.assertEqual(self.forward._waiting, {})

    def test_a_websocket_that_is_closed_at_once_leaves_no_connection_behind(self):
        class Closing(WebSocketServerProtocol):
            def connectionOpened(self):
                self.close(4000)

        self.open(create_protocol=Closing)
        self.settle()
        self.assertEqual(self.client.close_code, 4000)
        self.assertFalse(self.target.joined.client_transport.connected)
        self.assertEqual(self.forward._waiting, {})

    def test_a_handler_that_calls_it_closes_with_1014_if_the_service_refuses(self):
        self.target.failure = ConnectionRefusedError()
        forward = Forward(self.target, reactor=self.clock)

        async def handler(ws):
            await forward(ws)

        self.open(handler)
        self.assertEqual(self.client.close_code, 1014)

    def test_a_handler_that_calls_it_reaches_the_service(self):
        forward = Forward(self.target, reactor=self.clock)

        async def handler(ws):
            await forward(ws)

        self.open(handler)
        self.client.sendMessage(b"up")
        self.settle()
        self.assertEqual(self.target.peer.take(), b"up")


class ArgumentTests(ForwardTestCase):
    def test_one_of_where_and_targets_is_needed(self):
        for arguments in {}, {"where": "tcp:localhost:1", "targets": lambda request: None}:
            self.assertRaises(TypeError, Forward, reactor=self.clock, **arguments)

    def test_mistakes_are_told_at_once(self):
        for where in "nonsense", "tcp:", "localhost:0", "localhost:99999", "zzz:1:2", "unix":
            error = self.assertRaises(ValueError, Forward, where, reactor=self.clock)
            self.assertIn("endpoint string", str(error))
        self.assertRaises(TypeError, Forward, 5900, reactor=self.clock)
        for options in {"path": "x"}, {"connect_timeout": 0}, {"record_limit": 0}:
            self.assertRaises(ValueError, Forward, "tcp:localhost:1", reactor=self.clock, **options)
        for options in (
            {"path": None},
            {"connect_timeout": "3"},
            {"record_limit": 0.5},
            {"reactor": 1},
        ):
            options = {"reactor": self.clock, **options}
            self.assertRaises(TypeError, Forward, "tcp:localhost:1", **options)

    def test_addresses_have_several_forms(self):
        for where in "localhost:1", "[::1]:5900", "tcp:localhost:1", "unix:/x", "unix_socket:/x":
            Forward(where, reactor=self.clock)

    def test_it_tells_its_subprotocols(self):
        for where, expected in {"localhost:1": ("binary", "base64"), "ws://localhost/": ()}.items():
            forward = Forward(where, reactor=self.clock)
            self.assertEqual(forward.subprotocols, expected)

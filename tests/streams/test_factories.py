"""The two ends of a connection that carries a stream, and their factories."""

from twisted.internet.interfaces import IProtocolFactory
from twisted.internet.protocol import Protocol
from twisted.internet.testing import MemoryReactorClock
from twisted.protocols.basic import LineReceiver
from twisted.protocols.policies import LimitTotalConnectionsFactory
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from tests.support.sides import CLOSE, REQUEST, TEXT, ServerSide, closing, frames_in
from tests.support.streams import Made, Plain, StreamTestCase
from txws2.exceptions import InvalidPath, InvalidStatus
from txws2.streams.factories import CarrierClientFactory, WebSocketFactory


class Echo(Protocol):
    def dataReceived(self, data):
        self.transport.write(data)


class Shouter(LineReceiver):
    def lineReceived(self, line):
        self.sendLine(line.upper())


class ServingTests(ServerSide):
    def make_factory(self, create_protocol, **options):
        return WebSocketFactory(self.wrapped, reactor=self.clock, **options)

    def serve(self, wrapped, request=REQUEST, **options):
        """Let a client ask a factory that wraps another; return the answer.

        If that is the connection, `frames` are those that came with it.
        """
        self.wrapped = wrapped
        self.connect(**options)
        self.receive(request)
        answer = self.peer.take()
        if b" 101 " in answer:
            self.frames = frames_in(answer.partition(b"\r\n\r\n")[2])
        return answer

    def test_a_program_for_txws_runs(self):
        self.serve(Made(Echo))
        self.hear((TEXT, b"hello"))
        self.assertEqual(self.said(), [(TEXT, b"hello")])

    def test_a_line_receiver_gets_lines_wherever_messages_end(self):
        self.serve(Made(Shouter))
        self.hear((TEXT, b"a li"), (TEXT, b"ne\r\nanother\r"), (TEXT, b"\n"))
        self.assertEqual(self.said(), [(TEXT, b"A LINE\r\n"), (TEXT, b"ANOTHER\r\n")])

    def test_the_protocol_is_made_when_the_connection_is_open(self):
        made = Made()
        self.serve(made, REQUEST[:-2])
        self.assertEqual(made.made, [])
        self.receive(b"\r\n")
        self.assertEqual(len(made.made), 1)

    def test_for_a_request_that_is_refused_none_is_made(self):
        made = Made()
        self.assertIn(b" 400 ", self.serve(made, REQUEST.replace(b": 13", b": 12")))
        self.assertEqual(made.made, [])

    def test_another_path_is_404(self):
        made = Made()
        answer = self.serve(made, path="/amp")
        self.assertTrue(answer.startswith(b"HTTP/1.1 404 Not Found\r\n"))
        self.assertIn(b"there is no WebSocket at /chat", answer)
        self.assertEqual(made.made, [])
        self.peer.transport.loseConnection()
        self.joined.pump()
        self.failureResultOf(self.ws.wait_opened(), InvalidPath)

    def test_a_query_is_not_of_the_path(self):
        request = REQUEST.replace(b"/chat", b"/chat?room=1")
        self.assertIn(b" 101 ", self.serve(Made(), request, path="/chat"))
        self.assertIn(b" 404 ", self.serve(Made(), request.replace(b"?", b"/?"), path="/chat"))

    def test_an_application_may_choose_the_subprotocol_itself(self):
        request = REQUEST.removesuffix(b"\r\n") + b"Sec-WebSocket-Protocol: x\r\n\r\n"
        answer = self.serve(Made(), request, select_subprotocol=lambda *_: "x")
        self.assertIn(b"\r\nSec-WebSocket-Protocol: x\r\n", answer)

    def test_another_origin_is_403(self):
        request = REQUEST.removesuffix(b"\r\n") + b"Origin: https://example.org\r\n\r\n"
        origins = ["https://example.com"]
        self.assertIn(b" 403 ", self.serve(Made(), request, origins=origins))

    def test_a_mistake_in_a_request_comes_before_its_path(self):
        self.assertIn(b" 426 ", self.serve(Made(), b"GET / HTTP/1.1\r\nHost: h\r\n\r\n", path="/x"))

    def test_a_factory_that_has_enough_closes_with_1013(self):
        limited = LimitTotalConnectionsFactory()
        limited.protocol, limited.connectionLimit = Plain, 0
        self.serve(limited)
        self.assertEqual(self.frames, [(CLOSE, closing(1013))])
        self.hear((TEXT, b"hello"), (CLOSE, closing(1013)))
        self.assertEqual(self.ws.close_code, 1013)

    def test_a_factory_that_raises_closes_with_1011_and_a_word_in_the_log(self):
        made = Made(lambda: 1 / 0)
        self.serve(made)
        self.assertEqual(self.frames, [(CLOSE, closing(1011))])
        [event] = self.take_loud()
        self.assertEqual(event["log_failure"].type, ZeroDivisionError)

    def test_the_path_must_begin_with_a_slash(self):
        exc = self.assertRaises(ValueError, WebSocketFactory, Made(), path="amp")
        self.assertIn("'amp'", str(exc))


class JoinedTests(StreamTestCase):
    def test_nothing_is_compressed_unless_it_is_wanted(self):
        self.link()
        for head in (self.lower.request, self.upper.response):
            self.assertNotIn("Sec-WebSocket-Extensions", head.headers)
        self.link(compression="deflate")
        [agreed] = self.upper.response.headers.get_all("Sec-WebSocket-Extensions")
        self.assertIn("permessage-deflate", agreed)
        self.client.transport.write(b"a" * 10000)
        self.pump()
        self.assertEqual(self.server.received, [b"a" * 10000])
        self.assertLess(len(self.joined.client_transport.written), 1000)

    def test_a_client_may_offer_base64(self):
        self.link(subprotocols=["base64"])
        self.client.transport.write(b"\xff")
        self.server.transport.write(b"\x00")
        self.pump()
        self.assertEqual(self.lower.subprotocol, "base64")
        self.assertEqual((self.server.received, self.client.received), ([b"\xff"], [b"\x00"]))

    def test_a_client_hears_of_the_404(self):
        self.link(path="/amp")
        exc = self.failureResultOf(self.lower.wait_opened()).value
        self.assertIsInstance(exc, InvalidStatus)
        self.assertEqual(exc.response.status_code, 404)


class FactoryTests(SynchronousTestCase):
    def factories(self, wrapped):
        reactor = MemoryReactorClock()
        yield WebSocketFactory(wrapped, reactor=reactor)
        yield CarrierClientFactory(wrapped, "ws://h/", reactor=reactor)

    def test_the_wrapped_one_starts_and_stops_with_it(self):
        made = Made()
        for factory in self.factories(made):
            verifyObject(IProtocolFactory, factory)
            factory.doStart()
            self.assertTrue(made.running)
            factory.doStart()
            factory.doStop()
            self.assertTrue(made.running)
            factory.doStop()
            self.assertFalse(made.running)

    def test_it_is_served_as_one_for_txws_was(self):
        reactor, made = MemoryReactorClock(), Made(Echo)
        reactor.listenTCP(5600, WebSocketFactory(made, reactor=reactor))
        [(port, factory, *_)] = reactor.tcpServers
        self.assertEqual((port, factory.wrappedFactory), (5600, made))

import os

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ServerEndpoint
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.protocol import Factory
from twisted.internet.task import Clock
from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from txws2.client.connections import connect
from txws2.client.protocol import WebSocketClientFactory, WebSocketClientProtocol
from txws2.client.service import WebSocketClientService
from txws2.server.factory import WebSocketServerFactory, WebSocketServerProtocol
from txws2.server.resource import WebSocketResource
from txws2.server.server import serve
from txws2.server.service import WebSocketService
from txws2.streams.endpoints import WebSocketClientEndpoint, WebSocketServerEndpoint
from txws2.streams.factories import WebSocketFactory


class BothFactories:
    def make(self, **options):
        options.setdefault("reactor", Clock())
        return self.factory(*self.arguments, **options)

    def test_the_defaults_are_those_of_the_documentation(self):
        factory = self.make()
        self.assertEqual(factory.max_size, 2**20)
        self.assertEqual(factory.max_fragments, 131_072)
        self.assertEqual(factory.max_queue, 16)
        self.assertEqual(factory.write_limit, 32 * 1024)
        self.assertEqual(factory.compression_budget.limit, 64 * 2**20)
        self.assertEqual((factory.open_timeout, factory.close_timeout), (10, 10))
        self.assertIsNotNone(factory.keepalive)
        self.assertEqual(factory.connections, set())

    def test_each_limit_may_be_none(self):
        names = (
            "max_size max_fragments max_queue write_limit compression_memory "
            "ping_interval ping_timeout open_timeout close_timeout"
        )
        factory = self.make(**dict.fromkeys(names.split()))
        self.assertIsNone(factory.keepalive)
        self.assertIsNone(factory.max_size)

    def test_a_limit_has_its_least_value(self):
        least_values = {"max_size": 0, "max_fragments": 1, "max_queue": 1, "write_limit": 0}
        for name, least in {**least_values, "compression_memory": 0}.items():
            self.make(**{name: least})
            error = self.assertRaises(ValueError, self.make, **{name: least - 1})
            expected = f"{name} must be at least {least}, or None; it is {least - 1}"
            self.assertEqual(str(error), expected)

    def test_a_head_has_limits_of_1_at_least_and_never_none(self):
        self.assertEqual(self.make().head_limits, (8192, 128))
        limits = self.make(max_line_size=2**16, max_headers=1).head_limits
        self.assertEqual((limits.line_size, limits.headers), (2**16, 1))
        for name in ("max_line_size", "max_headers"):
            self.assertRaises(TypeError, self.make, **{name: None})
            for value in (0, -1):
                error = self.assertRaises(ValueError, self.make, **{name: value})
                self.assertEqual(str(error), f"{name} must be at least 1; it is {value}")

    def test_a_time_is_positive(self):
        for name in ("ping_interval", "ping_timeout", "open_timeout", "close_timeout"):
            self.make(**{name: 0.001})
            for seconds in (0, -1, float("nan")):
                error = self.assertRaises(ValueError, self.make, **{name: seconds})
                self.assertIn(f"{name} must be more than 0 seconds, or None", str(error))

    def test_debug_is_what_the_environment_says(self):
        for value, expected in (("1", True), ("", False)):
            self.patch_environment(value)
            self.assertEqual(self.make().debug, expected)
            self.assertTrue(self.make(debug=True).debug)
            self.assertFalse(self.make(debug=False).debug)

    def patch_environment(self, value):
        self.patch(os, "environ", {"TXWS2_DEBUG": value})

    def test_it_uses_the_global_reactor_if_there_is_no_other(self):
        from twisted.internet import reactor

        self.assertIs(self.make(reactor=None).reactor, reactor)

    def test_an_option_that_there_is_not_is_an_error(self):
        self.assertRaises(TypeError, self.make, ping_intervall=20)

    def test_the_protocols_that_it_makes_know_it(self):
        factory = self.make()
        protocol = factory.buildProtocol(None)
        self.assertIs(type(protocol), self.protocol)
        self.assertIs(protocol.factory, factory)

    def test_subprotocols_are_no_single_string(self):
        error = self.assertRaises(TypeError, self.make, subprotocols="chat")
        self.assertEqual(str(error), "subprotocols is a sequence of strings, as ['chat']")


class ServerFactoryTests(BothFactories, SynchronousTestCase):
    factory, protocol, arguments = WebSocketServerFactory, WebSocketServerProtocol, ()


class FormsTests(SynchronousTestCase):
    """The limits of heads are options, as the other limits of a connection."""

    LIMITS = {"max_line_size": 2**16, "max_headers": 200}

    def assertLimited(self, *factories):
        for factory in factories:
            self.assertEqual(factory.head_limits, (2**16, 200))

    def test_servers_of_every_form_take_them(self):
        reactor = MemoryReactorClock()
        options = {"reactor": reactor, **self.LIMITS}
        serve(None, "127.0.0.1", 80, **options)
        WebSocketServerEndpoint(TCP4ServerEndpoint(reactor, 81), **options).listen(Factory())
        self.assertLimited(
            WebSocketService("tcp:80", None, **options).factory,
            WebSocketResource(**options).factory,
            WebSocketFactory(Factory(), **options),
            *(factory for _, factory, *_ in reactor.tcpServers),
        )
        self.assertEqual(len(reactor.tcpServers), 2)

    def test_clients_of_every_form_take_them(self):
        joined = Endpoint()
        options = {"reactor": Clock(), "endpoint": joined, **self.LIMITS}
        connect("ws://a/", **options)
        WebSocketClientEndpoint(options.pop("reactor"), "ws://a/", **options).connect(Factory())
        WebSocketClientService("ws://a/", reactor=Clock(), **options).startService()
        self.assertLimited(*joined.factories)
        self.assertEqual(len(joined.factories), 3)


@implementer(IStreamClientEndpoint)
class Endpoint:
    """Keeps the factories that it is to connect."""

    def __init__(self):
        self.factories = []

    def connect(self, factory):
        self.factories.append(factory)
        return Deferred()


class ClientFactoryTests(BothFactories, SynchronousTestCase):
    factory, protocol = WebSocketClientFactory, WebSocketClientProtocol
    arguments = ("ws://example.com/",)

"""The service: its start, its attributes while it runs, and its stop."""

from twisted.application.service import Application, IService, MultiService
from twisted.internet import reactor as real_reactor
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.endpoints import SSL4ServerEndpoint, TCP4ServerEndpoint
from twisted.internet.error import CannotListenError
from twisted.internet.testing import MemoryReactorClock
from twisted.logger import capturedLogs, formatEvent
from twisted.trial.unittest import TestCase
from zope.interface.verify import verifyObject

from tests.support.sides import QuietTestCase, RecordedServer
from txws2.client.connections import connect
from txws2.server.factory import WebSocketServerFactory
from txws2.server.service import WebSocketService
from txws2.testing import joined


async def echo(ws):
    async for message in ws:
        await ws.send(message)


class Port:
    """A listening port whose endpoint was slow."""

    def __init__(self):
        self.listening = True

    def getHost(self):
        return IPv4Address("TCP", "127.0.0.1", 90)

    def stopListening(self):
        self.listening = False


class Slow:
    """An endpoint, called "slow", that listens when the test lets it."""

    def __init__(self, cancelled=None):
        self.listening = Deferred(cancelled)

    def __repr__(self):
        return "slow"

    def listen(self, factory):
        return self.listening


class ServiceTestCase(QuietTestCase):
    def setUp(self):
        super().setUp()
        self.clock = self.reactor = MemoryReactorClock()

    def make(self, endpoint="tcp:80", handler=echo, **options):
        return WebSocketService(endpoint, handler, reactor=self.reactor, **options)

    def start(self, *arguments, **options):
        service = self.make(*arguments, **options)
        service.startService()
        return service

    def ports(self):
        """Return the numbers of the ports on which the reactor listens."""
        return [port for port, *_ in self.reactor.tcpServers]


class StartTests(ServiceTestCase):
    def test_it_is_a_service(self):
        verifyObject(IService, self.make())

    def test_it_listens_when_it_is_started_and_not_before(self):
        service = self.make()
        self.assertEqual((self.ports(), service.running), ([], 0))
        service.startService()
        self.assertEqual((self.ports(), service.running), ([80], 1))

    def test_with_privileges_it_listens_once(self):
        service = self.make()
        service.privilegedStartService()
        self.assertEqual(self.ports(), [80])
        service.startService()
        self.assertEqual(self.ports(), [80])

    def test_it_listens_at_an_endpoint(self):
        self.start(TCP4ServerEndpoint(self.reactor, 81))
        self.assertEqual(self.ports(), [81])

    def test_it_listens_in_many_places(self):
        self.start(["tcp:80", TCP4ServerEndpoint(self.reactor, 81)])
        self.assertEqual(self.ports(), [80, 81])

    def test_it_has_the_options_of_serve(self):
        service = self.start(create_protocol=RecordedServer, max_size=5)
        both = joined(service.factory)
        self.assertIsInstance(both.server, RecordedServer)
        self.assertEqual(service.factory.max_size, 5)

    def test_a_factory_has_its_own(self):
        factory = WebSocketServerFactory(echo, reactor=self.reactor)
        service = WebSocketService("tcp:80", factory)
        service.startService()
        self.assertIs(self.reactor.tcpServers[0][1], factory)
        for options in {"max_size": 5}, {"reactor": self.reactor}:
            self.assertRaises(TypeError, WebSocketService, "tcp:80", factory, **options)

    def test_it_has_a_name_among_others(self):
        application = Application("test")
        service = self.make()
        service.setName("chat")
        service.setServiceParent(application)
        self.assertIs(IService(application).getServiceNamed("chat"), service)
        IService(application).privilegedStartService()
        IService(application).startService()
        self.assertEqual(self.ports(), [80])

    def test_a_wrong_description_is_an_error_of_the_start(self):
        service = self.make("nope:80")
        self.assertRaises(ValueError, service.startService)
        self.assertFalse(service.running)

    def test_by_default_it_runs_on_the_global_reactor(self):
        self.assertIs(WebSocketService("tcp:80", echo).factory.reactor, real_reactor)


class RunningTests(ServiceTestCase):
    def test_it_shows_where_it_listens_and_who_is_connected(self):
        service = self.start()
        self.assertEqual([address.port for address in service.addresses], [80])
        both = joined(service.factory)
        self.assertEqual(set(service.connections), {both.server})

    def test_before_and_after_there_is_nothing_to_show(self):
        service = self.make()
        self.assertEqual((service.addresses, set(service.connections)), ((), set()))
        service.startService()
        service.stopService()
        self.assertEqual((service.addresses, set(service.connections)), ((), set()))

    def assertLogged(self, endpoint, *addresses):
        with capturedLogs() as events:
            self.start(endpoint)
        lines = [formatEvent(event) for event in events if event["log_namespace"] == "txws2.server"]
        self.assertEqual(lines, [f"listening on {address}" for address in addresses])

    def test_it_logs_where_it_listens(self):
        self.assertLogged(
            ["tcp:80", r"tcp6:81:interface=\:\:1"], "ws://0.0.0.0:80/", "ws://[::1]:81/"
        )

    def test_tls_is_wss(self):
        self.assertLogged(SSL4ServerEndpoint(self.reactor, 443, None), "wss://0.0.0.0:443/")

    def test_a_port_without_a_uri_is_described(self):
        self.assertLogged("unix:/run/chat.sock", "unix:/run/chat.sock")


class StopTests(ServiceTestCase):
    def test_it_closes_the_connections_with_1001_and_waits_for_them(self):
        service = self.start()
        both = joined(service.factory)
        stopping = service.stopService()
        self.assertFalse(service.running)
        self.assertNoResult(stopping)
        both.pump()
        self.successResultOf(stopping)
        self.assertEqual(both.client.close_code, 1001)

    def test_it_waits_close_timeout_at_most(self):
        service = self.start(close_timeout=3)
        both = joined(service.factory)
        both.vanish()
        stopping = service.stopService()
        both.advance(2)
        self.assertNoResult(stopping)
        both.advance(1)
        self.successResultOf(stopping)

    def test_it_can_be_stopped_although_it_was_not_started(self):
        self.successResultOf(self.make().stopService())

    def test_stopping_it_again_does_nothing(self):
        service = self.start()
        self.successResultOf(service.stopService())
        self.successResultOf(service.stopService())

    def test_its_parent_waits_for_it(self):
        parent = MultiService()
        self.make().setServiceParent(parent)
        parent.startService()
        both = joined(self.reactor.tcpServers[0][1])
        stopping = parent.stopService()
        self.assertNoResult(stopping)
        both.pump()
        self.successResultOf(stopping)

    def test_it_can_be_started_again(self):
        service = self.start()
        self.successResultOf(service.stopService())
        service.startService()
        self.assertEqual(self.ports(), [80, 80])
        both = joined(service.factory)
        both.client.sendMessage("hello")
        self.assertEqual(both.result_of(both.client.recv()), "hello")
        service.stopService()
        both.pump()
        self.assertEqual(both.client.close_code, 1001)

    def test_a_handler_that_is_cancelled_the_next_time_is_reported_again(self):
        started = []

        async def stubborn(ws):
            started.append(Deferred())
            await started[-1]

        service = self.start(handler=stubborn, close_timeout=1)
        both = joined(service.factory)
        stopping = service.stopService()
        both.advance(1)
        self.successResultOf(stopping)
        service.startService()
        both = joined(service.factory)
        started[-1].cancel()
        self.assertEqual(len(self.take_loud()), 1)
        service.stopService()
        both.pump()


class FailureTests(ServiceTestCase):
    def test_a_port_that_is_taken_fails_the_start(self):
        class Taken:
            def listen(self, factory):
                return fail(CannotListenError("", 81, OSError("in use")))

        service = self.make(["tcp:80", Taken()])
        self.assertRaises(CannotListenError, service.startService)
        self.assertEqual((service.running, service.addresses), (0, ()))

    def test_an_endpoint_that_raises_fails_the_start(self):
        class Broken:
            def listen(self, factory):
                raise RuntimeError("no luck")

        self.assertRaises(RuntimeError, self.make(Broken()).privilegedStartService)

    def test_it_can_be_started_again_when_the_port_is_free(self):
        class Once:
            results = [fail(CannotListenError("", 80, OSError("in use"))), succeed(Port())]

            def listen(self, factory):
                return self.results.pop(0)

        service = self.make(Once())
        self.assertRaises(CannotListenError, service.startService)
        service.startService()
        self.assertEqual((service.running, len(service.addresses)), (1, 1))

    def test_an_endpoint_that_fails_later_is_logged_and_the_others_go_on(self):
        slow = Slow()
        service = self.start(["tcp:80", slow])
        slow.listening.errback(ValueError("no luck"))
        [event] = self.take_loud()
        self.assertEqual(formatEvent(event), "can't listen on slow")
        self.assertEqual(event["log_level"].name, "critical")
        self.assertEqual(str(event["log_failure"].value), "no luck")
        self.assertEqual((service.running, len(service.addresses)), (1, 1))

    def test_a_subclass_can_decide_otherwise(self):
        problems = []

        class Lenient(WebSocketService):
            def cannotListen(self, where, reason, starting):
                problems.append((where, str(reason.value), starting))

        now, later = Slow(), Slow()
        now.listening.errback(ValueError("now"))
        service = Lenient([now, later], echo, reactor=self.reactor)
        service.startService()
        later.listening.errback(ValueError("later"))
        self.assertEqual(problems, [("slow", "now", True), ("slow", "later", False)])
        self.assertTrue(service.running)

    def test_one_that_listens_later_is_shown_then(self):
        slow = Slow()
        service = self.start(slow)
        self.assertEqual(service.addresses, ())
        slow.listening.callback(Port())
        self.assertEqual([address.port for address in service.addresses], [90])

    def test_one_that_has_not_answered_when_it_stops_is_cancelled_quietly(self):
        slow = Slow()
        service = self.start(slow)
        self.successResultOf(service.stopService())
        self.assertTrue(slow.listening.called)

    def test_one_that_can_not_be_cancelled_listens_in_vain(self):
        port = Port()
        service = self.start(Slow(lambda listening: listening.callback(port)))
        self.successResultOf(service.stopService())
        self.assertFalse(port.listening)
        self.assertEqual(service.addresses, ())


class SocketTests(TestCase):
    async def test_it_serves_on_a_socket(self):
        service = WebSocketService("tcp:0:interface=127.0.0.1", echo)
        service.startService()
        self.addCleanup(service.stopService)
        ws = await connect(f"ws://127.0.0.1:{service.addresses[0].port}/")
        await ws.send("hello")
        self.assertEqual(await ws.recv(), "hello")
        await service.stopService()
        await ws.wait_closed()
        self.assertEqual(ws.close_code, 1001)

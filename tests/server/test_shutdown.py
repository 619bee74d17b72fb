"""A server ends when the reactor stops; programs and handlers wait for its end."""

import re

from twisted.internet.base import _ThreePhaseEvent
from twisted.internet.defer import CancelledError, Deferred, TimeoutError, inlineCallbacks, succeed
from twisted.internet.endpoints import TCP4ServerEndpoint, serverFromString
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import Clock
from twisted.internet.testing import MemoryReactorClock
from twisted.logger import Logger, eventAsText
from twisted.web.server import Site

from tests.server.test_contract_serving import Port
from tests.support.servers import Servers
from tests.support.sides import CLOSE, REQUEST, TEXT, URI, Peer, QuietTestCase, closing, frames_in
from tests.support.website import SiteTestCase
from txws2 import WebSocketResource
from txws2.client.service import WebSocketClientService
from txws2.server.factory import WebSocketServerFactory
from txws2.server.reactor_stop import tell_soon
from txws2.server.server import Server, serve
from txws2.server.service import WebSocketService
from txws2.streams.endpoints import WebSocketServerEndpoint
from txws2.testing import Joined
from txws2.wire.frames import encode_frame

GOING_AWAY = [(CLOSE, closing(1001))]


class Reactor(MemoryReactorClock):
    """A reactor whose clock a test advances, and that stops as those of Twisted do.

    Attributes:
        stopped: True once it has called its triggers and waited for their Deferreds.
    """

    stopped = False

    def __init__(self):
        super().__init__()
        self.shutdown = _ThreePhaseEvent()
        self.shutdown.addTrigger("during", setattr, self, "stopped", True)

    def addSystemEventTrigger(self, phase, event, function, *arguments, **options):
        assert event == "shutdown"
        return self.shutdown.addTrigger(phase, function, *arguments, **options)

    def removeSystemEventTrigger(self, trigger):
        self.shutdown.removeTrigger(trigger)

    def stop(self):
        self.shutdown.fireEvent()

    @property
    def waits_for(self):
        """The number of triggers that it will call before it stops."""
        return len(self.shutdown.before)


class Client(Peer):
    """A client's end of a connection to one of these factories."""

    def __init__(self, factory, clock, request=REQUEST):
        super().__init__()
        self.joined = Joined(factory.buildProtocol(None), self, clock)
        self.server = self.joined.server
        self.send(request)

    def send(self, data):
        self.transport.write(data)
        self.joined.pump()

    def status(self):
        """Return the status of the response, and forget the response."""
        head, _, rest = self.take().partition(b"\r\n\r\n")
        self.received += rest
        return int(head.split()[1]) if head else None

    def said(self):
        self.joined.pump()
        return frames_in(self.take())

    def leave(self):
        """Answer the close frame, and close the transport when the server has."""
        self.send(encode_frame(CLOSE, closing(1001), masked=True))
        self.go()

    def go(self):
        self.transport.loseConnection()
        self.joined.pump()


class ReactorTestCase(QuietTestCase):
    def setUp(self):
        super().setUp()
        self.clock = Reactor()

    def factory(self, handler=None, **options):
        return WebSocketServerFactory(handler, reactor=self.clock, **options)

    def open(self, factory):
        client = Client(factory, self.clock)
        self.assertEqual(client.status(), 101)
        return client

    def stop(self):
        """Stop the reactor; call its triggers, and their delayed calls that are due soon."""
        self.clock.stop()
        self.clock.advance(0.001)

    def assertClosed(self, *clients):
        """Assert that the clients are closed, and that the reactor waits for them."""
        for client in clients:
            self.assertFalse(self.clock.stopped)
            self.assertEqual(client.said(), GOING_AWAY)
            client.leave()
        self.assertTrue(self.clock.stopped)


class WaitedForTests(ReactorTestCase):
    """The connections and handlers that a reactor waits for, in words."""

    def waited_for(self, reactor):
        """Return the log's words on what it waits for, a second later."""
        said = []
        tell_soon(reactor, Logger(observer=said.append), "(be patient)")
        reactor.advance(1)
        [text] = map(eventAsText, said)
        return re.search(r"waiting for (.*) \(be patient\)", text)[1]

    def test_it_counts_connections_and_handlers_until_they_have_ended(self):
        ends = []

        def handler(ws):
            ends.append(Deferred())
            return ends[-1]

        clients = [self.open(self.factory(handler)), *map(self.open, [self.factory()] * 2)]
        self.assertEqual(self.waited_for(self.clock), "other parts of the program")
        self.stop()
        self.assertEqual(self.waited_for(self.clock), "3 connections and 1 handler")
        clients[0].leave()
        clients[1].leave()
        self.assertEqual(self.waited_for(self.clock), "1 connection and 1 handler")
        clients[2].leave()
        self.assertEqual(self.waited_for(self.clock), "1 handler")
        self.assertEqual(self.waited_for(Reactor()), "other parts of the program")
        ends[0].callback(None)
        self.assertEqual(self.waited_for(self.clock), "other parts of the program")
        self.assertTrue(self.clock.stopped)


class WayTests(ReactorTestCase):
    """Each way to start a server."""

    def ways(self):
        """Generate the listening objects of each way."""
        yield lambda: serve(None, "127.0.0.1", 0, reactor=self.clock)
        yield lambda: serve(None, endpoint="tcp:0", reactor=self.clock)
        yield lambda: TCP4ServerEndpoint(self.clock, 0).listen(self.factory())
        yield lambda: self.clock.listenTCP(0, self.factory())
        wrapped = Factory.forProtocol(Protocol)
        yield lambda: WebSocketServerEndpoint(
            TCP4ServerEndpoint(self.clock, 0), reactor=self.clock
        ).listen(wrapped)
        yield lambda: serverFromString(self.clock, "ws:8000").listen(wrapped)
        yield lambda: WebSocketService("tcp:0", None, reactor=self.clock).startService()

    def test_the_open_get_1001_and_the_reactor_waits_for_them(self):
        for listen in self.ways():
            self.clock = Reactor()
            listen()
            factory = self.clock.tcpServers[0][1]
            clients = [self.open(factory) for _ in range(3)]
            self.stop()
            self.assertClosed(*clients)

    def test_those_opening_get_503_and_so_do_those_that_still_come(self):
        for listen in self.ways():
            self.clock = Reactor()
            listen()
            factory = self.clock.tcpServers[0][1]
            opening = Client(factory, self.clock, REQUEST[:20])
            last = self.open(factory)
            self.clock.stop()
            late = Client(factory, self.clock)
            self.clock.advance(0.001)
            for client in opening, late:
                client.joined.pump()
                self.assertEqual(client.status(), 503)
                client.go()
            self.assertClosed(last)

    def test_it_waits_for_close_timeout_at_most(self):
        for listen in self.ways():
            self.clock = Reactor()
            listen()
            client = self.open(self.clock.tcpServers[0][1])
            client.joined.vanish()
            self.stop()
            self.clock.advance(9.9)
            self.assertFalse(self.clock.stopped)
            self.clock.advance(0.2)
            self.clock.advance(0)
            self.assertTrue(self.clock.stopped)

    def test_nobody_waits_if_there_is_nothing_to_close(self):
        for listen in self.ways():
            self.clock = Reactor()
            listen()
            self.stop()
            self.assertTrue(self.clock.stopped)

    def test_a_site_with_a_resource_is_one_more(self):
        resource = WebSocketResource(None, reactor=self.clock)
        site = Site(resource, reactor=self.clock)
        client = self.open(site)
        deciding = WebSocketResource(
            None, process_request=lambda *_: Deferred(), reactor=self.clock
        )
        opening = Client(Site(deciding, reactor=self.clock), self.clock)
        self.stop()
        opening.joined.pump()
        self.assertEqual(opening.status(), 503)
        late = Client(site, self.clock)
        self.assertEqual(late.status(), 503)
        self.assertClosed(client)


class TriggerTests(ReactorTestCase):
    """The reactor refers to a factory as long as there is something to close."""

    def test_the_reactor_refers_to_a_factory_while_a_port_listens(self):
        factory = self.factory()
        self.assertEqual(self.clock.waits_for, 0)
        factory.doStart()
        factory.doStart()
        self.assertEqual(self.clock.waits_for, 1)
        factory.doStop()
        self.assertEqual(self.clock.waits_for, 1)
        factory.doStop()
        self.assertEqual(self.clock.waits_for, 0)

    def test_connections_may_outlive_the_port(self):
        factory = self.factory()
        factory.doStart()
        clients = [self.open(factory) for _ in range(2)]
        factory.doStop()
        clients[0].go()
        self.assertEqual(self.clock.waits_for, 1)
        self.stop()
        self.assertClosed(clients[1])

    def test_connections_need_no_known_port(self):
        factory = self.factory()
        client = self.open(factory)
        self.assertEqual(self.clock.waits_for, 1)
        client.go()
        self.assertEqual(self.clock.waits_for, 0)

    def test_a_settled_connection_counts_until_its_transport_is_gone(self):
        client = self.open(self.factory())
        client.send(encode_frame(3, b"", masked=True))
        self.assertEqual(self.clock.waits_for, 1)
        self.stop()
        self.assertFalse(self.clock.stopped)
        client.go()
        self.assertTrue(self.clock.stopped)

    def test_a_clock_that_is_no_reactor_will_do(self):
        self.clock = Clock()
        factory = self.factory()
        factory.doStart()
        self.open(factory).go()
        factory.doStop()

    def test_a_reactor_in_memory_that_forgets_no_trigger_will_do(self):
        self.clock = MemoryReactorClock()
        factory = self.factory()
        for _ in range(2):
            factory.doStart()
            self.open(factory).go()
            factory.doStop()
        self.assertEqual(len(self.clock.triggers["before"]["shutdown"]), 1)


class TogetherTests(ReactorTestCase):
    """Several objects have triggers that the reactor calls when it stops."""

    def service(self, **options):
        service = WebSocketService("tcp:0", None, reactor=self.clock, ping_interval=None, **options)
        service.startService()
        return service, service.factory

    def test_a_service_drains_whether_its_trigger_is_called_first_or_last(self):
        for first in True, False:
            self.clock = Reactor()
            service, factory = self.service(drain=30)
            if not first:
                factory.doStart()
            self.clock.addSystemEventTrigger("before", "shutdown", service.stopService)
            client = self.open(factory)
            self.stop()
            self.clock.advance(29)
            self.assertEqual(client.said(), [])
            self.clock.advance(2)
            self.assertClosed(client)

    def test_one_that_has_another_code_to_say_is_not_forestalled(self):
        factory = self.factory()
        server = Server(factory, [Port()])
        factory.doStart()
        client = self.open(factory)
        self.clock.addSystemEventTrigger("before", "shutdown", server.close, code=1012)
        self.stop()
        self.assertEqual(client.said(), [(CLOSE, closing(1012))])

    def test_a_drain_that_began_long_ago_is_over(self):
        factory = self.factory()
        server = Server(factory, [Port()])
        client = self.open(factory)
        server.close(close_connections=False)
        self.clock.advance(1)
        self.stop()
        self.assertClosed(client)
        self.successResultOf(server.wait_closed())

    def test_a_server_that_was_closed_is_waited_for(self):
        factory = self.factory()
        server = Server(factory, [Port()])
        client = self.open(factory)
        server.close()
        self.clock.advance(1)
        self.stop()
        self.assertClosed(client)

    def test_the_deferred_of_wait_closed_fires(self):
        factory = self.factory()
        server = Server(factory, [Port()])
        client = self.open(factory)
        waiting = server.wait_closed()
        self.stop()
        self.assertFalse(server.is_serving())
        self.assertNoResult(waiting)
        self.assertClosed(client)
        self.successResultOf(waiting)

    def test_a_server_that_was_forgotten_is_closed_all_the_same(self):
        factory = self.factory()
        Server(factory, [Port()])
        client = self.open(factory)
        self.stop()
        self.assertClosed(client)

    def test_handlers_are_waited_for_and_cancelled_after_close_timeout(self):
        done = Deferred()
        for handler, advance in ((lambda _: done, 0), (lambda _: Deferred(), 10)):
            self.clock = Reactor()
            client = self.open(self.factory(handler))
            self.stop()
            client.leave()
            self.assertFalse(self.clock.stopped)
            if advance:
                self.clock.advance(advance)
            else:
                done.callback(None)
            self.assertTrue(self.clock.stopped)


class CircleTestCase(QuietTestCase):
    def start(self, handler, **options):
        self.factory = WebSocketServerFactory(handler, reactor=self.clock, **options)
        self.server = Server(self.factory, [Port()])
        self.ends = []

    def open(self):
        client = Client(self.factory, self.clock)
        self.assertEqual(client.status(), 101)
        return client


class CircleTests(CircleTestCase):
    """A server doesn't wait for a handler that waits for the server's end."""

    def assertEnds(self, *clients, code=1001):
        """Assert that the end comes as soon as the clients have left."""
        for client in clients:
            self.assertEqual(client.said(), [(CLOSE, closing(code))])
        waiting = self.server.wait_closed()
        self.assertNoResult(waiting)
        for client in clients:
            client.leave()
        self.successResultOf(waiting)
        self.assertEqual(self.ends, ["ended"] * len(self.ends))
        self.assertTrue(self.ends)
        self.assertEqual(self.factory.running, set())
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_a_handler_that_closes_the_server_is_not_waited_for(self):
        async def handler(ws):
            await self.server.close()
            self.ends.append("ended")

        self.start(handler)
        self.assertEnds(self.open())

    def test_a_handler_that_closes_it_and_then_waits_is_waited_for(self):
        async def handler(ws):
            self.server.close()
            await turn
            self.ends.append("ended")

        turn = Deferred()
        self.start(handler)
        client = self.open()
        client.leave()
        waiting = self.server.wait_closed()
        self.assertNoResult(waiting)
        turn.callback(None)
        self.successResultOf(waiting)

    def test_a_handler_that_closes_it_after_a_while_is_not_waited_for(self):
        async def handler(ws):
            await turn
            await self.server.close(code=1012)
            self.ends.append("ended")

        turn = Deferred()
        self.start(handler)
        client = self.open()
        turn.callback(None)
        self.assertEnds(client, code=1012)

    def test_a_handler_made_of_generators_is_not_waited_for(self):
        @inlineCallbacks
        def handler(ws):
            yield self.server.close()
            self.ends.append("ended")

        self.start(handler)
        self.assertEnds(self.open())

    def test_a_handler_that_closes_it_in_another_coroutine_is_not_waited_for(self):
        async def close():
            await self.server.close()

        async def handler(ws):
            await Deferred.fromCoroutine(close())
            self.ends.append("ended")

        self.start(handler)
        self.assertEnds(self.open())

    def test_several_of_them(self):
        async def handler(ws):
            await turn
            await self.server.close()
            self.ends.append("ended")

        turn = Deferred()
        self.start(handler)
        clients = [self.open() for _ in range(3)]
        turn.callback(None)
        self.assertEnds(*clients)
        self.assertEqual(len(self.ends), 3)

    def test_a_handler_that_waits_for_the_end_is_not_waited_for(self):
        async def handler(ws):
            await self.server.wait_closed()
            self.ends.append("ended")

        self.start(handler)
        clients = [self.open() for _ in range(2)]
        self.server.close()
        self.assertEnds(*clients)

    def test_a_handler_that_closes_it_lets_the_others_finish(self):
        async def handler(ws):
            if await turns.pop(0) == "close":
                await self.server.close(close_connections=False)
                self.ends.append("ended")
            await ws.recv()

        turn = Deferred()
        turns = [turn, succeed("go on")]
        self.start(handler)
        first, other = self.open(), self.open()
        turn.callback("close")
        self.clock.advance(5)
        self.assertEqual((first.said(), other.said(), self.ends), ([], [], []))
        other.leave()
        self.assertEqual(first.said(), GOING_AWAY)
        first.leave()
        self.successResultOf(self.server.wait_closed())
        self.assertEqual(self.ends, ["ended"])

    def test_a_handler_that_gives_up_waiting_is_waited_for_again(self):
        async def handler(ws):
            try:
                await self.server.close().addTimeout(1, self.clock)
            except TimeoutError:
                await turn
                self.ends.append("ended")

        turn = Deferred()
        self.start(handler)
        client = self.open()
        self.assertEqual(client.said(), GOING_AWAY)
        self.clock.advance(1)
        client.leave()
        waiting = self.server.wait_closed()
        self.assertNoResult(waiting)
        turn.callback(None)
        self.successResultOf(waiting)

    def test_others_are_waited_for_by_it(self):
        async def handler(ws):
            if await turns.pop(0) == "close":
                await self.server.close()
                self.ends.append("closed")
            else:
                await finish

        turn, finish = Deferred(), Deferred()
        turns = [turn, succeed("go on")]
        self.start(handler)
        clients = [self.open(), self.open()]
        turn.callback("close")
        for client in clients:
            client.leave()
        self.assertEqual(self.ends, [])
        finish.callback(None)
        self.assertEqual(self.ends, ["closed"])

    def test_one_that_does_not_notice_is_cancelled_as_ever(self):
        async def handler(ws):
            try:
                await self.server.close()
                await Deferred()
            except CancelledError:
                self.ends.append("cancelled")
                raise

        self.start(handler)
        client = self.open()
        client.leave()
        self.clock.advance(10)
        self.assertEqual(self.ends, ["cancelled"])
        self.successResultOf(self.server.wait_closed())

    def test_connections_that_wait_for_each_other_wait_for_no_handler(self):
        async def handler(ws):
            await turn
            [other] = set(self.factory.connections) - {ws}
            await other.close()
            self.ends.append("ended")

        turn = Deferred()
        self.start(handler)
        clients = [self.open() for _ in range(2)]
        turn.callback(None)
        for client in clients:
            self.assertEqual(client.said(), [(CLOSE, closing(1000))])
        closed = self.server.close()
        for client in clients:
            client.leave()
        self.successResultOf(closed)
        self.assertEqual(self.ends, ["ended"] * 2)

    def test_a_task_that_outlives_its_handler_is_nobody_in_particular(self):
        async def close():
            await turn
            await self.server.close()
            self.ends.append("ended")

        async def handler(ws):
            self.tasks.append(Deferred.fromCoroutine(close()))

        turn, self.tasks = Deferred(), []
        self.start(handler)
        client = self.open()
        client.leave()
        self.factory.handler = lambda _: finish
        finish = Deferred()
        other = self.open()
        turn.callback(None)
        other.leave()
        self.assertEqual(self.ends, [])
        finish.callback(None)
        self.assertEqual(self.ends, ["ended"])


class GuardTests(CircleTestCase):
    """A connection that fails to end keeps no other from ending."""

    def test_a_hook_that_fails_when_it_is_cancelled(self):
        for error in (ZeroDivisionError, SystemExit, CancelledError):

            def fail(_, error=error):
                raise error

            self.start(None, process_request=lambda *_, fail=fail: Deferred(fail))
            waiting = [Client(self.factory, self.clock) for _ in range(2)]
            self.factory.hooks = None
            client = self.open()
            closed = self.server.close()
            self.assertEqual(client.said(), GOING_AWAY)
            for each in waiting:
                each.joined.pump()
                self.assertEqual(each.status(), 503)
                each.go()
            client.leave()
            self.successResultOf(closed)
            self.take_loud()

    def test_a_handler_that_fails_when_it_is_cancelled(self):
        cancelled = []

        def fail(deferred):
            cancelled.append(deferred)
            raise ZeroDivisionError

        self.start(lambda _: Deferred(fail))
        clients = [self.open() for _ in range(2)]
        closed = self.server.close()
        for client in clients:
            client.leave()
        self.clock.advance(10)
        self.assertEqual(len(cancelled), 2)
        self.successResultOf(closed)
        self.assertEqual(len(self.take_loud()), 2)


class ServiceCircleTests(CircleTestCase):
    def test_a_handler_that_stops_its_service(self):
        async def handler(ws):
            await service.stopService()
            ends.append("ended")

        ends, self.clock = [], Reactor()
        service = WebSocketService("tcp:0", handler, reactor=self.clock)
        service.startService()
        client = Client(service.factory, self.clock)
        self.assertEqual((client.status(), client.said()), (101, GOING_AWAY))
        client.leave()
        self.assertEqual(ends, ["ended"])

    def test_handlers_of_two_services_each_of_which_stops_both(self):
        async def handler(ws):
            await ws.recv()
            stopping = [service.stopService() for service in services]
            for each in stopping:
                await each
            ends.append("ended")

        ends, self.clock = [], Reactor()
        services = [WebSocketService("tcp:0", handler, reactor=self.clock) for _ in range(2)]
        clients = []
        for service in services:
            service.startService()
            clients.append(Client(service.factory, self.clock))
            self.assertEqual(clients[-1].status(), 101)
        for client in clients:
            client.send(encode_frame(TEXT, b"stop", masked=True))
        for client in clients:
            client.leave()
        self.assertEqual(ends, ["ended", "ended"])

    def test_a_message_that_has_a_clients_service_stop(self):
        async def on_message(message):
            await service.stopService()
            ends.append("ended")

        ends, servers = [], Servers(self.clock)
        service = WebSocketClientService(URI, on_message, endpoint=servers, reactor=self.clock)
        service.startService()
        servers.open()
        servers.say(encode_frame(1, b"stop", masked=False))
        self.assertEqual(servers.heard(), GOING_AWAY)
        servers.close(1001)
        self.assertEqual(ends, ["ended"])
        self.successResultOf(service.stopService())


class ResourceCircleTests(SiteTestCase):
    def test_a_handler_that_closes_its_resource(self):
        async def handler(ws):
            await resource.close()
            ends.append("ended")

        ends, resource = [], None
        resource = self.serve(handler)
        self.open()
        self.assertEqual(self.said(), GOING_AWAY)
        self.hear((CLOSE, closing(1001)))
        self.leave()
        self.assertEqual(ends, ["ended"])

"""The client service: its connections, its states, the messages that it sends and keeps."""

import contextlib

from twisted.application.service import Application, IService
from twisted.internet import reactor as real_reactor
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ConnectionRefusedError
from twisted.logger import formatEvent
from twisted.trial.unittest import TestCase
from zope.interface.verify import verifyObject

from tests.client.test_connections import Reactor, Resolver
from tests.command.test_main import StoppedReactor
from tests.support.servers import Servers
from tests.support.sides import CLOSE, TEXT, URI, QuietTestCase, closing
from txws2._time.backoff import Backoff
from txws2.client.client_state import ClientState
from txws2.client.connections import connect
from txws2.client.service import WebSocketClientService
from txws2.exceptions import (
    ConnectionClosed,
    ConnectionClosedError,
    InvalidProxy,
    InvalidState,
    InvalidStatus,
    InvalidURI,
    OpeningTimeout,
)
from txws2.server.server import serve
from txws2.wire.frames import encode_frame

STOPPED, CONNECTING, OPEN, BACKING_OFF = ClientState


class ServiceTestCase(QuietTestCase):
    def setUp(self):
        super().setUp()
        self.servers = Servers(self.clock)
        self.states, self.messages = [], []
        self.backoff = Backoff(random=lambda: 0.5)

    def make(self, on_message=None, **options):
        options.setdefault("on_state_change", self.states.append)
        self.service = WebSocketClientService(
            URI,
            on_message or self.messages.append,
            endpoint=self.servers,
            backoff=self.backoff,
            reactor=self.clock,
            compression=None,
            **options,
        )
        return self.service

    def start(self, *arguments, **options):
        service = self.make(*arguments, **options)
        service.startService()
        return service

    def open(self, *arguments, **options):
        service = self.start(*arguments, **options)
        self.servers.open()
        return service

    def stop(self):
        """Stop the service, with a server that answers."""
        stopping = self.service.stopService()
        self.clock.advance(0)
        if self.servers.joined is not None and self.servers.peer.transport.connected:
            self.servers.close(1001)
        self.successResultOf(stopping)
        self.assertNothingLeft()

    def say(self, text):
        self.servers.say(encode_frame(TEXT, text.encode(), masked=False))

    def last_long(self):
        """Let the connection be open for so long that the next one is made at once."""
        self.clock.advance(5)

    def assertNothingLeft(self):
        self.servers.pump()
        self.assertIsNone(self.servers.waiting)
        self.assertEqual(self.clock.getDelayedCalls(), [])


class LifeTests(ServiceTestCase):
    def test_it_is_a_service(self):
        verifyObject(IService, self.make())

    def test_it_connects_when_it_is_started_and_not_before(self):
        service = self.make()
        self.assertEqual((self.servers.attempts, service.state), (0, STOPPED))
        service.startService()
        self.assertEqual((self.servers.attempts, service.state), (1, CONNECTING))
        self.servers.open()
        self.assertIs(service.state, OPEN)
        self.stop()
        self.assertEqual(self.states, [CONNECTING, OPEN, STOPPED])

    def test_starting_it_again_does_nothing(self):
        service = self.start()
        service.startService()
        self.assertEqual(self.servers.attempts, 1)
        self.stop()

    def test_it_has_a_name_among_others(self):
        application = Application("test")
        service = self.make()
        service.setName("feed")
        service.setServiceParent(application)
        self.assertIs(IService(application).getServiceNamed("feed"), service)
        IService(application).startService()
        self.assertEqual(self.servers.attempts, 1)
        self.stop()

    def test_mistakes_are_reported_at_once(self):
        self.assertRaises(InvalidURI, WebSocketClientService, "http://example.com/")
        self.assertRaises(ValueError, self.make, max_size=-1)
        self.assertRaises(ValueError, self.make, max_waiting=-1)
        self.assertRaises(InvalidProxy, WebSocketClientService, URI, proxy="nonsense")
        self.assertRaises(ValueError, self.make, proxy="http://127.0.0.1:1")

    def test_it_takes_the_proxy_of_the_options_for_connect(self):
        reactor = Reactor()
        reactor.nameResolver = Resolver()
        service = WebSocketClientService(URI, proxy="http://127.0.0.1:3128", reactor=reactor)
        service.startService()
        self.assertEqual(reactor.tcpClients[-1][:2], ("127.0.0.1", 3128))
        stopping = service.stopService()
        reactor.advance(0)
        self.successResultOf(stopping)

    def test_headers_are_sent_each_time(self):
        headers = iter([("X-Token", "secret")])
        self.start(additional_headers=headers, subprotocols=iter(["chat"]))
        for _ in range(2):
            self.servers.accept()
            request = self.servers.peer.take()
            self.assertIn(b"X-Token: secret", request)
            self.assertIn(b"Sec-WebSocket-Protocol: chat", request)
            self.servers.joined.drop()
            self.clock.advance(5)
        self.stop()

    def test_without_a_hook_messages_are_thrown_away(self):
        service = self.make(on_state_change=None)
        service._on_message = None
        service.startService()
        self.servers.open()
        for _ in range(20):
            self.say("hello")
        self.assertFalse(self.servers.protocol.transport.paused)
        self.stop()


class StopTests(ServiceTestCase):
    def test_it_closes_the_connection_with_1001_and_waits_for_it(self):
        service = self.open()
        stopping = service.stopService()
        self.assertEqual(self.servers.heard(), [(CLOSE, closing(1001))])
        self.assertIs(service.state, STOPPED)
        self.assertNoResult(stopping)
        self.servers.close(1001)
        self.successResultOf(stopping)
        self.assertEqual(self.servers.attempts, 1)
        self.assertNothingLeft()

    def test_it_waits_close_timeout_at_most(self):
        service = self.open(close_timeout=3)
        stopping = service.stopService()
        self.clock.advance(2)
        self.servers.pump()
        self.assertNoResult(stopping)
        self.clock.advance(1)
        self.servers.pump()
        self.successResultOf(stopping)
        self.assertNothingLeft()

    def test_without_one_it_waits_as_long_as_it_takes(self):
        service = self.open(close_timeout=None)
        stopping = service.stopService()
        self.clock.advance(1000)
        self.assertNoResult(stopping)
        self.servers.close(1001)
        self.successResultOf(stopping)

    def test_while_it_connects(self):
        self.start()
        self.stop()

    def test_in_the_handshake(self):
        self.start()
        self.servers.accept()
        stopping = self.service.stopService()
        self.clock.advance(0)
        self.servers.pump()
        self.successResultOf(stopping)
        self.assertNothingLeft()

    def test_while_it_backs_off(self):
        self.start()
        self.servers.fail()
        self.stop()
        self.clock.advance(100)
        self.assertEqual(self.servers.attempts, 1)

    def test_while_the_hook_greets(self):
        greeting = Deferred()
        self.open(on_connect=lambda ws: greeting)
        self.stop()
        self.assertTrue(greeting.called)
        self.assertEqual(self.states, [CONNECTING, STOPPED])

    def test_a_message_that_is_being_handled_is_finished(self):
        handling = Deferred()
        service = self.open(lambda message: handling)
        self.say("hello")
        stopping = service.stopService()
        self.servers.close(1001)
        self.assertNoResult(stopping)
        handling.callback(None)
        self.successResultOf(stopping)
        self.assertNothingLeft()

    def test_it_is_cancelled_after_close_timeout(self):
        handling = Deferred()
        service = self.open(lambda message: handling)
        self.say("hello")
        stopping = service.stopService()
        self.servers.close(1001)
        self.clock.advance(10)
        self.successResultOf(stopping)
        self.assertTrue(handling.called)
        self.assertNothingLeft()

    def test_it_can_be_stopped_although_it_was_not_started(self):
        self.successResultOf(self.make().stopService())

    def test_stopping_it_again_waits_likewise(self):
        service = self.open()
        first, second = service.stopService(), service.stopService()
        first.cancel()
        self.failureResultOf(first, CancelledError)
        self.assertNoResult(second)
        self.servers.close(1001)
        self.successResultOf(second)

    def test_it_can_be_stopped_from_within_any_hook(self):
        def stop(*_):
            self.stopping = self.service.stopService()

        def stop_when(state):
            if state is self.when:
                stop()

        for when in CONNECTING, BACKING_OFF, OPEN:
            self.when = when
            self.servers = Servers(self.clock)
            self.start(on_state_change=stop_when)
            if when is BACKING_OFF:
                self.servers.fail()
            elif when is OPEN:
                self.servers.open()
                self.servers.close(1001)
            self.clock.advance(0)
            self.successResultOf(self.stopping)
            self.assertNothingLeft()
        for options in {"on_connect": stop}, {"on_message": stop}:
            self.servers = Servers(self.clock)
            self.open(**options)
            self.say("hello")
            self.servers.close(1001)
            self.clock.advance(0)
            self.successResultOf(self.stopping)
            self.assertNothingLeft()

    def test_a_callback_of_send_can_stop_it(self):
        service = self.start(max_waiting=1)
        stopping = service.send("last").addCallback(lambda _: service.stopService())
        self.servers.open()
        self.assertEqual(self.servers.heard(), [(TEXT, b"last"), (CLOSE, closing(1001))])
        self.servers.close(1001)
        self.successResultOf(stopping)
        self.assertEqual(self.states, [CONNECTING, STOPPED])
        self.assertNothingLeft()

    def test_it_can_be_started_again(self):
        self.open()
        self.stop()
        self.service.startService()
        self.servers.open()
        self.say("hello")
        self.assertEqual(self.messages, ["hello"])
        self.stop()

    def test_it_can_be_started_again_while_it_stops(self):
        service = self.open()
        old = self.servers.joined, self.servers.peer
        stopping = service.stopService()
        service.startService()
        self.servers.open()
        self.assertIs(service.state, OPEN)
        new = self.servers.joined, self.servers.peer
        self.servers.joined, self.servers.peer = old
        self.servers.close(1001)
        self.successResultOf(stopping)
        self.servers.joined, self.servers.peer = new
        self.assertIs(service.state, OPEN)
        service.send("hello")
        self.assertEqual(self.servers.heard(), [(TEXT, b"hello")])
        self.stop()


class ReconnectingTests(ServiceTestCase):
    def test_a_connection_that_was_lost_is_replaced_at_once(self):
        self.open()
        self.last_long()
        self.servers.joined.drop()
        self.assertEqual((self.servers.attempts, self.service.state), (2, CONNECTING))
        self.servers.open()
        self.stop()
        lines = [formatEvent(event) for event in self.events]
        self.assertIn(
            "disconnected from example.com: no close frame received or sent; trying again at once",
            lines,
        )

    def test_one_that_the_server_has_closed_is_replaced_too(self):
        self.open()
        self.last_long()
        self.servers.close(1000)
        self.assertEqual(self.servers.attempts, 2)
        self.stop()

    def test_one_that_did_not_last_is_replaced_after_a_while(self):
        self.open()
        self.servers.close(1013)
        self.assertEqual((self.servers.attempts, self.service.state), (1, BACKING_OFF))
        self.clock.advance(2.4)
        self.assertEqual(self.servers.attempts, 1)
        self.clock.advance(0.2)
        self.assertEqual((self.servers.attempts, self.service.state), (2, CONNECTING))
        self.stop()

    def test_the_waits_grow_while_no_connection_lasts(self):
        self.start()
        for seconds in 2.5, 3.1, 5.1:
            self.servers.open()
            self.servers.close(1013)
            self.assertIs(self.service.state, BACKING_OFF)
            self.clock.advance(seconds - 0.1)
            self.assertIs(self.service.state, BACKING_OFF)
            self.clock.advance(0.2)
            self.assertIs(self.service.state, CONNECTING)
        self.assertEqual(self.states, [CONNECTING, OPEN, BACKING_OFF] * 3 + [CONNECTING])
        self.stop()

    def test_a_waiter_gets_a_short_connection_and_counts_no_failure(self):
        service = self.open()
        self.servers.close(1013)
        connected = service.whenConnected(failAfterFailures=1)
        self.clock.advance(2.5)
        self.servers.open()
        self.assertIs(self.successResultOf(connected), self.servers.protocol)
        self.servers.close(1013)
        self.stop()

    def test_a_close_code_can_end_it_loudly(self):
        def careful(exc):
            return exc if isinstance(exc, ConnectionClosed) and exc.rcvd.code == 4004 else None

        service = self.start(process_exception=careful, max_waiting=1)
        self.servers.open()
        self.servers.say(encode_frame(CLOSE, closing(4004, "no"), masked=False))
        waiting, connected = service.send("hello"), service.whenConnected()
        self.servers.peer.transport.loseConnection()
        self.servers.pump()
        [event] = self.take_loud()
        self.assertRegex(
            formatEvent(event), "^giving up on example.com. The client doesn.t try again"
        )
        self.assertEqual(self.states, [CONNECTING, OPEN, STOPPED])
        for failed in waiting, connected, service.send("hello"), service.whenConnected():
            self.failureResultOf(failed, ConnectionClosedError)
        self.stop()

    def test_a_close_code_during_the_greeting_can_end_it_loudly(self):
        self.open(process_exception=lambda exc: exc, on_connect=lambda ws: ws.recv())
        self.servers.close(4004)
        self.assertEqual(len(self.take_loud()), 1)
        self.assertIs(self.service.state, STOPPED)
        self.stop()

    def test_it_can_be_stopped_while_it_waits_after_a_connection(self):
        self.open()
        self.servers.close(4004)
        self.stop()
        self.assertEqual(self.states, [CONNECTING, OPEN, BACKING_OFF, STOPPED])

    def test_a_close_that_it_made_itself_is_not_decided_on(self):
        asked = []
        self.open(process_exception=asked.append)
        self.stop()
        self.assertEqual(asked, [])

    def test_the_waits_grow(self):
        self.start()
        for seconds in 2.5, 3.1, 5.1:
            self.servers.fail()
            self.assertIs(self.service.state, BACKING_OFF)
            self.clock.advance(seconds)
            self.assertIs(self.service.state, CONNECTING)
        self.assertEqual(self.states, [CONNECTING, BACKING_OFF] * 3 + [CONNECTING])
        self.stop()

    def test_a_permanent_error_ends_it_loudly(self):
        service = self.start(max_waiting=1)
        waiting, connected = service.send("hello"), service.whenConnected()
        self.servers.refuse("401 Unauthorized")
        [event] = self.take_loud()
        self.assertRegex(
            formatEvent(event), "^giving up on example.com. The client doesn.t try again"
        )
        self.assertIs(service.state, STOPPED)
        for failed in waiting, connected, service.send("hello"), service.whenConnected():
            self.failureResultOf(failed, InvalidStatus)
        self.stop()

    def test_having_given_up_it_can_be_started_again(self):
        service = self.start()
        self.servers.refuse("401 Unauthorized")
        self.take_loud()
        self.successResultOf(service.stopService())
        service.startService()
        self.servers.open()
        self.assertIs(self.successResultOf(service.whenConnected()), self.servers.protocol)
        self.stop()

    def test_the_application_decides(self):
        self.start(process_exception=lambda exc: None)
        self.servers.refuse("401 Unauthorized")
        self.assertIs(self.service.state, BACKING_OFF)
        self.stop()


class WhenConnectedTests(ServiceTestCase):
    def test_it_fires_at_once_if_there_is_a_connection(self):
        service = self.open()
        self.assertIs(self.successResultOf(service.whenConnected()), self.servers.protocol)
        self.stop()

    def test_it_waits_for_one(self):
        service = self.make()
        before = service.whenConnected()
        service.startService()
        during = service.whenConnected()
        self.servers.open()
        for connected in before, during:
            self.assertIs(self.successResultOf(connected), self.servers.protocol)
        self.stop()

    def test_a_connection_that_is_closing_is_none(self):
        service = self.open()
        self.last_long()
        self.servers.protocol.close()
        connected = service.whenConnected()
        self.assertNoResult(connected)
        self.servers.close()
        self.servers.open()
        self.assertIs(self.successResultOf(connected), self.servers.protocol)
        self.stop()

    def test_it_fails_after_so_many_failures(self):
        service = self.start()
        connected = service.whenConnected(failAfterFailures=2)
        self.servers.fail()
        self.assertNoResult(connected)
        self.clock.advance(3)
        self.servers.fail()
        self.failureResultOf(connected, ConnectionRefusedError)
        self.stop()

    def test_it_fails_when_the_service_is_stopped(self):
        service = self.start()
        connected = service.whenConnected()
        self.stop()
        self.failureResultOf(connected, CancelledError)

    def test_a_waiter_that_gets_it_may_stop_the_service(self):
        service = self.start()
        first = service.whenConnected().addCallback(lambda _: service.stopService())
        second = service.whenConnected()
        self.servers.open()
        self.failureResultOf(second, CancelledError)
        self.servers.close(1001)
        self.successResultOf(first)
        self.assertNothingLeft()


class SendTests(ServiceTestCase):
    def test_it_sends_on_the_connection(self):
        service = self.open()
        self.successResultOf(service.send("hello"))
        self.successResultOf(service.send(b"data", True, compress=False))
        self.assertEqual(self.servers.heard(), [(TEXT, b"hello"), (TEXT, b"data")])
        self.stop()

    def test_it_fails_without_one(self):
        service = self.start()
        self.failureResultOf(service.send("hello"), InvalidState)
        self.stop()

    def test_it_fails_while_the_service_does_not_run(self):
        service = self.make(max_waiting=5)
        failure = self.failureResultOf(service.send("hello"), InvalidState)
        self.assertEqual(str(failure.value), "not sent: the service isn't running")

    def test_messages_may_wait_for_a_connection(self):
        service = self.start(max_waiting=5)
        sent = [service.send("one"), service.send("two")]
        self.assertNoResult(sent[0])
        self.servers.open()
        for each in sent:
            self.successResultOf(each)
        self.assertEqual(self.servers.heard(), [(TEXT, b"one"), (TEXT, b"two")])
        self.stop()

    def test_messages_wait_while_a_connection_is_closing(self):
        service = self.open(max_waiting=5)
        self.last_long()
        self.servers.protocol.close()
        self.servers.heard()
        sent = service.send("hello")
        self.assertEqual(self.servers.heard(), [])
        self.servers.close()
        self.servers.open()
        self.successResultOf(sent)
        self.assertEqual(self.servers.heard(), [(TEXT, b"hello")])
        self.stop()

    def test_nothing_overtakes_those_that_wait(self):
        service = self.start(max_waiting=5)
        service.send("one").addCallback(lambda _: service.send("three"))
        service.send("two")
        self.servers.open()
        self.assertEqual(
            [payload for _, payload in self.servers.heard()], [b"one", b"two", b"three"]
        )
        self.stop()

    def test_too_many_are_dropped_as_the_option_says(self):
        service = self.start(max_waiting=1, drop="oldest")
        self.failureResultOf(self._two(service)[0], InvalidState)
        self.stop()

    def _two(self, service):
        return service.send("one"), service.send("two")

    def test_those_that_wait_fail_when_it_stops(self):
        service = self.start(max_waiting=1)
        sent = service.send("one")
        self.stop()
        self.failureResultOf(sent, CancelledError)


class HookTests(ServiceTestCase):
    def test_messages_come_one_after_the_other(self):
        handling = []

        def on_message(message):
            self.messages.append(message)
            handling.append(Deferred())
            return handling[-1]

        self.open(on_message)
        self.say("one")
        self.say("two")
        self.assertEqual(self.messages, ["one"])
        handling[0].callback(None)
        self.assertEqual(self.messages, ["one", "two"])
        handling[1].callback(None)
        self.stop()

    def test_a_hook_may_be_a_coroutine_function(self):
        async def on_message(message):
            await self.service.send(message)

        self.open(on_message)
        self.say("hello")
        self.assertEqual(self.servers.heard(), [(TEXT, b"hello")])
        self.stop()

    def test_the_end_of_the_connection_is_no_failure_of_a_message_s_hook(self):
        async def on_message(message):
            self.messages.append(message)
            ws = await self.service.whenConnected()
            await ws.ping()

        self.open(on_message)
        self.say("one")
        self.servers.close(4000)
        self.assertEqual((self.messages, self.take_loud()), (["one"], []))
        self.stop()

    def test_an_exception_of_a_message_s_hook_is_logged_and_the_next_one_comes(self):
        def on_message(message):
            self.messages.append(message)
            raise KeyError

        self.open(on_message)
        self.say("one")
        self.say("two")
        self.assertEqual(self.messages, ["one", "two"])
        events = self.take_loud()
        self.assertEqual([formatEvent(event) for event in events], ["on_message failed"] * 2)
        self.assertEqual(events[0]["log_level"].name, "error")
        self.assertIs(self.service.state, OPEN)
        self.stop()

    def test_a_hook_that_has_its_own_work_cancelled_does_not_end_it(self):
        working = Deferred()
        self.open(lambda message: working)
        self.say("one")
        working.cancel()
        self.assertEqual(len(self.take_loud()), 1)
        self.assertIs(self.service.state, OPEN)
        self.stop()

    def test_an_exception_of_the_hook_of_states_is_logged(self):
        def broken(state):
            raise KeyError

        self.open(on_state_change=broken)
        self.assertIs(self.service.state, OPEN)
        self.stop()
        lines = [formatEvent(event) for event in self.take_loud()]
        self.assertEqual(lines, ["on_state_change failed"] * 3)

    def test_it_greets_on_each_connection_before_anything_else(self):
        async def greet(ws):
            await ws.send("subscribe")
            self.assertEqual(await ws.recv(), "subscribed")

        service = self.start(on_connect=greet, max_waiting=5)
        service.send("later")
        self.servers.open()
        for _ in range(2):
            self.assertEqual(self.servers.heard(), [(TEXT, b"subscribe")])
            self.assertIs(service.state, CONNECTING)
            self.say("subscribed")
            self.assertIs(service.state, OPEN)
            self.assertEqual(self.servers.heard(), [(TEXT, b"later")])
            self.last_long()
            self.servers.joined.drop()
            service.send("later")
            self.servers.open()
        self.assertEqual(self.messages, [])
        self.say("subscribed")
        self.stop()

    def test_a_connection_lost_while_it_greets_is_a_failure_to_connect(self):
        self.open(on_connect=lambda ws: ws.recv())
        self.servers.joined.drop()
        self.assertIs(self.service.state, BACKING_OFF)
        self.clock.advance(2.5)
        self.assertEqual(self.servers.attempts, 2)
        self.stop()

    def test_a_greeting_that_never_ends_is_cancelled_after_open_timeout(self):
        greeting = Deferred()
        service = self.start(on_connect=lambda ws: greeting)
        connected = service.whenConnected(failAfterFailures=1)
        self.clock.advance(4)
        self.servers.open()
        self.clock.advance(5.9)
        self.assertIs(service.state, CONNECTING)
        self.clock.advance(0.2)
        self.assertTrue(greeting.called)
        self.assertEqual(self.servers.heard(), [(CLOSE, closing(1011))])
        self.servers.close(1011)
        timeout = self.failureResultOf(connected, OpeningTimeout).value
        self.assertEqual(timeout.stage, "on_connect")
        self.assertIs(service.state, BACKING_OFF)
        self.clock.advance(2.5)
        self.assertEqual(self.servers.attempts, 2)
        self.stop()

    def test_a_greeting_that_resists_cancellation_is_given_up(self):
        async def stubborn(ws):
            while True:
                with contextlib.suppress(CancelledError):
                    await Deferred()

        self.open(on_connect=stubborn)
        self.clock.advance(10)
        self.servers.close(1011)
        self.assertIs(self.service.state, BACKING_OFF)
        self.stop()

    def test_one_that_refuses_to_be_cancelled_does_not_hold_up_the_end(self):
        async def stubborn(ws):
            while True:
                with contextlib.suppress(CancelledError):
                    await Deferred()

        self.open(on_connect=stubborn)
        self.stop()
        self.assertIs(self.service.state, STOPPED)

    def test_without_open_timeout_the_greeting_may_take_as_long_as_it_does(self):
        greeting = Deferred()
        self.open(on_connect=lambda ws: greeting, open_timeout=None, ping_interval=None)
        self.clock.advance(1000)
        greeting.callback(None)
        self.assertIs(self.service.state, OPEN)
        self.stop()

    def test_a_mistake_in_the_greeting_ends_it_loudly(self):
        def broken(ws):
            raise KeyError

        self.open(on_connect=broken)
        self.assertEqual(self.servers.heard(), [(CLOSE, closing(1011))])
        self.servers.close(1011)
        self.assertEqual(len(self.take_loud()), 1)
        self.assertIs(self.service.state, STOPPED)
        self.stop()


class SocketTests(TestCase):
    async def test_it_connects_to_a_uri(self):
        async def echo(ws):
            async for message in ws:
                await ws.send(message)

        server = await serve(echo, "127.0.0.1", 0)
        self.addCleanup(server.close)
        heard = Deferred()
        uri = f"ws://127.0.0.1:{server.addresses[0].port}/"
        service = WebSocketClientService(uri, heard.callback)
        self.assertIs(service._factory.reactor, real_reactor)
        service.startService()
        await service.whenConnected()
        await service.send("hello")
        self.assertEqual(await heard, "hello")
        await service.stopService()

    async def test_a_client_refused_with_429_comes_in_once_there_is_room(self):
        server = await serve(
            lambda ws: ws.wait_closed(), "127.0.0.1", 0, max_connections_per_host=1
        )
        self.addCleanup(server.close)
        uri = f"ws://127.0.0.1:{server.addresses[0].port}/"
        first = await connect(uri)
        backed_off = Deferred()

        def changed(state):
            if state is BACKING_OFF and not backed_off.called:
                backed_off.callback(None)

        clock = StoppedReactor()
        service = WebSocketClientService(
            uri, on_state_change=changed, backoff=Backoff(initial=0), reactor=clock
        )
        service.startService()
        await backed_off
        await first.close()
        # The server's Retry-After.
        clock.advance(10)
        await service.whenConnected()
        await service.stopService()

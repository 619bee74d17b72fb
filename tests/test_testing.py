"""The tools of txws2.testing behave as tests rely on, and report what a test has forgotten."""

import gc
import unittest
import weakref
from functools import partial

from twisted.internet import reactor
from twisted.internet.error import ConnectionAborted
from twisted.internet.task import Clock
from twisted.logger import globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from tests.support.sides import Peer, RecordedClient, RecordedServer
from txws2 import Rooms
from txws2.client.protocol import WebSocketClientFactory, WebSocketClientProtocol
from txws2.exceptions import (
    ConnectionClosedError,
    ConnectionClosedOK,
    InvalidMessage,
    InvalidOrigin,
    InvalidStatus,
)
from txws2.server.factory import WebSocketServerFactory, WebSocketServerProtocol
from txws2.testing import Frame, Joined, Opcode, joined, opened


async def echo(ws):
    async for message in ws:
        await ws.send(message)


async def fail(ws):
    raise RuntimeError("no luck")


class JoinedTests(SynchronousTestCase):
    def test_a_handler_and_a_client_talk(self):
        both = joined(echo)
        both.client.sendMessage("hello")
        both.pump()
        self.assertEqual(self.successResultOf(both.client.recv()), "hello")

    def test_without_a_handler_the_test_has_both_ends(self):
        both = joined()
        both.server.sendMessage("from the server")
        self.assertEqual(both.result_of(both.client.recv()), "from the server")

    def test_both_can_be_of_the_application_s_classes(self):
        both = joined(server=RecordedServer, client=partial(RecordedClient))
        self.assertIsInstance(both.server, RecordedServer)
        self.assertIsInstance(both.client, RecordedClient)
        self.assertEqual((both.server.opened, both.client.opened), (1, 1))

    def test_options_of_both_go_to_both_and_the_others_to_their_side(self):
        both = joined(
            max_size=5,
            subprotocols=["chat"],
            origins=["https://a.example"],
            hosts=["b.example"],
            max_connections=1,
            max_line_size=1000,
            origin="https://a.example",
            additional_headers={"Cookie": "x=1"},
            user_agent_header="test",
            uri="ws://b.example/room?x=1",
        )
        self.assertEqual(both.server.factory.max_size, 5)
        self.assertEqual(both.client.factory.max_size, 5)
        self.assertEqual(both.client.subprotocol, "chat")
        self.assertEqual(both.server.request.path, "/room?x=1")
        self.assertEqual(both.server.request.headers["Cookie"], "x=1")

    def test_hooks_go_to_the_server(self):
        asked = []
        both = joined(
            process_request=lambda *_: asked.append("request"),
            select_subprotocol=lambda *_: asked.append("subprotocol"),
            process_response=lambda *_: asked.append("response"),
        )
        self.assertEqual(asked, ["request", "subprotocol", "response"])
        self.assertIsNotNone(both.server.factory.hooks)

    def test_an_option_that_is_none_is_an_error(self):
        self.assertRaises(TypeError, joined, echo, nope=1)

    def test_the_factory_of_an_application_serves_all_that_are_joined_to_it(self):
        clock = Clock()
        factory = WebSocketServerFactory(echo, subprotocols=["chat"], reactor=clock)
        first, second = joined(factory, subprotocols=["chat"]), joined(factory, clock=clock)
        self.assertEqual(factory.connections, {first.server, second.server})
        self.assertIs(first.clock, clock)
        self.assertEqual((first.client.subprotocol, second.client.subprotocol), ("chat", None))

    def test_options_of_a_server_do_not_go_with_a_factory(self):
        factory = WebSocketServerFactory(echo, reactor=Clock())
        for options in {"origins": None}, {"server": RecordedServer}:
            self.assertRaises(TypeError, joined, factory, **options)

    def test_connections_may_share_a_clock(self):
        clock = Clock()
        self.assertIs(joined(echo, clock=clock).clock, clock)

    def test_another_clock_than_the_factory_s_is_an_error(self):
        factory = WebSocketServerFactory(echo, reactor=Clock())
        error = self.assertRaises(ValueError, joined, factory, clock=Clock())
        self.assertIn("reactor=clock", str(error))

    def test_the_real_reactor_is_an_error(self):
        error = self.assertRaises(ValueError, joined, WebSocketServerFactory(echo, reactor=reactor))
        self.assertIn("reactor=clock", str(error))

    def test_a_refusal_of_the_server_is_raised(self):
        error = self.assertRaises(InvalidStatus, joined, echo, origins=["https://a.example"])
        self.assertEqual(error.response.status_code, 403)

    def test_any_protocol_can_be_the_other_end(self):
        clock = Clock()
        clients = WebSocketClientFactory("ws://a/", reactor=clock)
        with Joined(Peer(), clients.buildProtocol(None), clock) as both:
            both.pump()
            self.assertTrue(both.server.take().startswith(b"GET / HTTP/1.1\r\n"))
        self.assertEqual(len(both.server.lost), 1)


class TimeTests(SynchronousTestCase):
    def test_time_passes_a_second_at_a_time_and_bytes_move_meanwhile(self):
        both = joined(server=RecordedServer, ping_interval=1, ping_timeout=1)
        both.advance(5)
        self.assertEqual(both.clock.seconds(), 5)
        self.assertGreaterEqual(len(both.server.pinged), 4)
        self.assertEqual(both.client.state.name, "OPEN")

    def test_timers_are_in_time_however_short(self):
        both = joined(server=RecordedServer, ping_interval=0.5, ping_timeout=0.5)
        both.vanish()
        both.advance(1)
        self.assertEqual(both.server.close_code, 1006)

    def test_a_part_of_a_second_passes_too(self):
        both = joined(echo)
        both.advance(2.5)
        both.advance(0.25)
        self.assertEqual(both.clock.seconds(), 2.75)

    def test_bytes_underway_arrive_before(self):
        both = joined(echo)
        both.client.sendMessage("hello")
        both.advance(0)
        self.assertEqual(self.successResultOf(both.client.recv()), "hello")


class ResultTests(SynchronousTestCase):
    def test_nobody_has_to_pump_for_a_result(self):
        both = joined(echo)
        both.client.sendMessage("hello")
        self.assertEqual(both.result_of(both.client.recv()), "hello")

    def test_a_coroutine_may_say_and_hear_much(self):
        both = joined(echo)

        async def talk():
            heard = []
            for message in "one", b"two":
                await both.client.send(message)
                heard.append(await both.client.recv())
            await both.client.close()
            return heard

        self.assertEqual(both.result_of(talk()), ["one", b"two"])
        self.assertEqual(both.server.close_code, 1000)

    def test_its_failure_is_raised(self):
        async def handler(ws):
            await ws.close(4000, "enough")

        both = joined(handler)
        error = self.assertRaises(ConnectionClosedError, both.result_of, both.client.recv())
        self.assertEqual((error.rcvd.code, error.rcvd.reason), (4000, "enough"))

    def test_no_result_is_an_error_that_says_what_may_be_missing(self):
        both = joined(echo)
        error = self.assertRaises(AssertionError, both.result_of, both.client.recv())
        for word in "nothing moves any more", "advance()", "pump()":
            self.assertIn(word, str(error))

    def test_an_exception_of_the_handler_is_noted_on_the_error(self):
        both = joined(fail)
        error = self.assertRaises(ConnectionClosedError, both.result_of, both.client.recv())
        [note] = error.__notes__
        self.assertIn("RuntimeError: no luck", note)
        self.assertIn("in fail", note)
        self.flushLoggedErrors(RuntimeError)


class ContextTests(SynchronousTestCase):
    def test_it_closes_the_connection_and_leaves_nothing_behind(self):
        with joined(echo) as both:
            pass
        self.assertEqual((both.client.close_code, both.server.close_code), (1000, 1000))
        self.assertEqual(both.clock.getDelayedCalls(), [])

    def test_it_can_be_entered_for_a_whole_test(self):
        class Tests(SynchronousTestCase):
            def test(case):
                self.both = case.enterContext(joined(echo))

        result = unittest.TestResult()
        Tests("test").run(result)
        self.assertTrue(result.wasSuccessful())
        self.assertEqual(self.both.client.close_code, 1000)

    def forget(self, exception=None):
        with joined(echo) as both:
            both.client.sendMessage("hello")
            if exception is not None:
                raise exception
            both.client.recv()

    def test_a_test_that_forgets_to_pump_fails(self):
        error = self.assertRaises(AssertionError, self.forget)
        self.assertEqual(
            str(error),
            "11 bytes that the client at / has written were never moved, beginning with 'hello': "
            "pump() is missing",
        )

    def test_the_message_that_was_never_moved_tells_whose_it_is(self):
        with (
            joined(echo, uri="ws://example.com/a"),
            self.assertRaises(AssertionError) as caught,
            joined(echo, uri="ws://example.com/b?c=1") as both,
        ):
            both.server.sendMessage(b"\xff\0")
        self.assertIn(
            "the server at /b?c=1 has written were never moved, beginning with '\ufffd\\x00'",
            str(caught.exception),
        )

    def test_of_two_connections_to_the_same_path_it_tells_which_one(self):
        with (
            self.assertRaises(AssertionError) as caught,
            joined(echo, uri="ws://example.com/chat"),
            joined(echo, uri="ws://example.com/chat") as second,
        ):
            second.client.sendMessage("hello")
        self.assertEqual(
            str(caught.exception),
            "11 bytes that the client at /chat (number 2 of 2 connections) has written "
            "were never moved, beginning with 'hello': pump() is missing",
        )

    def test_the_ends_of_both_connections_cause_no_error_whichever_ends_first(self):
        rooms = Rooms()

        async def handler(ws):
            await rooms.join("all", ws)
            await rooms.broadcast("all", "somebody is here")
            try:
                async for message in ws:
                    await rooms.broadcast("all", message)
            finally:
                await rooms.broadcast("all", "somebody has left")

        with joined(handler) as one, joined(handler) as two:
            one.pump()
            two.pump()
        one, two = joined(handler).__enter__(), joined(handler).__enter__()
        one.pump()
        two.pump()
        for both in one, two:
            both.__exit__(None, None, None)

    def test_a_message_that_the_end_of_another_connection_causes_needs_no_pump(self):
        rooms = Rooms()

        async def handler(ws):
            await rooms.join("all", ws)
            try:
                await ws.wait_closed()
            finally:
                await rooms.broadcast("all", "somebody has left")

        with joined(handler) as one:
            with joined(handler):
                pass
            self.assertEqual(one.result_of(one.client.recv()), "somebody has left")
        with joined(handler), joined(handler), joined(handler):
            pass
        with self.assertRaisesRegex(AssertionError, "hello"), joined(handler) as one:
            one.client.sendMessage("hello")

    def test_an_assertion_that_fails_for_that_has_it_as_a_note(self):
        wrong = AssertionError("it hears nothing")
        self.assertIs(self.assertRaises(AssertionError, self.forget, wrong), wrong)
        [note] = wrong.__notes__
        self.assertIn("pump() is missing", note)

    def test_an_exception_of_a_handler_fails_the_test(self):
        with self.assertRaisesRegex(RuntimeError, "no luck"), joined(fail):
            pass
        self.flushLoggedErrors(RuntimeError)

    def test_an_exception_of_a_hook_fails_the_test(self):
        class Failing(WebSocketServerProtocol):
            def messageReceived(self, message):
                raise RuntimeError(message)

        with self.assertRaisesRegex(RuntimeError, "hello"), joined(server=Failing) as both:
            both.client.sendMessage("hello")
            both.pump()
        self.flushLoggedErrors(RuntimeError)

    def test_to_an_error_of_the_test_it_is_noted_once(self):
        wrong = AssertionError("wrong")
        with self.assertRaises(AssertionError), joined(fail) as both:
            both.pump()
            both._failures.explain(wrong)
            raise wrong
        self.assertEqual(len(wrong.__notes__), 1)
        self.flushLoggedErrors(RuntimeError)

    def test_a_failure_that_was_expected_is_none(self):
        with joined(fail) as both:
            [failure] = both.take_failures()
        self.assertEqual(str(failure), "no luck")
        self.flushLoggedErrors(RuntimeError)

    def test_failures_of_other_connections_are_not_its_own(self):
        with joined(echo):
            other = joined(fail)
        self.assertEqual(len(other.take_failures()), 1)
        self.flushLoggedErrors(RuntimeError)

    def test_a_connection_that_has_vanished_is_broken(self):
        with joined(echo) as both:
            both.vanish()
        self.assertFalse(both.server_transport.connected or both.client_transport.connected)
        self.assertEqual(both.clock.getDelayedCalls(), [])
        # The handler couldn't learn of the end.
        self.flushLoggedErrors(ConnectionClosedError)

    def test_one_that_was_dropped_is_left_alone(self):
        with joined() as both:
            both.drop(ConnectionAborted())
        self.assertEqual(both.client.close_code, 1006)

    def test_with_two_other_protocols_it_just_ends(self):
        with Joined(Peer(), Peer(), Clock()) as both:
            pass
        self.assertEqual(len(both.server.lost), 1)

    def test_it_is_not_kept_by_the_log(self):
        failures = weakref.ref(joined()._failures)
        observers = len(globalLogPublisher._observers)
        gc.collect()
        self.assertIsNone(failures())
        joined()
        self.assertEqual(len(globalLogPublisher._observers), observers)


class OpenedTests(SynchronousTestCase):
    def setUp(self):
        self.clock = Clock()

    def make_server(self, handler=None, **options):
        return WebSocketServerFactory(handler, reactor=self.clock, **options).buildProtocol(None)

    def make_client(self, **options):
        factory = WebSocketClientFactory("ws://a.example/", reactor=self.clock, **options)
        return factory.buildProtocol(None)

    def test_a_server_faces_the_test(self):
        transport = opened(self.make_server(echo))
        transport.feed(Opcode.TEXT, b"hello")
        self.assertEqual(transport.frames(), [Frame(Opcode.TEXT, b"hello")])

    def test_it_is_asked_for_what_the_test_says(self):
        server = self.make_server()
        opened(server, "ws://b.example/room")
        self.assertEqual(server.request.path, "/room")

    def test_a_client_asks_for_what_the_test_says(self):
        client = self.make_client()
        transport = opened(client)
        client.sendMessage(b"hello")
        transport.feed(Opcode.PING, b"x")
        expected = [Frame(Opcode.BINARY, b"hello"), Frame(Opcode.PONG, b"x")]
        self.assertEqual(transport.frames(), expected)
        self.assertIsInstance(client, WebSocketClientProtocol)

    def test_the_test_does_not_leave_when_the_other_end_closes_for_writing(self):
        server = self.make_server()
        transport = opened(server)
        transport.feed(Opcode.TEXT, b"\xff")
        [close] = transport.frames()
        self.assertEqual((close.opcode, close.payload[:2]), (Opcode.CLOSE, b"\x03\xef"))
        self.assertTrue(transport.connected)

    def test_the_last_bytes_of_a_client_can_be_read(self):
        client = self.make_client()
        transport = opened(client)
        client.close()
        self.assertEqual([frame.opcode for frame in transport.frames()], [Opcode.CLOSE])
        transport.feed(Opcode.CLOSE, b"\x03\xe8")
        transport.end()
        transport.pump()
        self.failureResultOf(client.recv(), ConnectionClosedOK)

    def test_a_refusal_is_raised(self):
        server = self.make_server(origins=["https://a.example"])
        self.assertRaises(InvalidOrigin, opened, server)
        self.assertIn(b"403 Forbidden", server.transport.written)

    def test_a_protocol_that_has_given_up_raises(self):
        class Impatient(WebSocketServerProtocol):
            def connectionMade(self):
                self.transport.loseConnection()

        server = self.make_server(create_protocol=Impatient)
        self.assertRaises(InvalidMessage, opened, server)

"""`cancelled_on_close`: all that it can be put around, and the mistakes with it."""

import gc
from functools import partial
from inspect import signature

from twisted.internet.defer import (
    CancelledError,
    inlineCallbacks,
)

import txws2
from tests.server.test_cancellation import CancellingTestCase
from txws2 import cancelled_on_close, guarded, route
from txws2._connection.ending import Moment
from txws2._connection.handle import driver_of
from txws2.server.factory import WebSocketServerProtocol
from txws2.testing import joined


class UseTests(CancellingTestCase):
    def assertEndsWith(self, handler, **options):
        both = self.run_handler(handler, **options)
        self.assertEqual(self.told, [])
        both.drop()
        self.assertEqual(self.told, ["CancelledError", "finally"])
        self.told.clear()

    def test_methods(self):
        class Feeds:
            def __init__(self, feed):
                self._feed = feed

            @cancelled_on_close
            async def decorated(self, ws):
                await self._feed(ws)

            async def plain(self, ws):
                await self._feed(ws)

            __call__ = decorated

        feeds = Feeds(self.feed)
        for handler in feeds.decorated, cancelled_on_close(feeds.plain), feeds:
            self.assertEndsWith(handler)

    def test_partials(self):
        async def feed(name, ws, *, room):
            await self.feed(ws)

        decorated = cancelled_on_close(feed)
        for handler in (
            partial(decorated, "name", room="lobby"),
            cancelled_on_close(partial(feed, "name", room="lobby")),
        ):
            self.assertEndsWith(handler)

    def test_a_connection_that_is_given_by_its_name(self):
        decorated = cancelled_on_close(self.feed)
        self.assertEndsWith(lambda ws: decorated(ws=ws))

    def test_routes(self):
        decorated = cancelled_on_close(self.feed)
        uri = "ws://example.com/rooms/lobby"
        for handler in (
            route({"/rooms/{room}": decorated}),
            route({"/rooms/{room}": guarded(decorated, lambda ws, request: None)}),
            route({"/rooms/{room}": cancelled_on_close(guarded(self.feed))}),
            cancelled_on_close(route({"/rooms/{room}": self.feed})),
        ):
            self.assertEndsWith(handler, uri=uri)

    def test_a_route_still_sees_which_parameters_there_are(self):
        async def feed(ws, room):
            pass

        self.assertEqual(str(signature(cancelled_on_close(feed))), "(ws, room)")
        self.assertRaises(TypeError, route, {"/": cancelled_on_close(feed)})

    def test_a_guarded_route_is_still_guarded(self):
        guard = guarded(self.feed, lambda ws, request: ws.respond(403, "no"))
        for handler in cancelled_on_close(guard), route({"/": cancelled_on_close(guard)}):
            with self.assertRaises(txws2.InvalidStatus):
                joined(handler=handler)
            self.assertEqual(self.told, [])

    def test_hooks_of_a_protocol(self):
        test = self

        class Feed(WebSocketServerProtocol):
            @cancelled_on_close
            async def messageReceived(self, message):
                await test.feed(self)

            def connectionLost(self, reason):
                test.told.append(type(reason.value).__name__)

        both = self.enterContext(joined(server=Feed, clock=self.clock))
        for _ in range(2):
            both.client.sendMessage("go on")
        both.pump()
        both.drop()
        # Messages from before the end are delivered as always, and then the wait is
        # cancelled.
        self.assertEqual(self.told, [*["CancelledError", "finally"] * 2, "ConnectionClosedError"])

    def test_a_client(self):
        both = self.run_handler(lambda ws: ws.wait_closed())
        running = cancelled_on_close(self.feed)(both.client)
        both.drop()
        self.assertIsNone(self.successResultOf(running))
        self.assertEqual(self.told, ["CancelledError", "finally"])

    def test_its_result_is_that_of_the_coroutine(self):
        @cancelled_on_close
        async def ask(ws):
            return await ws.recv()

        both = self.run_handler(lambda ws: ws.send("answer"))
        self.assertEqual(both.result_of(ask(both.client)), "answer")

    def test_cancelling_it_gives_a_cancelled_error(self):
        both = self.run_handler(lambda ws: ws.wait_closed())
        running = cancelled_on_close(self.feed)(both.client)
        running.cancel()
        self.failureResultOf(running, CancelledError)
        self.assertEqual(driver_of(both.client).ending.waiting(Moment.TOLD), 0)

    def test_on_a_connection_that_has_ended_it_comes_to_its_first_wait(self):
        both = self.run_handler(lambda ws: ws.wait_closed())
        both.drop()
        running = cancelled_on_close(self.feed)(both.client)
        self.assertIsNone(self.successResultOf(running))
        self.assertEqual(self.told, ["CancelledError", "finally"])

    def test_the_name_and_the_docstring_stay(self):
        decorated = cancelled_on_close(self.feed)
        self.assertEqual(decorated.__name__, "feed")
        self.assertEqual(decorated.__doc__, self.feed.__doc__)


class MistakeTests(CancellingTestCase):
    def assertRefused(self, text, handler):
        exc = self.assertRaises(TypeError, cancelled_on_close, handler)
        self.assertIn(text, str(exc))

    def assertFails(self, text, handler):
        both = self.run_handler(handler)
        [failure] = both.take_failures()
        self.assertIn(text, str(failure))
        both.drop()
        self.take_loud()

    def test_another_kind_of_function_is_refused_when_it_is_decorated(self):
        @inlineCallbacks
        def inline(ws):
            yield ws.recv()

        def generator(ws):
            yield ws.recv()

        self.assertRefused("inline() is a generator function: write `async def`", inline)
        self.assertRefused("inline() is a generator function: write `async def`", partial(inline))
        self.assertRefused("generator", generator)
        self.assertRefused("must be a function", None)
        coroutine = self.feed(None)
        self.assertRefused("is a coroutine", coroutine)

    def test_a_function_that_returns_no_coroutine_fails_when_it_is_called(self):
        self.assertFails("has returned None", cancelled_on_close(lambda ws: None))
        self.assertFails("has returned <Received", cancelled_on_close(lambda ws: ws.recv()))

    def test_a_call_without_a_connection_is_an_error(self):
        exc = self.assertRaises(TypeError, cancelled_on_close(self.feed), "ws")
        self.assertIn("feed() was called without a connection", str(exc))

    def test_no_coroutine_is_left_unawaited(self):
        self.assertRaises(TypeError, cancelled_on_close(self.feed), "ws")
        gc.collect()
        self.assertEqual(self.flushWarnings(), [])

"""`cancelled_on_close`: a handler is cancelled with its connection, whatever it waits for."""

import gc
from functools import partial
from inspect import signature

from twisted.internet.defer import (
    CancelledError,
    Deferred,
    DeferredQueue,
    gatherResults,
    inlineCallbacks,
)
from twisted.internet.task import deferLater

import txws2
from tests.support.sides import CLOSE, REQUEST, TEXT, Peer, QuietTestCase, ServerSide, closing
from tests.support.ways import OverTLS
from tests.support.website import SiteTestCase
from txws2 import cancelled_on_close, guarded, route
from txws2._connection.ending import Moment
from txws2._connection.handle import driver_of
from txws2._deferreds.calls import current_call
from txws2.exceptions import ConnectionClosed
from txws2.server.factory import WebSocketServerFactory, WebSocketServerProtocol
from txws2.testing import joined

FAILED = "connection handler failed"


class CancellingTestCase(QuietTestCase):
    """Has handlers that note how they end."""

    def setUp(self):
        super().setUp()
        self.queue = DeferredQueue()
        self.told = []
        self.cleaning = Deferred()

    async def feed(self, ws, **parameters):
        """Send the messages of a queue; the end of the connection doesn't reach it by itself."""
        try:
            while True:
                await ws.send(await self.queue.get())
        except BaseException as exc:
            self.told.append(type(exc).__name__)
            raise
        finally:
            self.told.append("finally")

    def run_handler(self, handler, **options):
        return self.enterContext(joined(handler=handler, clock=self.clock, **options))


class EndTestCase(CancellingTestCase, ServerSide):
    """Has a handler, and a peer that speaks bytes."""

    def start(self, handler, **options):
        self.factory = WebSocketServerFactory(handler, reactor=self.clock, **options)
        self.ws = self.factory.buildProtocol(None)
        self.peer = Peer()
        self.joined = self.link(self.ws, self.peer)
        self.joined.pump()
        self.receive(REQUEST)
        self.peer.take()
        self.assertEqual(len(self.factory.running), 1)

    def start_feed(self, **options):
        self.start(cancelled_on_close(self.feed), **options)
        self.queue.put("first")
        self.assertEqual(self.said(), [(TEXT, b"first")])

    def assertCancelled(self):
        self.assertEqual(self.told, ["CancelledError", "finally"])
        self.assertEqual(len(self.factory.running), 0)
        self.assertEqual(self.take_loud(), [])
        self.assertEqual(self.queue.waiting, [])


class EndTests(EndTestCase):
    """Each way in which a connection can end."""

    def test_without_it_a_handler_waits_on(self):
        self.start(self.feed)
        self.joined.drop()
        self.assertEqual(self.told, [])
        self.assertEqual(len(self.factory.running), 1)
        [waiting] = self.queue.waiting
        waiting.cancel()
        self.take_loud()

    def test_the_peer_closes(self):
        self.start_feed()
        self.hear((CLOSE, closing(1001)))
        self.joined.drop()
        self.assertCancelled()

    def test_the_peer_closes_with_an_error(self):
        self.start_feed()
        self.hear((CLOSE, closing(1011)))
        self.joined.drop()
        self.assertCancelled()

    def test_the_peer_vanishes(self):
        self.start_feed()
        self.joined.drop()
        self.assertCancelled()

    def test_the_keepalive_gives_the_peer_up(self):
        self.start_feed()
        self.joined.vanish()
        self.joined.advance(60)
        self.assertCancelled()

    def test_the_peer_breaks_the_protocol(self):
        self.start_feed()
        self.hear((3, b""))
        self.assertCancelled()

    def test_another_part_of_the_application_closes(self):
        self.start_feed()
        self.ws.close(4001, "kicked")
        self.hear((CLOSE, closing(4001)))
        self.joined.drop()
        self.assertCancelled()

    def test_the_server_stops(self):
        self.start_feed()
        stopping = txws2.Server(self.factory, []).close()
        self.hear((CLOSE, closing(1001)))
        self.joined.drop()
        self.assertCancelled()
        self.successResultOf(stopping)


class EndOverTLSTests(OverTLS, EndTests):
    pass


class ResourceTests(SiteTestCase, CancellingTestCase):
    def test_a_client_of_a_site_leaves(self):
        self.serve(cancelled_on_close(self.feed))
        self.open()
        self.queue.put("first")
        self.assertEqual(self.said(), [(TEXT, b"first")])
        self.hear((CLOSE, closing(1000)))
        self.leave()
        self.assertEqual(self.told, ["CancelledError", "finally"])


class EndWithinAStepTests(EndTestCase):
    def test_the_peer_ends_within_the_first_step(self):
        async def handler(ws):
            self.joined.drop()
            await self.feed(ws)

        self.factory = WebSocketServerFactory(cancelled_on_close(handler), reactor=self.clock)
        self.ws = self.factory.buildProtocol(None)
        self.peer = Peer()
        self.joined = self.link(self.ws, self.peer)
        self.receive(REQUEST)
        self.assertCancelled()

    def test_the_peer_ends_within_a_later_step(self):
        async def handler(ws):
            await self.queue.get()
            self.joined.drop()
            await self.feed(ws)

        self.start(cancelled_on_close(handler))
        self.queue.put("go on")
        self.clock.advance(0)
        self.assertCancelled()


class OnceTests(CancellingTestCase):
    def clean_up_after(self, wait):
        """Return a handler that waits for this, and is slow to clean up."""

        @cancelled_on_close
        async def handler(ws):
            try:
                await wait(ws)
            except BaseException as exc:
                self.told.append(type(exc).__name__)
                raise
            finally:
                await self.cleaning
                self.told.append("clean")

        return handler

    def end(self, wait, *, drop=True):
        """End a connection while its handler waits for this."""
        both = self.run_handler(self.clean_up_after(wait))
        if drop:
            both.drop()
        else:
            both.client.close()
            both.pump()
        self.assertNotIn("clean", self.told)
        self.clock.advance(100)
        self.cleaning.callback(None)
        self.assertEqual(self.told.pop(), "clean")
        return both

    async def forever(self, ws):
        await self.queue.get()

    def test_a_cancelled_coroutine_cleans_up_at_leisure(self):
        self.end(self.forever)
        self.assertEqual(self.told, ["CancelledError"])

    def test_a_coroutine_that_waits_for_a_message_gets_the_end_and_is_not_cancelled(self):
        both = self.end(lambda ws: ws.recv())
        self.assertEqual(self.told, ["ConnectionClosedError"])
        self.assertEqual(both.take_failures(), [])

    def test_a_loop_over_messages_gets_the_end_and_is_not_cancelled(self):
        async def loop(ws):
            async for _ in ws:
                pass

        self.end(loop, drop=False)
        self.assertEqual(self.told, [])

    def test_a_coroutine_that_waits_for_a_pong_is_not_cancelled(self):
        both = self.run_handler(self.clean_up_after(lambda ws: ws.ping()))
        both.vanish()
        both.drop()
        self.cleaning.callback(None)
        self.assertNotIn("CancelledError", self.told)

    def test_a_coroutine_that_waits_for_the_end_is_not_cancelled(self):
        self.end(lambda ws: ws.wait_closed())
        self.assertEqual(self.told, [])

    def test_a_coroutine_that_closes_the_connection_is_not_cancelled(self):
        both = self.run_handler(self.clean_up_after(lambda ws: ws.close(4001)))
        both.pump()
        self.assertEqual(both.client.close_code, 4001)
        self.clock.advance(100)
        self.assertEqual(self.told, [])
        self.cleaning.callback(None)
        self.assertEqual(self.told, ["clean"])

    def test_a_coroutine_that_catches_it_goes_on_and_is_not_cancelled_again(self):
        @cancelled_on_close
        async def handler(ws):
            while True:
                try:
                    self.told.append(await self.queue.get())
                except CancelledError:
                    self.told.append("cancelled")
                if self.told[-1] == "last":
                    return

        both = self.run_handler(handler)
        both.drop()
        self.clock.advance(100)
        self.queue.put("first")
        self.queue.put("last")
        self.assertEqual(self.told, ["cancelled", "first", "last"])

    def test_a_coroutine_that_catches_it_and_closes_is_done(self):
        @cancelled_on_close
        async def handler(ws):
            try:
                await self.queue.get()
            finally:
                await ws.close()
                self.told.append("closed")

        self.run_handler(handler).drop()
        self.assertEqual(self.told, ["closed"])

    def test_a_coroutine_that_sends_when_cancelled_ends_as_any_handler_does(self):
        @cancelled_on_close
        async def handler(ws):
            try:
                await self.queue.get()
            finally:
                await ws.send("bye")

        both = self.run_handler(handler)
        both.drop()
        self.assertEqual(both.take_failures(), [])
        self.assertEqual(self.take_loud(), [])

    def test_a_failure_while_it_cleans_up_is_logged(self):
        @cancelled_on_close
        async def handler(ws):
            try:
                await self.queue.get()
            finally:
                raise KeyError("of the application")

        both = self.run_handler(handler)
        both.drop()
        [event] = self.take_loud()
        self.assertEqual(event["log_format"], FAILED)
        self.assertIsInstance(event["log_failure"].value, KeyError)
        both.take_failures()

    def test_a_cancellation_of_another_is_still_an_error(self):
        @cancelled_on_close
        async def handler(ws):
            await self.queue.get()

        both = self.run_handler(handler)
        [waiting] = self.queue.waiting
        waiting.cancel()
        both.pump()
        [event] = self.take_loud()
        self.assertIsInstance(event["log_failure"].value, CancelledError)
        both.take_failures()

    def test_a_server_that_stops_cancels_what_cleans_up_for_too_long(self):
        factory = WebSocketServerFactory(self.clean_up_after(self.forever), reactor=self.clock)
        both = self.run_handler(factory)
        both.drop()
        self.assertEqual(len(factory.running), 1)
        stopping = txws2.Server(factory, []).close()
        self.clock.advance(10)
        self.successResultOf(stopping)
        self.assertEqual(len(factory.running), 0)
        self.assertEqual(self.take_loud(), [])


class WaitTests(CancellingTestCase):
    def test_a_timer_is_called_off(self):
        @cancelled_on_close
        async def handler(ws):
            while True:
                await ws.send("tick")
                await deferLater(self.clock, 60)

        both = self.run_handler(handler, ping_interval=None)
        both.drop()
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_several_at_once_are_cancelled_together(self):
        async def receive(ws):
            async for message in ws:
                self.told.append(message)

        @cancelled_on_close
        async def handler(ws):
            both = map(Deferred.fromCoroutine, (receive(ws), self.feed(ws)))
            await gatherResults(both, consumeErrors=True)

        both = self.run_handler(handler)
        both.client.sendMessage("hello")
        self.queue.put("first")
        both.pump()
        both.client.close()
        both.pump()
        self.assertEqual(self.told, ["hello", "CancelledError", "finally"])

    def test_one_that_has_returned_leaves_nothing(self):
        @cancelled_on_close
        async def handler(ws):
            await ws.recv()

        both = self.run_handler(handler)
        both.client.sendMessage("hello")
        both.pump()
        self.assertEqual(both.client.close_code, 1000)
        self.assertEqual(driver_of(both.server).ending.waiting(Moment.TOLD), 0)

    def test_one_that_fails_closes_the_connection_with_1011(self):
        @cancelled_on_close
        async def handler(ws):
            raise KeyError("of the application")

        both = self.run_handler(handler)
        both.pump()
        self.assertEqual(both.client.close_code, 1011)
        [failure] = both.take_failures()
        self.assertIsInstance(failure, KeyError)
        self.take_loud()

    def test_it_is_started_as_any_other_and_knows_whose_call_it_is(self):
        @cancelled_on_close
        async def handler(ws):
            self.told.append(current_call().connection is ws)
            await ws.recv()

        self.run_handler(handler)
        self.assertEqual(self.told, [True])


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


class QuietEndTests(CancellingTestCase):
    def test_a_connection_closed_that_it_does_not_catch_is_one_line_at_info(self):
        @cancelled_on_close
        async def handler(ws):
            await ws.recv()

        both = self.run_handler(handler)
        both.drop()
        [event] = [event for event in self.events if "handler ended" in event["log_format"]]
        self.assertEqual(event["connection"], both.server.id)

    def test_one_that_is_not_looked_at_ends_without_a_word(self):
        @cancelled_on_close
        async def ticking(ws):
            while True:
                await deferLater(self.clock, 1)
                await ws.send("tick")

        async def handler(ws):
            ticking(ws)
            await ws.wait_closed()

        both = self.run_handler(handler)
        both.client_transport.frozen = True
        both.server.close()
        # The handler sends while the connection is closing.
        self.clock.advance(1)
        both.drop()
        gc.collect()
        self.assertEqual(self.take_loud(), [])

    def test_a_failure_of_its_own_is_logged_though_nobody_waits_for_it(self):
        @cancelled_on_close
        async def failing(ws):
            raise KeyError

        both = self.run_handler(lambda ws: failing(ws) and ws.wait_closed())
        gc.collect()
        self.assertEqual(len(self.take_loud()), 2)
        both.take_failures()

    def test_the_traceback_of_its_failure_leads_to_where_it_waited(self):
        async def ask(ws):
            await ws.recv()

        both = self.run_handler(lambda ws: ws.wait_closed())
        running = cancelled_on_close(ask)(both.client)
        both.drop()
        failure = self.failureResultOf(running, ConnectionClosed)
        self.assertIn("await ws.recv()", failure.getTraceback())

    def test_connection_closed_can_be_caught_as_ever(self):
        @cancelled_on_close
        async def handler(ws):
            try:
                await ws.recv()
            except ConnectionClosed:
                self.told.append("caught")

        self.run_handler(handler).drop()
        self.assertEqual(self.told, ["caught"])

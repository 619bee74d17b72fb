"""`cancelled_on_close`: a handler is cancelled once, and may wait while it ends."""

from twisted.internet.defer import (
    CancelledError,
    Deferred,
    gatherResults,
)
from twisted.internet.task import deferLater

import txws2
from tests.server.test_cancellation import FAILED, CancellingTestCase
from txws2 import cancelled_on_close
from txws2._connection.ending import Moment
from txws2._connection.handle import driver_of
from txws2._deferreds.calls import current_call
from txws2.server.factory import WebSocketServerFactory


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

"""Advice on asyncio without a running loop."""

import asyncio
import sys
import warnings

from twisted.internet.defer import Deferred
from twisted.logger import eventAsText
from twisted.python import threadable

from tests.support.loops import LoopTestCase
from tests.support.sides import URI, QuietTestCase
from txws2 import InvalidStatus, WebSocketClientService, WebSocketServerProtocol
from txws2._deferreds.eventual import Eventual
from txws2._deferreds.missing_loop import advice_on
from txws2._deferreds.tasks import running_loop
from txws2.testing import ScriptedServer


async def one():
    return 1


async def in_a_timeout():
    async with asyncio.timeout(1):
        pass


async def in_a_group():
    async with asyncio.TaskGroup():
        pass


async def gathering():
    coroutines = one(), one()
    try:
        await asyncio.gather(*coroutines)
    finally:
        for each in coroutines:
            each.close()


async def as_a_task():
    coroutine = one()
    try:
        await asyncio.create_task(coroutine)
    finally:
        coroutine.close()


async def limited():
    coroutine = one()
    try:
        await asyncio.wait_for(coroutine, 1)
    finally:
        coroutine.close()


LOOPLESS = [
    lambda: asyncio.sleep(1),
    in_a_timeout,
    in_a_group,
    gathering,
    as_a_task,
    limited,
    lambda: asyncio.to_thread(int),
    lambda: asyncio.Queue().get(),
    lambda: asyncio.Event().wait(),
    lambda: asyncio.Semaphore(0).acquire(),
    lambda: asyncio.open_connection("localhost", 1),
]

ADVICE = 'asyncio needs its own reactor: txws2.run(..., reactor="asyncio")'


HANDLER_FAILED = f"connection handler failed. {ADVICE}"


class AdviceTests(QuietTestCase):
    """Advice on another reactor than asyncio's."""

    def setUp(self):
        super().setUp()
        # asyncio makes a loop here that nobody closes, and warns of it.
        warnings.simplefilter("ignore")
        self.addCleanup(warnings.resetwarnings)

    def test_the_error_for_a_missing_loop_says_where_one_is(self):
        for function in LOOPLESS:
            failure = self.failureResultOf(Deferred.fromCoroutine(function()))
            self.assertIn(ADVICE, str(advice_on(failure.value)), function)
        self.assertIn("docs/howto/asyncio.rst", advice_on(failure.value))

    def test_other_exceptions_have_no_advice(self):
        for exception in (
            RuntimeError("boom"),
            RuntimeError(),
            KeyError("no running event loop"),
            AttributeError("'NoneType' object has no attribute 'send'"),
        ):
            self.assertIsNone(advice_on(exception))

    def said(self):
        return [eventAsText(event).splitlines()[0] for event in self.take_loud()]

    def test_a_handler_has_the_advice_beside_its_traceback(self):
        async def handler(ws):
            await asyncio.sleep(1)

        self.join(handler=handler)
        [said] = self.said()
        self.assertIn(HANDLER_FAILED, said)

    def test_a_handler_that_fails_otherwise_has_none(self):
        async def handler(ws):
            raise RuntimeError("boom")

        self.join(handler=handler)
        self.assertRegex(self.said()[0], "connection handler failed$")

    def test_an_exception_that_has_no_text_is_logged_and_ends_its_connection_alone(self):
        class SilentError(Exception):
            def __str__(self):
                raise KeyError("no text")

        async def handler(ws):
            raise SilentError

        both = self.join(handler=handler)
        self.assertRegex(self.said()[0], "connection handler failed$")
        both.pump()
        self.assertEqual(both.client.close_code, 1011)

    def test_hooks_have_it_too(self):
        class Sleeping(WebSocketServerProtocol):
            async def messageReceived(self, message):
                await asyncio.sleep(1)

        both = self.join(Sleeping)
        both.client.sendMessage("a")
        both.pump()
        self.assertIn("handler failed. asyncio", self.said()[0])

        async def process_request(connection, request):
            await asyncio.sleep(1)

        self.assertRaises(InvalidStatus, self.join, process_request=process_request)
        self.assertIn("opening handshake failed. asyncio", self.said()[0])

    def test_a_service_says_it(self):
        async def on_message(message):
            await asyncio.sleep(1)

        async def handler(ws):
            await ws.send("a")
            await ws.wait_closed()

        server = ScriptedServer(handler)
        service = WebSocketClientService(URI, on_message, reactor=server.reactor)
        service.startService()
        server.pump()
        self.assertIn("on_message failed. asyncio", self.said()[0])
        server.result_of(service.stopService())


class NestedTests(LoopTestCase):
    """Advice on asyncio's reactor."""

    def test_the_error_for_a_nested_loop_says_to_await(self):
        async def main():
            for run in (asyncio.run, self.loop.run_until_complete):
                coroutine = one()
                with self.assertRaises(RuntimeError) as caught:
                    run(coroutine)
                coroutine.close()
                self.assertIn("await the coroutine directly", advice_on(caught.exception))
            self.assertIsNone(advice_on(RuntimeError("no running event loop")))

        self.run_on_loop(main())


class ForeignTests(LoopTestCase):
    """A loop that isn't the reactor's."""

    def setUp(self):
        super().setUp()

        class Reactor:
            running = True

        self.reactor = Reactor()
        Reactor.__module__ = "twisted.internet.epollreactor"
        reactors = {**sys.modules, "twisted.internet.reactor": self.reactor}
        self.patch(sys, "modules", reactors)

    def assertForeign(self):
        async def main():
            self.assertIsNone(running_loop())
            with self.assertRaises(RuntimeError) as caught:
                await Eventual()
            self.assertIn("docs/howto/asyncio.rst", str(caught.exception))

        self.run_on_loop(main())

    def test_within_another_reactor_what_is_awaited_there_fails_at_once(self):
        self.patch(threadable, "ioThread", threadable.getThreadID())
        self.assertForeign()

    def test_an_await_within_another_reactor_in_another_thread_fails_at_once(self):
        type(self.reactor).__module__ = "of.somebody"
        self.patch(threadable, "ioThread", -1)
        self.assertForeign()

    def test_a_reactor_of_others_may_be_on_the_loop(self):
        type(self.reactor).__module__ = "of.somebody"
        self.run_on_loop(self.assertOnLoop())

    def test_before_the_reactor_runs_a_loop_may_be_that_of_a_test(self):
        self.reactor.running = False
        self.run_on_loop(self.assertOnLoop())

    async def assertOnLoop(self):
        self.assertIs(running_loop(), self.loop)

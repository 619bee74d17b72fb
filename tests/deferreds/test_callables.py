"""Functions of an application that do nothing when they are called, and results of others."""

from functools import partial

from twisted.internet.defer import Deferred, inlineCallbacks, succeed
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase as TestCase

import txws2
from tests.support.sides import QuietTestCase
from txws2._deferreds.callables import check_function, has_fired, result_of, to_await
from txws2._deferreds.lean import Done
from txws2.testing import joined


def generator(ws, **parameters):
    yield ws.send("hello")


async def asynchronous_generator(ws, **parameters):
    yield "hello"


class Handling:
    def __call__(self, ws):
        yield ws.send("hello")

    async def method(self, ws):
        yield "hello"


GENERATORS = [
    (generator, "generator() is a generator function", "inlineCallbacks"),
    (partial(generator, a=1), "generator() is a generator function", "inlineCallbacks"),
    (Handling(), "Handling() is a generator function", "inlineCallbacks"),
    (asynchronous_generator, "asynchronous_generator() is an asynchronous", "await"),
    (Handling().method, "Handling.method() is an asynchronous generator function", "await"),
]


class RefusedTests(TestCase):
    def assertRefused(self, take):
        for function, what, advice in GENERATORS:
            text = str(self.assertRaises(TypeError, take, function))
            self.assertIn(what, text)
            self.assertIn(advice, text)

    def test_wherever_a_handler_is_given(self):
        clock = Clock()
        self.assertRefused(lambda handler: txws2.serve(handler, "localhost", 0, reactor=clock))
        self.assertRefused(partial(txws2.WebSocketServerFactory, reactor=clock))
        self.assertRefused(partial(txws2.WebSocketService, "tcp:0", reactor=clock))
        self.assertRefused(partial(txws2.WebSocketResource, reactor=clock))
        self.assertRefused(lambda handler: txws2.route({"/": handler}))
        self.assertRefused(txws2.guarded)

    def test_wherever_a_hook_is_given(self):
        for name in ("process_request", "select_subprotocol", "process_response"):
            self.assertRefused(
                lambda hook, name=name: txws2.WebSocketServerFactory(
                    reactor=Clock(), **{name: hook}
                )
            )
        self.assertRefused(lambda hook: txws2.guarded(lambda ws: None, hook))

    def test_wherever_a_client_service_is_given_one(self):
        for name in ("on_message", "on_connect", "on_state_change"):
            self.assertRefused(
                lambda hook, name=name: txws2.WebSocketClientService(
                    "ws://example.com/", reactor=Clock(), **{name: hook}
                )
            )

    def test_an_object_that_can_not_be_called_is_refused(self):
        async def handler(ws):
            pass

        for given, reason in (
            (handler(None), "handler is a coroutine: give the function itself"),
            (5, "handler must be a function; it is 5"),
        ):
            exc = self.assertRaises(TypeError, txws2.WebSocketServerFactory, given, reactor=Clock())
            self.assertIn(reason, str(exc))

    def test_others_are_taken(self):
        async def coroutine(ws):
            pass

        @inlineCallbacks
        def inline(ws):
            yield None

        for function in (coroutine, inline, lambda ws: None, partial(coroutine), print, Deferred):
            check_function("handler", function)


class ResultTests(QuietTestCase):
    def test_a_coroutine_is_started(self):
        async def run():
            return 5

        self.assertEqual(self.successResultOf(to_await(run())), 5)

    def test_a_deferred_is_itself_unless_nobody_needs_to_wait_for_it(self):
        deferred = Deferred()
        self.assertIs(to_await(deferred), deferred)
        for nothing in (None, 5, "text", Done()):
            self.assertIsNone(to_await(nothing))

    def test_the_result_of_a_function_may_be_any_awaitable(self):
        class Awaited:
            def __await__(self):
                yield from ()
                return 5

        async def run():
            return 5

        for returned in (5, succeed(5), run(), Awaited()):
            self.assertEqual(self.successResultOf(Deferred.fromCoroutine(result_of(returned))), 5)
        self.failureResultOf(Deferred.fromCoroutine(result_of(generator(None))), TypeError)

    def test_has_fired_says_whether_a_deferred_has_fired(self):
        waiting, chained = Deferred(), succeed(None)
        chained.addCallback(lambda _: waiting)
        cases = [(succeed(1), True), (waiting, False), (chained, False)]
        self.assertEqual([has_fired(deferred) for deferred, _ in cases], [is_ for _, is_ in cases])

    def test_a_handler_that_returns_a_generator_has_not_been_run(self):
        both = joined(lambda ws: generator(ws), clock=self.clock)
        both.pump()
        [event] = self.take_loud()
        self.assertIn("generator() is a generator", event["log_failure"].getErrorMessage())
        self.assertEqual(both.client.close_code, 1011)

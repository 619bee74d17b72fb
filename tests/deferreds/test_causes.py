"""A FirstError, or an exception group, counts as the end of a connection if all its parts do."""

from twisted.internet.defer import Deferred, FirstError, gatherResults
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from tests.support.sides import QuietTestCase
from txws2._deferreds.causes import causes_of
from txws2.server.factory import WebSocketServerProtocol
from txws2.testing import joined

ENDED = "{connection} handler ended with its connection: {reason}"
GONE = "no close frame received or sent"


class CausesTests(SynchronousTestCase):
    def test_another_exception_stands_for_itself(self):
        exc = KeyError()
        self.assertEqual(causes_of(exc), [exc])

    def test_first_errors_and_groups_stand_for_those_within(self):
        one, two, three = KeyError(), ValueError(), TypeError()
        first = FirstError(Failure(FirstError(Failure(one), 1)), 0)
        self.assertEqual(causes_of(first), [one])
        group = ExceptionGroup("several", [first, ExceptionGroup("more", [two, three])])
        self.assertEqual(causes_of(group), [one, two, three])


async def receive(ws):
    async for _ in ws:
        pass


async def wait(ws):
    await ws.wait_closed()


async def wait_for_all(*coroutines):
    await gatherResults(map(Deferred.fromCoroutine, coroutines), consumeErrors=True)


class EndTests(QuietTestCase):
    def ended(self):
        """Return the reasons of the handlers that ended with their connections."""
        return [event["reason"] for event in self.events if event["log_format"] == ENDED]

    def drop(self, **options):
        both = self.enterContext(joined(clock=self.clock, **options))
        both.client.sendMessage("hello")
        both.pump()
        both.drop()
        return both

    def test_a_handler_that_gathers_ends_with_its_connection(self):
        both = self.drop(handler=lambda ws: wait_for_all(receive(ws), wait(ws)))
        self.assertEqual(both.take_failures(), [])
        self.assertEqual(self.ended(), [GONE])

    def test_a_failure_of_the_application_is_an_error_in_a_gathering_too(self):
        async def fail():
            raise KeyError

        both = self.enterContext(joined(handler=lambda ws: wait_for_all(receive(ws), fail())))
        both.pump()
        self.assertEqual(both.client.close_code, 1011)
        [event] = self.take_loud()
        self.assertIsInstance(event["log_failure"].value, FirstError)
        both.take_failures()

    def test_a_hook_that_gathers_ends_with_its_connection(self):
        turn = Deferred()

        async def send_later(ws):
            await turn
            await ws.send("too late")

        class Gathering(WebSocketServerProtocol):
            async def messageReceived(self, message):
                await wait_for_all(send_later(self))

        both = self.drop(server=Gathering)
        turn.callback(None)
        self.assertEqual(both.take_failures(), [])

"""A loop, or a `with`, over a connection without `async` is told in the log."""

from collections.abc import Iterable

from twisted.internet.defer import inlineCallbacks
from twisted.logger import eventAsText

from tests.support.sides import QuietTestCase
from txws2._connection.closeable import Opening
from txws2._deferreds.missing_async import advice_on_async
from txws2.server.factory import WebSocketServerFactory, WebSocketServerProtocol
from txws2.testing import joined

LOOP = "write: async for message in ws, in an async def"
WITH = "write: async with ... as ws, in an async def"


class Chat(WebSocketServerProtocol):
    """The class of an application."""


def loop(ws):
    for _ in ws:
        pass


def enter(ws):
    with ws:
        pass


async def forgotten(ws):
    for _ in ws:
        pass


@inlineCallbacks
def generator(ws):
    yield
    list(ws)


def advance(ws):
    next(ws)


class MissingAsyncTests(QuietTestCase):
    def said(self, handler, **options):
        """Return the line that the log has for a handler that fails, and the traceback."""
        factory = WebSocketServerFactory(handler, reactor=self.clock, **options)
        joined(factory, clock=self.clock)
        [event] = self.take_loud()
        first, *traceback = eventAsText(event).splitlines()
        return first, traceback[-1]

    def test_a_loop_is_told_beside_the_traceback(self):
        for handler in loop, forgotten, generator, advance:
            first, last = self.said(handler)
            self.assertTrue(first.endswith(f"connection handler failed. {LOOP}"), first)
            self.assertIn("TypeError: 'WebSocketServerProtocol' object is not", last)

    def test_so_is_with(self):
        self.assertTrue(self.said(enter)[0].endswith(f"connection handler failed. {WITH}"))

    def test_so_it_is_for_the_class_of_an_application(self):
        self.assertIn(LOOP, self.said(loop, create_protocol=Chat)[0])

    def test_a_deferred_of_a_connection_is_no_context_manager(self):
        with self.assertRaises(TypeError) as caught:
            enter(Opening())
        self.assertEqual(advice_on_async(caught.exception), WITH)

    def test_another_object_gets_no_advice(self):
        for wrong in loop, enter, advance:
            with self.assertRaises(TypeError) as caught:
                wrong(7)
            self.assertIsNone(advice_on_async(caught.exception))
        self.assertIsNone(advice_on_async(KeyError("'Chat' object is not iterable")))

    def test_nobody_takes_a_connection_for_an_iterable(self):
        self.assertFalse(issubclass(WebSocketServerProtocol, Iterable))
        self.assertFalse(hasattr(WebSocketServerProtocol, "__enter__"))

    def test_notes_are_shown(self):
        def handler(ws):
            error = KeyError("x")
            error.add_note("it was said before")
            raise error

        self.assertIn("connection handler failed. it was said before", self.said(handler)[0])

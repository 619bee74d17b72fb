"""The log distinguishes a handler that ended with its connection from one that has failed."""

import contextlib

from twisted.internet.defer import Deferred, ensureDeferred, gatherResults, inlineCallbacks
from twisted.logger import LogLevel, eventAsText, formatEvent

from tests.support.sides import CLOSE, REQUEST, TEXT, Peer, ServerSide, closing, frames_in
from tests.support.ways import OverTLS
from txws2.exceptions import ConnectionClosed
from txws2.server.factory import WebSocketServerFactory
from txws2.testing import joined
from txws2.wire.frames import encode_frame

GONE = "no close frame received or sent"
ENDED = "{connection} handler ended with its connection: {reason}"
FAILED = "connection handler failed"


async def reader(ws):
    while True:
        await ws.recv()


class HandlerEnds:
    def start(self, handler=reader, **options):
        """Open a connection with this handler."""
        self.factory = WebSocketServerFactory(handler, reactor=self.clock, **options)
        self.ws = self.factory.buildProtocol(None)
        self.peer = Peer()
        self.joined = self.link(self.ws, self.peer)
        self.joined.pump()
        self.receive(REQUEST)
        self.peer.take()

    def ended(self):
        """Return the reasons of the handlers that ended with their connections."""
        events = [event for event in self.events if event["log_format"] == ENDED]
        for event in events:
            self.assertEqual(event["log_level"], LogLevel.info)
            self.assertEqual(event["connection"], self.ws.id)
            self.assertNotIn("log_failure", event)
        return [formatEvent(event).partition(": ")[2] for event in events]

    def assertFailed(self, text):
        [event] = self.take_loud()
        self.assertEqual(event["log_format"], FAILED)
        self.assertEqual(event["log_level"], LogLevel.error)
        self.assertEqual(str(event["log_failure"].value), text)
        self.assertEqual(self.ended(), [])

    def test_a_normal_close_that_it_does_not_catch_is_one_line_at_info(self):
        for code, payload, shown in (
            (1000, closing(1000), "1000 (OK)"),
            (1001, closing(1001, "bye"), "1001 (going away) bye"),
            (1005, b"", "1005 (no status received [internal])"),
        ):
            self.start()
            self.hear((CLOSE, payload))
            self.joined.drop()
            self.assertEqual(self.ended(), [f"received {shown}; then sent {shown}"], code)
            self.events.clear()

    def test_a_client_that_just_vanished_is_one_line_at_info(self):
        self.start()
        self.joined.drop()
        self.assertEqual(self.ended(), [GONE])

    def test_a_client_that_the_keepalive_gave_up_is_one_line_at_info(self):
        self.start()
        self.joined.vanish()
        self.joined.advance(60)
        text = "sent 1011 (internal error) keepalive ping timeout; no close frame received"
        self.assertEqual(self.ended(), [text])

    def test_an_unanswered_close_of_ours_is_one_line_at_info(self):
        self.start()
        self.ws.close(1001)
        self.joined.vanish()
        self.joined.advance(10)
        self.assertEqual(self.ended(), ["sent 1001 (going away); no close frame received"])

    def test_each_form_of_a_handler_logs_one_line_at_info(self):
        @inlineCallbacks
        def generator(ws):
            yield ws.recv()

        for handler in (generator, lambda ws: ws.recv(), lambda ws: ensureDeferred(reader(ws))):
            self.start(handler)
            self.joined.drop()
            self.assertEqual(self.ended(), [GONE])
            self.events.clear()

    def test_a_close_in_an_exception_group_is_one_line_at_info(self):
        async def handler(ws):
            try:
                await ws.recv()
            except ConnectionClosed as exc:
                group = ExceptionGroup("within", [exc])
                raise ExceptionGroup("of tasks", [exc, group]) from None

        self.start(handler)
        self.joined.drop()
        self.assertEqual(self.ended(), [GONE])

    def test_not_if_anything_else_is_in_the_group_and_then_all_of_it_is_shown(self):
        async def handler(ws):
            try:
                await ws.recv()
            except ConnectionClosed as exc:
                raise ExceptionGroup("of tasks", [exc, KeyError("other")]) from None

        self.start(handler)
        self.joined.drop()
        [event] = self.take_loud()
        # A Failure shows only the group, not the exceptions in it.
        text = eventAsText(event)
        self.assertRegex(text, f"{FAILED}\n(.*\n)*.*ConnectionClosedError: {GONE}")
        self.assertIn("KeyError: 'other'", text)
        self.assertEqual(self.ended(), [])

    def test_a_handler_that_catches_it_is_not_mentioned(self):
        async def handler(ws):
            with contextlib.suppress(ConnectionClosed):
                await ws.recv()

        self.start(handler)
        self.joined.drop()
        self.assertEqual(self.ended(), [])

    def test_any_close_code_of_the_client_is_one_line_at_info(self):
        for code, shown in ((4000, "4000 (private use) no"), (1011, "1011 (internal error) no")):
            self.start()
            self.hear((CLOSE, closing(code, "no")))
            self.joined.drop()
            self.assertEqual(self.ended(), [f"received {shown}; then sent {shown}"])
            self.events.clear()

    def test_a_mistake_of_the_client_is_one_line_at_info(self):
        for wrong, shown in (
            (encode_frame(TEXT, b"hello", masked=False), "1002 (protocol error) expected a masked"),
            (self.frame(TEXT, b"\xff"), "1007 (invalid frame payload data) invalid UTF-8"),
            (self.frame(TEXT, b"x" * 11), "1009 (message too big) message of 11 bytes or more"),
        ):
            self.start(max_size=10)
            self.receive(wrong)
            self.joined.drop()
            [ended] = self.ended()
            self.assertTrue(ended.startswith(f"sent {shown}"), ended)
            self.assertTrue(ended.endswith("; no close frame received"), ended)
            self.events.clear()

    def test_a_close_of_ours_is_one_line_at_info(self):
        self.start()
        self.ws.close(1000)
        self.receive(encode_frame(TEXT, b"hello", masked=False))
        self.joined.drop()
        self.assertEqual(self.ended(), ["sent 1000 (OK); no close frame received"])

    def test_an_end_that_several_were_waiting_for_is_one_line_at_info(self):
        async def grouped(ws):
            try:
                await ws.recv()
            except ConnectionClosed as exc:
                raise ExceptionGroup("some", [exc, ExceptionGroup("more", [exc])]) from None

        async def gathered(ws):
            await gatherResults([Deferred(), ws.recv()], consumeErrors=True)

        for handler in grouped, gathered:
            self.start(handler)
            self.joined.drop()
            self.assertEqual(self.ended(), [GONE])
            self.events.clear()

    def test_an_exception_that_the_handler_raises_at_the_end_is_an_error(self):
        async def handler(ws):
            try:
                await ws.recv()
            except ConnectionClosed as exc:
                raise LookupError("nobody there") from exc

        self.start(handler)
        self.joined.drop()
        self.assertFailed("nobody there")

    def test_the_end_of_another_connection_is_an_error_while_its_own_goes_on(self):
        other = joined(clock=self.clock)

        async def handler(ws):
            await other.client.recv()

        self.start(handler)
        other.drop()
        self.joined.pump()
        self.assertFailed(GONE)
        self.assertEqual(frames_in(self.peer.take()), [(CLOSE, closing(1011))])

    def test_the_end_of_another_connection_is_an_error_after_its_own_end(self):
        other, turn = joined(clock=self.clock), Deferred()

        async def handler(ws):
            await turn
            await other.client.recv()

        self.start(handler)
        self.joined.drop()
        other.client.close()
        other.pump()
        turn.callback(None)
        self.assertFailed("sent 1000 (OK); then received 1000 (OK)")


class HandlerEndsTests(HandlerEnds, ServerSide):
    pass


class HandlerEndsOverTLSTests(OverTLS, HandlerEnds, ServerSide):
    pass

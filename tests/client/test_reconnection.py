"""`async for ws in connect(...)`: one connection after the other, and the waits between them."""

from pathlib import Path

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ConnectionRefusedError
from twisted.internet.task import Clock
from twisted.logger import formatEvent

from tests.support.certificates import certify
from tests.support.implementations import counts_references
from tests.support.servers import Servers
from tests.support.sides import CLOSE, URI, QuietTestCase, closing
from txws2._connection.in_loops import close_those_in_loops
from txws2._time.backoff import Backoff
from txws2.client.connections import connect
from txws2.exceptions import ConnectionClosed, ConnectionClosedError, InvalidStatus
from txws2.wire.closing import Close
from txws2.wire.connection import State


class ReconnectingTestCase(QuietTestCase):
    def setUp(self):
        super().setUp()
        self.servers = Servers(self.clock)
        self.connections = []
        self.bodies = []

    def connect(self, **options):
        options.setdefault("backoff", Backoff(random=lambda: 0.5))
        return connect(URI, endpoint=self.servers, reactor=self.clock, **options)

    def start(self, connecting=None, **options):
        """Iterate, and call a function of the test in the body of the loop."""
        self.running = Deferred.fromCoroutine(self.iterate(connecting or self.connect(**options)))

    async def iterate(self, connecting):
        async for ws in connecting:
            self.connections.append(ws)
            self.bodies.append(Deferred())
            if await self.bodies[-1] == "break":
                break

    def go_on(self, result=None):
        self.bodies[-1].callback(result)

    def last_long(self):
        """Let the connection be used for so long that it is a good one."""
        self.clock.advance(5)

    def logged(self):
        lines = [formatEvent(event) for event in self.events]
        return [line for line in lines if "trying again" in line]

    def assertWaits(self, seconds):
        """Assert that the next attempt is made after these seconds, and not before."""
        attempts = self.servers.attempts
        self.assertIsNone(self.servers.waiting)
        self.clock.advance(seconds - 0.01)
        self.assertEqual(self.servers.attempts, attempts)
        self.clock.advance(0.02)
        self.assertEqual(self.servers.attempts, attempts + 1)

    def assertNothingLeft(self):
        self.servers.pump()
        self.assertIsNone(self.servers.waiting)
        self.assertEqual(self.clock.getDelayedCalls(), [])


class IterationTests(ReconnectingTestCase):
    def test_the_first_connection_is_that_of_the_deferred(self):
        connecting = self.connect()
        self.assertEqual(self.servers.attempts, 1)
        self.start(connecting)
        self.servers.open()
        self.assertEqual(self.servers.attempts, 1)
        self.assertEqual(self.connections, [self.servers.protocol])
        self.assertIs(self.connections[0].state, State.OPEN)

    def test_a_program_that_ends_waits_until_the_connection_of_a_loop_is_closed(self):
        self.start()
        self.servers.open()
        other = close_those_in_loops(Clock())
        self.assertEqual(self.successResultOf(other), [])
        self.running.cancel()
        self.failureResultOf(self.running, CancelledError)
        closed = close_those_in_loops(self.clock)
        self.assertNoResult(closed)
        self.servers.close()
        self.servers.peer.transport.loseConnection()
        self.servers.pump()
        self.successResultOf(closed)
        self.assertEqual(self.connections[0].close_code, 1000)
        self.assertEqual(self.logged(), [])
        self.assertEqual(self.successResultOf(close_those_in_loops(self.clock)), [])

    def test_a_connection_that_was_lost_is_followed_by_another_at_once(self):
        self.start()
        self.servers.open()
        self.last_long()
        self.servers.joined.drop()
        self.go_on()
        self.assertEqual(self.servers.attempts, 2)
        self.servers.open()
        self.assertEqual(len(self.connections), 2)

    def test_the_items_of_iterators_are_sent_each_time(self):
        self.start(
            additional_headers=(pair for pair in [("X-Token", "secret")]),
            subprotocols=(name for name in ["chat"]),
        )
        for _ in range(2):
            self.servers.accept()
            request = self.servers.peer.take()
            self.assertIn(b"X-Token: secret", request)
            self.assertIn(b"Sec-WebSocket-Protocol: chat", request)
            self.servers.joined.drop()
            self.clock.advance(5)
        self.servers.fail(ValueError())
        self.failureResultOf(self.running, ValueError)

    def test_one_that_is_still_open_is_closed_first(self):
        self.start()
        self.servers.open()
        self.last_long()
        self.go_on()
        self.assertEqual(self.servers.attempts, 1)
        self.assertEqual(self.servers.heard(), [(CLOSE, closing(1000))])
        self.servers.close()
        self.assertEqual(self.servers.attempts, 2)

    def test_one_that_does_not_close_is_given_up_after_close_timeout(self):
        self.start(close_timeout=3)
        self.servers.open()
        self.last_long()
        self.go_on()
        self.clock.advance(2)
        self.assertEqual(self.servers.attempts, 1)
        self.clock.advance(1)
        self.servers.pump()
        self.assertEqual(self.servers.attempts, 2)

    @counts_references
    def test_leaving_the_loop_closes_the_connection(self):
        self.start()
        self.servers.open()
        self.go_on("break")
        self.successResultOf(self.running)
        self.assertEqual(self.servers.heard(), [(CLOSE, closing(1000))])
        self.servers.close()
        self.assertNothingLeft()

    @counts_references
    def test_an_exception_in_the_loop_closes_it_and_goes_on(self):
        self.start()
        self.servers.open()
        self.bodies[-1].errback(KeyError())
        self.failureResultOf(self.running, KeyError)
        self.assertEqual(self.servers.heard(), [(CLOSE, closing(1000))])
        self.servers.close()
        self.assertNothingLeft()

    def test_a_file_that_is_gone_at_a_later_attempt_is_reported(self):
        path = self.mktemp()
        _, pem = certify("localhost")
        Path(path).write_bytes(pem)
        self.start(tls=path)
        self.servers.open()
        Path(path).unlink()
        self.last_long()
        self.servers.joined.drop()
        self.go_on()
        self.failureResultOf(self.running, OSError)
        self.assertNothingLeft()

    def test_process_exception_may_wait_for_a_file_that_is_gone(self):
        path = self.mktemp()
        _, pem = certify("localhost")
        Path(path).write_bytes(pem)
        self.start(tls=path, process_exception=lambda exc: None)
        self.servers.open()
        Path(path).unlink()
        self.last_long()
        self.servers.joined.drop()
        self.go_on()
        self.assertNoResult(self.running)
        Path(path).write_bytes(pem)
        self.clock.advance(60)
        self.servers.open()
        self.assertEqual(len(self.connections), 2)

    def test_the_loop_may_be_run_again(self):
        connecting = self.connect()
        self.start(connecting)
        self.servers.open()
        self.go_on("break")
        self.servers.close()
        self.start(connecting)
        self.servers.open()
        self.assertEqual((self.servers.attempts, len(self.connections)), (2, 2))

    def test_async_with_and_await_stay_as_they_were(self):
        async def once():
            async with self.connect() as ws:
                return ws

        running = Deferred.fromCoroutine(once())
        self.servers.open()
        self.assertEqual(self.servers.heard(), [(CLOSE, closing(1000))])
        self.servers.close()
        self.assertIs(self.successResultOf(running), self.servers.protocol)


class BackoffTests(ReconnectingTestCase):
    def test_the_waits_grow(self):
        self.start()
        for seconds in 2.5, 3.1, 5.0158:
            self.servers.fail()
            self.assertWaits(seconds)

    def test_after_a_good_connection_they_begin_anew(self):
        self.start()
        for seconds in 2.5, 3.1:
            self.servers.fail()
            self.assertWaits(seconds)
        self.servers.open()
        self.last_long()
        self.servers.joined.drop()
        self.go_on()
        self.servers.fail()
        self.assertWaits(2.5)

    def test_connections_that_do_not_last_lengthen_them(self):
        self.start()
        for seconds in 2.5, 3.1, 5.0158:
            self.servers.open()
            self.servers.joined.drop()
            self.go_on()
            self.assertWaits(seconds)

    def test_connections_whose_body_returns_at_once_lengthen_them(self):
        self.start()
        for seconds in 2.5, 3.1, 5.0158:
            self.servers.open()
            self.go_on()
            self.servers.close()
            self.assertWaits(seconds)

    def test_the_time_that_the_body_takes_counts(self):
        self.start()
        self.servers.open()
        self.servers.joined.drop()
        self.last_long()
        self.go_on()
        self.assertEqual(self.servers.attempts, 2)

    def test_a_body_that_has_caught_the_end_leaves_the_loop_to_know_it(self):
        async def body():
            async for ws in self.connect(process_exception=lambda exc: exc):
                try:
                    await ws.recv()
                except ConnectionClosed:
                    continue

        running = Deferred.fromCoroutine(body())
        self.servers.open()
        self.servers.close(4004)
        error = self.failureResultOf(running, ConnectionClosedError).value
        self.assertEqual(error.rcvd, Close(4004))
        self.assertNothingLeft()

    def test_each_end_is_logged_once(self):
        self.start()
        self.servers.open()
        self.servers.close(4004)
        self.go_on()
        self.clock.advance(3)
        self.servers.open()
        self.last_long()
        self.servers.joined.drop()
        self.go_on()
        self.assertEqual(
            self.logged(),
            [
                "disconnected from example.com: received 4004 (private use); then sent 4004 "
                "(private use); trying again in 2.5 s",
                "disconnected from example.com: no close frame received or sent; trying again "
                "at once",
            ],
        )

    def test_each_failed_attempt_is_logged_once(self):
        self.start()
        self.servers.fail()
        self.clock.advance(3)
        self.servers.refuse()
        self.assertEqual(
            self.logged(),
            [
                "can't connect to example.com: Connection was refused by other side: the "
                "endpoint; trying again in 2.5 s",
                "can't connect to example.com: server rejected WebSocket connection: HTTP 503; "
                "trying again in 3.1 s",
            ],
        )
        [event, _] = [event for event in self.events if "trying" in event["log_format"]]
        self.assertEqual(
            (event["log_level"].name, event["log_namespace"]), ("info", "txws2.client")
        )

    def test_an_error_without_words_is_named(self):
        self.start()
        self.servers.fail(TimeoutError())
        self.assertIn("TimeoutError; trying", self.logged()[0])

    def test_a_timeout_is_followed_by_another_attempt(self):
        self.start()
        self.clock.advance(10)
        self.assertIn("timed out during opening handshake", self.logged()[0])
        self.assertWaits(2.5)

    def test_a_server_that_hangs_up_is_tried_again(self):
        self.start()
        self.servers.accept()
        self.servers.joined.drop()
        self.assertWaits(2.5)

    def test_a_server_may_say_how_long_to_wait(self):
        self.start()
        self.servers.refuse("503 Busy", "Retry-After: 120")
        self.assertWaits(120)

    def test_a_server_can_not_shorten_the_waits(self):
        self.start()
        self.servers.refuse("503 Busy", "Retry-After: 1")
        self.assertWaits(2.5)

    def test_it_may_say_until_when(self):
        self.clock.advance(1_000_000_000 - self.clock.seconds())
        self.start()
        self.servers.refuse("503 Busy", "Retry-After: Sun, 09 Sep 2001 01:47:40 GMT")
        self.assertWaits(60)


class DecisionTests(ReconnectingTestCase):
    def test_a_permanent_error_is_raised(self):
        self.start()
        self.servers.refuse("401 Unauthorized")
        self.failureResultOf(self.running, InvalidStatus)
        self.assertEqual(self.logged(), [])
        self.assertNothingLeft()

    def test_the_application_can_decide_to_try_again(self):
        seen = []
        self.start(process_exception=seen.append)
        self.servers.refuse("401 Unauthorized")
        self.assertEqual(str(seen[0]), "server rejected WebSocket connection: HTTP 401")
        self.assertWaits(2.5)

    def test_it_can_raise_another_exception(self):
        self.start(process_exception=lambda exc: PermissionError())
        self.servers.fail()
        failure = self.failureResultOf(self.running, PermissionError)
        self.assertIsInstance(failure.value.__cause__, ConnectionRefusedError)

    def test_an_exception_of_the_hook_is_raised(self):
        def broken(exc):
            raise LookupError

        self.start(process_exception=broken)
        self.servers.fail()
        self.failureResultOf(self.running, LookupError)
        self.assertNothingLeft()

    def test_async_with_does_not_ask(self):
        connecting = self.connect(process_exception=lambda exc: None)
        self.servers.fail()
        self.failureResultOf(connecting, ConnectionRefusedError)


class CancellationTests(ReconnectingTestCase):
    """A cancelled loop leaves nothing behind, even if process_exception permits all errors."""

    def start(self, **options):
        super().start(process_exception=lambda exc: None, **options)

    def assertCancelled(self):
        self.running.cancel()
        self.failureResultOf(self.running, CancelledError)
        self.assertNothingLeft()

    def test_while_it_connects(self):
        self.start()
        self.assertCancelled()

    def test_in_the_handshake(self):
        self.start()
        self.servers.accept()
        self.assertCancelled()

    def test_while_it_waits(self):
        self.start()
        self.servers.fail()
        self.assertCancelled()

    def test_while_it_waits_after_a_connection(self):
        self.start()
        self.servers.open()
        self.servers.close(4004)
        self.go_on()
        self.assertCancelled()

    def test_while_it_connects_again(self):
        self.start()
        self.servers.fail()
        self.clock.advance(3)
        self.assertIsNotNone(self.servers.waiting)
        self.assertCancelled()

    @counts_references
    def test_in_the_body(self):
        self.start()
        self.servers.open()
        self.running.cancel()
        self.failureResultOf(self.running, CancelledError)
        self.assertEqual(self.servers.heard(), [(CLOSE, closing(1000))])
        self.servers.close()
        self.assertNothingLeft()

    def test_while_it_closes(self):
        self.start()
        self.servers.open()
        self.go_on()
        self.running.cancel()
        self.failureResultOf(self.running, CancelledError)
        self.servers.close()
        self.assertEqual(self.servers.attempts, 1)
        self.assertNothingLeft()

    def test_a_timeout_of_the_caller_ends_it(self):
        self.start()
        self.running.addTimeout(1, self.clock)
        self.servers.fail()
        self.clock.advance(1)
        self.failureResultOf(self.running)
        self.assertNothingLeft()

    def test_a_generator_that_is_closed_closes_the_connection(self):
        connections = aiter(self.connect())
        first = Deferred.fromCoroutine(anext(connections))
        self.servers.open()
        ws = self.successResultOf(first)
        self.successResultOf(Deferred.fromCoroutine(connections.aclose()))
        self.assertIs(ws.state, State.CLOSING)
        self.servers.close()
        self.assertNothingLeft()

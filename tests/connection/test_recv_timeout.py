"""`recv(timeout=...)` gives up in time, and loses no message."""

import gc

from twisted.internet import defer
from twisted.internet.defer import CancelledError, Deferred

from tests.support.sides import BINARY, CLOSE, TEXT, ClientSide, QuietTestCase, ServerSide, closing
from tests.support.ways import OverTLS
from txws2.exceptions import ConcurrencyError, ConnectionClosedOK, InvalidState
from txws2.testing import joined


class RecvTimeoutTests:
    def assertMissed(self, receiving, text="no message came within 10 seconds"):
        self.assertEqual(str(self.failureResultOf(receiving, TimeoutError).value), text)

    def timers(self):
        """Return the delayed calls other than the keepalive's."""
        return [call for call in self.clock.getDelayedCalls() if call.getTime() < 20]

    def open_idle(self):
        return self.open(ping_interval=None, open_timeout=None)

    def test_a_message_that_comes_in_time_is_had_and_leaves_no_timer(self):
        ws = self.open_idle()
        receiving = ws.recv(timeout=10)
        self.clock.advance(9)
        self.assertNoResult(receiving)
        self.hear((TEXT, b"a"))
        self.assertEqual(self.successResultOf(receiving), "a")
        self.assertEqual(self.timers(), [])

    def test_when_none_comes_it_fails_with_the_builtin_timeout_error(self):
        ws = self.open_idle()
        receiving = ws.recv(timeout=10)
        self.clock.advance(10)
        self.assertMissed(receiving)
        self.assertEqual(self.timers(), [])

    def test_the_message_that_comes_too_late_goes_to_the_next_recv(self):
        ws = self.open_idle()
        receiving = ws.recv(timeout=0.5)
        self.clock.advance(0.5)
        self.assertMissed(receiving, "no message came within 0.5 seconds")
        self.hear((TEXT, b"a"), (BINARY, b"b"))
        self.assertEqual(self.successResultOf(ws.recv(timeout=10)), "a")
        self.assertEqual(self.successResultOf(ws.recv()), b"b")

    def test_the_message_that_comes_at_the_timeout_goes_to_the_next_recv(self):
        ws = self.open_idle()
        for first in "message", "timeout":
            if first == "message":
                self.clock.callLater(10, self.hear, (TEXT, b"a"))
            receiving = ws.recv(timeout=10)
            if first == "timeout":
                self.clock.callLater(10, self.hear, (TEXT, b"a"))
            self.clock.advance(10)
            if first == "timeout":
                self.assertMissed(receiving)
                receiving = ws.recv()
            self.assertEqual(self.successResultOf(receiving), "a")

    def test_a_reader_that_waits_again_at_once_gets_the_next(self):
        ws = self.open_idle()
        got, missed = [], []

        async def receive():
            while True:
                try:
                    got.append(await ws.recv(timeout=1))
                except TimeoutError:
                    missed.append(self.clock.seconds())

        running = Deferred.fromCoroutine(receive())
        for number in range(6):
            self.clock.advance(0.75)
            if number % 3 == 2:
                self.hear((TEXT, b"%d" % number))
        self.assertEqual(got, ["2", "5"])
        self.assertEqual(missed, [1.5, 3.75])
        running.cancel()
        self.failureResultOf(running, CancelledError)
        self.assertEqual(self.timers(), [])

    def test_zero_gives_what_is_here_already(self):
        ws = self.open_idle()
        for timeout in 0, -1, 0.0:
            self.assertMissed(ws.recv(timeout=timeout), "no message is here yet")
            self.hear((TEXT, b"a"), (TEXT, b"b"))
            for message in "a", "b":
                self.assertEqual(self.successResultOf(ws.recv(timeout=timeout)), message)
            self.assertMissed(ws.recv(timeout=timeout), "no message is here yet")
        self.assertEqual(self.timers(), [])

    def test_none_waits_for_ever(self):
        ws = self.open_idle()
        receiving = ws.recv(timeout=None)
        self.clock.advance(1e6)
        self.hear((TEXT, b"a"))
        self.assertEqual(self.successResultOf(receiving), "a")

    def test_a_message_may_be_decoded_besides(self):
        ws = self.open_idle()
        receiving = ws.recv(True, timeout=10)
        self.hear((BINARY, b"a"), (TEXT, b"b"))
        self.assertEqual(self.successResultOf(receiving), "a")
        self.assertEqual(self.successResultOf(ws.recv(decode=False, timeout=10)), b"b")

    def test_it_can_be_cancelled_and_leaves_the_message_and_no_timer(self):
        ws = self.open_idle()
        receiving = ws.recv(timeout=10)
        receiving.cancel()
        self.failureResultOf(receiving, CancelledError)
        self.assertEqual(self.timers(), [])
        self.hear((TEXT, b"a"))
        self.assertEqual(self.successResultOf(ws.recv()), "a")

    def test_two_at_once_are_refused_and_the_first_goes_on(self):
        ws = self.open_idle()
        receiving = ws.recv(timeout=10)
        for timeout in None, 0, 5:
            self.failureResultOf(ws.recv(timeout=timeout), ConcurrencyError)
        self.hear((TEXT, b"a"))
        self.assertEqual(self.successResultOf(receiving), "a")

    def test_the_end_of_the_connection_comes_first(self):
        ws = self.open_idle()
        receiving = ws.recv(timeout=10)
        self.hear((CLOSE, closing(1000)))
        self.joined.drop()
        self.failureResultOf(receiving, ConnectionClosedOK)
        for timeout in 0, 10:
            self.failureResultOf(ws.recv(timeout=timeout), ConnectionClosedOK)
        self.assertEqual(self.timers(), [])

    def test_an_end_that_nobody_looks_at_is_not_logged(self):
        self.open_idle().recv(timeout=10)
        self.joined.drop()
        gc.collect()
        self.assertEqual(self.take_loud(), [])

    def test_before_it_is_open_it_fails_as_recv_does(self):
        self.connect()
        self.failureResultOf(self.ws.recv(timeout=10), InvalidState)

    def test_a_time_that_is_none_is_refused(self):
        ws = self.open_idle()
        for timeout in "10", b"10", [10]:
            exc = self.assertRaises(TypeError, ws.recv, timeout=timeout)
            self.assertIn(f"it is {timeout!r}", str(exc))
        self.assertNoResult(ws.recv(timeout=10))

    def test_a_time_that_is_given_as_decode_is_refused(self):
        ws = self.open_idle()
        for receive in ws.recv, ws.recv_streaming:
            for decode in 10, 1, 0, 0.5, "utf-8":
                exc = self.assertRaises(TypeError, receive, decode)
                self.assertIn("recv(timeout=10)", str(exc))
        self.assertNoResult(ws.recv())

    def test_add_timeout_fails_with_a_class_of_twisteds_own_and_loses_nothing_either(self):
        ws = self.open_idle()
        receiving = ws.recv().addTimeout(10, self.clock)
        self.clock.advance(10)
        failure = self.failureResultOf(receiving, defer.TimeoutError)
        self.assertNotIsInstance(failure.value, TimeoutError)
        self.hear((TEXT, b"a"))
        self.assertEqual(self.successResultOf(ws.recv()), "a")


class ServerRecvTimeoutTests(RecvTimeoutTests, ServerSide):
    pass


class ServerRecvTimeoutOverTLSTests(OverTLS, RecvTimeoutTests, ServerSide):
    pass


class ClientRecvTimeoutTests(RecvTimeoutTests, ClientSide):
    pass


class HeldTests(QuietTestCase):
    def test_a_reader_that_has_given_up_leaves_reading_as_it_was(self):
        both = self.enterContext(joined(handler=lambda ws: ws.wait_closed(), max_queue=1))
        for _ in range(3):
            both.client.sendMessage("x")
        both.pump()
        for _ in range(3):
            self.assertEqual(both.result_of(both.server.recv(timeout=0)), "x")
        self.failureResultOf(both.server.recv(timeout=0), TimeoutError)

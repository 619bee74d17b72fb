"""In pull style, whoever waits for messages is woken once for those of a read."""

import gc
from weakref import ref

from twisted.internet.defer import (
    CancelledError,
    Deferred,
    DeferredList,
    ensureDeferred,
    gatherResults,
    inlineCallbacks,
    maybeDeferred,
)

from tests.support.implementations import counts_references
from tests.support.sides import (
    CLOSE,
    PING,
    PONG,
    TEXT,
    ClientSide,
    ServerSide,
    closing,
)
from tests.support.ways import OverTLS
from txws2 import ConcurrencyError, ConnectionClosedError, ConnectionClosedOK
from txws2._connection.handle import driver_of


def texts(*payloads):
    return [(TEXT, payload.encode()) for payload in payloads]


class WakingTests:
    """Tests for either side."""

    def start(self, function, **options):
        """Open a connection, and run a coroutine function with it; `ended` is its Deferred."""
        self.open(**options)
        self.ended = Deferred.fromCoroutine(function(self.ws))

    def writes(self):
        """Return the list of the writes to the transport from now on."""
        writes, write = [], self.ours.write

        def record(data):
            writes.append(data)
            write(data)

        self.patch(self.ours, "write", record)
        return writes

    async def echo(self, ws):
        async for message in ws:
            await ws.send(message)

    async def echo_by_recv(self, ws):
        while True:
            await ws.send(await ws.recv())

    def test_the_answers_to_a_read_leave_in_one_write(self):
        for echo in (self.echo, self.echo_by_recv):
            self.start(echo)
            writes = self.writes()
            numbers = [str(number) for number in range(100)]
            self.hear(*texts(*numbers))
            self.assertEqual(self.said(), texts(*numbers))
            self.assertEqual(len(writes), 1)

    def test_a_coroutine_is_suspended_once_for_a_read(self):
        waited = []

        async def count(ws):
            driver = driver_of(ws)
            while True:
                receiving = ws.recv()
                waited.append(not receiving.called)
                await receiving
                self.assertIs(driver.busy, True)

        self.start(count)
        for _ in range(3):
            self.hear(*texts(*"abcdef"))
        self.assertEqual(waited, [True, *[False] * 5] * 3 + [True])

    def test_the_pong_comes_before_the_answers_to_a_read_and_the_close_frame_after_them(self):
        self.start(self.echo)
        self.hear(*texts("a"), (PING, b"b"), *texts("c", "d"), (CLOSE, closing(1000)))
        expected = [(PONG, b"b"), *texts("a", "c", "d"), (CLOSE, closing(1000))]
        self.assertEqual(self.said(), expected)
        self.joined.drop()
        self.assertIsNone(self.successResultOf(self.ended))

    def test_messages_before_an_error_of_the_peer_are_answered(self):
        self.start(self.echo)
        self.hear(*texts("a", "b"), (3, b""))
        self.assertEqual(self.said()[:2], texts("a", "b"))
        self.failureResultOf(self.ended, ConnectionClosedError)

    def test_messages_before_the_end_are_received_by_one_who_comes_late(self):
        self.open(max_queue=4)
        self.hear(*texts(*"abc"), (CLOSE, closing(1000)))
        self.joined.drop()
        for expected in "abc":
            self.assertEqual(self.successResultOf(self.ws.recv()), expected)
        self.failureResultOf(self.ws.recv(), ConnectionClosedOK)

    def test_messages_that_come_cut_are_received_in_order(self):
        got = []

        async def gather(ws):
            async for message in ws:
                got.append(message)

        data = b"".join(self.frame(*text) for text in texts(*map(str, range(50))))
        for step in (1, 2, 7, 64):
            got.clear()
            self.start(gather)
            for start in range(0, len(data), step):
                self.receive(data[start : start + step])
            self.hear((CLOSE, closing(1000)))
            self.assertEqual(got, [*map(str, range(50))])

    def test_an_unfinished_message_comes_after_those_before_it(self):
        got = []

        async def take(ws):
            got.append(await ws.recv())
            async for piece in ws.recv_streaming():
                got.append(piece)
            async for piece in ws.recv_streaming():
                got.append(piece)
            got.append(await ws.recv())

        self.start(take)
        self.receive(
            b"".join(
                (
                    self.frame(TEXT, b"a"),
                    self.frame(TEXT, b"b"),
                    self.frame(TEXT, b"c", fin=False),
                )
            )
        )
        self.assertEqual(got, ["a", "b", "c"])
        self.receive(self.frame(0, b"d") + self.frame(TEXT, b"e"))
        self.assertEqual(got, ["a", "b", "c", "d", "e"])
        self.assertIsNone(self.successResultOf(self.ended))

    def test_a_handler_that_pauses_gets_the_rest_of_the_read_when_it_resumes(self):
        got = []

        async def pause(ws):
            async for message in ws:
                got.append(message)
                if message == "b":
                    ws.pauseProducing()

        self.start(pause)
        self.hear(*texts(*"abcd"))
        self.assertEqual(got, ["a", "b"])
        self.hear(*texts("e"))
        self.ws.resumeProducing()
        self.assertEqual(got, [*"abcd"])
        self.joined.pump()
        self.assertEqual(got, [*"abcde"])

    def test_a_paused_reader_gets_the_end(self):
        self.start(self.echo)
        self.ws.pauseProducing()
        self.joined.drop()
        self.failureResultOf(self.ended, ConnectionClosedError)

    def test_after_its_own_close_a_handler_gets_the_messages_of_the_same_read(self):
        got = []

        async def close(ws):
            async for message in ws:
                got.append(message)
                if message == "a":
                    ws.close()

        self.start(close, max_queue=2)
        self.hear(*texts(*"abcdef"))
        self.assertEqual(got, [*"abcdef"])
        self.hear(*texts(*"ghijkl"), (CLOSE, closing(1000)))
        self.assertEqual(got, [*"abcdefghijkl"])
        self.joined.drop()
        self.assertIsNone(self.successResultOf(self.ended))

    def test_reading_pauses_once_for_one_who_takes_no_more(self):
        later = Deferred()

        async def slow(ws):
            async for _ in ws:
                await later

        self.start(slow, max_queue=4)
        self.hear(*texts(*"abcdef"))
        self.assertTrue(driver_of(self.ws).intake.reading.paused)
        later.callback(None)
        self.assertFalse(driver_of(self.ws).intake.reading.paused)
        self.assertEqual(driver_of(self.ws).intake.inbox.waiting, 0)

    def test_bytes_that_a_handler_feeds_come_after_those_of_the_read(self):
        got = []

        async def feed(ws):
            async for message in ws:
                got.append(message)
                if message == "a":
                    ws.dataReceived(self.frame(*texts("z")[0]))

        self.start(feed)
        self.hear(*texts(*"abc"))
        self.assertEqual(got, [*"abcz"])

    def test_a_hook_that_is_set_after_the_first_message_gets_the_others(self):
        got = []

        async def upgrade(ws):
            got.append(await ws.recv())
            ws.messageReceived = lambda message: got.append(message.upper())

        self.start(upgrade)
        self.hear(*texts(*"abc"))
        self.hear(*texts("d"))
        self.assertEqual(got, ["a", "B", "C", "D"])

    def test_cancelling_loses_no_message_of_a_read(self):
        self.open()
        got = []

        async def take(ws):
            got.append(await ws.recv())
            second.cancel()
            await Deferred()

        self.ended = Deferred.fromCoroutine(take(self.ws))
        second = Deferred()
        self.hear(*texts(*"abc"))
        self.ended.cancel()
        self.failureResultOf(self.ended, CancelledError)
        self.failureResultOf(second, CancelledError)
        self.assertEqual(self.successResultOf(self.ws.recv()), "b")
        waiting = self.ws.recv()
        self.assertEqual(self.successResultOf(waiting), "c")
        waiting = self.ws.recv()
        waiting.cancel()
        self.failureResultOf(waiting, CancelledError)
        self.hear(*texts("d"))
        self.assertEqual(self.successResultOf(self.ws.recv()), "d")

    def test_a_second_reader_is_refused(self):
        self.open()
        waiting = self.ws.recv()
        for refused in (self.ws.recv(), self.ws.recv(timeout=0), self.ws.recv(True)):
            error = self.failureResultOf(refused, ConcurrencyError).value
            self.assertEqual(str(error), "recv() is already waiting for a message")
        self.hear(*texts("a"))
        self.assertEqual(self.successResultOf(waiting), "a")

    def test_recv_returns_a_deferred_with_a_message_and_without(self):
        @inlineCallbacks
        def generator(ws):
            first = yield ws.recv()
            second = yield ws.recv()
            return first + second

        uses = {
            "callbacks": lambda ws: ws.recv().addCallback(str.upper).addErrback(self.fail),
            "chained": lambda ws: ws.recv().addCallback(lambda a: ws.recv().addCallback(a.__add__)),
            "gathered": lambda ws: gatherResults([ws.recv()]).addCallback("".join),
            "listed": lambda ws: DeferredList([ws.recv()]).addCallback(lambda done: done[0][1]),
            "generator": generator,
            "ensured": lambda ws: ensureDeferred(ws.recv()),
            "perhaps": lambda ws: maybeDeferred(ws.recv),
            "paused": self.paused,
            "timed": lambda ws: ws.recv().addTimeout(3, self.clock),
        }
        for early in (True, False):
            for name, use in uses.items():
                self.open(ping_interval=None, open_timeout=None)
                self.assertIsInstance(self.ws.recv(timeout=0).addErrback(str), Deferred)
                if early:
                    self.hear(*texts(*"ab"))
                result = use(self.ws)
                if not early:
                    self.hear(*texts(*"ab"))
                self.clock.advance(0)
                text = self.successResultOf(result)
                self.assertIn(text, ("ab", "a", "A"), name)
                self.assertEqual(self.clock.getDelayedCalls(), [], name)

    def paused(self, ws):
        receiving = ws.recv()
        receiving.pause()
        results = []
        receiving.addCallback(results.append)
        self.clock.callLater(0, receiving.unpause)
        return receiving.addCallback(lambda _: results[0])

    def test_send_returns_a_deferred(self):
        self.open()
        results = []
        for _ in range(2):
            sent = self.ws.send("a")
            self.assertIsInstance(sent, Deferred)
            sent.addCallback(results.append)
            self.assertIsNone(
                self.successResultOf(gatherResults([sent]).addCallback(lambda _: None))
            )
        self.assertEqual(results, [None, None])
        self.failureResultOf(self.ws.send("\ud800"), UnicodeEncodeError)
        self.assertRaises(TypeError, self.ws.send, 3)
        self.assertRaises(TypeError, self.ws.send)
        self.assertRaises(TypeError, self.ws.recv, None, None)
        self.assertRaises(TypeError, self.ws.recv, wait=1)

    @counts_references
    def test_a_connection_whose_reader_waits_is_collected(self):
        async def wait(ws):
            held.append(await ws.recv())

        held = []
        self.start(wait)
        self.hear(*texts("a"))
        self.start(self.echo)
        self.hear(*texts("a"))
        gone = ref(self.ws)
        self.joined.drop()
        self.failureResultOf(self.ended, ConnectionClosedError)
        self.ws = self.joined = self.peer = self.factory = self.ended = None
        gc.collect()
        self.assertIsNone(gone())


class ServerTests(WakingTests, ServerSide):
    pass


class ClientTests(WakingTests, ClientSide):
    pass


class ServerOverTLSTests(OverTLS, WakingTests, ServerSide):
    pass

"""A compressed read may be a thousand times as large; only 256 KiB and a message are inflated."""

import zlib

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from tests.support.sides import (
    BINARY,
    CLOSE,
    PING,
    PONG,
    REQUEST,
    ClientSide,
    RecordedClient,
    RecordedServer,
    ServerSide,
    answer,
    closing,
)
from tests.support.ways import OverTLS
from txws2._connection.read_pause import READ_AHEAD
from txws2.exceptions import ConnectionClosedOK
from txws2.wire.decoder import MOST_GROWTH
from txws2.wire.frames import encode_frame

MIB = 2**20
COUNT = 12
EXTENSION = b"Sec-WebSocket-Extensions: permessage-deflate"


class Hooks:
    """Has a hook that is done when the test says so."""

    def connectionMade(self):
        super().connectionMade()
        self.got, self.running = [], []

    def messageReceived(self, message):
        self.got.append(message)
        self.running.append(Deferred())
        return self.running[-1]


class Sizes(SynchronousTestCase):
    def test_both_limits_are_the_same_number(self):
        self.assertEqual(READ_AHEAD, MOST_GROWTH)


class LargeReadTests:
    """Tests for either side, which gets messages of zeros, each with its number at the end."""

    def open_compressed(self, create_protocol=None, **options):
        self.compressor = zlib.compressobj(9, zlib.DEFLATED, -15)
        return self.open(create_protocol, **options)

    def message(self, number, size=MIB):
        return bytes(size - 1) + bytes([number % 256])

    def squeezed(self, number, size=MIB):
        """Return the frame of a message, compressed."""
        data = self.compressor.compress(self.message(number, size))
        data += self.compressor.flush(zlib.Z_SYNC_FLUSH)
        return encode_frame(BINARY, data[:-4], rsv1=True, masked=not self.client)

    def read_of(self, *sizes):
        return b"".join(self.squeezed(number, size) for number, size in enumerate(sizes))

    def inflated(self):
        return self.ws.counters.payload_in

    def take(self, number, size=MIB):
        self.assertEqual(self.successResultOf(self.ws.recv()), self.message(number, size))

    def test_in_pull_style_messages_are_inflated_as_they_are_taken(self):
        """Attack 36."""
        self.open_compressed()
        self.receive(self.read_of(*[MIB] * COUNT))
        for number in range(COUNT):
            self.assertEqual(self.inflated(), (number + 1) * MIB)
            self.assertEqual(self.ours.paused, number < COUNT - 1)
            self.take(number)
        self.assertNoResult(self.ws.recv())

    def test_a_reader_that_waits_takes_all_without_a_pause(self):
        self.open_compressed()
        taken = []

        async def take():
            async for message in self.ws:
                taken.append(message)
                self.assertLessEqual(self.inflated(), (len(taken) + 1) * MIB)

        Deferred.fromCoroutine(take())
        self.receive(self.read_of(*[MIB] * COUNT))
        self.assertEqual(taken, [self.message(number) for number in range(COUNT)])
        self.assertFalse(self.ours.paused)

    def test_messages_that_are_not_large_wait_up_to_256_kib(self):
        self.open_compressed(max_queue=5000)
        self.receive(self.read_of(*[1000] * 251, *[100_000] * 9))
        self.assertEqual(self.inflated(), 251_000 + 100_000)
        for number in range(251):
            self.take(number, 1000)
            waiting = self.inflated() - (number + 1) * 1000
            self.assertLessEqual(waiting, 2 * READ_AHEAD + 100_000)
        for number in range(9):
            self.take(251 + number, 100_000)

    def test_in_push_style_the_hooks_are_not_that_far_behind(self):
        """Attack 36."""
        ws = self.open_compressed(type("Pushed", (Hooks, self.recorded), {}))
        self.receive(self.read_of(*[MIB] * COUNT))
        for number in range(COUNT):
            self.assertEqual(len(ws.got), number + 1)
            self.assertEqual(self.inflated(), min(number + 2, COUNT) * MIB)
            ws.running[number].callback(None)
        self.assertEqual(ws.got, [self.message(number) for number in range(COUNT)])
        self.assertFalse(self.ours.paused)

    def test_without_a_result_of_the_hook_each_message_comes_before_the_next_is_inflated(self):
        test = self

        class Pushed(self.recorded):
            got = 0

            def messageReceived(self, message):
                self.got += 1
                test.assertEqual(message, test.message(self.got - 1))
                test.assertEqual(test.inflated(), self.got * MIB)

        ws = self.open_compressed(Pushed)
        self.receive(self.read_of(*[MIB] * COUNT))
        self.assertEqual(ws.got, COUNT)

    def test_an_application_that_has_paused_does_not_get_the_rest_inflated(self):
        class Picky(self.recorded):
            def connectionMade(self):
                super().connectionMade()
                self.got = []

            def messageReceived(self, message):
                self.got.append(message)
                self.pauseProducing()

        ws = self.open_compressed(Picky)
        self.receive(self.read_of(*[MIB] * COUNT))
        for number in range(COUNT):
            self.assertEqual(len(ws.got), number + 1)
            self.assertLessEqual(self.inflated(), (number + 2) * MIB)
            self.clock.pump([1] * 5)
            ws.resumeProducing()
        self.assertEqual(ws.got, [self.message(number) for number in range(COUNT)])
        self.assertFalse(self.ours.paused)

    def test_a_pong_is_not_late_before_256_kib_wait(self):
        self.open_compressed(max_queue=1)
        self.receive(
            self.squeezed(0, 1000)
            + self.squeezed(1, 100_000)
            + self.frame(PING, b"soon")
            + self.squeezed(2)
            + self.frame(PING, b"late")
            + self.squeezed(3, 1000)
        )
        self.assertEqual(self.said(), [(PONG, b"soon")])
        for number, size in enumerate([1000, 100_000]):
            self.take(number, size)
        self.assertEqual(self.said(), [])
        self.take(2)
        self.assertEqual(self.said(), [(PONG, b"late")])
        self.take(3, 1000)

    def test_hooks_of_pings_do_not_let_more_messages_in(self):
        ws = self.open_compressed(
            type("Pinged", (self.recorded,), {"pingReceived": lambda ws, payload: Deferred()})
        )
        running = []
        ws.pingReceived = lambda payload: running.append(Deferred()) or running[-1]
        ping = self.frame(PING, b"p")
        data = ping + b"".join(self.squeezed(number) + ping for number in range(COUNT))
        self.receive(data)
        self.assertEqual(self.inflated(), MIB)
        running[0].callback(None)
        self.assertEqual(self.inflated(), MIB)
        self.take(0)
        self.assertEqual(self.inflated(), 2 * MIB)

    def test_later_bytes_come_after_the_rest(self):
        ws = self.open_compressed()
        data = self.read_of(*[MIB] * 3)
        self.receive(data)
        for number in (3, 4):
            # A transport may have read these before it was paused.
            ws.dataReceived(self.squeezed(number))
        self.assertEqual(self.inflated(), MIB)
        for number in range(5):
            self.take(number)
        self.assertEqual(self.inflated(), 5 * MIB)

    def test_bytes_that_come_although_reading_is_paused_wait_as_they_are(self):
        class Pausing(self.recorded):
            def connectionOpened(self):
                super().connectionOpened()
                self.got = []
                self.pauseProducing()

            def messageReceived(self, message):
                self.got.append(message)

        pushed = type("Pushed", (Hooks, self.recorded), {})
        for create_protocol, expected in [(None, 4), (pushed, 5), (Pausing, 1)]:
            ws = self.open_compressed(create_protocol, max_queue=4)
            for number in range(COUNT):
                # Twisted's TLS may have read them all at once, and delivers record by record.
                ws.dataReceived(self.squeezed(number))
            self.assertEqual(self.inflated(), expected * MIB)
            if create_protocol is None:
                for number in range(COUNT):
                    self.take(number)
            else:
                ws.resumeProducing()
                for number in range(COUNT):
                    if create_protocol is pushed:
                        ws.running[number].callback(None)
                self.assertEqual(ws.got, [self.message(number) for number in range(COUNT)])
            self.assertFalse(self.ours.paused)

    def test_bytes_that_come_while_hooks_run_stay_in_their_order(self):
        test = self

        class Pushed(Hooks, self.recorded):
            def messageReceived(self, message):
                if not self.got:
                    self.dataReceived(later)
                return super().messageReceived(message)

        ws = self.open_compressed(Pushed)
        data = self.read_of(*[MIB] * 4)
        later = b"".join(self.squeezed(number) for number in range(4, 7))
        ws.dataReceived(data)
        for number in range(7):
            self.assertLessEqual(self.inflated(), (number + 3) * MIB)
            ws.running[number].callback(None)
        self.assertEqual(ws.got, [test.message(number) for number in range(7)])

    def test_the_close_frame_comes_after_the_rest(self):
        self.open_compressed()
        self.receive(self.read_of(*[MIB] * COUNT) + self.frame(CLOSE, closing(1001)))
        for number in range(COUNT):
            self.assertEqual(self.said(), [])
            self.take(number)
        self.assertEqual(self.said(), [(CLOSE, closing(1001))])

    def test_while_closing_the_rest_is_read_up_to_the_close_frame(self):
        self.open_compressed(max_queue=3)
        self.receive(self.read_of(*[MIB] * COUNT) + self.frame(CLOSE, closing(1000)))
        self.ws.close()
        self.joined.drop()
        for number in range(3):
            self.take(number)
        self.failureResultOf(self.ws.recv(), ConnectionClosedOK)

    def test_while_closing_no_hook_is_called_for_the_rest(self):
        ws = self.open_compressed(type("Pushed", (Hooks, self.recorded), {}))
        self.receive(self.read_of(*[MIB] * COUNT) + self.frame(CLOSE, closing(1000)))
        ws.close()
        self.joined.drop()
        ws.running[0].callback(None)
        self.assertEqual(len(ws.got), 1)
        self.assertEqual([type(reason) for reason in ws.lost], [ConnectionClosedOK])

    def test_as_many_messages_as_may_wait_are_kept_when_the_transport_is_gone(self):
        self.open_compressed(max_queue=3)
        self.receive(self.read_of(*[MIB] * COUNT) + self.frame(CLOSE, closing(1000)))
        self.joined.drop()
        for number in range(3):
            self.take(number)
        self.failureResultOf(self.ws.recv(), ConnectionClosedOK)
        self.assertGone()

    def test_the_hooks_of_the_rest_are_called_when_the_transport_is_gone(self):
        ws = self.open_compressed(type("Pushed", (Hooks, self.recorded), {}), max_queue=3)
        self.receive(self.read_of(*[MIB] * 4))
        self.joined.drop()
        for number in range(4):
            self.assertEqual(ws.lost, [])
            ws.running[number].callback(None)
        self.assertEqual(len(ws.got), 4)
        self.assertGone()

    def test_a_peer_whose_bytes_wait_is_not_dead(self):
        self.open_compressed(ping_interval=10, ping_timeout=5)
        self.receive(self.read_of(*[MIB] * COUNT))
        self.clock.pump([1] * 60)
        for number in range(COUNT):
            self.take(number)
        self.assertEqual(self.ws.lost, [])

    def test_without_max_queue_all_is_inflated(self):
        self.open_compressed(max_queue=None)
        self.receive(self.read_of(*[MIB] * COUNT))
        self.assertEqual(self.inflated(), COUNT * MIB)

    def test_uncompressed_messages_only_count_for_max_queue(self):
        self.open_compressed()
        self.receive(self.read_of(100) + b"".join(self.frame(BINARY, bytes(MIB)) for _ in "12345"))
        self.assertEqual(self.inflated(), 5 * MIB + 100)

    def test_a_large_message_is_inflated_as_its_pieces_are_taken(self):
        self.open_compressed(max_size=None)
        sizes, more = [], [Deferred() for _ in range(99)]

        async def take():
            async for piece in self.ws.recv_streaming():
                sizes.append(len(piece))
                self.assertLess(self.inflated() - sum(sizes), 5 * MIB)
                await more[len(sizes)]

        Deferred.fromCoroutine(take())
        self.receive(self.squeezed(0, 48 * MIB) + self.squeezed(1))
        while sum(sizes) < 48 * MIB:
            more[len(sizes)].callback(None)
        self.assertLess(max(sizes), 5 * MIB)
        self.take(1)

    def test_the_first_bytes_behind_the_handshake_wait_as_well(self):
        self.compressor = zlib.compressobj(9, zlib.DEFLATED, -15)
        self.connect()
        self.open_peer(self.read_of(*[MIB] * COUNT))
        self.assertEqual(self.inflated(), MIB)
        for number in range(COUNT):
            self.take(number)


class LargeReadServerTests(LargeReadTests, ServerSide):
    recorded = RecordedServer

    def open_peer(self, early=b""):
        self.receive(REQUEST[:-2] + EXTENSION + b"\r\n\r\n" + early)


class LargeReadClientTests(LargeReadTests, ClientSide):
    recorded = RecordedClient

    def open_peer(self, early=b""):
        self.joined.pump()
        self.receive(answer(self.peer.take(), EXTENSION) + early)


class LargeReadServerOverTLSTests(OverTLS, LargeReadServerTests):
    pass


class LargeReadClientOverTLSTests(OverTLS, LargeReadClientTests):
    pass

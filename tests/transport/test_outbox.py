from twisted.internet.testing import StringTransport
from twisted.trial.unittest import SynchronousTestCase

from txws2._transport.outbox import Outbox
from txws2.exceptions import ConnectionClosedError


class Transport(StringTransport):
    """Keeps the writes apart, and says that it is full at the write that it is told to."""

    full_at = None

    def __init__(self):
        super().__init__()
        self.writes = []

    def write(self, data):
        self.writes.append(data)
        if len(self.writes) == self.full_at:
            self.producer.pauseProducing()


class OutboxTestCase(SynchronousTestCase):
    def make(self, write_limit=10):
        self.transport = Transport()
        return Outbox(self.transport, write_limit)

    def paused(self, *frames, write_limit=10):
        outbox = self.make(write_limit)
        outbox.pauseProducing()
        for frame in frames:
            outbox.write(frame)
        return outbox


class WriteTests(OutboxTestCase):
    def test_it_is_a_push_producer_of_the_transport(self):
        outbox = self.make()
        self.assertIs(self.transport.producer, outbox)
        self.assertTrue(self.transport.streaming)

    def test_a_frame_leaves_at_once(self):
        self.make().write(b"a")
        self.assertEqual(self.transport.writes, [b"a"])

    def test_a_frame_waits_while_the_transport_is_full(self):
        outbox = self.paused(b"a", b"b")
        self.assertEqual(self.transport.writes, [])
        outbox.resumeProducing()
        self.assertEqual(self.transport.writes, [b"ab"])

    def test_large_frames_leave_one_by_one_until_the_transport_is_full_again(self):
        large = b"x" * 70_000
        outbox = self.paused(large, large, b"end")
        self.transport.full_at = 2
        outbox.resumeProducing()
        self.assertEqual(self.transport.writes, [large, large])
        outbox.resumeProducing()
        self.assertEqual(self.transport.writes, [large, large, b"end"])

    def test_a_control_frame_overtakes_those_that_wait(self):
        outbox = self.paused(b"data")
        outbox.write_control(b"ping")
        self.assertEqual(self.transport.writes, [b"ping"])

    def test_a_pong_waits_and_only_the_latest_is_kept(self):
        """Attack 13: a flood of pings from a peer that reads nothing."""
        outbox = self.paused(b"data")
        for number in range(1000):
            outbox.write_pong(b"pong %d" % number)
        outbox.resumeProducing()
        self.assertEqual(self.transport.writes, [b"pong 999", b"data"])
        outbox.resumeProducing()
        self.assertEqual(len(self.transport.writes), 2)

    def test_a_pong_leaves_at_once_if_it_can(self):
        self.make().write_pong(b"pong")
        self.assertEqual(self.transport.writes, [b"pong"])

    def test_stopping_is_nothing_that_it_does_anything_about(self):
        outbox = self.paused(b"a")
        outbox.stopProducing()
        self.assertEqual(self.transport.writes, [])


class CorkTests(OutboxTestCase):
    def test_frames_written_while_corked_leave_in_one_piece(self):
        outbox = self.make()
        outbox.cork()
        for frame in (b"a", b"b", b"c"):
            outbox.write(frame)
        self.assertEqual(self.transport.writes, [])
        outbox.uncork()
        self.assertEqual(self.transport.writes, [b"abc"])

    def test_nothing_is_written_if_there_was_nothing(self):
        outbox = self.make()
        outbox.cork()
        outbox.uncork()
        self.assertEqual(self.transport.writes, [])

    def test_more_than_64_kib_does_not_wait_for_the_uncorking(self):
        outbox = self.make()
        outbox.cork()
        self.transport.full_at = 1
        outbox.write(b"x" * 70_000)
        self.assertEqual(len(self.transport.writes), 1)
        outbox.write(b"waits")
        outbox.uncork()
        self.assertEqual(len(self.transport.writes), 1)

    def test_after_that_small_frames_leave_together_again(self):
        outbox = self.make()
        outbox.cork()
        for frame in (b"x" * 70_000, b"a", b"b"):
            outbox.write(frame)
        outbox.uncork()
        self.assertEqual(self.transport.writes[1:], [b"ab"])

    def test_the_order_is_kept_when_the_transport_fills_up_amid(self):
        outbox = self.make()
        outbox.cork()
        outbox.write(b"a")
        outbox.pauseProducing()
        outbox.write(b"b")
        outbox.uncork()
        outbox.resumeProducing()
        self.assertEqual(self.transport.writes, [b"a", b"b"])


class DrainedTests(OutboxTestCase):
    """Attack 12: a peer that reads nothing while we send."""

    def test_nobody_waits_below_the_limit(self):
        outbox = self.paused(b"x" * 10)
        self.successResultOf(outbox.drained())

    def test_it_waits_above_the_limit_until_there_is_room(self):
        outbox = self.paused(b"x" * 11)
        draining = outbox.drained()
        self.assertNoResult(draining)
        outbox.resumeProducing()
        self.successResultOf(draining)

    def test_it_waits_on_while_too_much_is_left(self):
        outbox = self.paused(b"x" * 70_000, b"y" * 11)
        draining = outbox.drained()
        self.transport.full_at = 1
        outbox.resumeProducing()
        self.assertNoResult(draining)
        outbox.resumeProducing()
        self.successResultOf(draining)

    def test_without_a_limit_nobody_waits(self):
        outbox = self.paused(b"x" * 1000, write_limit=None)
        self.successResultOf(outbox.drained())

    def test_one_who_is_woken_and_writes_again_makes_the_next_wait(self):
        outbox = self.paused(b"x" * 11)
        first, second = outbox.drained(), outbox.drained()

        def write_again(_):
            outbox.pauseProducing()
            outbox.write(b"y" * 11)

        first.addCallback(write_again)
        outbox.resumeProducing()
        self.successResultOf(first)
        self.assertNoResult(second)

    def test_frames_of_woken_senders_leave_in_one_piece(self):
        outbox = self.paused(b"x" * 11)
        for message in b"ab", b"cd":
            outbox.drained().addCallback(lambda _, m=message: [outbox.write(b"%c" % c) for c in m])
        outbox.resumeProducing()
        self.assertEqual(self.transport.writes, [b"x" * 11, b"abcd"])
        outbox.write(b"e")
        self.assertEqual(self.transport.writes[2:], [b"e"])

    def test_a_frame_of_a_woken_sender_leaves_before_the_transport_closes(self):
        outbox = self.paused(b"x" * 11)
        outbox.unhurried = True
        self.patch(Outbox, "_put_off", lambda _: True)

        def close(_):
            outbox.write(b"last")
            self.transport.loseConnection()

        outbox.drained().addCallback(close)
        outbox.resumeProducing()
        self.assertEqual(self.transport.writes, [b"x" * 11, b"last"])
        self.assertIsNone(self.transport.producer)

    def test_discarded_frames_count_no_more(self):
        outbox = self.paused(b"x" * 11)
        outbox.discard()
        self.successResultOf(outbox.drained())

    def test_one_who_cancels_is_not_woken(self):
        outbox = self.paused(b"x" * 11)
        outbox.drained().addErrback(lambda _: None).cancel()
        outbox.resumeProducing()
        self.assertEqual(self.transport.writes, [b"x" * 11])

    def test_the_end_fails_those_who_wait(self):
        outbox = self.paused(b"x" * 11)
        draining = outbox.drained()
        outbox.close(lambda: ConnectionClosedError(None, None))
        self.failureResultOf(draining, ConnectionClosedError)


class ProducerTests(OutboxTestCase):
    """A producer is paused; it doesn't wait for Deferreds."""

    def register(self, outbox):
        self.producer = StringTransport()
        outbox.register_producer(self.producer, None)

    def producer_is(self, state):
        self.assertEqual(self.producer.producerState, state)

    def test_it_is_paused_above_the_limit_and_resumed_when_there_is_room(self):
        outbox = self.paused(b"x" * 10)
        self.register(outbox)
        self.producer_is("producing")
        outbox.write(b"x")
        outbox.write(b"x")
        self.producer_is("paused")
        outbox.resumeProducing()
        self.producer_is("producing")

    def test_it_stays_paused_while_too_much_is_left(self):
        outbox = self.paused(b"x" * 70_000, b"y" * 11)
        self.register(outbox)
        self.producer_is("paused")
        self.transport.full_at = 1
        outbox.resumeProducing()
        self.producer_is("paused")

    def test_a_second_one_is_refused_until_the_first_is_unregistered(self):
        outbox = self.make()
        self.register(outbox)
        self.assertRaises(RuntimeError, outbox.register_producer, StringTransport(), None)
        outbox.unregister_producer()
        self.register(outbox)

    def test_it_is_stopped_at_the_end(self):
        outbox = self.make()
        self.register(outbox)
        outbox.close(lambda: ConnectionClosedError(None, None))
        self.producer_is("stopped")


class EndTests(OutboxTestCase):
    def end(self, outbox):
        self.ended = []
        outbox.end(lambda: self.ended.append(list(self.transport.writes)))

    def test_the_producer_is_unregistered_first(self):
        outbox = self.make()
        self.end(outbox)
        self.assertEqual(self.ended, [[]])
        self.assertIsNone(self.transport.producer)

    def test_it_comes_after_what_is_corked(self):
        outbox = self.make()
        outbox.cork()
        outbox.write(b"a")
        self.end(outbox)
        self.assertEqual(self.ended, [[b"a"]])

    def test_it_comes_after_what_waits(self):
        outbox = self.paused(b"a")
        self.end(outbox)
        self.assertEqual(self.ended, [])
        outbox.resumeProducing()
        self.assertEqual(self.ended, [[b"a"]])
        self.assertIsNone(self.transport.producer)

    def test_discarded_frames_are_not_waited_for(self):
        outbox = self.paused(b"a")
        outbox.discard()
        self.end(outbox)
        self.assertEqual(self.ended, [[]])

    def test_it_never_comes_when_the_transport_is_gone(self):
        outbox = self.paused(b"a")
        self.end(outbox)
        outbox.close(lambda: ConnectionClosedError(None, None))
        outbox.resumeProducing()
        self.assertEqual(self.ended, [])
        self.assertEqual(self.transport.writes, [])

    def test_a_full_transport_that_closes_gets_the_waiting_frames_first(self):
        for frames in ((), (b"a", b"b")):
            outbox = self.paused(*frames)
            self.transport.disconnecting = True
            outbox.write(b"too late")
            outbox.resumeProducing()
            self.assertEqual(b"".join(self.transport.writes), b"".join(frames))
            self.assertIsNone(self.transport.producer)

    def test_a_frame_written_after_the_end_was_asked_for_is_dropped(self):
        outbox = self.paused(b"a")
        self.end(outbox)
        outbox.write(b"too late")
        outbox.resumeProducing()
        self.assertEqual(self.ended, [[b"a"]])

    def test_uncorking_after_the_end_writes_nothing(self):
        outbox = self.make()
        outbox.cork()
        outbox.write(b"a")
        outbox.close(lambda: ConnectionClosedError(None, None))
        outbox.uncork()
        self.assertEqual(self.transport.writes, [])

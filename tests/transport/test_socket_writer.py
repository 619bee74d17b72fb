from twisted.internet.testing import StringTransport
from twisted.trial.unittest import SynchronousTestCase

from txws2._transport.cork import TURN_SIZE
from txws2._transport.epoll import SharedEpoll, StandIn
from txws2._transport.outbox import Outbox
from txws2._transport.socket_writer import WriteThrough, outbox_for
from txws2.exceptions import ConnectionClosedError


class Socket:
    """Takes as many bytes as there is room for.

    Attributes:
        sent: what it has taken.
        calls: the number of times that it was given pieces.
    """

    def __init__(self):
        self.sent = b""
        self.room = 2**20
        self.broken = False
        self.calls = 0

    def fileno(self):
        """Say that it has no descriptor, so that there is no other way than `send`."""
        return -1

    def sendmsg(self, pieces):
        self.calls += 1
        return self.send(b"".join(pieces))

    def send(self, data):
        if self.broken:
            raise BrokenPipeError
        if not self.room:
            raise BlockingIOError
        taken = bytes(data[: self.room])
        self.room -= len(taken)
        self.sent += taken
        return len(taken)


class Transport(StringTransport):
    """A TCP transport, with its buffer before the socket's."""

    TLS = False
    _aborting = False
    _writeDisconnecting = False
    reactor = None
    dataBuffer = b""
    _tempDataLen = 0

    def __init__(self):
        super().__init__()
        self.socket = Socket()
        self.buffered = b""

    def getHandle(self):
        return self.socket

    def registerProducer(self, producer, streaming):
        super().registerProducer(producer, streaming)
        producer.resumeProducing()

    def write(self, data):
        self.buffered += data

    def drain(self):
        """Write what is in the buffer, as a reactor has it done, and ask for more."""
        self.socket.sent += self.buffered
        self.buffered = b""
        self.producer.resumeProducing()


class WriteThroughTestCase(SynchronousTestCase):
    def make(self, write_limit=10, room=2**20):
        self.transport = Transport()
        self.socket = self.transport.socket
        self.socket.room = room
        return WriteThrough(self.transport, write_limit)

    def drain(self, room=2**20):
        self.socket.room = room
        self.transport.drain()


class PiecesTests(WriteThroughTestCase):
    def pieces(self):
        return [b"head", memoryview(bytearray(b"payload")), b"HEAD", memoryview(b"PAYLOAD")]

    def test_pieces_go_to_the_socket_together(self):
        outbox = self.make()
        outbox.write_pieces(self.pieces())
        self.assertEqual((self.socket.sent, self.socket.calls), (b"headpayloadHEADPAYLOAD", 1))
        self.assertEqual(self.transport.buffered, b"")

    def test_what_the_socket_does_not_take_goes_before_all_that_comes_later(self):
        for room in range(23):
            outbox = self.make(room=room)
            pieces = self.pieces()
            outbox.write_pieces(pieces)
            outbox.write_control(b"control")
            outbox.write(b"later")
            # The memory of the pieces is used again.
            pieces[1][:] = b"-------"
            self.drain()
            self.assertEqual(self.socket.sent, b"headpayloadHEADPAYLOADcontrollater", room)

    def test_a_large_rest_pauses_the_producer_until_it_has_left(self):
        outbox, producer = self.make(room=10), StringTransport()
        outbox.register_producer(producer, None)
        outbox.write_pieces([b"head", memoryview(bytes(100_000))])
        self.assertEqual(producer.producerState, "paused")
        self.assertEqual(len(self.transport.buffered), 65536)
        self.drain()
        self.assertEqual(producer.producerState, "producing")
        self.assertEqual(self.socket.sent, b"head" + bytes(100_000))

    def test_corked_pieces_keep_their_place(self):
        outbox = self.make()
        outbox.cork()
        outbox.write(b"first ")
        outbox.write_pieces(self.pieces())
        self.assertEqual(self.socket.sent, b"")
        outbox.uncork()
        self.assertEqual(self.socket.sent, b"first headpayloadHEADPAYLOAD")

    def test_pieces_wait_behind_frames_that_wait(self):
        outbox = self.make(room=0)
        outbox.write(b"first ")
        outbox.write_pieces(self.pieces())
        self.assertEqual(self.socket.calls, 0)
        self.drain()
        self.assertEqual(self.socket.sent, b"first headpayloadHEADPAYLOAD")

    def test_a_transport_that_ends_or_has_tls_decides_itself(self):
        for name in "_aborting", "TLS", "disconnecting":
            outbox = self.make()
            setattr(self.transport, name, True)
            outbox.write_pieces(self.pieces())
            self.assertEqual(self.socket.calls, 0, name)

    def test_the_transport_finds_out_that_the_socket_is_broken(self):
        outbox = self.make()
        self.socket.broken = True
        outbox.write_pieces(self.pieces())
        self.assertEqual(self.transport.buffered, b"headpayloadHEADPAYLOAD")

    def test_any_other_outbox_joins_them(self):
        transport = StringTransport()
        Outbox(transport, None).write_pieces(self.pieces())
        self.assertEqual(transport.value(), b"headpayloadHEADPAYLOAD")


class WriteTests(WriteThroughTestCase):
    def test_it_is_a_pull_producer_of_the_transport(self):
        outbox = self.make()
        self.assertIs(self.transport.producer, outbox)
        self.assertFalse(self.transport.streaming)

    def test_a_frame_goes_to_the_socket(self):
        outbox = self.make()
        outbox.write(b"ab")
        outbox.write_control(b"c")
        outbox.write_pong(b"d")
        self.assertEqual((self.socket.sent, self.transport.buffered), (b"abcd", b""))

    def test_corked_frames_leave_in_one_piece(self):
        outbox = self.make()
        outbox.cork()
        outbox.write(b"a")
        outbox.write_control(b"b")
        self.assertEqual(self.socket.sent, b"")
        outbox.uncork()
        self.assertEqual(self.socket.sent, b"ab")

    def test_if_there_is_time_it_leaves_after_others_were_served(self):
        outbox, calls = self.make(), []
        outbox.unhurried = True
        self.transport.reactor = StandIn(None, SharedEpoll(None))
        self.transport.reactor.afterwards = lambda call: calls.append(call) or True
        outbox.cork()
        outbox.write(b"a")
        outbox.uncork()
        outbox.write(b"b")
        self.assertEqual(self.socket.sent, b"")
        calls.pop()()
        self.assertEqual(self.socket.sent, b"ab")
        outbox.write(b"c")
        self.assertEqual(self.socket.sent, b"abc")

    def test_it_leaves_at_once_if_there_are_no_others(self):
        outbox = self.make()
        outbox.unhurried = True
        for reactor in (StandIn(None, SharedEpoll(None)), None):
            self.transport.reactor = reactor
            outbox.cork()
            outbox.write(b"a")
            outbox.uncork()
        self.assertEqual(self.socket.sent, b"aa")

    def test_once_it_is_closed_nothing_leaves(self):
        outbox, calls = self.make(), []
        outbox.unhurried = True
        self.transport.reactor = StandIn(None, SharedEpoll(None))
        self.transport.reactor.afterwards = lambda call: calls.append(call) or True
        outbox.cork()
        outbox.write(b"a")
        outbox.uncork()
        outbox.close(lambda: ConnectionClosedError(None, None, None))
        calls.pop()()
        self.assertEqual((self.socket.sent, self.transport.buffered), (b"", b""))

    def test_it_knows_for_whom_a_shared_epoll_reads(self):
        self.assertIsNone(self.make()._readers)
        shared = SharedEpoll(None)
        transport = Transport()
        transport.reactor, transport.socket.fileno = shared.stand_in, lambda: 5
        outbox = WriteThrough(transport, None)
        self.assertIs(outbox._readers, shared.readers)
        self.assertEqual(outbox._descriptor, 5)

    def test_it_finds_out_when_a_shared_epoll_takes_its_transport_over(self):
        outbox, shared = self.make(), SharedEpoll(None)
        self.transport.reactor, self.socket.fileno = shared.stand_in, lambda: 5
        outbox.find_readers()
        self.assertIs(outbox._readers, shared.readers)
        self.assertEqual(outbox._descriptor, 5)

    def test_bytes_that_the_socket_does_not_take_go_to_the_transport(self):
        for room in (0, 1):
            outbox = self.make(room=room)
            outbox.write(b"abc")
            self.assertEqual(self.socket.sent + self.transport.buffered, b"abc")
            self.assertEqual(len(self.socket.sent), room)

    def test_a_frame_that_comes_then_waits_for_it(self):
        outbox = self.make(room=1)
        outbox.write(b"abc")
        outbox.write(b"d")
        outbox.write(b"e")
        self.assertEqual(self.transport.buffered, b"bc")
        self.drain()
        self.assertEqual((self.socket.sent, self.transport.buffered), (b"abcde", b""))

    def test_the_transport_never_gets_more_than_a_chunk(self):
        data = bytes(range(256)) * 1024
        outbox = self.make(room=10)
        outbox.write(data)
        while len(self.socket.sent) + len(self.transport.buffered) < len(data):
            self.assertEqual(len(self.transport.buffered), 64 * 1024)
            self.drain(room=10)
        self.drain()
        self.assertEqual(self.socket.sent, data)

    def test_after_a_turn_s_bytes_others_have_their_turn(self):
        outbox = self.make()
        for number in range(16):
            outbox.write(b"%x" % number * (TURN_SIZE // 8))
        self.assertEqual(len(self.socket.sent), TURN_SIZE)
        outbox.cork()
        outbox.write(b"later")
        outbox.uncork()
        self.drain()
        self.assertEqual(len(self.socket.sent), 2 * TURN_SIZE + 5)
        self.assertTrue(self.socket.sent.endswith(b"ffflater"))

    def test_a_read_begins_a_new_turn(self):
        outbox = self.make(room=10**8)
        for _ in range(100):
            outbox.cork()
            outbox.write(b"x" * TURN_SIZE)
            outbox.uncork()
        self.assertEqual(self.transport.buffered, b"")

    def test_a_control_frame_goes_right_after_what_has_begun_to_leave(self):
        data = b"x" * 70_000
        outbox = self.make(room=10)
        outbox.write(data)
        outbox.write(b"later")
        outbox.write_control(b"ping")
        outbox.write_pong(b"pong 1")
        outbox.write_pong(b"pong 2")
        self.drain(room=0)
        self.drain()
        self.assertEqual(self.socket.sent, data + b"pingpong 2later")

    def test_a_control_frame_that_has_no_room_waits_on(self):
        outbox = self.make(room=1)
        outbox.write(b"ab")
        outbox.write_control(b"ping")
        outbox.write(b"later")
        self.drain(room=1)
        self.assertEqual((self.socket.sent, self.transport.buffered), (b"abp", b"ing"))
        self.drain()
        self.assertEqual(self.socket.sent, b"abpinglater")

    def test_a_broken_socket_is_left_to_the_transport(self):
        outbox = self.make()
        self.socket.broken = True
        outbox.write(b"a")
        self.assertEqual(self.transport.buffered, b"a")

    def test_bytes_that_others_wrote_before_go_first(self):
        for name, value in (("dataBuffer", b"head"), ("_tempDataLen", 4)):
            self.transport = Transport()
            setattr(self.transport, name, value)
            self.transport.write(b"head")
            WriteThrough(self.transport, 10).write(b"frame")
            self.assertEqual(self.transport.socket.sent, b"")
            self.transport.drain()
            self.assertEqual(self.transport.socket.sent, b"headframe")

    def test_once_there_is_tls_or_it_closes_all_goes_to_the_transport(self):
        for name in ("TLS", "disconnecting", "_aborting"):
            outbox = self.make()
            setattr(self.transport, name, True)
            outbox.write(b"secret")
            self.assertEqual((self.socket.sent, self.transport.buffered), (b"", b"secret"))

    def test_a_transport_that_closes_is_not_kept_from_it(self):
        outbox = self.make()
        self.transport.disconnecting = True
        outbox.resumeProducing()
        self.assertIsNone(self.transport.producer)

    def test_but_gets_first_what_was_sent_before(self):
        data = bytes(range(256)) * 1024
        outbox = self.make(room=10)
        outbox.write(data)
        outbox.write(b"frame")
        outbox.write_control(b"ping")
        self.transport.disconnecting = True
        outbox.write(b"too late")
        while self.transport.producer is not None:
            self.assertLessEqual(len(self.transport.buffered), 64 * 1024)
            self.drain()
        self.assertEqual(self.socket.sent, data + b"pingframe")
        # As it has it, whoever writes then.
        outbox.write(b"x" * 70_000)
        self.assertEqual(self.transport.buffered, b"x" * 70_000)


class DrainedTests(WriteThroughTestCase):
    """Attack 12: a peer that reads nothing while we send."""

    def test_bytes_in_the_transport_do_not_count(self):
        outbox = self.make(room=0)
        outbox.write(b"x" * (64 * 1024 + 10))
        self.successResultOf(outbox.drained())

    def test_the_rest_of_a_large_frame_counts(self):
        outbox = self.make(room=0)
        outbox.write(b"x" * (64 * 1024 + 11))
        draining = outbox.drained()
        self.assertNoResult(draining)
        self.drain()
        self.successResultOf(draining)

    def test_the_frames_that_wait_count(self):
        outbox = self.make(room=0)
        outbox.write(b"a")
        outbox.write(b"x" * 11)
        draining = outbox.drained()
        self.assertNoResult(draining)
        self.drain(room=0)
        self.successResultOf(draining)

    def test_the_number_of_waiting_bytes_is_known(self):
        outbox = self.make(room=0)
        self.assertEqual(outbox.waiting, 0)
        outbox.write(b"x" * 70_000)
        self.assertEqual(outbox.waiting, 70_000 - 65_536)
        outbox.write_control(b"abc")
        outbox.write(b"de")
        self.assertEqual(outbox.waiting, 70_000 - 65_536 + 3 + 2)
        self.drain()
        self.drain()
        self.assertEqual(outbox.waiting, 0)

    def test_without_a_limit_nobody_waits(self):
        outbox = self.make(write_limit=None, room=0)
        outbox.write(b"x" * 2**20)
        self.successResultOf(outbox.drained())


class ProducerTests(WriteThroughTestCase):
    def test_one_is_paused_while_too_much_of_a_large_frame_is_left(self):
        outbox, producer = self.make(room=0), StringTransport()
        outbox.register_producer(producer, None)
        outbox.write(b"x" * (64 * 1024 + 11))
        self.assertEqual(producer.producerState, "paused")
        self.drain()
        self.assertEqual(producer.producerState, "producing")


class EndTests(WriteThroughTestCase):
    def end(self, outbox):
        self.ended = []
        outbox.end(lambda: self.ended.append(self.transport.producer))

    def test_it_comes_at_once_when_nothing_waits(self):
        self.end(self.make())
        self.assertEqual(self.ended, [None])

    def test_the_transport_closes_by_itself_after_its_chunk(self):
        outbox = self.make(room=0)
        outbox.write(b"a")
        self.end(outbox)
        self.assertEqual(self.ended, [None])

    def test_it_comes_after_what_has_begun_to_leave_and_the_last_control_frame(self):
        outbox = self.make(room=0)
        outbox.write(b"x" * 70_000)
        outbox.write(b"discarded")
        outbox.discard()
        outbox.write_control(b"close")
        self.end(outbox)
        self.assertEqual(self.ended, [])
        self.drain()
        self.assertEqual(self.ended, [None])
        self.assertEqual(self.socket.sent, b"x" * 70_000 + b"close")

    def test_it_never_comes_when_the_transport_is_gone(self):
        outbox = self.make(room=0)
        outbox.write(b"x" * 70_000)
        outbox.write_control(b"close")
        self.end(outbox)
        outbox.close(lambda: ConnectionClosedError(None, None))
        self.drain()
        self.assertEqual(self.ended, [])


class OutboxForTests(SynchronousTestCase):
    def test_a_transport_that_is_no_socket_s_has_a_plain_one(self):
        self.assertIs(type(outbox_for(StringTransport(), 10)), Outbox)

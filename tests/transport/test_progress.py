import socket
import struct
from unittest import skipUnless

from twisted.internet.tcp import Connection
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.protocols.policies import ProtocolWrapper, WrappingFactory
from twisted.trial.unittest import SynchronousTestCase

from txws2._transport import progress
from txws2._transport.outbox import Outbox
from txws2._transport.progress import Progress, progress_of, room_in

# RFC 7323 section 2.3.
SCALE, UNIT = 7, 128


class Told:
    """The facts that Linux has about a connection, in the form of its tcp_info."""

    size = 240
    acknowledged = 1000
    window = 5000
    segments = 0
    unsent = 0
    sent = 1000
    again = 0

    def bytes(self):
        info = bytearray(240)
        # The lower half where bits are counted from there.
        info[6] = SCALE | SCALE << 4
        struct.pack_into("=Q", info, 120, self.acknowledged)
        struct.pack_into("=I", info, 144, self.unsent)
        struct.pack_into("=I", info, 156, self.segments)
        struct.pack_into("=QQ", info, 200, self.sent, self.again)
        struct.pack_into("=I", info, 228, self.window)
        return bytes(info[: self.size])


class Socket:
    """A socket of a system that tells that, or nothing."""

    def __init__(self, told=None):
        self.told = told

    def setblocking(self, flag):
        pass

    def fileno(self):
        return -1

    def getsockopt(self, level, option, size):
        if self.told is None:
            raise OSError
        return self.told.bytes()[:size]


class ProgressTestCase(SynchronousTestCase):
    def setUp(self):
        self.patch(progress, "_ASKS_TCP", hasattr(socket, "TCP_INFO"))
        self.outbox = Outbox(StringTransport(), None)

    def make(self, sock):
        self.transport = Connection(sock, None, MemoryReactorClock())
        return self.transport

    def ask(self):
        return progress_of(self.transport, self.outbox)


@skipUnless(hasattr(socket, "TCP_INFO"), "the system tells nothing of TCP")
class TCPTests(ProgressTestCase):
    """Attack 28: who reads is told from who hangs."""

    def setUp(self):
        super().setUp()
        self.told = Told()
        self.make(Socket(self.told))

    def after(self, **changes):
        """Return whether there is progress after these changes."""
        before = self.ask()
        vars(self.told).update(changes)
        return self.ask().since(before)

    def test_nothing_that_happened_is_no_progress(self):
        self.assertFalse(self.after())

    def test_a_window_that_has_grown_is(self):
        self.assertTrue(self.after(window=6000))

    def test_bytes_that_there_was_room_for_are_none_when_all_is_there(self):
        """An application that hangs has a system that goes on acknowledging."""
        self.told.unsent = 500
        self.assertFalse(self.after(acknowledged=1500, window=4500, segments=1, unsent=0))

    def test_bytes_that_were_sent_meanwhile_are_none_when_all_is_there(self):
        self.assertFalse(self.after(acknowledged=3000, window=3000, segments=2))

    def test_as_long_as_not_all_is_there_that_waited_they_are(self):
        """The network may be slow."""
        self.told.unsent = 500
        self.assertTrue(self.after(acknowledged=1400, window=4600, segments=1, unsent=100))

    def test_but_not_if_they_were_all_that_there_was_room_for(self):
        self.told.unsent = 50_000
        self.assertFalse(self.after(acknowledged=6000, window=0, segments=4, unsent=45_000))

    def test_there_is_no_room_when_more_waits_than_that(self):
        self.told.unsent = self.told.window
        self.assertFalse(self.ask().blocked)
        self.told.unsent += 1
        self.assertTrue(self.ask().blocked)

    def test_bytes_that_there_was_no_room_for_are(self):
        self.told.unsent = 500_000
        self.told.window = 0
        self.assertTrue(self.after(acknowledged=501_000, segments=400, unsent=0))

    def test_a_window_that_is_rounded_up_at_each_segment_is_not(self):
        self.assertFalse(self.after(acknowledged=1000 + 20 * UNIT, window=5000, segments=20))

    def test_waiting_bytes_are_counted_wherever_they_are(self):
        self.told.unsent, self.told.sent, self.told.again = 7, 1500, 200
        self.transport.dataBuffer, self.transport.offset = b"x" * 40, 10
        self.transport._tempDataLen = 1000
        self.outbox.pauseProducing()
        self.outbox.write(b"y" * 10_000)
        self.assertEqual(self.ask().unsent, 7 + (1500 - 200 - 1000) + 30 + 1000 + 10_000)

    def test_all_has_arrived_when_nothing_waits(self):
        self.assertTrue(self.ask().arrived)
        self.told.unsent = 1
        self.assertFalse(self.ask().arrived)

    def test_a_wrapper_of_the_transport_does_not_hide_it(self):
        wrapper = ProtocolWrapper(WrappingFactory(None), None)
        wrapper.transport = self.transport
        self.assertEqual(progress_of(wrapper, self.outbox), self.ask())


class GeneralTests(ProgressTestCase):
    """The system doesn't say how many bytes were acknowledged."""

    def test_it_never_knows_whether_all_has_arrived(self):
        self.assertFalse(Progress(0, 0).arrived)
        self.assertFalse(Progress(9, 0).blocked)

    def test_less_that_waits_is_progress_and_so_is_a_transport_that_asks_for_more(self):
        before = Progress(unsent=10, asked=1)
        self.assertTrue(Progress(unsent=9, asked=1).since(before))
        self.assertTrue(Progress(unsent=20, asked=2).since(before))
        self.assertFalse(Progress(unsent=10, asked=1).since(before))
        self.assertFalse(Progress(unsent=20, asked=1).since(before))

    def test_the_outbox_counts_how_often_it_was_asked(self):
        transport = StringTransport()
        outbox = Outbox(transport, None)
        before = progress_of(transport, outbox)
        outbox.pauseProducing()
        outbox.write(b"x")
        self.assertFalse(progress_of(transport, outbox).since(before))
        outbox.resumeProducing()
        self.assertTrue(progress_of(transport, outbox).since(before))

    def test_it_is_enough_where_there_is_no_outbox_yet(self):
        self.assertEqual(progress_of(StringTransport(), None), Progress(0, 0))

    def test_an_answer_that_is_short_or_empty_or_none_is_no_answer(self):
        for size, acknowledged in ((200, 1000), (240, 0)):
            told = Told()
            told.size, told.acknowledged = size, acknowledged
            self.make(Socket(told))
            self.assertEqual(self.ask(), Progress(0, 0))
        self.make(Socket())
        self.assertEqual(self.ask(), Progress(0, 0))

    def test_another_system_is_not_asked_for_what_linux_says(self):
        progress._ASKS_TCP = False
        self.make(Socket(Told()))
        self.assertIsNone(self.ask().acknowledged)

    def test_a_number_that_is_known_only_once_is_not_compared(self):
        told = Progress(0, 0, 1000, 5000, 0)
        self.assertFalse(told.since(Progress(0, 0)))
        self.assertFalse(Progress(0, 0).since(told))


class UnixTests(ProgressTestCase):
    def setUp(self):
        super().setUp()
        ours, self.theirs = socket.socketpair()
        self.addCleanup(self.theirs.close)
        self.addCleanup(ours.close)
        self.make(ours)
        if progress.ioctl is None:
            self.skipTest("the system has no way to ask")

    def test_bytes_that_the_peer_reads_are_progress(self):
        self.transport.socket.send(b"x" * 1000)
        before = self.ask()
        self.assertGreaterEqual(before.unsent, 1000)
        self.assertFalse(self.ask().since(before))
        self.theirs.recv(1000)
        self.assertTrue(self.ask().since(before))

    def test_one_that_is_closed_tells_nothing(self):
        self.transport.socket.close()
        self.assertEqual(self.ask(), Progress(0, 0))

    def test_each_byte_that_waits_takes_room(self):
        ours = self.transport.socket
        room = room_in(ours)
        ours.send(b"x" * 1000)
        self.assertLessEqual(room_in(ours), room - 1000)

    def test_one_that_is_full_or_closed_has_no_room(self):
        ours = self.transport.socket
        ours.setblocking(False)
        with self.assertRaises(BlockingIOError):
            while True:
                ours.send(bytes(2**16))
        self.assertLess(room_in(ours), 2**16)
        ours.close()
        self.assertEqual(room_in(ours), 0)

    def test_there_is_none_where_the_system_does_not_tell(self):
        self.patch(progress, "ioctl", None)
        self.assertEqual(room_in(self.transport.socket), 0)

import socket

from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.tcp import Port, Server
from twisted.trial.unittest import SynchronousTestCase

from tests.transport.test_epoll import Reactor
from txws2._transport import view_reader
from txws2._transport.view_reader import ViewReader

KIB = 1024


class Kept(ViewReader):
    """Keeps what it reads.

    Attributes:
        reads: the reads.
        then: called with each read.
    """

    space = 0

    def __init__(self, transport):
        self.reads, self.then = [], lambda read: None
        super().__init__(transport)

    def room(self):
        return self.space

    def take(self, read):
        self.reads.append(bytes(read))
        self.then(read)


class Socket:
    """Has as many bytes as are asked for.

    Attributes:
        sizes: the sizes that were asked for.
    """

    def __init__(self):
        self.sizes = []

    def recv_into(self, memory, size):
        self.sizes.append(size)
        return size


class Handle:
    """A transport with such a socket."""

    def __init__(self):
        self.socket = Socket()

    def getHandle(self):
        return self.socket


class ViewReaderTests(SynchronousTestCase):
    def setUp(self):
        here, self.peer = socket.socketpair()
        self.addCleanup(here.close)
        self.addCleanup(self.peer.close)
        port = Port(0, Factory(), reactor=Reactor())
        self.transport = Server(here, Protocol(), ("127.0.0.1", 7), port, 1, port.reactor)
        self.patch(ViewReader, "_count", 0)
        self.reader = Kept(self.transport)

    def sizes(self, *rooms):
        """Return the sizes of reads of a socket that never ends, for the room at each of them."""
        handle = Handle()
        reader = Kept(handle)
        for reader.space in rooms:
            handle.doRead()
        reader.end()
        return [size // KIB for size in handle.socket.sizes]

    def test_it_reads_in_place_of_the_transport(self):
        self.peer.send(b"abc")
        self.assertIsNone(self.transport.doRead())
        self.assertEqual(self.reader.reads, [b"abc"])

    def test_the_memory_is_used_again(self):
        views = []
        self.reader.then = views.append
        for sent in b"abc", b"xyz":
            self.peer.send(sent)
            self.transport.doRead()
        self.assertEqual([bytes(view) for view in views], [b"xyz", b"xyz"])
        self.assertLessEqual(len(view_reader._spare), 1)

    def test_a_read_within_a_read_has_memory_of_its_own(self):
        def nest(read):
            self.reader.then = lambda read: None
            self.peer.send(b"inner")
            self.transport.doRead()
            kept.append(bytes(read))

        kept = []
        self.reader.then = nest
        self.peer.send(b"outer")
        self.transport.doRead()
        self.assertEqual((self.reader.reads, kept), ([b"outer", b"inner"], [b"outer"]))

    def test_an_exception_leaves_the_memory_for_the_next_read(self):
        self.reader.then = lambda read: 1 // 0
        self.peer.send(b"abc")
        self.assertRaises(ZeroDivisionError, self.transport.doRead)
        self.assertEqual(len(view_reader._spare), 1)

    def test_nothing_to_read_is_no_end(self):
        self.assertIsNone(self.transport.doRead())
        self.assertEqual(self.reader.reads, [])

    def test_the_end_is_told_as_by_the_transport(self):
        self.peer.close()
        self.assertIsInstance(self.transport.doRead(), ConnectionDone)

    def test_a_broken_socket_is_told_as_by_the_transport(self):
        self.transport.socket.close()
        self.assertIsInstance(self.transport.doRead(), ConnectionLost)

    def test_an_error_of_the_one_who_takes_is_no_error_of_the_socket(self):
        def fail(read):
            raise BlockingIOError

        self.reader.then = fail
        self.peer.send(b"abc")
        self.assertRaises(BlockingIOError, self.transport.doRead)

    def test_after_the_end_the_transport_reads(self):
        self.reader.end()
        self.peer.send(b"abc")
        self.transport.doRead()
        self.assertEqual(self.reader.reads, [])
        self.assertNotIn("doRead", vars(self.transport))

    def test_a_bulk_is_read_as_far_as_there_is_room(self):
        self.assertEqual(self.sizes(500 * KIB, 500 * KIB, 0, 2**30), [120, 500, 120, 1024])

    def test_small_reads_do_not_ask_for_the_room(self):
        self.patch(Kept, "room", lambda reader: 1 // 0)
        for _ in range(3):
            self.peer.send(b"abc")
            self.transport.doRead()
        self.assertEqual(self.reader.reads, [b"abc"] * 3)

    def test_many_readers_share_a_turn(self):
        ViewReader._count = 15
        self.assertEqual(self.sizes(2**30, 2**30), [120, 512])

    def test_each_reader_is_counted_until_its_end(self):
        self.assertEqual(ViewReader._count, 1)
        self.reader.end()
        self.assertEqual(ViewReader._count, 0)

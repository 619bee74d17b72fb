import gc
import socket
import weakref
from collections import deque

from twisted.trial.unittest import SynchronousTestCase as TestCase

from tests.support.twins import PURE, in_c, load
from txws2._transport.cork import BATCH_SIZE, TURN_SIZE


def outlet_of(cork):
    """Return a class of corks that keep what they are told to do."""

    class Outlet(cork):
        def __init__(self):
            super().__init__()
            self.writes, self.waiting = [], []
            self.puts_off = False

        def _transmit(self, data):
            self.writes.append(data)

        def _keep_waiting(self, frame):
            self.waiting.append(frame)

        def _put_off(self):
            return self.puts_off

    return Outlet


class KeepingTests(TestCase):
    Cork = PURE["Cork"]

    def test_frames_leave_together(self):
        cork = self.Cork()
        self.assertEqual([cork.add(frame) for frame in (b"Hel", b"", b"lo")], [3, 3, 5])
        self.assertEqual(cork.take(), b"Hello")

    def test_none_is_left_then(self):
        cork = self.Cork()
        self.assertEqual(cork.take(), b"")
        cork.add(b"a")
        cork.take()
        self.assertEqual(cork.take(), b"")
        cork.add(b"b")
        self.assertEqual(cork.take(), b"b")

    def test_there_may_be_many_and_large_ones(self):
        cork = self.Cork()
        frames = [bytes([number]) * size for number, size in enumerate((1, 2000, 9, 70_000, 1))]
        for frame in frames * 10:
            size = cork.add(frame)
        self.assertEqual(size, 10 * sum(map(len, frames)))
        self.assertEqual(cork.take(), b"".join(frames * 10))

    def test_it_tells_whether_its_transport_was_closed(self):
        cork, transport = self.Cork(), Transport()
        self.assertIs(cork.hung_up(), False)
        cork._transport = cork._socket = transport
        self.assertIs(cork.hung_up(), False)
        transport._aborting = True
        self.assertIs(cork.hung_up(), True)
        transport._aborting, transport.disconnecting = False, True
        self.assertIs(cork.hung_up(), True)

    def test_while_a_shared_epoll_reads_for_it_it_was_not(self):
        cork, transport = self.Cork(), Transport()
        transport.disconnecting, cork._transport, cork._descriptor = True, transport, 1
        for readers in (None, [transport], [None, None], [None, Transport()]):
            cork._readers = readers
            self.assertIs(cork.hung_up(), True)
        cork._readers = [None, transport]
        self.assertIs(cork.hung_up(), False)

    def test_a_transport_need_not_know_of_it(self):
        cork = self.Cork()
        cork._transport = object()
        self.assertIs(cork.hung_up(), False)

    def test_at_first_nothing_is_to_be_kept_and_nothing_waits(self):
        cork = self.Cork()
        self.assertEqual(
            (cork.corked, cork.paused, cork.unhurried, cork.ready), (False,) * 3 + (True,)
        )
        for name in ("corked", "paused", "unhurried"):
            setattr(cork, name, True)
            self.assertIs(getattr(cork, name), True)

    def test_in_each_turn_a_socket_may_be_given_so_much(self):
        first, second = self.Cork(), self.Cork()
        for cork in first, second, first:
            self.assertIs(cork._spend(TURN_SIZE - 1), True)
            self.assertIs(cork._spend(TURN_SIZE), True)
            self.assertIs(cork._spend(0), False)
            # A read of any connection begins a new turn for all.
            second.cork()

    def test_a_wrong_number_of_bytes_is_refused(self):
        self.assertRaises(TypeError, self.Cork()._spend, b"a")
        self.assertRaises(TypeError, self.Cork()._spend)

    def test_another_type_than_bytes_is_refused(self):
        cork = self.Cork()
        self.assertRaises(TypeError, cork.add, None)
        self.assertEqual(cork.take(), b"")


class WritingTests(TestCase):
    Outlet = outlet_of(PURE["Cork"])

    def setUp(self):
        self.outlet = self.Outlet()

    def test_a_frame_is_written_at_once(self):
        self.outlet.write(b"a")
        self.outlet.write(b"b")
        self.assertEqual(self.outlet.writes, [b"a", b"b"])

    def test_corked_frames_are_written_in_one_piece(self):
        self.outlet.cork()
        for frame in (b"a", b"", b"b"):
            self.outlet.write(frame)
        self.assertEqual(self.outlet.writes, [])
        self.outlet.uncork()
        self.outlet.uncork()
        self.outlet.write(b"c")
        self.assertEqual(self.outlet.writes, [b"ab", b"c"])

    def test_an_empty_cork_has_nothing_to_flush(self):
        self.outlet.cork()
        self.outlet.flush()
        self.outlet.uncork()
        self.assertEqual(self.outlet.writes, [])

    def test_much_is_written_before_it_is_uncorked(self):
        self.outlet.cork()
        self.outlet.write(bytes(BATCH_SIZE))
        self.assertEqual(self.outlet.writes, [])
        self.outlet.write(b"a")
        self.assertEqual(self.outlet.writes, [bytes(BATCH_SIZE) + b"a"])
        self.outlet.write(b"b")
        self.assertEqual(len(self.outlet.writes), 1)

    def test_while_it_is_paused_or_others_wait_a_frame_waits(self):
        for name, value in (("paused", True), ("_waiting", deque([b"a"]))):
            outlet = self.Outlet()
            setattr(outlet, name, value)
            self.assertIs(outlet.ready, False)
            outlet.cork()
            self.assertIs(outlet.corked, False)
            outlet.write(b"b")
            self.assertEqual((outlet.waiting, outlet.writes), ([b"b"], []))

    def test_with_none_left_to_wait_it_is_ready(self):
        self.outlet._waiting = deque()
        self.assertIs(self.outlet.ready, True)
        self.outlet.write(b"a")
        self.assertEqual(self.outlet.writes, [b"a"])

    def test_if_there_is_time_it_may_be_put_off(self):
        self.outlet.unhurried = True
        for puts_off, writes in ((True, []), (False, [b"aa"])):
            self.outlet.puts_off = puts_off
            self.outlet.cork()
            self.outlet.write(b"a")
            self.outlet.uncork()
            self.assertIs(self.outlet.corked, puts_off)
            self.assertEqual(self.outlet.writes, writes)

    def test_an_exception_of_the_subclass_passes(self):
        self.outlet._transmit = self.outlet._put_off = lambda *_: 1 // 0
        self.assertRaises(ZeroDivisionError, self.outlet.write, b"a")
        self.outlet.cork()
        self.outlet.write(b"a")
        self.assertRaises(ZeroDivisionError, self.outlet.uncork)
        self.outlet.unhurried = True
        self.assertRaises(ZeroDivisionError, self.outlet.uncork)

    def test_its_methods_take_what_they_need(self):
        for method in ("cork", "uncork", "flush"):
            self.assertRaises(TypeError, getattr(self.outlet, method), 1)
        self.assertRaises(TypeError, self.outlet.write)
        self.assertRaises(TypeError, self.outlet.write, b"a", b"b")

    def test_it_can_be_collected(self):
        self.outlet._transport = self.outlet._socket = [self.outlet]
        self.outlet._readers = [self.outlet]
        gone = weakref.ref(self.outlet)
        del self.outlet
        gc.collect()
        self.assertIsNone(gone())


class SubclassTests(TestCase):
    def test_the_subclass_writes_the_frames(self):
        cork = PURE["Cork"]()
        for method, *arguments in (("_transmit", b"a"), ("_keep_waiting", b"a"), ("_put_off",)):
            self.assertRaises(NotImplementedError, getattr(cork, method), *arguments)


@in_c
class KeepingInCTests(KeepingTests):
    Cork = load() and load().Cork


IN_C = load() and outlet_of(load().Cork)


@in_c
class WritingInCTests(WritingTests):
    Outlet = IN_C

    def test_another_type_than_bytes_is_refused(self):
        self.assertRaises(TypeError, self.outlet.write, None)

    def test_an_outbox_without_an_answer_whether_it_waits_is_an_error(self):
        class Undecided:
            def __bool__(self):
                raise ValueError

        self.outlet._waiting = Undecided()
        self.assertRaises(ValueError, self.outlet.cork)
        self.assertRaises(ValueError, self.outlet.write, b"a")
        self.assertRaises(ValueError, lambda: self.outlet.ready)


class Transport:
    """The attributes of a TCP transport."""

    disconnecting = _aborting = TLS = False


@in_c
class StraightToTheSocketTests(TestCase):
    def setUp(self):
        self.ours, self.peer = socket.socketpair()
        self.addCleanup(self.ours.close)
        self.addCleanup(self.peer.close)
        for end in (self.ours, self.peer):
            end.setblocking(False)
        self.outlet = IN_C()
        self.outlet._transport, self.outlet._socket = Transport(), self.ours

    def fill(self):
        """Leave no room in the socket; return what it has then."""
        filled = b""
        while True:
            try:
                filled += bytes(self.ours.send(bytes(2**16)))
            except BlockingIOError:
                return filled

    def read(self):
        read = b""
        while True:
            try:
                read += self.peer.recv(2**20)
            except BlockingIOError:
                return read

    def write_corked(self, data):
        self.outlet.cork()
        self.outlet.write(data)
        self.outlet.uncork()

    def test_a_frame_goes_there(self):
        self.outlet.write(b"a")
        self.write_corked(b"b")
        self.assertEqual((self.read(), self.outlet.writes), (b"ab", []))

    def test_a_full_socket_leaves_the_frame_to_the_subclass(self):
        filled = self.fill()
        self.outlet.write(b"a")
        self.write_corked(b"b")
        self.assertEqual((self.read(), self.outlet.writes), (filled, [b"a", b"b"]))

    def test_the_bytes_that_it_does_not_take_go_to_the_subclass(self):
        for write in (self.outlet.write, self.write_corked):
            self.outlet.writes.clear()
            large = bytes(range(256)) * 2**14
            self.outlet.cork()
            self.outlet.uncork()
            write(large)
            [rest] = self.outlet.writes
            read = self.read()
            self.assertGreater(len(read), 0)
            self.assertEqual(read + rest, large)

    def test_a_socket_without_a_peer_leaves_the_frame_to_the_subclass(self):
        self.peer.close()
        self.outlet.write(b"a")
        self.write_corked(b"b")
        self.assertEqual(self.outlet.writes, [b"a", b"b"])

    def test_a_closed_socket_leaves_the_frame_to_the_subclass(self):
        self.ours.close()
        self.outlet.write(b"a")
        self.write_corked(b"b")
        self.assertEqual(self.outlet.writes, [b"a", b"b"])

    def test_the_transport_gets_the_frames_if_it_is_closing_or_has_tls(self):
        for name in ("disconnecting", "_aborting", "TLS"):
            self.outlet._transport = Transport()
            setattr(self.outlet._transport, name, True)
            self.outlet.write(name.encode())
            self.assertEqual(self.outlet.writes.pop(), name.encode())
        self.assertEqual(self.read(), b"")

    def test_while_a_shared_epoll_reads_it_is_not_asked(self):
        outlet, fd = self.outlet, self.ours.fileno()
        transport = outlet._transport
        transport.disconnecting = True
        others = [None] * fd
        for readers in (None, [], others, [*others, None], [*others, Transport()]):
            outlet._descriptor, outlet._readers = fd, readers
            outlet.write(b"a")
            self.assertEqual((self.read(), outlet.writes.pop()), (b"", b"a"))
        outlet._readers = [*others, transport]
        outlet.write(b"a")
        self.write_corked(b"b")
        self.assertEqual((self.read(), outlet.writes), (b"ab", []))
        transport.TLS = True
        outlet.write(b"a")
        self.assertEqual((self.read(), outlet.writes.pop()), (b"", b"a"))

    def test_the_socket_gets_the_frames_if_the_readers_are_unknown(self):
        outlet = self.outlet
        for descriptor, readers in ((-1, [outlet._transport]), (0, {0: outlet._transport})):
            outlet._descriptor, outlet._readers = descriptor, readers
            outlet.write(b"a")
            self.assertEqual((self.read(), outlet.writes), (b"a", []))

    def take_a_turn(self):
        """Write all bytes of a turn, which are more than a socket has room for at once."""
        for _ in range(64):
            self.outlet.write(bytes(TURN_SIZE // 64))
            self.assertEqual(self.read(), bytes(TURN_SIZE // 64))

    def test_a_loop_that_sends_lets_others_have_their_turn(self):
        self.take_a_turn()
        self.outlet.write(b"a")
        self.assertEqual(self.outlet.writes, [b"a"])
        self.write_corked(b"b")
        self.assertEqual(self.outlet.writes, [b"a"])
        self.assertEqual(self.read(), b"b")

    def test_a_read_of_any_connection_begins_a_new_turn(self):
        self.take_a_turn()
        outlet_of(IN_C)().cork()
        self.outlet.write(b"a")
        self.assertEqual(self.outlet.writes, [])
        self.assertEqual(self.read(), b"a")

    def test_a_wrong_transport_or_socket_is_an_error(self):
        for name in ("_transport", "_socket"):
            outlet = IN_C()
            outlet._transport, outlet._socket = Transport(), self.ours
            setattr(outlet, name, object())
            self.assertRaises(AttributeError, outlet.write, b"a")
            outlet.cork()
            outlet.write(b"a")
            self.assertRaises(AttributeError, outlet.uncork)

    def test_the_subclass_may_write_the_kept_frames_when_it_is_asked(self):
        outlet = self.outlet

        class Asking(Transport):
            @property
            def disconnecting(self):
                outlet._socket = None
                outlet.flush()
                return False

        outlet._transport = Asking()
        self.write_corked(b"a")
        self.assertEqual(outlet.writes, [b"a"])

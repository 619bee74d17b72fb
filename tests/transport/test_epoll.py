import select
import socket
from asyncio import CancelledError
from errno import ENOSPC
from unittest.mock import Mock

from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.interfaces import IReactorFDSet
from twisted.internet.tcp import Connection
from twisted.python.failure import Failure
from twisted.trial.unittest import SkipTest, SynchronousTestCase
from zope.interface import implementer

from tests.support.descriptors import Descriptors
from txws2._transport import epoll
from txws2._transport.epoll import SharedEpoll

if not hasattr(select, "epoll"):
    raise SkipTest("this system has no epoll")


@implementer(IReactorFDSet)
class Reactor(Descriptors):
    """Knows who reads and who writes, and nothing else."""

    def getReaders(self):
        return list(self.readers)

    def getWriters(self):
        return list(self.writers)

    def seconds(self):
        return 42

    def callLater(self, delay, call, *arguments):
        """Leave undone what is to be done in another turn."""


class Transport(Connection):
    """A TCP transport that only notes what it is told.

    Attributes:
        calls: the names of what was called.
        peer: the socket at the other end.
        why: what doRead and doWrite return.
        lost: the reasons of its losses.
    """

    connected = True
    why = None
    _tempDataLen = 0

    def __init__(self, reactor):
        self.socket, self.peer = socket.socketpair()
        self.socket.setblocking(False)
        self.reactor = reactor
        self.calls, self.lost = [], []
        self.startReading()

    def fileno(self):
        return self.socket.fileno()

    def doRead(self):
        self.calls.append("doRead")
        self.socket.recv(1000)
        if not isinstance(self.why, ConnectionDone | ConnectionLost | None):
            raise self.why
        return self.why

    def doWrite(self):
        self.calls.append("doWrite")
        self.stopWriting()
        return self.why

    def readConnectionLost(self, reason):
        # As one does whose protocol knows nothing of half-closed connections.
        self.calls.append("readConnectionLost")
        self.connectionLost(reason)

    def connectionLost(self, reason):
        self.lost.append(reason.type)
        self.stopReading()
        self.stopWriting()
        self.close()

    def close(self):
        self.socket.close()
        self.peer.close()


class Events:
    """An epoll that has these events."""

    def __init__(self, events):
        self._events = events

    def poll(self, timeout, most):
        return self._events

    def unregister(self, fd):
        pass


class SharedEpollTests(SynchronousTestCase):
    def setUp(self):
        self.reactor = Reactor()
        self.shared = SharedEpoll(self.reactor)
        self.transport = self.adopted()

    def adopted(self):
        transport = Transport(self.reactor)
        self.addCleanup(transport.close)
        self.shared.adopt(transport, reading=True, writing=False)
        return transport

    def has_readers(self, *expected):
        self.assertEqual(self.reactor.readers, set(expected))

    def test_it_reads_in_place_of_its_transports(self):
        self.adopted()
        self.has_readers(self.shared)
        self.assertGreater(self.shared.fileno(), 0)
        self.assertEqual(self.shared.logPrefix(), "txws2")

    def test_one_that_still_has_something_to_write_writes_it(self):
        """A server of HTTP may have had it before."""
        transport = Transport(self.reactor)
        self.addCleanup(transport.close)
        transport.startWriting()
        self.shared.adopt(transport, reading=True, writing=True)
        self.assertEqual(self.reactor.writers, set())
        self.shared.doRead()
        self.assertEqual(transport.calls, ["doWrite"])

    def test_one_that_waits_for_nothing_has_it_for_its_reactor_from_then_on(self):
        transport = Transport(self.reactor)
        self.addCleanup(transport.close)
        transport.stopReading()
        self.shared.adopt(transport, reading=False, writing=False)
        transport.peer.send(b"x")
        self.shared.doRead()
        self.assertEqual(transport.calls, [])
        transport.startReading()
        self.shared.doRead()
        self.assertEqual(transport.calls, ["doRead"])

    def test_an_exception_of_any_class_ends_one_transport_and_no_other(self):
        """Attack 24."""
        for kind in (SystemExit, KeyboardInterrupt, GeneratorExit, CancelledError):
            broken, other = self.adopted(), self.adopted()
            for each in (broken, other):
                each.peer.send(b"a")
            broken.why = kind()
            fd = broken.fileno()
            self.shared.doRead()
            self.assertEqual((broken.lost, other.lost), ([kind], []))
            self.assertEqual(other.calls, ["doRead"])
            self.assertIsNone(self.shared.readers[fd])
            self.assertEqual(len(self.flushLoggedErrors(kind)), 1)

    def test_an_application_that_raises_again_at_its_end_hurts_no_other(self):
        broken, other = self.adopted(), self.adopted()
        for each in (broken, other):
            each.peer.send(b"a")
        broken.why = SystemExit()
        broken.connectionLost = Mock(side_effect=SystemExit)
        self.shared.doRead()
        self.assertEqual(other.calls, ["doRead"])
        self.assertEqual(len(self.flushLoggedErrors(SystemExit)), 2)

    def test_the_end_of_the_reactor_ends_all_transports(self):
        broken, other = self.adopted(), self.adopted()
        broken.connectionLost = Mock(side_effect=GeneratorExit)
        self.shared.connectionLost(Failure(ConnectionDone()))
        self.assertEqual(other.lost, [ConnectionDone])
        self.assertEqual(len(self.flushLoggedErrors(GeneratorExit)), 1)

    def test_the_reactor_goes_on_if_the_system_refuses(self):
        transport = Transport(self.reactor)
        self.addCleanup(transport.close)
        transport.startWriting()
        self.shared._epoll = Mock(register=Mock(side_effect=OSError(ENOSPC, "no space left")))
        self.assertRaises(OSError, self.shared.adopt, transport, reading=True, writing=True)
        self.assertIs(transport.reactor, self.reactor)
        self.assertIn(transport, self.reactor.readers)
        self.assertIn(transport, self.reactor.writers)
        transport.peer.send(b"a")
        self.shared._epoll = Events([(transport.fileno(), select.EPOLLIN)])
        self.shared.doRead()
        self.assertEqual(transport.calls, [])

    def test_when_nobody_waits_the_reactor_has_no_reader(self):
        self.transport.pauseProducing()
        self.has_readers()
        self.transport.resumeProducing()
        self.has_readers(self.shared)

    def test_it_tells_for_whom_it_reads(self):
        transport, readers = self.transport, self.shared.stand_in.readers
        fd = transport.fileno()
        self.assertIs(readers[fd], transport)
        transport.startWriting()
        transport.pauseProducing()
        self.assertIsNone(readers[fd])
        transport.resumeProducing()
        self.assertIs(readers[fd], transport)
        transport.stopWriting()
        transport.pauseProducing()
        self.assertIsNone(readers[fd])

    def test_each_end_of_a_transport_ends_reading_for_it(self):
        ends = (
            Transport.loseConnection,
            Transport.abortConnection,
            lambda transport: transport.connectionLost(Failure(ConnectionLost())),
        )
        for end in ends:
            transport = self.adopted()
            fd = transport.fileno()
            self.assertIs(self.shared.readers[fd], transport)
            end(transport)
            self.assertIsNone(self.shared.readers[fd])

    def test_those_that_are_ready_read_and_write(self):
        self.adopted()
        third = self.adopted()
        self.transport.peer.send(b"x")
        third.peer.send(b"x")
        third.startWriting()
        self.shared.doRead()
        self.assertEqual(self.transport.calls, ["doRead"])
        self.assertEqual(third.calls, ["doRead", "doWrite"])
        self.shared.doRead()
        self.assertEqual(self.transport.calls, ["doRead"])

    def answering(self, times):
        """Two transports that have more to read, so many times, as soon as they have read."""
        both = self.transport, self.adopted()

        def read_and_get_more(transport):
            def do_read():
                Transport.doRead(transport)
                if len(transport.calls) < times:
                    transport.peer.send(b"x")

            return do_read

        for transport in both:
            transport.doRead = read_and_get_more(transport)
            transport.peer.send(b"x")
        return both

    def test_those_that_are_ready_again_meanwhile_are_served(self):
        self.patch(epoll, "monotonic", lambda: 7)
        both = self.answering(times=3)
        self.shared.doRead()
        self.assertEqual([transport.calls for transport in both], [["doRead"] * 3] * 2)

    def test_the_reactor_has_its_turn_after_them(self):
        times = iter([7, 7.0005, 7.0011])
        self.patch(epoll, "monotonic", lambda: next(times))
        both = self.answering(times=9)
        self.shared.doRead()
        self.assertEqual([transport.calls for transport in both], [["doRead"] * 2] * 2)

    def test_one_alone_is_served_once(self):
        """The reactor knows of nothing else that would wait for its turn, and it is not asked."""
        self.transport.doRead = lambda: self.transport.calls.append("doRead")
        self.transport.peer.send(b"x")
        self.shared.doRead()
        self.assertEqual(self.transport.calls, ["doRead"])

    def test_one_that_only_writes(self):
        self.transport.stopReading()
        self.transport.startWriting()
        self.transport.startWriting()
        self.transport.peer.send(b"x")
        self.shared.doRead()
        self.assertEqual(self.transport.calls, ["doWrite"])
        self.has_readers()

    def test_the_reactor_does_for_it_the_things_that_it_cannot_do(self):
        self.assertEqual(self.transport.reactor.seconds(), 42)

    def test_one_that_was_paused_while_it_read_does_not_write(self):
        self.transport.startWriting()
        self.transport.doRead = self.transport.stopWriting
        self.transport.peer.send(b"x")
        self.shared.doRead()
        self.assertEqual(self.transport.calls, [])

    def test_one_that_was_paused_by_another_does_not_read(self):
        other = self.adopted()
        both = [self.transport, other]

        def read_and_pause(transport):
            def do_read():
                for each in both:
                    each.stopReading()
                transport.calls.append("read")

            return do_read

        for transport in both:
            transport.doRead = read_and_pause(transport)
            transport.peer.send(b"x")
        self.shared.doRead()
        self.assertEqual(self.transport.calls + other.calls, ["read"])

    def test_one_that_was_paused_and_has_something_to_write_is_not_lost(self):
        other = self.adopted()
        both = [self.transport, other]

        def pause_both():
            for transport in both:
                transport.stopReading()
                transport.startWriting()

        for transport in both:
            transport.doRead = pause_both
            transport.peer.send(b"x")
        self.shared.doRead()
        self.assertEqual(self.transport.lost + other.lost, [])

    def test_an_event_is_not_given_to_another_that_has_the_same_descriptor(self):
        other = self.adopted()
        both = [self.transport, other]

        def replace(transport):
            """Replace the other one by one more transport, with the same descriptor."""

            def do_read():
                Transport.doRead(transport)
                [gone] = [each for each in both if each is not transport]
                fd = gone.fileno()
                gone.connectionLost(Failure(ConnectionDone()))
                self.late = self.adopted()
                self.assertEqual(self.late.fileno(), fd)

            return do_read

        for transport in both:
            transport.doRead = replace(transport)
            transport.peer.send(b"x")
        self.shared.doRead()
        self.assertEqual(self.late.calls, [])

    def test_one_that_says_it_is_done_is_lost(self):
        for why in (ConnectionDone(), ConnectionLost()):
            transport = self.adopted()
            transport.why = why
            transport.peer.send(b"x")
            self.shared.doRead()
            self.assertEqual(transport.lost, [type(why)])
            transport = self.adopted()
            transport.why = why
            transport.startWriting()
            transport.peer.send(b"x")
            self.shared.doRead()
            self.assertEqual(transport.lost, [type(why)])
            transport = self.adopted()
            transport.why = why
            transport.startWriting()
            self.shared.doRead()
            self.assertEqual(transport.lost, [type(why)])
        self.has_readers(self.shared)

    def test_a_clean_end_of_reading_ends_only_reading(self):
        self.transport.why = ConnectionDone()
        self.transport.peer.send(b"x")
        self.shared.doRead()
        self.assertEqual(self.transport.calls, ["doRead", "readConnectionLost"])

    def test_one_whose_peer_is_gone_is_lost(self):
        self.transport.startWriting()
        self.transport.stopReading()
        self.transport.peer.close()
        self.shared.doRead()
        self.assertEqual(self.transport.lost, [ConnectionLost])
        self.assertEqual(self.transport.calls, [])

    def test_a_socket_whose_peer_has_reset_it_is_not_shut_down(self):
        """The shutdown would fail. Twisted shuts down a socket whose peer only writes no more."""
        reset, half = self.adopted(), self.adopted()
        for transport, ended, shut_down in (
            (reset, select.EPOLLHUP, False),
            (half, select.EPOLLRDHUP, True),
        ):
            transport.why = ConnectionLost()
            transport.peer.send(b"x")
            self.shared._epoll = Events([(transport.fileno(), select.EPOLLIN | ended)])
            self.shared.doRead()
            self.assertEqual(transport.lost, [ConnectionLost])
            self.assertIs(transport._shouldShutdown, shut_down)

    def test_one_that_reads_hears_of_it_when_all_is_read(self):
        self.shared._epoll = Events([(self.transport.fileno(), select.EPOLLHUP)])
        self.shared.doRead()
        self.assertEqual(self.transport.lost, [ConnectionDone])

    def test_one_that_raises_is_lost_and_the_others_are_served(self):
        other = self.adopted()
        self.transport.why = ZeroDivisionError()
        for transport in (self.transport, other):
            transport.peer.send(b"x")
        self.shared.doRead()
        self.assertEqual(self.transport.lost, [ZeroDivisionError])
        self.assertEqual(other.calls, ["doRead"])
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_deferred_work_waits_for_all_that_are_ready(self):
        other, done = self.adopted(), []
        for transport in (self.transport, other):
            transport.peer.send(b"a")

            def read(transport=transport):
                Transport.doRead(transport)
                self.assertTrue(self.shared.afterwards(lambda: done.append(len(done) / 0)))
                self.assertTrue(self.shared.afterwards(lambda: done.append(other.calls[:])))

            transport.doRead = read
        self.shared.doRead()
        self.assertEqual(done, [["doRead"], ["doRead"]])
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 2)

    def test_when_nothing_is_served_nothing_comes_afterwards(self):
        self.assertFalse(self.shared.afterwards(self.fail))
        self.shared.doRead()
        self.assertFalse(self.shared.afterwards(self.fail))

    def test_when_the_reactor_stops_all_are_lost(self):
        other = self.adopted()
        self.shared.connectionLost(Failure(ConnectionLost()))
        self.assertEqual(self.transport.lost + other.lost, [ConnectionLost] * 2)
        self.has_readers()

import os
import select
import socket

from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.interfaces import IHalfCloseableDescriptor
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.tcp import Port, Server
from twisted.trial.unittest import SkipTest, SynchronousTestCase

from tests.support.twins import PURE, in_c, load
from tests.transport.test_epoll import Reactor
from txws2._transport import lone_reader
from txws2._transport.lone_reader import LoneReader, attend

if not hasattr(select, "epoll"):
    raise SkipTest("this system has no epoll")

from twisted.internet.epollreactor import EPollReactor


class Asking(Protocol):
    """Has its peer answer each read at once, while there is anything left to ask.

    Attributes:
        reads: what was read.
        left: the number of answers that are still to come.
        then: called for each read.
        lost: the class of the reason of the loss.
    """

    lost = None

    def __init__(self):
        self.reads, self.left, self.then = [], 0, lambda: None

    def dataReceived(self, data):
        self.reads.append(data)
        if self.left:
            self.left -= 1
            self.peer.send(b"a")
        self.then()

    def connectionLost(self, reason):
        self.lost = reason.type


class Other:
    """A descriptor that is always ready to read.

    Attributes:
        reads: the number of reads.
    """

    def __init__(self):
        self.reads = 0
        self.socket, self.peer = socket.socketpair()
        self.peer.send(b"x")

    def fileno(self):
        return self.socket.fileno()

    def logPrefix(self):
        return "other"

    def doRead(self):
        self.reads += 1


class LoneCases:
    def setUp(self):
        self.patch(lone_reader, "read_on", self.read_on)
        self.patch(LoneReader, "_undisturbed", False)
        # Even if this machine is busy, reads seem to follow each other quickly.
        self.patch(lone_reader, "monotonic", lambda: 42.0)
        self.reactor = EPollReactor()
        self.reactor.running = True
        self.addCleanup(self.end)
        self.protocol = self.connect()
        self.transport = self.protocol.transport

    def end(self):
        self.reactor._poller.close()
        self.reactor.waker.connectionLost(None)

    def connect(self):
        protocol = Asking()
        skt, protocol.peer = socket.socketpair()
        self.addCleanup(protocol.peer.close)
        self.addCleanup(skt.close)
        port = Port(0, Factory(), reactor=self.reactor)
        transport = Server(skt, protocol, ("127.0.0.1", 7), port, 1, self.reactor)
        protocol.makeConnection(transport)
        attend(transport)
        return protocol

    def turn(self):
        self.reactor.runUntilCurrent()
        self.reactor.doIteration(0)

    def ask(self, count):
        """Ask as often, one after the other, in one turn if that is possible."""
        self.protocol.left = count - 1
        self.protocol.peer.send(b"a")
        self.turn()

    def turns_for(self, count):
        """Ask as often; return the number of turns that this took: one, unless time passes."""
        self.warm_up()
        self.ask(count)
        turns = 1
        while len(self.protocol.reads) < count:
            self.turn()
            turns += 1
        return turns

    def warm_up(self):
        """Read so often that this waits for the next read from now on."""
        for _ in range(4):
            self.ask(1)
        self.protocol.reads.clear()

    def other(self):
        other = Other()
        self.addCleanup(other.socket.close)
        self.addCleanup(other.peer.close)
        return other


class StayingTests(LoneCases, SynchronousTestCase):
    read_on = staticmethod(PURE["read_on"])

    def test_it_stands_in_for_the_transport_and_for_its_reactor(self):
        [reader] = [each for each in self.reactor.getReaders() if isinstance(each, LoneReader)]
        self.assertIs(self.transport.reactor, reader)
        self.assertEqual(reader.logPrefix(), self.transport.logPrefix())
        self.assertTrue(IHalfCloseableDescriptor.providedBy(reader))
        self.assertEqual(reader.seconds.__self__, self.reactor.seconds.__self__)

    def test_first_each_read_takes_a_turn(self):
        self.ask(3)
        self.assertEqual(len(self.protocol.reads), 1)

    def test_reads_that_follow_each_other_quickly_take_few_turns(self):
        self.assertLess(self.turns_for(100), 50)

    def test_another_descriptor_that_is_ready_gets_its_turn_at_once(self):
        self.warm_up()
        other = self.other()
        self.reactor.addReader(other)
        self.ask(10)
        self.assertEqual(len(self.protocol.reads), 1)
        self.turn()
        self.assertEqual(other.reads > 0, True)

    def test_one_that_becomes_ready_meanwhile_does_so_too(self):
        self.warm_up()
        other = self.other()
        self.protocol.then = lambda: len(self.protocol.reads) == 3 and self.reactor.addReader(other)
        self.ask(10)
        self.assertEqual(len(self.protocol.reads), 3)

    def test_a_new_timer_gets_its_turn(self):
        self.warm_up()
        self.protocol.then = lambda: self.reactor.callLater(0, lambda: None)
        self.ask(10)
        self.assertEqual(len(self.protocol.reads), 1)

    def test_a_timer_that_is_moved_to_now_gets_its_turn(self):
        timer = self.reactor.callLater(100, lambda: None)
        self.warm_up()
        self.protocol.then = lambda: len(self.protocol.reads) == 2 and timer.reset(0)
        self.ask(10)
        self.assertEqual(len(self.protocol.reads), 2)

    def test_a_distant_timer_changes_nothing(self):
        self.reactor.callLater(100, lambda: None)
        self.assertLess(self.turns_for(100), 50)

    def test_a_timer_that_is_due_soon_gets_its_turn(self):
        self.warm_up()
        self.reactor.callLater(0.001, lambda: None)
        self.ask(10)
        self.assertEqual(len(self.protocol.reads), 1)

    def test_a_call_from_a_thread_gets_its_turn(self):
        self.warm_up()
        self.protocol.then = lambda: self.reactor.callFromThread(lambda: None)
        self.ask(10)
        self.assertEqual(len(self.protocol.reads), 1)

    def test_a_reactor_that_is_to_stop_does(self):
        for name, value in (("_justStopped", True), ("running", False)):
            self.warm_up()
            self.protocol.then = lambda name=name, value=value: setattr(self.reactor, name, value)
            self.ask(10)
            self.assertEqual(len(self.protocol.reads), 1)
            self.reactor._justStopped, self.reactor.running = False, True
            self.protocol.then = lambda: None
            self.protocol.left = 0
            self.turn()

    def test_nothing_is_read_for_a_transport_that_has_paused_or_ended(self):
        for name in ("pauseProducing", "loseConnection", "abortConnection"):
            self.protocol = self.connect()
            self.warm_up()
            self.protocol.then = getattr(self.protocol.transport, name)
            self.ask(10)
            self.turn()
            self.assertEqual(len(self.protocol.reads), 1, name)

    def test_nothing_is_read_for_the_next_owner_of_its_descriptor(self):
        self.warm_up()
        there, here = socket.socketpair()
        self.addCleanup(there.close)
        self.addCleanup(here.close)
        descriptor = self.transport.fileno()

        class Next(Other):
            def __init__(self):
                self.reads = 0

            def fileno(self):
                return descriptor

        def duplicate():
            number = there.fileno()
            self.transport.connectionLost(lone_reader.Failure(ConnectionDone()))
            os.dup2(number, descriptor)
            self.addCleanup(os.close, descriptor)
            here.send(b"secret")
            self.reactor.addReader(Next())

        self.protocol.then = duplicate
        self.ask(10)
        self.assertEqual(self.protocol.reads, [b"a"])

    def test_an_exception_ends_this_connection_as_in_a_reactor(self):
        self.warm_up()
        self.protocol.then = lambda: len(self.protocol.reads) == 2 and 1 // 0
        self.ask(10)
        self.assertEqual(len(self.protocol.reads), 2)
        self.assertIs(self.protocol.lost, ZeroDivisionError)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_the_end_is_noticed_while_it_stays(self):
        self.warm_up()
        self.protocol.then = lambda: len(self.protocol.reads) == 2 and self.protocol.peer.close()
        self.protocol.left = 1
        self.ask(2)
        self.turn()
        self.turn()
        self.assertIs(self.protocol.lost, ConnectionDone)

    def test_bytes_written_in_turns_of_the_reactor_arrive(self):
        self.transport.write(b"abc")
        self.turn()
        self.assertEqual(self.protocol.peer.recv(10), b"abc")

    def test_a_reactor_that_ends_ends_it(self):
        for each in self.reactor.removeAll():
            if isinstance(each, LoneReader):
                each.connectionLost(lone_reader.Failure(ConnectionLost()))
        self.assertIs(self.protocol.lost, ConnectionLost)

    def test_it_gives_the_transport_back(self):
        self.transport.write(b"abc")
        self.transport.reactor.leave()
        self.assertIs(self.transport.reactor, self.reactor)
        self.assertIn(self.transport, self.reactor.getReaders())
        self.assertIn(self.transport, self.reactor.getWriters())
        self.ask(1)
        self.assertEqual(self.protocol.reads, [b"a"])
        self.assertNotIn(self.transport, LoneReader.readers)

    def test_bytes_that_wait_are_written_by_it(self):
        self.transport.reactor.leave()
        self.transport.write(b"abc")
        attend(self.transport)
        self.turn()
        self.assertEqual(self.protocol.peer.recv(10), b"abc")

    def test_one_that_does_not_read_is_not_read_for_by_mistake(self):
        self.transport.reactor.leave()
        self.transport.stopReading()
        attend(self.transport)
        self.assertIs(LoneReader.readers[self.transport.fileno()], self.transport)
        self.ask(1)
        self.assertEqual(self.protocol.reads, [b"a"])

    def test_the_epoll_is_not_told_of_one_that_only_reads(self):
        self.transport.reactor.leave()
        poller, self.reactor._poller = self.reactor._poller, None
        attend(self.transport)
        self.reactor._poller = poller
        self.ask(1)
        self.assertEqual(self.protocol.reads, [b"a"])
        self.assertIn(self.transport.reactor, self.reactor.getReaders())

    def test_a_closed_half_is_passed_on_to_the_transport(self):
        told = []
        self.transport.readConnectionLost = told.append
        self.transport.writeConnectionLost = told.append
        self.transport.reactor.readConnectionLost("read")
        self.transport.reactor.writeConnectionLost("write")
        self.assertEqual(told, ["read", "write"])
        self.assertNotIn(self.transport, LoneReader.readers)

    def test_no_other_reactor_is_stood_in_for(self):
        transport = self.connect().transport
        transport.reactor.leave()
        other = transport.reactor = Reactor()
        attend(transport)
        self.assertIs(transport.reactor, other)


@in_c
class StayingInCTests(StayingTests):
    read_on = load() and staticmethod(load().read_on)

    def test_wrong_arguments_are_errors(self):
        read_on, poller = self.read_on, self.reactor._poller
        self.assertRaises(TypeError, read_on, self.transport, 0, [], self.reactor)
        self.assertRaises(TypeError, read_on, self.transport, None, [], self.reactor, poller)
        self.assertRaises(TypeError, read_on, self.transport, 0, None, self.reactor, poller)
        self.assertRaises(AttributeError, read_on, self.transport, 0, [], self.reactor, object())
        self.assertRaises(AttributeError, read_on, self.transport, 0, [], object(), poller)

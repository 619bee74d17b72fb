"""Two connections that take turns: each stays with the reactor as a lone one does."""

import select

from twisted.internet.error import ConnectionDone
from twisted.trial.unittest import SkipTest, SynchronousTestCase

from tests.support.twins import PURE, in_c, load
from txws2._transport import lone_reader
from txws2._transport.lone_reader import LoneReader, note_other_read

if not hasattr(select, "epoll"):
    raise SkipTest("this system has no epoll")

from twisted.internet.epollreactor import EPollReactor

from tests.transport.test_lone_reader import LoneCases


class TwoTests(LoneCases, SynchronousTestCase):
    read_on = staticmethod(PURE["read_on"])

    def test_two_that_are_ready_at_once_are_left_to_the_reactor(self):
        another = self.connect()
        for _ in range(8):
            for each in (self.protocol, another):
                each.peer.send(b"a")
            self.turn()
        self.assertEqual([len(self.protocol.reads), len(another.reads)], [8, 8])

    def alternate(self, count):
        """Have another connection take turns with this one, so often; return the other."""
        another = self.connect()
        self.warm_up()

        def ask(other):
            if len(self.protocol.reads) < count:
                other.peer.send(b"a")

        self.protocol.then = lambda: ask(another)
        another.then = lambda: ask(self.protocol)
        self.protocol.peer.send(b"a")
        return another

    def test_two_that_take_turns_take_few_turns_of_the_reactor(self):
        another = self.alternate(50)
        turns = 0
        while len(self.protocol.reads) < 50:
            self.turn()
            turns += 1
        self.assertEqual(len(another.reads), 49)
        self.assertLess(turns, 40)

    def test_the_reactor_has_its_turn_although_two_never_rest(self):
        self.alternate(1000)
        clock = iter(range(10**6))
        self.patch(lone_reader, "monotonic", lambda: 42 + next(clock) * lone_reader.NEAR)
        self.turn()
        self.assertLess(len(self.protocol.reads), 10)

    def test_an_exception_of_the_other_ends_only_the_other(self):
        another = self.alternate(50)
        another.then = lambda: 1 // 0
        for _ in range(3):
            self.turn()
        self.assertIs(another.lost, ZeroDivisionError)
        self.assertIsNone(self.protocol.lost)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_the_end_of_the_other_is_that_of_the_other(self):
        another = self.alternate(50)
        another.then = another.peer.close
        self.protocol.then = lambda: len(self.protocol.reads) == 1 and another.peer.send(b"a")
        for _ in range(3):
            self.turn()
        self.assertIs(another.lost, ConnectionDone)
        self.assertIsNone(self.protocol.lost)
        self.assertNotIn(another.transport, LoneReader.readers)

    def test_one_of_a_reactor_that_runs_no_more_is_left_alone(self):
        another = self.alternate(50)
        gone = EPollReactor()
        gone._poller.close()
        gone.waker.connectionLost(None)
        another.transport.reactor._reactor = gone
        for _ in range(5):
            self.turn()
        self.assertGreater(len(another.reads), 1)
        self.assertIsNone(another.lost)

    def test_the_other_may_end_this_one(self):
        another = self.alternate(50)
        another.then = self.transport.abortConnection
        for _ in range(3):
            self.turn()
        self.assertIsNotNone(self.protocol.lost)
        self.assertIsNone(another.lost)

    def test_a_reader_that_takes_turns_with_a_descriptor_of_another_kind_does_not_wait(self):
        for _ in range(8):
            self.protocol.peer.send(b"a")
            self.turn()
            note_other_read()
        self.assertEqual(len(self.protocol.reads), 8)
        self.assertEqual(self.transport.reactor._dense, 0)


@in_c
class TwoInCTests(TwoTests):
    read_on = load() and staticmethod(load().read_on)

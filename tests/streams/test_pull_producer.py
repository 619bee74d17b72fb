from twisted.internet.interfaces import IPullProducer, IPushProducer
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

from txws2.streams.pull_producer import PullToPush


@implementer(IPullProducer)
class Source:
    """A pull producer that counts its calls."""

    asked = stopped = 0

    def resumeProducing(self):
        self.asked += 1
        self.then()

    def stopProducing(self):
        self.stopped += 1

    def then(self):
        """A test replaces this; it is called within resumeProducing."""


class PullToPushTests(SynchronousTestCase):
    def setUp(self):
        self.clock, self.source, self.failures = Clock(), Source(), []
        self.pulling = PullToPush(self.source, self.clock, self.failures.append)

    def turn(self):
        """Let the reactor have a turn; return the number of calls of the source by now."""
        self.clock.advance(1e-8)
        return self.source.asked

    def test_it_is_a_push_producer(self):
        verifyObject(IPushProducer, self.pulling)

    def test_it_asks_once_in_each_turn_from_the_next_on(self):
        self.pulling.resumeProducing()
        self.assertEqual([self.source.asked, self.turn(), self.turn(), self.turn()], [0, 1, 2, 3])

    def test_resuming_twice_is_resuming(self):
        self.pulling.resumeProducing()
        self.pulling.resumeProducing()
        self.assertEqual(self.turn(), 1)

    def test_paused_it_does_not_ask(self):
        self.pulling.resumeProducing()
        self.turn()
        self.pulling.pauseProducing()
        self.assertEqual(self.turn(), 1)
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.pulling.resumeProducing()
        self.assertEqual(self.turn(), 2)

    def test_it_can_be_paused_while_it_asks(self):
        self.source.then = self.pulling.pauseProducing
        self.pulling.resumeProducing()
        self.turn()
        self.assertEqual(self.turn(), 1)

    def test_paused_and_resumed_while_it_asks_it_goes_on_once_a_turn(self):
        self.source.then = lambda: (self.pulling.pauseProducing(), self.pulling.resumeProducing())
        self.pulling.resumeProducing()
        self.assertEqual([self.turn(), self.turn()], [1, 2])

    def test_it_passes_on_that_nothing_is_wanted(self):
        self.pulling.resumeProducing()
        self.pulling.stopProducing()
        self.assertEqual((self.turn(), self.source.stopped), (0, 1))

    def test_a_producer_that_raises_is_reported_and_asked_no_more(self):
        self.source.then = lambda: 1 / 0
        self.pulling.resumeProducing()
        self.turn()
        self.assertEqual(self.turn(), 1)
        [failure] = self.failures
        failure.trap(ZeroDivisionError)

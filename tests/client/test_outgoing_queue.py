"""Messages that wait: their number, their order, and the messages for which there is no room."""

from twisted.internet.defer import CancelledError

from tests.support.sides import QuietTestCase
from txws2._connection.handle import driver_of
from txws2.client.outgoing_queue import OutgoingQueue
from txws2.exceptions import InvalidState


class OutgoingTests(QuietTestCase):
    def make(self, limit=2, drop="newest"):
        self.outgoing = OutgoingQueue(limit, drop)
        return self.outgoing

    def add(self, *messages):
        return [self.outgoing.add(message, None, None) for message in messages]

    def clog(self):
        """Return a connection on which nothing more can be written."""
        both = self.join(write_limit=0, compression=None)
        both.server.transport.pauseProducing()
        both.client.sendMessage("x" * 2**20)
        return both

    def received(self):
        """Send all messages that wait; return those that arrive."""
        both = self.join()
        self.outgoing.send_on(both.client)
        both.pump()
        messages = []
        while driver_of(both.server).intake is not None and len(messages) < 10:
            receiving = both.server.recv()
            if not receiving.called:
                break
            messages.append(self.successResultOf(receiving))
        return messages

    def test_they_are_sent_in_order_and_each_says_so(self):
        self.make()
        sent = self.add("one", b"two")
        for each in sent:
            self.assertNoResult(each)
        self.assertEqual(self.received(), ["one", b"two"])
        for each in sent:
            self.successResultOf(each)
        self.assertEqual(len(self.outgoing), 0)

    def test_when_too_many_wait_the_newest_is_refused(self):
        self.make()
        *_, three = self.add("one", "two", "three")
        failure = self.failureResultOf(three, InvalidState)
        expected = "not sent: 2 messages already waited, as max_waiting permits"
        self.assertEqual(str(failure.value), expected)
        self.assertEqual(self.received(), ["one", "two"])

    def test_when_too_many_wait_the_oldest_may_be_dropped(self):
        self.make(drop="oldest")
        one, *_ = self.add("one", "two", "three")
        self.failureResultOf(one, InvalidState)
        self.assertEqual(self.received(), ["two", "three"])

    def test_if_none_may_wait_that_is_said(self):
        for drop in "newest", "oldest":
            self.make(0, drop)
            [one] = self.add("one")
            self.assertIn("max_waiting is 0", str(self.failureResultOf(one).value))

    def test_nobody_has_to_look_at_what_was_dropped(self):
        self.make(0)
        self.add("one")

    def test_one_that_waits_can_be_taken_back(self):
        self.make()
        one, _ = self.add("one", "two")
        one.cancel()
        self.failureResultOf(one, CancelledError)
        self.assertEqual(self.received(), ["two"])

    def test_one_that_was_sent_can_not(self):
        self.make()
        both = self.clog()
        [one] = self.add("one")
        self.outgoing.send_on(both.client)
        self.assertNoResult(one)
        one.cancel()
        self.failureResultOf(one, CancelledError)
        both.drop()

    def test_one_whose_connection_ends_fails_as_send_does(self):
        self.make()
        both = self.clog()
        [one] = self.add("one")
        self.outgoing.send_on(both.client)
        both.drop()
        self.assertClosed(one, "ConnectionClosedError: no close frame received or sent")

    def test_a_text_that_can_not_be_utf_8_fails_alone(self):
        self.make()
        bad, _ = self.add("\ud800", "good")
        self.assertEqual(self.received(), ["good"])
        self.failureResultOf(bad, UnicodeError)

    def test_a_buffer_may_be_used_again(self):
        self.make()
        buffer = bytearray(b"one")
        self.add(buffer)
        buffer[:] = b"two"
        self.assertEqual(self.received(), [b"one"])

    def test_a_wrong_message_is_an_error_at_once(self):
        self.make()
        self.assertRaises(TypeError, self.add, 5)
        self.assertEqual(len(self.outgoing), 0)

    def test_all_can_be_given_up(self):
        self.make()
        sent = self.add("one", "two")
        self.outgoing.fail(InvalidState("stopped"))
        for each in sent:
            self.failureResultOf(each, InvalidState)
        self.assertEqual(self.received(), [])

    def test_the_options_of_a_message_wait_with_it(self):
        self.make()
        self.outgoing.add("one", False, None)
        self.outgoing.add(b"two", True, False)
        self.assertEqual(self.received(), [b"one", "two"])

    def test_senseless_options_are_an_error(self):
        self.assertRaises(ValueError, OutgoingQueue, -1, "newest")
        self.assertRaises(ValueError, OutgoingQueue, 1, "both")

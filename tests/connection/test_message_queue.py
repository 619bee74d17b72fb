"""The queue of messages: both twins do the same, in every order of events."""

import gc
import sys
from collections import deque
from weakref import ref

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.trial.unittest import SynchronousTestCase as TestCase

from tests.support.implementations import counts_references
from tests.support.inboxes import inbox_of
from tests.support.twins import in_c, pure
from txws2._accelerator import PURE, load
from txws2._connection.read_pause import Reading
from txws2.exceptions import ConnectionClosedError
from txws2.wire.events import Remainder


class Arriving:
    """Has the parts of an unfinished message, as a `wire.Connection` does."""

    def __init__(self):
        self.unfinished = 0

    def take_part(self):
        part, self.unfinished = "p" * self.unfinished, 0
        return part


class Stream:
    """Stands for an iteration over the pieces of a message."""

    taken = False
    kept = None


class Played:
    """An inbox to which things happen; `seen` tells how it has reacted."""

    def __init__(self, inbox, max_queue):
        self.clock = Clock()
        self.transport = StringTransport()
        self.inbox = inbox(Reading(self.transport, self.clock), max_queue)
        self.asked, self.results, self.streams = [], [], [Stream(), Stream()]
        self.connection = Arriving()
        self.number = 0
        self.ended = False

    def watch(self, deferred):
        index = len(self.asked)
        self.asked.append(deferred)
        deferred.addBoth(lambda result: self.results.append((index, _text_of(result))))

    def put(self, count):
        size = 1000 if count > 30 else 0
        for _ in range(count):
            self.number += 1
            text = str(self.number) + "x" * size * 20
            self.inbox.put(text if self.number % 3 else text.encode())

    def wake(self, _):
        self.inbox.wake()

    def get(self, decode):
        self.watch(self.inbox.get(decode))

    def get_within(self, seconds):
        self.watch(self.inbox.get_within(seconds, self.clock, None))

    def step(self, _):
        async def step():
            return await anext(self.inbox)

        self.watch(Deferred.fromCoroutine(step()))

    def get_part(self, number):
        stream = self.streams[number % 2]
        if stream is not None:
            self.watch(self.inbox.get_part(stream))

    def drop(self, number):
        self.streams[number % 2] = None

    def cancel(self, _):
        if self.asked:
            self.asked[-1].cancel()

    def give_back(self, _):
        self.inbox.give_back("back")

    def odd(self, _):
        self.inbox.put(bytearray(b"odd"))

    def arrive(self, size):
        self.connection.unfinished += size
        self.inbox.put_unfinished(self.connection)

    def finish(self, _):
        self.inbox.arriving = None
        if self.inbox._stream is not None and not self.inbox.waiting:
            self.inbox.put_remainder(Remainder("rest"))

    def hold(self, _):
        self.inbox.hold()

    def release(self, _):
        self.inbox.release()
        self.inbox.wake()

    def closing(self, _):
        if not self.ended:
            self.inbox.discard_when_full()

    def close(self, _):
        self.ended = True
        self.inbox.close(lambda: ConnectionClosedError(None, None))

    def advance(self, seconds):
        self.clock.advance(seconds)

    @property
    def seen(self):
        inbox = self.inbox
        return (
            list(self.results),
            inbox.waiting,
            inbox.size,
            inbox.full,
            inbox.roomy,
            inbox.taking,
            inbox.plain,
            inbox.pausing,
            inbox.reader is None,
            inbox._state,
            self.transport.producerState,
            len(self.clock.getDelayedCalls()),
        )


def _text_of(result):
    value = getattr(result, "value", result)
    return f"{type(value).__name__}: {value}"


events = st.lists(
    st.one_of(
        st.tuples(st.just("put"), st.integers(0, 40)),
        st.tuples(st.just("get"), st.sampled_from([None, True, False])),
        st.tuples(st.just("get_within"), st.sampled_from([0, 3])),
        st.tuples(
            st.sampled_from(
                [
                    "wake",
                    "wake",
                    "step",
                    "step",
                    "cancel",
                    "give_back",
                    "odd",
                    "hold",
                    "release",
                    "finish",
                    "closing",
                    "close",
                ]
            ),
            st.none(),
        ),
        st.tuples(st.sampled_from(["get_part", "drop", "arrive"]), st.integers(0, 5)),
        st.tuples(st.just("advance"), st.integers(1, 4)),
    ),
    max_size=40,
)


@in_c
class TwinTests(TestCase):
    @given(events, st.sampled_from([1, 4, 16, None]))
    def test_both_twins_do_the_same_for_any_calls(self, events, max_queue):
        queues = PURE["MessageQueue"], load().MessageQueue
        played = [Played(inbox_of(queue), max_queue) for queue in queues]
        for name, argument in events:
            for each in played:
                getattr(each, name)(argument)
            self.assertEqual(played[0].seen, played[1].seen, name)

    @given(
        st.lists(st.sampled_from(["append", "prepend", "pop", "put"]), max_size=80),
    )
    def test_it_is_a_queue_at_both_ends(self, names):
        queue, model = load().MessageQueue(None), deque()
        for number, name in enumerate(names):
            if name == "pop":
                if model:
                    self.assertEqual(queue.pop(), model.popleft())
                else:
                    self.assertRaises(IndexError, queue.pop)
            else:
                getattr(queue, name)(str(number))
                (model.appendleft if name == "prepend" else model.append)(str(number))
            self.assertEqual(queue.waiting, len(model))


class EachTwin:
    """Tests for either twin."""

    def setUp(self):
        self.played = Played(inbox_of(self.MessageQueue), 4)
        self.inbox = self.played.inbox

    def read(self, *messages):
        for message in messages:
            self.inbox.put(message)
        self.inbox.wake()

    def test_a_loop_is_woken_once_for_the_messages_of_a_read(self):
        got, pauses = [], []

        async def gather():
            async for message in self.inbox:
                got.append(message)
                pauses.append(self.inbox.reader)

        Deferred.fromCoroutine(gather())
        reader = self.inbox.reader
        self.read(*"abcdefgh")
        self.assertEqual(got, [*"abcdefgh"])
        self.assertEqual(pauses, [None] * 8)
        self.assertIsNot(self.inbox.reader, reader)

    def test_reading_does_not_pause_for_messages_that_are_taken_at_once(self):
        async def gather():
            async for _ in self.inbox:
                self.assertEqual(self.played.transport.producerState, "producing")

        Deferred.fromCoroutine(gather())
        self.read(*"abcdefgh")
        self.assertEqual(self.played.transport.producerState, "producing")
        self.assertEqual(self.inbox.size, 0)

    def test_a_read_that_inflates_to_a_lot_wakes_the_reader_in_between(self):
        sizes = []

        async def gather():
            async for _ in self.inbox:
                sizes.append(self.inbox.size)

        Deferred.fromCoroutine(gather())
        self.read(*["x" * 100_000] * 50)
        self.assertEqual(len(sizes), 50)
        self.assertLess(max(sizes), 256 * 1024)

    def test_reading_pauses_if_the_reader_takes_only_one(self):
        got = self.inbox.get(None)
        self.read(*"abcdefgh")
        self.assertEqual(self.successResultOf(got), "a")
        self.assertEqual(self.played.transport.producerState, "paused")

    def test_a_reader_that_is_cancelled_during_a_read_leaves_its_messages(self):
        got = self.inbox.get(None)
        got.addErrback(lambda _: None)
        self.inbox.put("a")
        got.cancel()
        self.read("b")
        for message in "ab":
            self.assertEqual(self.successResultOf(self.inbox.get(None)), message)

    def test_a_reader_may_read_on_and_close_while_it_is_woken(self):
        got = []

        async def gather():
            got.append(await self.inbox.get(None))
            self.inbox.wake()
            got.append(await self.inbox.get(True))
            self.inbox.put("z")
            self.played.close(None)
            got.extend([message async for message in _quietly(self.inbox)])

        Deferred.fromCoroutine(gather())
        self.read("a", "b", "c")
        self.assertEqual(got, ["a", "b", "c", "z"])

    def test_a_message_that_is_no_str_or_bytes_is_received_as_it_is(self):
        class Text(str):
            __slots__ = ()

        got = self.inbox.get(None)
        odd = [bytearray(b"a"), Text("b"), memoryview(b"c")]
        self.read(*odd)
        steps = [self.successResultOf(got)]
        steps += [self.successResultOf(self.inbox.get(None)) for _ in range(2)]
        for step, expected in zip(steps, odd, strict=True):
            self.assertIs(step, expected)
        self.assertEqual(self.inbox.size, 0)

    def test_an_object_without_a_length_is_refused(self):
        self.assertRaises(TypeError, self.inbox.put, 3)
        self.assertEqual(self.inbox.waiting, 0)

    @counts_references
    def test_a_queue_in_a_cycle_is_collected(self):
        class Message(str):
            """A text that may refer to something."""

        message = Message("a")
        message.inbox = self.inbox
        self.inbox.put(message)
        self.inbox.get(None)
        waiting = self.inbox.get(None)
        waiting.addCallback(lambda _, inbox=self.inbox: inbox)
        gone = ref(message)
        del message, waiting
        self.inbox = self.played = None
        gc.collect()
        self.assertIsNone(gone())

    @counts_references
    def test_no_message_is_kept_after_it_was_received(self):
        messages = [str(number) * 9 for number in range(50)]
        before = [sys.getrefcount(message) for message in messages]
        for _ in range(3):
            self.read(*messages)
            for _ in messages:
                self.successResultOf(self.inbox.get(None))
        self.read(*messages)
        queue = self.MessageQueue(None)
        for message in messages:
            queue.put(message)
            queue.prepend(message)
        self.inbox = self.played = queue = message = _ = None
        gc.collect()
        self.assertEqual([sys.getrefcount(message) for message in messages], before)


async def _quietly(inbox):
    try:
        async for message in inbox:
            yield message
    except ConnectionClosedError:
        pass


class PureTests(EachTwin, TestCase):
    MessageQueue = pure("MessageQueue")


@in_c
class CTests(EachTwin, TestCase):
    @property
    def MessageQueue(self):
        return load().MessageQueue

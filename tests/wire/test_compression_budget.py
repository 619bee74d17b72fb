from twisted.trial.unittest import SynchronousTestCase

from txws2.wire.compression_budget import UNLIMITED, CompressionBudget, Stream


class FakeStream(Stream):
    """A stream that takes so many bytes.

    Attributes:
        asked: how often it was asked to give them back.
        willing: whether it does.
    """

    def __init__(self, budget, size=10, willing=True):
        super().__init__(budget)
        self._size = size
        self.willing = willing
        self.asked = 0

    @property
    def size(self):
        return self._size

    def shrink(self):
        self.asked += 1
        return self.willing

    def forget(self):
        self._budget.give_back(self)


class BudgetTests(SynchronousTestCase):
    def setUp(self):
        self.budget = CompressionBudget(30)

    def streams(self, count, **options):
        """Begin so many streams."""
        made = [FakeStream(self.budget, **options) for _ in range(count)]
        for stream in made:
            self.budget.take(stream)
        return made

    def asked(self, *streams):
        return [stream.asked for stream in streams]

    def test_up_to_the_limit_nothing_is_given_back(self):
        streams = self.streams(3)
        self.assertEqual((self.budget.held, self.asked(*streams)), (30, [0, 0, 0]))

    def test_beyond_it_the_one_that_began_first_gives_back(self):
        streams = self.streams(4)
        self.assertEqual((self.budget.held, self.asked(*streams)), (30, [1, 0, 0, 0]))

    def test_one_that_was_used_since_is_asked_later(self):
        first, second, third = self.streams(3)
        first.used = True
        self.streams(1)
        self.assertEqual(self.asked(first, second, third), [0, 1, 0])
        self.streams(2)
        self.assertEqual(self.asked(first, second, third), [1, 1, 1])

    def test_one_stream_gives_back_although_all_are_in_use(self):
        streams = self.streams(3)
        for stream in streams:
            stream.used = True
        self.streams(1)
        self.assertEqual((self.budget.held, self.asked(*streams)), (30, [1, 0, 0]))

    def test_a_large_one_takes_the_place_of_several(self):
        streams = self.streams(3)
        self.streams(1, size=15)
        self.assertEqual((self.budget.held, self.asked(*streams)), (25, [1, 1, 0]))

    def test_the_one_that_begins_keeps_its_memory_even_beyond_the_limit(self):
        [large] = self.streams(1, size=50)
        self.assertEqual((self.budget.held, large.asked), (50, 0))
        self.streams(1)
        self.assertEqual((self.budget.held, large.asked), (10, 1))

    def test_with_a_limit_of_0_only_the_latest_keeps_its_memory(self):
        self.budget = CompressionBudget(0)
        streams = self.streams(3)
        self.assertEqual((self.budget.held, self.asked(*streams)), (10, [1, 1, 0]))

    def test_one_that_cannot_give_back_still_counts(self):
        [stuck] = self.streams(1, willing=False)
        others = self.streams(3)
        self.assertEqual((self.budget.held, self.asked(stuck, *others)), (30, [1, 1, 0, 0]))

    def test_one_that_could_not_is_asked_again_once_it_was_used(self):
        [stuck] = self.streams(1, willing=False)
        self.streams(10)
        self.assertEqual(stuck.asked, 1)
        stuck.used = stuck.willing = True
        self.streams(10)
        self.assertEqual(stuck.asked, 2)
        self.assertEqual(self.budget.held, 30)

    def test_a_few_of_many_that_cannot_are_asked_each_time_and_none_twice(self):
        stuck = self.streams(100, willing=False)
        for _ in range(20):
            before = sum(self.asked(*stuck))
            self.streams(1, willing=False)
            self.assertLessEqual(sum(self.asked(*stuck)) - before, 8)
        self.assertEqual(set(self.asked(*stuck)), {1})

    def test_the_others_are_found_among_many_that_cannot(self):
        self.streams(100, willing=False)
        others = self.streams(100)
        self.assertLess(self.asked(*others).count(0), 20)

    def test_memory_that_was_given_back_counts_no_longer(self):
        first, second = self.streams(2)
        self.budget.give_back(first)
        self.budget.give_back(first)
        self.assertEqual(self.budget.held, 10)
        self.streams(2)
        self.assertEqual(self.asked(first, second), [0, 0])

    def test_one_that_begins_again_counts_once(self):
        [stream] = self.streams(1)
        self.budget.take(stream)
        self.assertEqual(self.budget.held, 10)

    def test_without_a_limit_nothing_is_counted_or_kept(self):
        self.budget = CompressionBudget(None)
        streams = self.streams(100, size=2**30)
        self.assertEqual((self.budget.held, sum(self.asked(*streams))), (0, 0))
        UNLIMITED.give_back(streams[0])
        self.assertEqual(UNLIMITED.held, 0)

    def test_one_that_just_began_is_asked_before_one_that_is_used_again_and_again(self):
        [busy] = self.streams(1)
        for _ in range(20):
            busy.used = True
            self.streams(1)
        self.assertEqual(busy.asked, 0)

    def test_at_rest_one_gives_back_unless_it_was_used(self):
        used, unused, stuck = self.streams(3)
        stuck.willing = False
        for held in (30, 20, 10):
            for stream in (used, unused, stuck):
                stream.rest()
            self.assertEqual(self.budget.held, held)
            used.used = held == 30

    def test_at_the_end_each_gives_back(self):
        for stream in (*self.streams(1), *self.streams(1, willing=False)):
            stream.end()
        self.assertEqual(self.budget.held, 0)

"""The history of rooms in memory."""

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from txws2.relay import IHistory, MemoryHistory, Position, RelayError


class HistoryTests(SynchronousTestCase):
    def setUp(self):
        self.clock = Clock()

    def make(self, *arguments, **options):
        self.history = MemoryHistory(*arguments, clock=self.clock, **options)
        return self.history

    def append(self, data, room="a", id=None):
        return self.successResultOf(self.history.append(room, data, id))

    def kept(self, room="a", position=None, limit=99):
        batch = self.successResultOf(self.history.since(room, position, limit))
        return [each.data for each in batch.messages]

    def test_it_provides_the_interface(self):
        verifyObject(IHistory, self.make())

    def test_offsets_count_from_1_in_each_room(self):
        self.make()
        offsets = [self.append("x", room).offset for room in ("a", "a", "b")]
        self.assertEqual(offsets, [1, 2, 1])

    def test_messages_are_limited_in_number(self):
        self.make(2)
        for data in "123":
            self.append(data)
        self.assertEqual(self.kept(), ["2", "3"])

    def test_messages_are_limited_in_bytes(self):
        self.make(max_bytes=10)
        for data in ("12345", "67890", "é"):
            self.append(data)
        self.assertEqual(self.kept(), ["67890", "é"])
        self.append("x" * 11)
        self.assertEqual(self.kept(), [])

    def test_messages_expire(self):
        self.make(10, 5)
        heard = []
        self.history.listen("a", heard.append)
        self.append("1")
        self.clock.advance(3)
        self.append("2")
        self.clock.advance(2)
        self.assertEqual(self.kept(), ["2"])
        self.assertEqual([each.data for each in heard], ["1", "2"])

    def test_a_limit_gives_the_oldest_of_the_missing_messages(self):
        self.make()
        for data in "123":
            epoch = self.append(data).epoch
        self.assertEqual(self.kept(position=Position(epoch, 1), limit=1), ["2"])

    def test_a_room_that_nobody_hears_is_forgotten_when_its_messages_have_expired(self):
        self.make(10, 5)
        first = self.append("1")
        self.history.listen("b", lambda message: None)
        self.append("1", "b")
        self.clock.advance(6)
        self.assertEqual(self.history.names(), ["b"])
        again = self.append("2")
        self.assertNotEqual(again.epoch, first.epoch)
        self.assertTrue(self.successResultOf(self.history.since("a", first, 9)).gap)

    def test_a_room_that_was_heard_is_kept_for_a_while_so_that_hearers_come_back(self):
        self.make(10, 5)
        self.history.listen("a", lambda message: None)
        self.clock.advance(100)
        self.history.unlisten("a")
        self.clock.advance(4)
        self.assertEqual(self.history.names(), ["a"])
        self.clock.advance(1)
        self.assertEqual(self.history.names(), [])

    def test_the_room_that_was_used_least_lately_makes_room_unless_it_is_heard(self):
        self.make(max_rooms=3)
        self.history.listen("a", lambda message: None)
        for room in "bcbd":
            self.append("x", room)
        self.assertCountEqual(self.history.names(), ["a", "b", "d"])

    def test_when_all_rooms_are_heard_others_are_refused(self):
        self.make(max_rooms=1)
        self.history.listen("a", lambda message: None)
        for refused in (
            self.history.append("b", "x"),
            self.history.since("b", None, 1),
            self.history.listen("b", lambda message: None),
        ):
            self.assertEqual(self.failureResultOf(refused, RelayError).value.code, "full")

    def test_ids_are_known_longer_than_their_messages_but_not_for_ever(self):
        self.make(0)
        first = self.append("x", id="0")
        for number in range(1, 512):
            self.append("x", id=str(number))
        self.assertEqual(self.append("x", id="0"), first)
        self.append("x", id="512")
        self.assertEqual(self.append("x", id="0").offset, 514)

    def test_positions_are_read_and_written(self):
        self.assertEqual(str(Position.parse("e:007")), "e:7")
        for wrong in (
            None,
            7,
            "",
            "e",
            "e:",
            ":1",
            "e:x",
            "e:1:2",
            "é:1",
            "e:" + "1" * 19,
            "e:1\n",
        ):
            self.assertRaises(ValueError, Position.parse, wrong)

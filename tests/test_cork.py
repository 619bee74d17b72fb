from twisted.trial.unittest import SynchronousTestCase as TestCase

from tests.twins import in_c, pure
from txws2.cork import Cork


class CorkTests(TestCase):
    Cork = pure("Cork")

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

    def test_at_first_nothing_is_to_be_kept(self):
        cork = self.Cork()
        self.assertIs(cork.corked, False)
        cork.corked = True
        self.assertIs(cork.corked, True)

    def test_what_is_no_frame_is_refused(self):
        cork = self.Cork()
        self.assertRaises(TypeError, cork.add, None)
        self.assertEqual(cork.take(), b"")


@in_c
class CorkInCTests(CorkTests):
    Cork = Cork

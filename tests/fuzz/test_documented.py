from twisted.trial.unittest import SynchronousTestCase

from tests.fuzz.documented import outcome, raises_only


def failing(exception):
    raise exception


class DocumentedTests(SynchronousTestCase):
    def test_a_documented_exception_is_let_through(self):
        with self.assertRaises(KeyError), raises_only(LookupError):
            failing(KeyError("a"))

    def test_an_undocumented_exception_breaks_the_promise(self):
        with self.assertRaises(AssertionError) as caught, raises_only(KeyError):
            failing(ValueError("a"))
        self.assertIsInstance(caught.exception.__cause__, ValueError)

    def test_an_exception_without_words_breaks_the_promise(self):
        with self.assertRaises(AssertionError), raises_only(ValueError):
            failing(ValueError())

    def test_outcomes_can_be_compared(self):
        self.assertEqual(outcome(int, "1", raises=(ValueError,)), 1)
        failed = outcome(failing, ValueError("a"), raises=(ValueError,))
        self.assertEqual(failed, (ValueError, "a"))

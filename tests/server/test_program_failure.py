"""The traceback of a program's failure is cut to the author's lines."""

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectError
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from txws2.exceptions import InvalidHandshake
from txws2.server.program_failure import own_part


class OwnPartTests(SynchronousTestCase):
    def failure(self, exception):
        """Return a failure whose traceback has lines of ours, and of Twisted."""

        async def inner():
            await deferred

        async def main():
            await Deferred.fromCoroutine(inner())

        deferred = Deferred()
        running = Deferred.fromCoroutine(main())
        deferred.errback(exception)
        return self.failureResultOf(running)

    def test_a_traceback_keeps_only_the_lines_of_the_program(self):
        for exception in ConnectError(), InvalidHandshake("no"):
            own = own_part(self.failure(exception))
            self.assertIs(own.value, exception)
            traceback = own.getTraceback()
            self.assertIn("await Deferred.fromCoroutine(inner())", traceback)
            self.assertIn("await deferred", traceback)
            self.assertNotIn("defer.py", traceback)
            self.assertLess(traceback.index("inner())"), traceback.index("await deferred"))

    def test_all_else_stays_as_it_is(self):
        failure = self.failure(KeyError("x"))
        self.assertIs(own_part(failure), failure)

    def test_a_failure_without_a_line_of_the_program_stays_as_it_is(self):
        failure = Failure(ConnectError())
        self.assertIs(own_part(failure), failure)

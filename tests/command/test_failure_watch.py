"""Logged failures, for a program that shows no log."""

from twisted.logger import Logger, LogLevel
from twisted.python.failure import Failure
from twisted.python.log import err
from twisted.trial.unittest import SynchronousTestCase

from txws2._command.failure_watch import watch_failures

log = Logger()


class WatchingTests(SynchronousTestCase):
    def told(self, level):
        """Log a failure with this level; return the reported failures."""
        told = []
        with watch_failures(told.append):
            log.failure("wrong", Failure(ZeroDivisionError()), level=level)
        self.flushLoggedErrors(ZeroDivisionError)
        return [failure.type for failure in told]

    def test_an_error_is_reported(self):
        for level in LogLevel.error, LogLevel.critical:
            self.assertEqual(self.told(level), [ZeroDivisionError])

    def test_an_exception_that_a_protocol_raises_to_the_reactor_is_reported(self):
        told = []
        with watch_failures(told.append):
            err(Failure(ZeroDivisionError()))
        self.flushLoggedErrors(ZeroDivisionError)
        self.assertEqual([failure.type for failure in told], [ZeroDivisionError])

    def test_an_event_that_is_no_error_is_not_reported(self):
        self.assertEqual(self.told(LogLevel.warn), [])

    def test_an_event_without_a_failure_is_not_reported(self):
        told = []
        with watch_failures(told.append):
            log.critical("wrong")
        self.assertEqual(told, [])

    def test_a_later_failure_is_not_reported(self):
        told = []
        with watch_failures(told.append):
            pass
        log.failure("wrong", Failure(ZeroDivisionError()))
        self.flushLoggedErrors(ZeroDivisionError)
        self.assertEqual(told, [])

"""Errors are shown on stderr only if the application has not set up logging."""

import sys
from io import StringIO

from twisted.logger import Logger, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from txws2._connection import stderr_log as unobserved
from txws2._connection.stderr_log import is_unobserved, show_errors
from txws2._private_names import Names

_log = Logger(namespace="txws2.server")


class _Beginner:
    """Stands for Twisted's, before logging has begun."""

    def __init__(self, temporary):
        self._temporaryObserver = temporary


class _Publisher:
    def __init__(self, *observers):
        self._observers = list(observers)


def _ignore(event):
    pass


class UnobservedTests(SynchronousTestCase):
    def setUp(self):
        show_errors()
        self.err = StringIO()
        self.patch(sys, "stderr", self.err)

    def observers(self, *observers, temporary=_ignore):
        self.patch(unobserved, "globalLogBeginner", _Beginner(temporary))
        self.patch(unobserved, "globalLogPublisher", _Publisher(*observers))

    def test_a_warning_and_a_line_of_debug_are_shown_and_info_is_not(self):
        self.observers(_ignore, unobserved._show)
        _log.warn("take care")
        _log.debug("a frame")
        _log.info("opened")
        self.assertEqual(self.err.getvalue(), "take care\na frame\n")

    def test_no_event_of_others_is_shown(self):
        self.observers(_ignore)
        for namespace in ("txws2things", "twisted.web"):
            Logger(namespace=namespace).error("theirs")
        self.assertEqual(self.err.getvalue(), "")

    def test_a_program_with_an_observer_sees_nothing_new(self):
        self.observers(_ignore, print)
        _log.warn("take care")
        self.assertEqual(self.err.getvalue(), "")

    def test_a_program_that_has_begun_logging_sees_nothing_new(self):
        self.observers(temporary=None)
        _log.warn("take care")
        self.assertEqual(self.err.getvalue(), "")

    def test_a_twisted_that_keeps_its_observers_elsewhere_counts_as_observed(self):
        self.observers(_ignore)
        self.patch(unobserved, "LOG_OBSERVERS", Names("nothing is shown", "_elsewhere"))
        self.assertFalse(is_unobserved())

    def test_without_a_stderr_nothing_is_shown(self):
        self.observers(_ignore)
        self.patch(sys, "stderr", None)
        _log.warn("take care")

    def test_a_test_runner_observes(self):
        self.assertFalse(is_unobserved())

    def test_many_factories_show_each_error_once(self):
        show_errors()
        self.assertEqual(globalLogPublisher._observers.count(unobserved._show), 1)

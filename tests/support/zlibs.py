"""Runs tests of compression with Python's own zlib, and with zlib-ng."""

from unittest import skipIf

from twisted.trial.unittest import SynchronousTestCase

from txws2.wire import zlib_library as zlibs

NG = zlibs.NG


class WithZlib:
    """A mixin for a TestCase.

    Attributes:
        ng: zlib-ng, None for Python's own zlib.
    """

    ng = None

    def setUp(self):
        super().setUp()
        self.patch(zlibs, "NG", self.ng)


class ZlibTestCase(WithZlib, SynchronousTestCase):
    """A test case that runs with either library."""


def with_ng(case):
    """Run the tests of a WithZlib with zlib-ng."""
    case.ng = NG
    return skipIf(NG is None, "zlib-ng isn't installed, or isn't wanted")(case)

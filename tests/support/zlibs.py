"""For what is compressed: its tests are run with Python's own zlib, and with zlib-ng."""

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
    """Of what is tested with both."""


def with_ng(case):
    """Let the tests of a WithZlib be run with zlib-ng."""
    case.ng = NG
    return skipIf(NG is None, "zlib-ng isn't installed, or isn't wanted")(case)

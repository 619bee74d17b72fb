"""For what is accelerated: its tests are run for the twin in Python, and for the one in C."""

from unittest import skipIf

# These have what is accelerated; PURE is filled as they are imported.
from txws2 import cork, exchange, readthrough  # noqa: F401
from txws2.speedups import PURE, load
from txws2.wire import asking, frames, masking, ordinary, payload, tally  # noqa: F401

in_c = skipIf(load() is None, "the accelerator isn't there, or isn't wanted")


def pure(name):
    """Return what is written in Python, to stand in the body of a TestCase."""
    return staticmethod(PURE[name])

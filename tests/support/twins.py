"""Runs tests for the twin in Python, and for the one in C."""

from unittest import skipIf

from txws2._accelerator import PURE, load
from txws2._connection import handle  # noqa: F401

# These modules have accelerated names; importing them fills PURE.
from txws2._transport import (
    cork,  # noqa: F401
    tls_records,  # noqa: F401
)
from txws2._transport import socket_reader as readthrough  # noqa: F401
from txws2.wire import counts as tally  # noqa: F401
from txws2.wire import decoder, frames, masking  # noqa: F401
from txws2.wire import whole_messages as ordinary  # noqa: F401
from txws2.wire.http import request_heads  # noqa: F401

in_c = skipIf(load() is None, "the accelerator isn't there, or isn't wanted")


def pure(name):
    """Return the twin in Python, as an attribute for the body of a TestCase."""
    return staticmethod(PURE[name])

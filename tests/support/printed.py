"""Blocks of pages that run as printed: no name comes from outside."""

import sys
from io import StringIO

import txws2
from tests.support.sides import QuietTestCase
from txws2.testing import joined

__all__ = ["PrintedTestCase"]


class PrintedTestCase(QuietTestCase):
    """Runs blocks; `txws2.run` keeps what it is called with, and starts nothing.

    Attributes:
        served: the first argument of each `txws2.run`, the host and the port, and the options.
        names: those of the block that has run last.
    """

    def setUp(self):
        super().setUp()
        self.served = []
        self.patch(txws2, "run", self._keep)
        self.patch(sys, "stdout", StringIO())

    def _keep(self, target, *place, **options):
        self.served.append((target, place, options))

    def run_printed(self, block):
        """Run a block; return the names that it has made."""
        self.names = {}
        exec(block, self.names)
        return self.names

    def printed(self):
        """Return the lines that were printed."""
        return sys.stdout.getvalue().splitlines()

    def serve_printed(self, block, **options):
        """Run a block that serves a handler; return the factory, and these options."""
        self.run_printed(block)
        handler, place, served = self.served[-1]
        self.assertEqual(place, ("localhost", 8000))
        return txws2.WebSocketServerFactory(handler, reactor=self.clock, **served, **options)

    def join_printed(self, factory, **options):
        """Join a client with a factory, or with the one of a block."""
        if isinstance(factory, str):
            factory = self.serve_printed(factory)
        return self.enterContext(joined(factory, **{"uri": "ws://localhost:8000/"} | options))

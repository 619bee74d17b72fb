"""docs/coming-from/txws.rst shows code that works."""

from pathlib import Path

import twisted.internet
from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase

from tests.command.test_commands import ROOT
from tests.support.examples import blocks
from txws2.testing import joined


class FactoryTests(SynchronousTestCase):
    def test_a_wrapped_factory_echoes_text(self):
        reactor = MemoryReactorClock()
        self.patch(twisted.internet, "reactor", reactor)
        [block] = blocks(Path(ROOT, "docs", "coming-from", "txws.rst").read_text(), "python")
        exec(block, {})
        [(port, factory, *_)] = reactor.tcpServers
        self.assertTrue(reactor.hasRun)
        self.assertEqual(port, 5600)
        with joined(factory) as both:
            both.client.sendMessage("hello")
            self.assertEqual(both.result_of(both.client.recv()), "hello")

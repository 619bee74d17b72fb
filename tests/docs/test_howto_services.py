"""docs/howto/services.rst shows code that works; test_examples.py runs its .tac file."""

from pathlib import Path

import twisted.internet
from twisted.application.service import IServiceCollection
from twisted.internet.testing import MemoryReactorClock

from tests.command.test_commands import ROOT
from tests.support.examples import blocks
from tests.support.printed import PrintedTestCase

[SERVICE] = blocks(Path(ROOT, "docs", "howto", "services.rst").read_text(), "python")


class HowtoTests(PrintedTestCase):
    def test_an_application_has_a_service_that_listens(self):
        reactor = MemoryReactorClock()
        self.patch(twisted.internet, "reactor", reactor)
        names = self.run_printed(SERVICE)
        [service] = IServiceCollection(names["application"])
        self.assertIs(service, names["service"])
        service.privilegedStartService()
        service.startService()
        self.assertEqual([port for port, *_ in reactor.tcpServers], [8000])
        service.stopService()

"""`twistd ws` on a reactor in memory."""

import atexit
import signal

import twisted.internet.reactor
from twisted.internet.abstract import isIPAddress, isIPv6Address
from twisted.internet.address import IPv4Address
from twisted.internet.error import ReactorNotRunning
from twisted.internet.testing import MemoryReactorClock

from tests.support.sides import QuietTestCase, RecordedClient
from txws2.tap import Options, makeService
from txws2.testing import joined


class Reactor(MemoryReactorClock):
    """Runs at once, so it calls functions of callWhenRunning at once; it stops only once."""

    def __init__(self):
        super().__init__()
        self.hasStopped = False

    def listenTCP(self, port, factory, backlog=50, interface=""):
        """Listen on these endpoints; names are the host names of the loopback."""
        made = super().listenTCP(port, factory, backlog, interface)
        if not isIPv6Address(interface):
            host = interface or "0.0.0.0"
            made._hostAddress = IPv4Address("TCP", host if isIPAddress(host) else "127.0.1.1", port)
        return made

    def callWhenRunning(self, function, *arguments):
        function(*arguments)

    def callFromThread(self, function, *arguments):
        function(*arguments)

    def stop(self):
        if self.hasStopped:
            raise ReactorNotRunning()
        super().stop()


class TapTestCase(QuietTestCase):
    def setUp(self):
        super().setUp()
        self.clock = self.reactor = Reactor()
        self.patch(twisted.internet, "reactor", self.reactor)
        self.at_exit = []
        self.patch(atexit, "register", self.at_exit.append)
        self.handlers = {}
        self.patch(signal, "signal", self.handlers.__setitem__)

    def make(self, *arguments):
        options = Options()
        options.parseOptions(arguments)
        return makeService(options)

    def start(self, *arguments):
        """Start the service; return the factory that listens."""
        self.service = self.make(*arguments)
        self.service.privilegedStartService()
        self.service.startService()
        return self.reactor.tcpServers[0][1]

    def join_client(self, factory):
        return joined(factory, client=RecordedClient, uri="ws://localhost:8000/")

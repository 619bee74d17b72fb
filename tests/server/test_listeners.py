"""`serve` listens at each address of a host, in memory; test_serving.py does it on sockets."""

from errno import EACCES, EADDRINUSE, EADDRNOTAVAIL, EAFNOSUPPORT

from twisted.internet.abstract import isIPv6Address
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.internet.error import CannotListenError, DNSLookupError
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.transport.test_dns import Resolver
from txws2.server.server import serve


class Port:
    """A port that listens.

    Attributes:
        stopping: fires when it has stopped; None while it listens.
    """

    stopping = None

    def __init__(self, address, stop):
        self._address, self._stop = address, stop

    def getHost(self):
        return self._address

    def stopListening(self):
        self.stopping = self._stop()
        return self.stopping


class Reactor(Clock):
    """Listens at any address, except where a test lets it fail.

    Attributes:
        ports: all ports that it has made.
        failing: errors, by address and port; 0 stands for any port.
    """

    def __init__(self, *addresses):
        super().__init__()
        self.nameResolver = Resolver(*addresses)
        self.ports, self.failing, self.asked = [], {}, []
        self.stop = lambda: succeed(None)
        self.free = iter(range(50_000, 60_000))

    def listenTCP(self, port, factory, backlog, interface):
        self.asked.append((interface, port, backlog))
        error = self.failing.get((interface, port)) or self.failing.get((interface, 0))
        if error is not None:
            raise CannotListenError(interface, port, OSError(error, "no"))
        kind = IPv6Address if isIPv6Address(interface) else IPv4Address
        factory.doStart()
        made = Port(kind("TCP", interface, port or next(self.free)), lambda: self._stopped(factory))
        self.ports.append(made)
        return made

    def _stopped(self, factory):
        factory.doStop()
        return self.stop()

    @property
    def listening(self):
        return [
            (port.getHost().host, port.getHost().port)
            for port in self.ports
            if port.stopping is None
        ]


BOTH = [("127.0.0.1", 8000), ("::1", 8000)]
V4, V6 = IPv4Address("TCP", "192.0.2.1", 0), IPv6Address("TCP", "2001:db8::1", 0)


class ListeningTestCase(SynchronousTestCase):
    def serve(self, host, port=8000):
        return serve(None, host, port, reactor=self.reactor)

    def listens(self, host, port=8000):
        """Return the addresses of the server."""
        server = self.successResultOf(self.serve(host, port))
        addresses = [(address.host, address.port) for address in server.addresses]
        self.assertEqual(addresses, self.reactor.listening)
        return addresses

    def fails(self, kind, host, port=8000):
        error = self.failureResultOf(self.serve(host, port), kind).value
        self.assertEqual(self.reactor.listening, [])
        return error


class LocalhostTests(ListeningTestCase):
    def setUp(self):
        # A file of hosts makes no difference.
        self.reactor = Reactor(V4)

    def test_it_is_the_loopback_of_both_families(self):
        for host in ("localhost", "LOCALHOST", "localhost."):
            self.reactor = Reactor(V4)
            self.assertEqual(self.listens(host), BOTH)
            self.assertEqual({backlog for _, _, backlog in self.reactor.asked}, {1024})

    def test_a_port_that_is_free_is_the_same_for_both(self):
        self.assertEqual(self.listens("localhost", 0), [("127.0.0.1", 50_000), ("::1", 50_000)])

    def test_one_that_is_taken_for_the_other_is_not_free(self):
        self.reactor.failing = {("::1", 50_000): EADDRINUSE, ("::1", 50_001): EADDRINUSE}
        self.assertEqual(self.listens("localhost", 0), [("127.0.0.1", 50_002), ("::1", 50_002)])

    def test_nobody_looks_for_a_free_one_for_ever(self):
        self.reactor.failing = {("::1", 0): EADDRINUSE}
        self.fails(CannotListenError, "localhost", 0)
        self.assertEqual(len(self.reactor.ports), 10)

    def test_a_family_that_the_machine_does_not_have_is_left_out(self):
        for error in (EAFNOSUPPORT, EADDRNOTAVAIL):
            self.reactor = Reactor()
            self.reactor.failing = {("::1", 0): error}
            self.assertEqual(self.listens("localhost"), BOTH[:1])
            self.reactor = Reactor()
            self.reactor.failing = {("127.0.0.1", 0): error}
            self.assertEqual(self.listens("localhost"), BOTH[1:])
            self.reactor = Reactor()
            self.reactor.failing = {("127.0.0.1", 0): error}
            self.assertEqual(self.listens("localhost", 0), [("::1", 50_000)])

    def test_the_error_for_a_machine_with_neither_has_the_cause(self):
        self.reactor.failing = {("127.0.0.1", 0): EADDRNOTAVAIL, ("::1", 0): EAFNOSUPPORT}
        error = self.fails(CannotListenError, "localhost")
        self.assertEqual((error.interface, error.socketError.errno), ("127.0.0.1", EADDRNOTAVAIL))

    def test_a_port_that_is_taken_for_one_closes_the_other(self):
        for error in (EADDRINUSE, EACCES):
            for address in ("127.0.0.1", "::1"):
                self.reactor = Reactor()
                self.reactor.failing = {(address, 8000): error}
                self.assertEqual(self.fails(CannotListenError, "localhost").interface, address)

    def test_it_fails_only_when_the_other_is_closed(self):
        closing = Deferred()
        self.reactor.stop = lambda: closing
        self.reactor.failing = {("::1", 8000): EADDRINUSE}
        listening = self.serve("localhost")
        self.assertNoResult(listening)
        closing.callback(None)
        self.failureResultOf(listening, CannotListenError)

    def test_closing_the_server_closes_both(self):
        server = self.successResultOf(self.serve("localhost"))
        self.successResultOf(server.close())
        self.assertEqual(self.reactor.listening, [])


class NameTests(ListeningTestCase):
    def test_it_listens_at_every_address_of_a_name(self):
        self.reactor = Reactor(V6, V4, V4)
        self.assertEqual(self.listens("a.example"), [("2001:db8::1", 8000), ("192.0.2.1", 8000)])

    def test_those_of_another_machine_are_left_out_unless_there_is_no_other(self):
        self.reactor = Reactor(V6, V4)
        self.reactor.failing = {("2001:db8::1", 0): EADDRNOTAVAIL}
        self.assertEqual(self.listens("a.example"), [("192.0.2.1", 8000)])
        self.reactor = Reactor(V6)
        self.reactor.failing = {("2001:db8::1", 0): EADDRNOTAVAIL}
        self.fails(CannotListenError, "a.example")

    def test_a_name_without_one_fails_it(self):
        self.reactor = Reactor()
        self.fails(DNSLookupError, "a.example")

    def test_it_can_be_cancelled_while_it_is_looked_up(self):
        self.reactor = Reactor()
        self.reactor.nameResolver = Resolver(complete=False)
        listening = self.serve("a.example")
        listening.cancel()
        self.failureResultOf(listening, CancelledError)
        self.assertTrue(self.reactor.nameResolver.cancelled)

    def test_an_address_needs_no_looking_up(self):
        for host, expected in ((None, ""), ("", ""), ("::", "::"), ("127.0.0.1", "127.0.0.1")):
            self.reactor = Reactor()
            self.assertEqual(self.listens(host), [(expected, 8000)])

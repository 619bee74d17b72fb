"""Happy eyeballs (RFC 8305): a host's addresses are tried until one answers."""

import socket

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import CancelledError
from twisted.internet.error import (
    ConnectError,
    ConnectionRefusedError,
    DNSLookupError,
    NoProtocol,
    NoRouteError,
    TimeoutError,
)
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from tests.transport.test_dns import Resolver
from txws2.client import happy_eyeballs as eyeballs
from txws2.client.happy_eyeballs import HostEndpoint


def address(host):
    kind = IPv6Address if ":" in host else IPv4Address
    return kind("TCP", host, 0)


def refused(words="Connection refused"):
    return ConnectionRefusedError(111, words)


class EyeballsTestCase(SynchronousTestCase):
    """The reactor in memory has the attempts; a test ends each of them."""

    def connect(self, *hosts, name="h", complete=True, factory=None):
        self.reactor = MemoryReactorClock()
        resolver = Resolver(*map(address, hosts), complete=complete)
        self.reactor.nameResolver = self.resolver = resolver
        endpoint = HostEndpoint(self.reactor, name, 81)
        verifyObject(IStreamClientEndpoint, endpoint)
        return endpoint.connect(factory or Factory.forProtocol(Protocol))

    @property
    def tried(self):
        return [client[0] for client in self.reactor.tcpClients]

    def refuse(self, host, error=None):
        self.factory_for(host).clientConnectionFailed(None, Failure(error or refused()))

    def factory_for(self, host):
        return self.reactor.tcpClients[self.tried.index(host)][2]

    def accept(self, host):
        protocol = self.factory_for(host).buildProtocol(None)
        if protocol is not None:
            protocol.makeConnection(StringTransport())
        return protocol

    def given_up(self):
        """Return the hosts whose attempts were given up."""
        ends = zip(self.tried, self.reactor.connectors, strict=True)
        return [host for host, connector in ends if connector.stoppedConnecting]

    def assertNothingLeft(self):
        self.assertEqual(self.reactor.getDelayedCalls(), [])


class OrderTests(EyeballsTestCase):
    def test_the_families_take_turns(self):
        """Section 4."""
        for hosts, order in (
            ("::1 ::2 ::3 1.1.1.1 1.1.1.2", "::1 1.1.1.1 ::2 1.1.1.2 ::3"),
            ("1.1.1.1 1.1.1.2 ::1", "1.1.1.1 ::1 1.1.1.2"),
            ("1.1.1.1 1.1.1.2", "1.1.1.1 1.1.1.2"),
        ):
            connecting = self.connect(*hosts.split())
            for host in order.split():
                self.assertEqual(self.tried[-1], host)
                self.refuse(host)
            self.failureResultOf(connecting, ConnectionRefusedError)
            self.assertEqual(self.tried, order.split())

    def test_the_port_is_the_same_for_all(self):
        self.connect("::1", "1.1.1.1")
        self.reactor.advance(1)
        self.assertEqual([client[1] for client in self.reactor.tcpClients], [81, 81])

    def test_an_address_is_not_looked_up(self):
        for host in ("127.0.0.1", "::1", "fe80::1%eth0"):
            self.connect(name=host)
            self.assertEqual((self.tried, self.resolver.names), ([host], []))
            self.assertNothingLeft()

    def test_the_name_of_a_zone_becomes_its_number_where_the_system_wants_that(self):
        self.patch(eyeballs, "if_nametoindex", {"lo": 7}.__getitem__)
        for host, tried in (("::1%lo", "::1%7"), ("::1%2", "::1%2"), ("fe80::1%lo", "fe80::1%lo")):
            self.connect(name=host)
            self.assertEqual(self.tried, [tried])

    def test_a_zone_that_there_is_not_is_left_to_the_system(self):
        self.connect(name="::1%no-such-zone")
        self.assertEqual(self.tried, ["::1%no-such-zone"])

    def test_a_name_is_looked_up_as_it_is(self):
        """IDNA forbids some of these names."""
        for name in ("my_host", "qa--site.example", "r3---sn-x.example", "-a", "localhost."):
            self.connect("127.0.0.1", name=name)
            self.assertEqual((self.resolver.names, self.tried), ([name], ["127.0.0.1"]))


class TimeTests(EyeballsTestCase):
    def test_a_refused_address_starts_the_next_at_once(self):
        hosts = [f"10.0.0.{number}" for number in range(10)]
        connecting = self.connect(*hosts, "10.0.0.99")
        for host in hosts:
            self.refuse(host)
        self.accept("10.0.0.99")
        self.successResultOf(connecting)
        self.assertEqual(self.reactor.seconds(), 0)

    def test_a_silent_one_has_a_quarter_of_a_second(self):
        """Section 5."""
        self.connect("::1", "1.1.1.1", "1.1.1.2")
        self.reactor.advance(0.2)
        self.assertEqual(self.tried, ["::1"])
        self.reactor.advance(0.05)
        self.assertEqual(self.tried, ["::1", "1.1.1.1"])
        # It goes on, though.
        self.assertEqual(self.given_up(), [])
        self.reactor.advance(0.25)
        self.assertEqual(self.tried, ["::1", "1.1.1.1", "1.1.1.2"])

    def test_when_all_are_tried_no_timer_is_left(self):
        self.connect("::1", "1.1.1.1")
        self.reactor.advance(0.25)
        self.assertNothingLeft()

    def test_an_early_one_may_answer_late(self):
        connecting = self.connect("::1", "1.1.1.1", "1.1.1.2")
        self.reactor.advance(0.25)
        self.accept("::1")
        self.assertIsInstance(self.successResultOf(connecting), Protocol)
        self.assertEqual(self.given_up(), ["1.1.1.1"])
        self.reactor.advance(10)
        self.assertEqual(self.tried, ["::1", "1.1.1.1"])
        self.assertNothingLeft()

    def test_the_delay_begins_anew_with_each_attempt(self):
        self.connect("::1", "1.1.1.1", "1.1.1.2")
        self.reactor.advance(0.2)
        self.refuse("::1")
        self.reactor.advance(0.2)
        self.assertEqual(self.tried, ["::1", "1.1.1.1"])


class ResolverTests(EyeballsTestCase):
    """A resolver may give the addresses one by one."""

    def test_the_first_is_tried_as_soon_as_it_is_there(self):
        connecting = self.connect("::1", complete=False)
        self.assertEqual(self.tried, ["::1"])
        self.accept("::1")
        self.successResultOf(connecting)
        self.assertTrue(self.resolver.cancelled)
        self.assertNothingLeft()

    def test_the_next_waits_for_its_turn(self):
        self.connect("::1", complete=False)
        self.reactor.advance(0.1)
        self.resolver.receiver.addressResolved(address("1.1.1.1"))
        self.assertEqual(self.tried, ["::1"])
        self.reactor.advance(0.15)
        self.assertEqual(self.tried, ["::1", "1.1.1.1"])

    def test_the_next_is_tried_at_once_if_it_was_its_turn_long_ago(self):
        self.connect("::1", complete=False)
        self.reactor.advance(1)
        self.resolver.receiver.addressResolved(address("1.1.1.1"))
        self.assertEqual(self.tried, ["::1", "1.1.1.1"])

    def test_as_long_as_there_may_be_more_it_has_not_failed(self):
        connecting = self.connect("::1", complete=False)
        self.refuse("::1")
        self.assertNoResult(connecting)
        self.resolver.receiver.addressResolved(address("1.1.1.1"))
        self.refuse("1.1.1.1")
        self.assertNoResult(connecting)
        self.resolver.receiver.resolutionComplete()
        self.failureResultOf(connecting, ConnectionRefusedError)
        self.assertNothingLeft()

    def test_an_address_that_comes_too_late_is_not_tried(self):
        connecting = self.connect("::1", complete=False)
        self.accept("::1")
        self.successResultOf(connecting)
        self.resolver.receiver.addressResolved(address("1.1.1.1"))
        self.resolver.receiver.resolutionComplete()
        self.assertEqual(self.tried, ["::1"])

    def test_without_an_address_it_is_a_lookup_error(self):
        for name, words in (("h", "no results for hostname lookup: h"), ("x" * 64, "1 to 63")):
            error = self.failureResultOf(self.connect(name=name), DNSLookupError).value
            self.assertIn(words, str(error))
            self.assertNothingLeft()

    def test_an_exception_of_the_resolver_fails_it(self):
        self.patch(Resolver, "resolveHostName", lambda *_: 1 / 0)
        self.failureResultOf(self.connect(), ZeroDivisionError)


class CancelTests(EyeballsTestCase):
    """A cancelled attempt stops everything, at each stage."""

    def assertCancelled(self, connecting):
        connecting.cancel()
        self.failureResultOf(connecting, CancelledError)
        self.assertEqual(self.given_up(), self.tried)
        self.assertNothingLeft()
        tried = self.tried
        self.resolver.receiver.addressResolved(address("9.9.9.9"))
        self.resolver.receiver.resolutionComplete()
        self.assertEqual(self.tried, tried)

    def test_while_the_name_is_looked_up(self):
        self.assertCancelled(self.connect(complete=False))
        self.assertTrue(self.resolver.cancelled)

    def test_while_some_are_tried_and_others_looked_up(self):
        self.assertCancelled(self.connect("::1", "::2", complete=False))

    def test_while_several_are_tried(self):
        connecting = self.connect("::1", "::2", "::3")
        self.reactor.advance(0.25)
        self.assertEqual(len(self.tried), 2)
        self.assertCancelled(connecting)

    def test_between_two(self):
        connecting = self.connect("::1", complete=False)
        self.refuse("::1")
        connecting.cancel()
        self.failureResultOf(connecting, CancelledError)
        self.assertNothingLeft()


class ErrorTests(EyeballsTestCase):
    def failed(self, errors, name="h"):
        connecting = self.connect(*errors, name=name)
        for host, error in errors.items():
            self.refuse(host, error)
        return self.failureResultOf(connecting).value

    def test_it_names_each_address_and_how_it_failed(self):
        error = self.failed(
            {
                "::1": NoRouteError(101, "Network is unreachable"),
                "1.1.1.1": refused(),
                "::2": NoRouteError(101, "Network is unreachable"),
                "1.1.1.2": ConnectError(99),
                "1.1.1.3": TimeoutError(),
            }
        )
        # A refusal comes from the host itself, so it says most.
        self.assertIsInstance(error, ConnectionRefusedError)
        self.assertEqual(
            str(error),
            "Connection was refused by other side: 111: Network is unreachable (::1, ::2); "
            "Connection refused (1.1.1.1); An error occurred while connecting: 99 (1.1.1.2); "
            "User timeout caused connection failure (1.1.1.3).",
        )

    def test_if_none_is_refused_it_is_of_the_first_kind(self):
        error = self.failed({"::1": NoRouteError(113, "no"), "1.1.1.1": ConnectError(99, "none")})
        self.assertIsInstance(error, NoRouteError)

    def test_it_has_a_bound(self):
        error = self.failed({f"10.0.{number}.1": refused() for number in range(200)})
        self.assertIn("10.0.7.1); and 192 more addresses", str(error))
        self.assertLess(len(str(error)), 300)

    def test_the_error_of_an_address_is_as_it_is(self):
        connecting = self.connect(name="1.2.3.4")
        error = refused("no")
        self.refuse("1.2.3.4", error)
        self.assertIs(self.failureResultOf(connecting).value, error)
        self.assertEqual(error.args, ("no",))

    def test_an_error_of_the_socket_is_one_of_that_address(self):
        """A zone that doesn't exist has the same effect."""
        connect = MemoryReactorClock.connectTCP

        def connect_some(reactor, host, *args, **options):
            if host.endswith("%none"):
                raise socket.gaierror(-2, "Name or service not known")
            return connect(reactor, host, *args, **options)

        self.patch(MemoryReactorClock, "connectTCP", connect_some)
        error = self.failureResultOf(self.connect(name="fe80::1%none"), ConnectError).value
        self.assertIn("Name or service not known", str(error))
        connecting = self.connect(*[f"fe80::{n:x}%none" for n in range(1, 2000)], "1.1.1.1")
        self.accept("1.1.1.1")
        self.successResultOf(connecting)
        self.assertNothingLeft()

    def test_a_factory_that_makes_no_protocol_is_asked_once(self):
        factory = Factory()
        factory.buildProtocol = lambda _: None
        connecting = self.connect("::1", "1.1.1.1", factory=factory)
        self.accept("::1")
        self.failureResultOf(connecting, NoProtocol)
        self.assertEqual(self.tried, ["::1"])
        self.assertNothingLeft()

    def test_an_exception_of_the_factory_fails_it(self):
        factory = Factory()
        factory.buildProtocol = lambda _: 1 / 0
        connecting = self.connect("::1", "1.1.1.1", factory=factory)
        self.accept("::1")
        self.failureResultOf(connecting, ZeroDivisionError)
        self.assertNothingLeft()

    def test_it_shows_where_it_leads(self):
        self.assertEqual(repr(HostEndpoint(None, "a", 1)), "<HostEndpoint 'a', 1>")

"""Names that are looked up, and endpoints for those that Twisted takes for none."""

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import CancelledError
from twisted.internet.endpoints import HostnameEndpoint
from twisted.internet.error import DNSLookupError
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.protocol import Factory
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from tests.test_connecting import Reactor
from tests.test_connecting import Resolver as AnyResolver
from txws2.lookup import check_name, endpoint_to, is_address, look_up, look_up_all

V4, V6 = IPv4Address("TCP", "1.2.3.4", 0), IPv6Address("TCP", "::1", 0)


class Resolver:
    """Knows what it is told to; says so when it is asked."""

    def __init__(self, *addresses, complete=True):
        self.addresses, self.complete, self.cancelled = addresses, complete, False

    @property
    def nameResolver(self):
        return self

    def resolveHostName(self, receiver, name, port, kinds):
        receiver.resolutionBegan(self)
        for address in self.addresses:
            if isinstance(address, kinds):
                receiver.addressResolved(address)
        if self.complete:
            receiver.resolutionComplete()

    def cancel(self):
        self.cancelled = True


class NameTests(SynchronousTestCase):
    def test_addresses_are_told_from_names(self):
        for host, expected in (("1.2.3.4", True), ("::1", True), ("one.example", False)):
            self.assertEqual(is_address(host), expected)

    def test_names_may_have_underscores(self):
        for host in "1.2.3.4", "::1", "example.com", "my_host", "_x_._y_", "localhost":
            check_name(host)

    def test_they_may_not_be_just_anything(self):
        for host in "x" * 64, "a..b", "-a":
            self.assertRaises(ValueError, check_name, host)


class LookUpTests(SynchronousTestCase):
    def test_the_first_address_is_taken(self):
        self.assertEqual(self.successResultOf(look_up(Resolver(V6, V4), "h")), "::1")

    def test_it_may_have_to_be_of_version_4(self):
        found = look_up(Resolver(V6, V4), "h", only_ipv4=True)
        self.assertEqual(self.successResultOf(found), "1.2.3.4")

    def test_a_name_without_one_is_told_as_twisted_does(self):
        error = self.failureResultOf(look_up(Resolver(), "h"), DNSLookupError).value
        self.assertIn("no results for hostname lookup: h", str(error))

    def test_it_can_be_cancelled(self):
        resolver = Resolver(complete=False)
        found = look_up(resolver, "h")
        found.cancel()
        self.failureResultOf(found, CancelledError)
        self.assertTrue(resolver.cancelled)


class LookUpAllTests(SynchronousTestCase):
    def test_all_addresses_are_taken_once_each(self):
        resolver = Resolver(V6, V4, IPv4Address("TCP", "1.2.3.4", 0))
        self.assertEqual(self.successResultOf(look_up_all(resolver, "h")), ["::1", "1.2.3.4"])

    def test_one_of_a_link_has_its_zone(self):
        resolver = Resolver(IPv6Address("TCP", "fe80::1", 0, scopeID=2))
        self.assertEqual(self.successResultOf(look_up_all(resolver, "h")), ["fe80::1%2"])

    def test_they_are_there_when_all_are(self):
        resolver = Resolver(V6, complete=False)
        found = look_up_all(resolver, "h")
        self.assertNoResult(found)
        found.cancel()
        self.failureResultOf(found, CancelledError)
        self.assertTrue(resolver.cancelled)

    def test_a_name_without_one_is_told_as_twisted_does(self):
        self.failureResultOf(look_up_all(Resolver(), "h"), DNSLookupError)


class EndpointTests(SynchronousTestCase):
    def setUp(self):
        self.reactor = Reactor()
        self.reactor.nameResolver = AnyResolver()

    def test_twisted_connects_to_what_it_takes_for_a_name(self):
        self.assertIsInstance(endpoint_to(self.reactor, "example.com", 80), HostnameEndpoint)

    def test_others_are_looked_up_and_connected_to_by_address(self):
        reactor, resolver = self.reactor, self.reactor.nameResolver
        endpoint = endpoint_to(reactor, "my_host", 81)
        verifyObject(IStreamClientEndpoint, endpoint)
        connecting = endpoint.connect(Factory())
        self.assertEqual(resolver.name, "my_host")
        resolver.receiver.addressResolved(V4)
        self.assertNoResult(connecting)
        # The address isn't looked up, but the resolver knows that.
        self.assertEqual(reactor.tcpClients[-1][:2], ("1.2.3.4", 81))
        connecting.addErrback(lambda _: None).cancel()
        self.assertEqual(reactor.getDelayedCalls(), [])

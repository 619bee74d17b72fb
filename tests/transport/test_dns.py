"""Names that are looked up: which can be, and what becomes of their addresses."""

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import CancelledError
from twisted.internet.error import DNSLookupError
from twisted.trial.unittest import SynchronousTestCase

from txws2._transport.dns import check_name, is_address, look_up_all

V4, V6 = IPv4Address("TCP", "1.2.3.4", 0), IPv6Address("TCP", "::1", 0)


class Resolver:
    """Knows what it is told to; says so when it is asked."""

    def __init__(self, *addresses, complete=True):
        self.addresses, self.complete, self.cancelled = addresses, complete, False
        self.names = []

    @property
    def nameResolver(self):
        return self

    def resolveHostName(self, receiver, name, port, kinds):
        self.receiver = receiver
        self.names.append(name)
        receiver.resolutionBegan(self)
        for address in self.addresses:
            if isinstance(address, kinds):
                receiver.addressResolved(address)
        if self.complete:
            receiver.resolutionComplete()

    def cancel(self):
        self.cancelled = True


class NameTests(SynchronousTestCase):
    def test_addresses_are_distinguished_from_names(self):
        for host in ("1.2.3.4", "::1", "fe80::1%eth0"):
            self.assertTrue(is_address(host))
        for host in ("one.example", "127.1", "%eth0"):
            self.assertFalse(is_address(host))

    def test_names_that_idna_refuses_are_good(self):
        """They are those of containers, of content networks, and of machines in a domain."""
        for host in (
            *(
                "1.2.3.4",
                "::1",
                "example.com",
                "example.com.",
                "localhost",
                "xn--bcher-kva.example",
            ),
            *("my_host", "_x_._y_", "qa--site.example", "r3---sn-x.example", "-a", "a-.example"),
            *("x" * 63, ".".join(["x" * 63] * 3 + ["x" * 61]), "x." * 127),
        ):
            check_name(host)

    def test_a_name_that_is_too_long_or_empty_is_reported(self):
        """RFC 1035 section 2.3.4."""
        for host, words in (
            ("x" * 64, "has 1 to 63 characters"),
            ("a..b", "has 1 to 63 characters"),
            (".a", "has 1 to 63 characters"),
            ("a..", "has 1 to 63 characters"),
            ("", "has 1 to 63 characters"),
            (".".join(["x" * 63] * 3 + ["x" * 62]), "this one has 254"),
        ):
            error = self.assertRaises(ValueError, check_name, host)
            self.assertIn(words, str(error))


class LookUpAllTests(SynchronousTestCase):
    def test_all_addresses_are_taken_once_each(self):
        resolver = Resolver(V6, V4, IPv4Address("TCP", "1.2.3.4", 0))
        self.assertEqual(self.successResultOf(look_up_all(resolver, "h")), ["::1", "1.2.3.4"])

    def test_they_may_have_to_be_of_version_4(self):
        found = look_up_all(Resolver(V6, V4), "h", only_ipv4=True)
        self.assertEqual(self.successResultOf(found), ["1.2.3.4"])

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

    def test_twisted_s_own_resolver_cannot_be_cancelled_but_the_deferred_can(self):
        resolver = Resolver(complete=False)
        found = look_up_all(resolver, "h")

        def cancel():
            raise NotImplementedError

        resolver.cancel = cancel
        found.cancel()
        self.failureResultOf(found, CancelledError)
        # Nobody waits for these any more.
        resolver.receiver.addressResolved(V4)
        resolver.receiver.resolutionComplete()

    def test_a_name_without_an_address_is_reported_as_by_twisted(self):
        error = self.failureResultOf(look_up_all(Resolver(), "h"), DNSLookupError).value
        self.assertIn("no results for hostname lookup: h", str(error))

    def test_a_name_that_getaddrinfo_would_choke_on_never_gets_there(self):
        """Twisted's resolver would tell nobody that it has."""
        resolver = Resolver()
        error = self.assertRaises(DNSLookupError, look_up_all, resolver, "a..b")
        self.assertIn("a..b can't be looked up: each label of a name", str(error))
        self.assertEqual(resolver.names, [])


class LocalhostTests(SynchronousTestCase):
    """RFC 6761 section 6.3."""

    def test_it_is_what_the_resolver_says(self):
        found = look_up_all(Resolver(V4), "x.localhost")
        self.assertEqual(self.successResultOf(found), ["1.2.3.4"])

    def test_if_that_knows_it_not_it_is_loopback(self):
        for name in ("localhost", "localhost.", "LocalHost", "a.localhost", "a.b.localhost."):
            found = look_up_all(Resolver(), name)
            self.assertEqual(self.successResultOf(found), ["::1", "127.0.0.1"])
            found = look_up_all(Resolver(), name, only_ipv4=True)
            self.assertEqual(self.successResultOf(found), ["127.0.0.1"])

    def test_no_other_name_is(self):
        for name in ("localhost.example", "notlocalhost", "localhost-"):
            self.failureResultOf(look_up_all(Resolver(), name), DNSLookupError)

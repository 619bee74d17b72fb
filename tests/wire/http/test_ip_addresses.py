"""Addresses, the networks that they are in, and the keys under which they are counted."""

from ipaddress import IPv4Address, IPv6Address

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from txws2.wire.http.ip_addresses import Networks, group_of, parse_ip


class ParseTests(SynchronousTestCase):
    def test_addresses_of_both_families(self):
        self.assertEqual(parse_ip("192.0.2.1"), IPv4Address("192.0.2.1"))
        self.assertEqual(parse_ip("2001:DB8::0:1"), IPv6Address("2001:db8::1"))

    def test_one_of_ipv4_is_one_however_it_is_written(self):
        self.assertEqual(parse_ip("::ffff:192.0.2.1"), IPv4Address("192.0.2.1"))

    def test_other_texts_are_no_address(self):
        for text in "", "unknown", "192.0.2", "192.0.2.256", "1:2", "example.com", "192.0.2.1/24":
            self.assertIsNone(parse_ip(text), text)


class GroupTests(SynchronousTestCase):
    def test_an_address_of_ipv4_stands_for_itself(self):
        self.assertEqual(group_of("192.0.2.1"), "192.0.2.1")
        self.assertEqual(group_of("::ffff:192.0.2.1"), "192.0.2.1")

    def test_one_of_ipv6_stands_for_its_network(self):
        self.assertEqual(group_of("2001:db8::1"), "2001:db8::/64")
        self.assertEqual(group_of("2001:db8:0:1::1"), "2001:db8:0:1::/64")
        self.assertEqual(group_of("fe80::1%eth0"), "fe80::/64")

    def test_another_text_stands_for_itself(self):
        self.assertEqual(group_of("somewhere"), "somewhere")

    @given(st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1))
    def test_two_are_the_same_if_their_first_64_bits_are(self, network, one, other):
        # This network isn't the one of the IPv4 address.
        network |= 2**61
        first, second = (str(IPv6Address(network << 64 | host)) for host in (one, other))
        self.assertEqual(group_of(first), group_of(second))
        elsewhere = str(IPv6Address((network ^ 1) << 64 | one))
        self.assertNotEqual(group_of(first), group_of(elsewhere))


class NetworksTests(SynchronousTestCase):
    def test_networks_and_addresses_of_both_families(self):
        networks = Networks(["10.0.0.0/8", "192.0.2.1", "2001:db8::/32", "::1"])
        for host in "10.1.2.3", "::ffff:10.1.2.3", "192.0.2.1", "2001:db8::1", "::1":
            self.assertIn(host, networks)
        for host in "11.0.0.1", "192.0.2.2", "2001:db9::1", "::2", "unix", "nonsense", "", None:
            self.assertNotIn(host, networks)

    def test_unix_sockets(self):
        self.assertIn("unix", Networks(["unix"]))
        self.assertNotIn("127.0.0.1", Networks(["unix"]))
        self.assertNotIn(None, Networks(["unix"]))

    def test_none(self):
        self.assertNotIn("127.0.0.1", Networks([]))

    def test_everybody(self):
        self.assertIn("192.0.2.1", Networks(["0.0.0.0/0"]))
        self.assertNotIn("::1", Networks(["0.0.0.0/0"]))

    def test_an_invalid_network_is_an_error_that_shows_it(self):
        for name in "nonsense", "10.0.0.1/8", "10.0.0.0/33", "example.com", "":
            error = self.assertRaises(ValueError, Networks, [name])
            self.assertIn(f"as '10.0.0.0/8', or 'unix'; it is {name!r}", str(error))

    def test_one_that_is_not_in_a_list_is_an_error(self):
        error = self.assertRaises(TypeError, Networks, "10.0.0.0/8")
        self.assertIn("['10.0.0.0/8']", str(error))

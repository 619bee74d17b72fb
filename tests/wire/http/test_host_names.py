"""The host of a URI, in the form in which it is looked up."""

import idna
from twisted.trial.unittest import SynchronousTestCase

from txws2.wire.http.host_names import parse_host


class HostTestCase(SynchronousTestCase):
    def assertHosts(self, hosts):
        for written, host in hosts.items():
            self.assertEqual(parse_host(written), host, written)

    def assertNone(self, words, *hosts):
        for written in hosts:
            with self.assertRaises(ValueError, msg=written) as caught:
                parse_host(written)
            self.assertIn(words, str(caught.exception), written)


class NameTests(HostTestCase):
    def test_a_name_in_ascii_stays_as_it_is_but_for_its_case(self):
        for name in "example.com", "my_svc", "qa--site.example", "r3---sn-x.example", "a-", "x~y":
            self.assertHosts({name: name, name.upper(): name})

    def test_the_dot_of_an_absolute_name_stays(self):
        self.assertHosts({"localhost.": "localhost."})

    def test_another_name_is_encoded(self):
        self.assertHosts(
            {
                "bücher.example": "xn--bcher-kva.example",
                "BÜCHER.example": "xn--bcher-kva.example",
                "bücher\u3002example": "xn--bcher-kva.example",
                "qa--x.bücher": "qa--x.xn--bcher-kva",
                "my_svc.bücher.": "my_svc.xn--bcher-kva.",
            }
        )

    def test_an_invalid_name_is_refused(self):
        self.assertNone("isn't a valid name", "\u2665\ufe0f\u0301", "ü" * 64, "ü" * 256)
        self.assertNone("longer than 255 characters", "ü" * 256)
        self.assertNone("which no host has", "a\\b", "a b", 'a"b', "a|b", "a[b")
        self.assertNone("a dot too many", "", ".", "a..b", ".a", "a..")
        self.assertNone("percent-encoded", "ex%61mple", "%62ü")

    def test_no_dot_is_hidden_in_another_character(self):
        """Old versions of idna map some characters to a dot."""
        self.assertNone("isn't a valid name", "ü\u2024x", "\u2488ü")
        self.patch(idna, "encode", lambda label, uts46: b"u.x")
        self.assertNone("a dot is hidden", "ü\u2024x")


class AddressTests(HostTestCase):
    def test_an_ipv6_address_has_brackets_and_maybe_a_zone(self):
        self.assertHosts(
            {
                "[::1]": "::1",
                "[FE80::A]": "fe80::a",
                "[fe80::1%eth0]": "fe80::1%eth0",
                "[fe80::1%25eth0]": "fe80::1%eth0",
                "[fe80::1%25]": "fe80::1%25",
                "[::ffff:10.0.0.1]": "::ffff:10.0.0.1",
            }
        )
        self.assertNone("malformed", "[::1", "[:::1]", "[1]", "[fe80::1%]", "[fe80::1%a/b]")

    def test_a_name_that_the_system_reads_as_an_ipv4_address_is_one(self):
        self.assertHosts(
            {
                "127.0.0.1": "127.0.0.1",
                "127.1": "127.0.0.1",
                "0x7F.1": "127.0.0.1",
                "0177.0.0.01": "127.0.0.1",
                "2130706433": "127.0.0.1",
                "10.1.258": "10.1.1.2",
                "0": "0.0.0.0",
                "127.0.0.1.": "127.0.0.1",
            }
        )

    def test_a_name_that_it_does_not_read_so_is_a_name(self):
        for name in "1.2.3.4.5", "256.1", "4294967296", "1.2.3.256", "08", "0x", "1.x", "1e3":
            self.assertHosts({name: name})

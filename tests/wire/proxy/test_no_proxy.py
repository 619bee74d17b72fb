"""no_proxy, in the form that curl and Go read, and the names of this machine."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.wire import same_each_time
from txws2.wire.proxy.no_proxy import bypasses, is_loopback


class BypassTests(SynchronousTestCase):
    def assertFor(self, no_proxy, direct=(), proxied=()):
        for hosts, expected in ((direct, True), (proxied, False)):
            for host in hosts:
                name, port = host if isinstance(host, tuple) else (host, 80)
                self.assertEqual(bypasses(no_proxy, name, port), expected, (no_proxy, host))

    def test_a_name_is_for_the_host_and_all_below_it(self):
        for entry in ("example.com", ".example.com"):
            self.assertFor(
                entry,
                ["example.com", "www.example.com", "a.b.example.com"],
                ["badexample.com", "example.com.evil", "com", "example.org"],
            )

    def test_with_a_star_before_the_dot_it_is_for_those_below_only(self):
        self.assertFor("*.example.com", ["www.example.com"], ["example.com", "badexample.com"])

    def test_a_star_is_for_all(self):
        for entry in ("*", "a, *", " * "):
            self.assertFor(entry, ["example.com", "10.0.0.1", "::1"])

    def test_nothing_is_for_nobody(self):
        for entry in ("", " ", ",", " , ,", ".", "*.", ":80", "[]", "/", "/8"):
            self.assertFor(entry, proxied=["example.com", "10.0.0.1", "::1", "localhost"])

    def test_entries_are_apart_by_commas_blanks_or_both(self):
        for separator in (",", " ", ", ", " , ", "\t", ",,", "\n"):
            no_proxy = f"a.example{separator}b.example"
            self.assertFor(no_proxy, ["a.example", "b.example"], ["c.example"])
            self.assertFor(f" {no_proxy}{separator}", ["a.example", "b.example"])

    def test_a_dot_at_the_end_and_the_case_of_letters_make_no_difference(self):
        for entry in ("Example.COM", "example.com.", ".EXAMPLE.com.", "example.com.:80"):
            self.assertFor(entry, ["example.com", "EXAMPLE.com.", "www.Example.com."])

    def test_an_entry_with_a_port_is_for_that_port(self):
        for entry, host in (
            ("example.com:81", "www.example.com"),
            (".example.com:81", "example.com"),
            ("*:81", "example.com"),
            ("127.0.0.1:81", "127.0.0.1"),
            ("127.*:81", "127.0.0.1"),
            ("[::1]:81", "::1"),
            ("10.0.0.0/8:81", "10.0.0.1"),
        ):
            self.assertFor(entry, [(host, 81)], [(host, 80), (host, 8181)])

    def test_an_address_is_for_itself_however_it_is_written(self):
        self.assertFor("10.0.0.1", ["10.0.0.1", "::ffff:10.0.0.1"], ["10.0.0.11", "110.0.0.1"])
        for entry in ("::1", "[::1]", "0:0:0::1", "[0::1]"):
            self.assertFor(entry, ["::1", "0:0::1"], ["::2", "1::1"])
        self.assertFor("fe80::1", ["fe80::1%eth0", "FE80::1"])
        self.assertFor("fd00::1:80", ["fd00::1:80"], ["fd00::1"])

    def test_a_network_is_for_the_addresses_in_it(self):
        self.assertFor("10.0.0.0/8", ["10.0.0.1", "10.255.1.2"], ["11.0.0.1", "10.example", "::1"])
        self.assertFor("10.1.2.3/8", ["10.9.9.9"])
        self.assertFor("192.168.1.0/24", ["192.168.1.9"], ["192.168.2.9"])
        for entry in ("fd00::/8", "[fd00::]/8", "FD00::/8"):
            self.assertFor(entry, ["fd12::1"], ["fe80::1", "10.0.0.1"])
        for nonsense in ("10.0.0.0/33", "10.0.0.0/", "10/8", "a/8", "10.0.0.0/8/8"):
            self.assertFor(nonsense, proxied=["10.0.0.1", "a"])

    def test_the_beginning_of_an_address_is_for_those_that_begin_so(self):
        self.assertFor("127.*", ["127.0.0.1", "127.9.9.9"], ["12.7.0.1", "127.example", "::1"])
        self.assertFor("192.168.*", ["192.168.0.1"], ["192.169.0.1", "192.1.168.1"])

    def test_the_end_of_an_address_is_no_name_above_it(self):
        for entry in ("0.0.1", ".0.0.1", "*.0.0.1", "1"):
            self.assertFor(entry, proxied=["127.0.0.1"])

    def test_an_international_name_is_compared_in_ascii(self):
        for entry in ("bücher.example", "BÜCHER.example", "xn--bcher-kva.example"):
            self.assertFor(entry, ["xn--bcher-kva.example", "www.xn--bcher-kva.example"])

    def test_much_of_anything_takes_linear_time(self):
        """Attack 7."""
        for shape in ("a", ".", "**", ",", ":", "[", "]", "[]:", "1.", "::", "a.b,", "/8 "):
            found = bypasses(shape * (2**16 // len(shape)), "example.com", 80)
            self.assertFalse(found, shape)

    @same_each_time
    @given(st.text("ab.*:,[]/ 1é\0") | st.text(), st.sampled_from(["a.b", "1.1.1.1", "::1"]))
    def test_any_value_is_no_error(self, no_proxy, host):
        self.assertIn(bypasses(no_proxy, host, 80), (True, False))


class LoopbackTests(SynchronousTestCase):
    def test_this_machine_has_these_names_and_addresses(self):
        for host in ("localhost", "LOCALHOST.", "a.localhost", "127.0.0.1", "127.9.9.9", "::1"):
            self.assertTrue(is_loopback(host), host)
        self.assertTrue(is_loopback("::ffff:127.0.0.1"))
        for host in ("example.com", "localhost.example", "10.0.0.1", "::2", "notlocalhost"):
            self.assertFalse(is_loopback(host), host)

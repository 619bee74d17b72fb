"""The hosts that a server answers for, and DNS rebinding."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.support.opening import HandshakeTestCase, a_request
from tests.wire import same_each_time
from txws2.exceptions import InvalidHost
from txws2.wire.http.hosts import Hosts, check_host


class HostsTests(SynchronousTestCase):
    """Attack 30."""

    def assertHas(self, names, *hosts):
        for host in hosts:
            self.assertTrue(host in Hosts(names), (names, host))

    def assertHasNot(self, names, *hosts):
        for host in hosts:
            self.assertFalse(host in Hosts(names), (names, host))

    def test_a_name_is_meant_whatever_the_port(self):
        self.assertHas(["example.com"], "example.com", "example.com:8000", "example.com:")
        self.assertHasNot(["example.com"], "a.example.com", "example.org", "com", "", ":80")

    def test_spellings_of_a_name_are_the_same(self):
        self.assertHas(["Example.com"], "eXample.COM:80", "example.com.", "example.com.:80")
        self.assertHas(["example.com."], "example.com")
        self.assertHas(["bücher.example"], "xn--bcher-kva.example:80")
        self.assertHas(["xn--bcher-kva.example"], "BÜCHER.example")
        self.assertHas(["my_service"], "my_service:80")

    def test_a_name_that_begins_or_ends_like_it_is_another(self):
        self.assertHasNot(["localhost"], "localhost.evil.example", "evil-localhost", "localhost..")
        self.assertHasNot(["127.0.0.1"], "127.0.0.1.evil.example", "127.0.0.1:80:80", "127.0.0.2")

    def test_an_address_is_meant_however_it_is_written(self):
        self.assertHas(["::1"], "[::1]", "[::1]:8000", "[0:0:0:0:0:0:0:1]")
        self.assertHas(["[::1]"], "[::1]:8000")
        self.assertHas(["fe80::1%eth0"], "[fe80::1%25eth0]:8000", "[fe80::1]")
        self.assertHas(["192.0.2.1"], "192.0.2.1", "192.0.2.1:80", "[::ffff:192.0.2.1]")
        self.assertHasNot(["::1"], "[::2]", "[::1", "localhost")

    def test_a_network_has_its_addresses_and_no_names(self):
        self.assertHas(["127.0.0.0/8"], "127.0.0.1", "127.255.255.255:80")
        self.assertHas(["fe80::/10"], "[fe80::1]", "[fe80::1%25eth0]:80", "[fe80::1%eth0]")
        self.assertHasNot(["127.0.0.0/8"], "128.0.0.1", "[::1]", "localhost", "127.0.0.1.example")

    def test_there_may_be_none(self):
        self.assertHasNot([], "localhost", "127.0.0.1", "")

    def test_an_invalid_host_is_reported(self):
        for name in (
            "",
            ".",
            "a:80",
            "http://a",
            "a/b",
            "a b",
            "[::1",
            "10.0.0.1/8",
            "*.example.com",
            "a\n",
            "ß" * 99,
        ):
            error = self.assertRaises(ValueError, Hosts, [name])
            self.assertIn(f"{name!r} isn't a host: that is a name, ", str(error))

    def test_one_string_is_no_list(self):
        error = self.assertRaises(TypeError, Hosts, "example.com")
        self.assertEqual(str(error), "hosts is a sequence of strings, as ['example.com']")

    def test_64_kib_of_each_shape(self):
        """Attack 7: linear in what a client sends."""
        hosts = Hosts(["a", "127.0.0.0/8"])
        for shape in ("a", ":", ":1", "[", "]", ".", "%", "[::", "é", "0", "1.", "xn--"):
            self.assertFalse(shape * (2**16 // len(shape)) in hosts, shape)

    @same_each_time
    @given(st.text(alphabet="a1.:[]%/xn-é") | st.text())
    def test_any_host_is_judged(self, host):
        self.assertIn(host in Hosts(["a", "127.0.0.0/8"]), (True, False))


class CheckHostTests(HandshakeTestCase):
    def test_one_of_them_is_accepted(self):
        hosts = Hosts(["server.example.com"])
        self.assertIsNone(self.complaint(check_host, a_request(), hosts))

    def test_another_is_refused_and_named_with_the_option(self):
        request = a_request(Host="evil.example:8000")
        text = (
            "the server doesn't answer for the host 'evil.example:8000': that isn't among its "
            "hosts (--host of twistd ws)"
        )
        self.assertEqual(self.complaint(check_host, request, Hosts([])), (InvalidHost, text))

"""The client that a proxy names, and headers with which a client pretends to be another one."""

from ipaddress import ip_address

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from txws2.exceptions import InvalidHeaderValue
from txws2.wire.http.forwarded import Client, client_of
from txws2.wire.http.heads import Request
from txws2.wire.http.ip_addresses import Networks

TRUSTED = Networks(["10.0.0.0/8", "fd00::/8"])

ADDRESSES = st.ip_addresses().filter(lambda address: str(address) not in TRUSTED)


def read(*lines, trusted=TRUSTED):
    """Return the client that these header lines name."""
    head = "\r\n".join(["GET / HTTP/1.1", *lines])
    return client_of(Request.received(head.encode()).fields, trusted)


class ForTestCase(SynchronousTestCase):
    def assertClient(self, expected, *lines):
        client = read(*lines)
        self.assertEqual((client.host, client.port), expected, lines)

    def assertUnknown(self, *lines):
        self.assertClient((None, 0), *lines)


class XForwardedForTests(ForTestCase):
    def test_one_proxy(self):
        self.assertClient(("192.0.2.1", 0), "X-Forwarded-For: 192.0.2.1")
        self.assertClient(("2001:db8::1", 0), "X-Forwarded-For: 2001:db8::1")

    def test_proxies_that_are_trusted_are_passed_from_the_right(self):
        self.assertClient(
            ("192.0.2.1", 0), "X-Forwarded-For: 198.51.100.7, 192.0.2.1, 10.0.0.1,10.0.0.2"
        )

    def test_the_client_s_own_words_are_to_the_left_and_do_not_count(self):
        for said in "127.0.0.1", "10.0.0.1", "nonsense", '"', ",,,", "10.0.0.1, 10.0.0.1":
            self.assertClient(("192.0.2.1", 0), f"X-Forwarded-For: {said}, 192.0.2.1")
            self.assertClient(
                ("192.0.2.1", 0), f"X-Forwarded-For: {said}", "X-Forwarded-For: 192.0.2.1"
            )

    def test_the_first_address_is_the_client_if_all_are_trusted(self):
        self.assertClient(("10.0.0.9", 0), "X-Forwarded-For: 10.0.0.9, 10.0.0.1")

    def test_the_proxy_that_has_written_garbage_is_the_client(self):
        for unreadable in "unknown", "", "unix:", "_hidden", "192.0.2.256", "192.0.2.1 192.0.2.2":
            self.assertClient(
                ("10.0.0.1", 0), f"X-Forwarded-For: 192.0.2.1, {unreadable}, 10.0.0.1"
            )
            self.assertUnknown(f"X-Forwarded-For: 192.0.2.1, {unreadable}")

    def test_ports(self):
        for text, expected in {
            "192.0.2.1:4711": ("192.0.2.1", 4711),
            "[2001:db8::1]:4711": ("2001:db8::1", 4711),
            "[2001:db8::1]": ("2001:db8::1", 0),
            "192.0.2.1:65535": ("192.0.2.1", 65535),
            "192.0.2.1:65536": ("192.0.2.1", 0),
            "192.0.2.1:_port": ("192.0.2.1", 0),
            "192.0.2.1:123456": (None, 0),
            "192.0.2.1:": (None, 0),
            "[192.0.2.1:80": (None, 0),
            "[2001:db8::1": (None, 0),
        }.items():
            self.assertClient(expected, f"X-Forwarded-For: {text}")

    def test_without_brackets_there_is_no_port(self):
        self.assertClient(("2001:db8::1:80", 0), "X-Forwarded-For: 2001:db8::1:80")

    def test_one_of_ipv4_is_one_however_it_is_written(self):
        self.assertClient(("192.0.2.1", 0), "X-Forwarded-For: ::ffff:192.0.2.1")
        self.assertClient(("192.0.2.1", 0), "X-Forwarded-For: 192.0.2.1, ::ffff:10.0.0.1")

    def test_no_header_tells_nothing(self):
        self.assertEqual(read(), Client(None, 0, None))

    def test_digits_of_other_scripts_are_none(self):
        one = "\N{ARABIC-INDIC DIGIT ONE}"
        self.assertUnknown(f"X-Forwarded-For: 192.0.2.{one}")
        self.assertUnknown(f"X-Forwarded-For: 192.0.2.1:{one}")


class ForwardedTests(ForTestCase):
    def test_the_examples_of_the_rfc(self):
        for element, expected in {
            'for="_gazonk"': (None, 0),
            'For="[2001:db8:cafe::17]:4711"': ("2001:db8:cafe::17", 4711),
            "for=192.0.2.60;proto=http;by=203.0.113.43": ("192.0.2.60", 0),
            "for=192.0.2.43, for=198.51.100.17": ("198.51.100.17", 0),
            'for="192.0.2.43:47011"': ("192.0.2.43", 47011),
            "for=unknown": (None, 0),
        }.items():
            self.assertClient(expected, f"Forwarded: {element}")

    def test_proxies_that_are_trusted_are_passed_from_the_right(self):
        self.assertClient(
            ("192.0.2.1", 0),
            "Forwarded: for=198.51.100.7, for=192.0.2.1",
            'Forwarded: for="[fd00::1]"',
        )

    def test_a_quote_that_the_client_has_left_open_swallows_nothing(self):
        for said in 'for="', 'for="1.2.3.4;by="', 'for="\\', "for=1.2.3.4;by":
            self.assertClient(("192.0.2.1", 0), f"Forwarded: {said}, for=192.0.2.1")

    def test_words_of_the_client_that_a_proxy_quotes_are_no_element(self):
        for said in "x, for=10.9.9.9", "x, for=10.9.9.9;y=", "x, for=10.9.9.9;y=\\":
            self.assertUnknown(f'Forwarded: for=192.0.2.1;host="{said}"')

    def test_space_quotes_and_empty_pairs(self):
        for element in (
            " for=192.0.2.1 ; proto=https",
            "proto=https;for=192.0.2.1;",
            'for="192\\.0.2.1";proto="https"',
            'FOR=192.0.2.1;PROTO=HTTPS;ext="a b\\"c"',
        ):
            self.assertEqual(read(f"Forwarded: {element}"), Client("192.0.2.1", 0, True), element)

    def test_one_that_is_malformed_has_nothing_in_it(self):
        for element in (
            "for=192.0.2.1;",
            "for=192.0.2.1",
        ):
            self.assertClient(("192.0.2.1", 0), f"Forwarded: {element}")
        for element in (
            "192.0.2.1",
            "for",
            "for=",
            "for = 192.0.2.1",
            "for=192.0.2.1 proto=http",
            "for=192.0.2.1;;proto=http",
            "for=[2001:db8::1]",
            "for=192.0.2.1:80",
            "for=192.0.2.1;for=192.0.2.2",
            "for=192.0.2.1;For=192.0.2.1",
            'for="192.0.2.1',
            'for="192.0.2.1"x',
            "",
        ):
            self.assertUnknown(f"Forwarded: {element}")


class BothTests(ForTestCase):
    """A proxy writes one of the two headers, and passes on the other one, of the client."""

    def test_they_may_tell_the_same(self):
        self.assertEqual(
            read("Forwarded: for=192.0.2.1;proto=https", "X-Forwarded-For: 192.0.2.1"),
            Client("192.0.2.1", 0, True),
        )

    def test_otherwise_neither_is_believed(self):
        for forwarded in "for=127.0.0.1", "for=unknown", "nonsense", "proto=https", "":
            for lines in (
                [f"Forwarded: {forwarded}", "X-Forwarded-For: 192.0.2.1"],
                ["X-Forwarded-For: 192.0.2.1", f"Forwarded: {forwarded}"],
            ):
                error = self.assertRaises(InvalidHeaderValue, read, *lines)
                self.assertIn("another client", str(error))


class SchemeTests(SynchronousTestCase):
    def assertSecure(self, expected, *lines):
        self.assertIs(read(*lines).secure, expected, lines)

    def test_x_forwarded_proto(self):
        address = "X-Forwarded-For: 192.0.2.1"
        for scheme, secure in {
            "https": True,
            "WSS": True,
            "http": False,
            "ws": False,
            "http, https ": True,
            "https,http": False,
            "gopher": None,
            "": None,
        }.items():
            self.assertSecure(secure, address, f"X-Forwarded-Proto: {scheme}")
        self.assertSecure(None, address)

    def test_it_is_believed_though_the_address_is_not_known(self):
        self.assertSecure(True, "X-Forwarded-For: unknown", "X-Forwarded-Proto: https")
        self.assertSecure(True, "Forwarded: proto=https")
        self.assertSecure(True, "Forwarded: for=_hidden;proto=https")

    def test_but_not_if_the_proxy_tells_no_address_beside_it(self):
        self.assertSecure(None, "X-Forwarded-Proto: https")
        self.assertSecure(None, "Forwarded: for=192.0.2.1", "X-Forwarded-Proto: https")

    def test_forwarded_has_that_of_each_hop(self):
        line = "Forwarded: for=9.9.9.9;proto=http, for=192.0.2.1;proto={}, for=10.0.0.1;proto={}"
        self.assertSecure(True, line.format("https", "http"))
        self.assertSecure(False, line.format("http", "https"))
        self.assertSecure(None, line.format("gopher", "https"))


class AnythingTests(SynchronousTestCase):
    @given(st.text(st.characters(codec="latin-1", exclude_categories=["Cc"])), ADDRESSES)
    def test_the_proxy_s_word_holds_for_any_words_of_a_client(self, said, address):
        node = f"[{address}]" if address.version == 6 else str(address)
        expected = getattr(address, "ipv4_mapped", None) or address
        for line in f"X-Forwarded-For: {said}, {address}", f'Forwarded: {said}, for="{node}"':
            self.assertEqual(read(line).host, str(expected))

    @given(st.lists(st.text(st.sampled_from('for=10.2[]:;," \\_x\tproto'))), st.booleans())
    def test_nothing_makes_it_raise(self, lines, old):
        name = "X-Forwarded-For" if old else "Forwarded"
        client = read(*(f"{name}: {line}" for line in lines))
        if client.host is not None:
            ip_address(client.host)

    @given(st.lists(ADDRESSES, min_size=1), st.lists(st.integers(1, 2**16 - 1)))
    def test_it_finds_the_last_who_is_not_trusted(self, clients, proxies):
        hops = [str(client) for client in clients] + [f"10.0.{n >> 8}.{n & 255}" for n in proxies]
        expected = getattr(clients[-1], "ipv4_mapped", None) or clients[-1]
        for split in range(len(hops) + 1):
            lines = [", ".join(part) for part in (hops[:split], hops[split:]) if part]
            found = read(*(f"X-Forwarded-For: {line}" for line in lines))
            self.assertEqual(found.host, str(expected))


class AttackTests(SynchronousTestCase):
    """Attack 7: time is linear, so the longest head that is allowed is read at once."""

    def test_long_lines_of_every_shape(self):
        for shape in (
            ",",
            "10.0.0.1,",
            "[",
            ":",
            '"',
            "\\",
            ";",
            "for=",
            'for="\\"',
            "=",
            " ",
            "1:",
        ):
            for name in "X-Forwarded-For", "Forwarded":
                for size in 2**16, 2**16 + 1:
                    read(f"{name}: {shape * (size // len(shape))}")

    def test_only_64_of_many_trusted_addresses_are_looked_at(self):
        for count, expected in {63: "192.0.2.1", 64: "10.0.0.1"}.items():
            line = "X-Forwarded-For: 192.0.2.1" + ",10.0.0.1" * count
            self.assertEqual(read(line).host, expected)

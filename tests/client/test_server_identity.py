"""The name that a certificate must have, and the texts about the names that it has."""

import gc
from types import SimpleNamespace
from weakref import ref

from cryptography import x509
from OpenSSL import SSL
from twisted.trial.unittest import SynchronousTestCase

from tests.support.certificates import Authority
from txws2.client import server_identity as identity
from txws2.client.server_identity import (
    ServerName,
    name_to_ask_for,
    names_of,
    refusal_of,
    subject_of,
)

AUTHORITY = Authority()


class Unreadable:
    """A certificate that OpenSSL can read, and nobody else."""

    def __init__(self, error):
        self._error = error

    def to_cryptography(self):
        raise self._error


def certify(*names, **options):
    return AUTHORITY.certify(*names, **options).original


class NameTests(SynchronousTestCase):
    def test_names_are_asked_for_and_addresses_are_not(self):
        for host, asked in (
            ("localhost", b"localhost"),
            ("LocalHost", b"LocalHost"),
            ("example.com.", b"example.com"),
            ("my_svc.example.com", b"my_svc.example.com"),
            ("qa--site.example", b"qa--site.example"),
            ("b\xfccher.example", b"xn--bcher-kva.example"),
            ("xn--bcher-kva.example", b"xn--bcher-kva.example"),
            ("2130706433", b"2130706433"),
            (".".join(["a" * 61] * 4), b".".join([b"a" * 61] * 4)),
            ("127.0.0.1", None),
            ("::1", None),
            ("fe80::1%eth0", None),
        ):
            self.assertEqual(name_to_ask_for(host), asked)

    def test_an_invalid_name_is_refused(self):
        hosts = ["", ".", "a..b", "a..", ".a", "a" * 64, ".".join(["a" * 62] * 5), "a b", "a\n"]
        for host in [*hosts, "a\0b", "[::1]", "a:81", "my~host", "\ud800", "b\xfc..x", "\u200d"]:
            with self.assertRaises(ValueError):
                name_to_ask_for(host)

    def test_no_certificate_can_be_for_a_number(self):
        # Only the system's resolver takes these for addresses.
        for host in ("2130706433", "\uff11\uff12\uff17.0.0.1"):
            with self.assertRaises(ValueError):
                ServerName(host)


class VerifyTests(SynchronousTestCase):
    """Attack 31."""

    def verify(self, certificate, host="localhost", code=0, depth=0, trusted=1):
        """Have a certificate judged; return the verdict and the reason."""
        connection = SSL.Connection(SSL.Context(SSL.TLS_METHOD), None)
        verdict = ServerName(host)._verify(connection, certificate, code, depth, trusted)
        return verdict, refusal_of(connection)

    def test_only_the_server_s_own_certificate_must_have_the_name(self):
        certificate = certify("other.example")
        self.assertEqual(self.verify(certificate, depth=1), (True, None))
        verdict, refusal = self.verify(certificate)
        self.assertIs(verdict, False)
        self.assertEqual((refusal.host, refusal.trusted), ("localhost", True))

    def test_a_wildcard_stands_for_one_whole_label(self):
        """Attack 31: for an international one, too, as RFC 9525 section 6.3 has it."""
        for host in ("a.my.example", "b\xfccher.my.example", "XN--bcher-kva.my.example"):
            self.assertIs(self.verify(certify("*.my.example"), host)[0], True)
            for name in ("xn--*.my.example", "x*.my.example", "a--*.my.example", "*.other.example"):
                self.assertIs(self.verify(certify(name), host)[0], False)
        for name in ("a--bcher-kva.my.example", "*.xn--bcher-kva.my.example", "*.example"):
            self.assertIs(self.verify(certify(name), "b\xfccher.my.example")[0], False)

    def test_the_right_name_is_no_use_without_trust(self):
        verdict, refusal = self.verify(certify("localhost"), code=10, trusted=0)
        self.assertIs(verdict, False)
        self.assertEqual((refusal.code, refusal.trusted), (10, False))

    def test_each_error_is_a_refusal(self):
        """Attack 31: verifying fails closed."""
        for error in (ValueError("x"), TypeError(), MemoryError(), RecursionError(), SystemExit()):
            verdict, refusal = self.verify(Unreadable(error))
            self.assertIs(verdict, False)
            self.assertTrue(refusal.trusted)

    def test_a_refused_connection_is_not_kept(self):
        for name in ("other.example", b"\x30\x06\x82\x04a\xff\x1bb"):
            certificate = certify(name)
            connection = SSL.Connection(SSL.Context(SSL.TLS_METHOD), None)
            self.assertFalse(ServerName("localhost")._verify(connection, certificate, 0, 0, 1))
            kept = ref(connection)
            del connection
            gc.collect()
            self.assertIsNone(kept())

    def test_a_connection_is_not_kept_if_matching_raises(self):
        """Attack 31: verifying fails closed."""

        class Broken:
            def from_bytes(self, name):
                raise ZeroDivisionError

        self.patch(identity, "DNSPattern", Broken())
        verdict, refusal = self.verify(certify("localhost"))
        self.assertIs(verdict, False)
        self.assertTrue(refusal.trusted)

    def test_openssl_is_set_to_demand_a_certificate(self):
        """Attack 31: an exception in a callback of OpenSSL would be lost, or raised elsewhere."""
        connection = SSL.Connection(SSL.Context(SSL.TLS_METHOD), None)
        ServerName("localhost").demand(connection)
        mode = SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT
        self.assertEqual(connection.get_verify_mode(), mode)
        self.assertIsNone(refusal_of(connection))
        self.assertIsNone(refusal_of(None))


class WordsTests(SynchronousTestCase):
    def test_an_unreadable_certificate_is_reported(self):
        unreadable = Unreadable(ValueError("bad\x1b[31m"))
        self.assertEqual(names_of(unreadable), "its names can't be read: bad\\x1b[31m")
        words = "the certificate, which can't be read: bad\\x1b[31m"
        self.assertEqual(subject_of(unreadable), words)
        self.assertEqual(names_of(Unreadable(KeyError())), "its names can't be read: KeyError")

    def test_a_few_of_many_names_are_shown(self):
        certificate = certify(*(f"host{number}.example" for number in range(5000)))
        text = names_of(certificate)
        self.assertTrue(text.startswith("it is for host0.example, host1.example, "))
        self.assertTrue(text.endswith(", host9.example and 4990 more"))

    def test_a_long_name_is_cut(self):
        self.assertEqual(len(names_of(certify("a" * 5000))), len("it is for ...") + 100)

    def test_controls_are_escaped(self):
        name = x509.DNSName("a\x1b[31m\r\nb")
        self.assertEqual(names_of(certify(name)), "it is for a\\x1b[31m\\r\\nb")
        name = x509.DNSName("*\x1b")
        self.assertIn("'*\\x1b'", names_of(certify(name)))
        words = "the certificate CN=a\\x1bb, issued by CN=the authority"
        self.assertEqual(subject_of(certify(common_name="a\x1bb")), words)

    def test_one_without_a_subject_has_no_name(self):
        parsed = SimpleNamespace(subject=x509.Name([]), issuer=x509.Name([]))
        certificate = SimpleNamespace(to_cryptography=lambda: parsed)
        words = "the certificate without a name, issued by a nameless authority"
        self.assertEqual(subject_of(certificate), words)

"""TLS without verification, and the certificates that these and other tests need."""

from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from twisted.internet.interfaces import IOpenSSLClientConnectionCreator
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.ssl import PrivateCertificate, optionsForClientTLS
from twisted.internet.task import Clock
from twisted.protocols.tls import TLSMemoryBIOFactory
from twisted.test.iosim import connectedServerAndClient
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from txws2.client.insecure import InsecureTLS


def self_signed(host):
    """Return a self-signed certificate with its key, as PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, host)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .sign(key, SHA256())
    )
    return certificate.public_bytes(Encoding.PEM) + key.private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )


class Greeter(Protocol):
    """Says hello as soon as it is connected, and keeps what it receives."""

    def __init__(self):
        self.heard = b""
        self.lost = None

    def connectionMade(self):
        self.transport.write(b"hello")

    def dataReceived(self, data):
        self.heard += data

    def connectionLost(self, reason):
        self.lost = reason


class InsecureTLSTests(SynchronousTestCase):
    def greet(self, creator):
        """Connect two protocols over TLS; the server has a self-signed certificate."""
        clock, client, server = Clock(), Greeter(), Greeter()
        certificate = PrivateCertificate.loadPEM(self_signed("other.example"))

        def wrapped(protocol, contexts, is_client):
            factory = Factory.forProtocol(lambda: protocol)
            return TLSMemoryBIOFactory(contexts, is_client, factory, clock).buildProtocol(None)

        *_, pump = connectedServerAndClient(
            lambda: wrapped(server, certificate.options(), False),
            lambda: wrapped(client, creator, True),
        )
        while clock.getDelayedCalls():
            clock.advance(1)
            pump.flush()
        return client, server

    def server_name(self, host):
        return InsecureTLS(host).clientConnectionForTLS(None).get_servername()

    def test_any_certificate_of_any_host_is_accepted(self):
        client, server = self.greet(InsecureTLS("example.com"))
        self.assertEqual((client.heard, server.heard), (b"hello", b"hello"))

    def test_otherwise_it_would_be_refused(self):
        client, server = self.greet(optionsForClientTLS("other.example"))
        self.assertEqual((client.heard, server.heard), (b"", b""))
        self.assertIn("certificate verify failed", str(client.lost))

    def test_it_is_what_twisted_expects(self):
        verifyObject(IOpenSSLClientConnectionCreator, InsecureTLS("example.com"))

    def test_the_host_is_named_to_the_server(self):
        self.assertEqual(self.server_name("example.com"), b"example.com")

    def test_an_address_is_not(self):
        self.assertIsNone(self.server_name("127.0.0.1"))
        self.assertIsNone(self.server_name("::1"))
        self.assertIsNone(self.server_name("fe80::1%eth0"))

    def test_an_international_name_is_encoded_and_a_dot_at_the_end_is_left_out(self):
        self.assertEqual(self.server_name("b\xfccher.example"), b"xn--bcher-kva.example")
        self.assertEqual(self.server_name("example.com."), b"example.com")
        self.assertEqual(self.server_name("my_svc.example.com"), b"my_svc.example.com")

    def test_an_invalid_host_is_reported_at_once(self):
        for host in ("", "a" * 300, "a b", "[::1]", "b\xfccher..example"):
            self.assertRaises(ValueError, InsecureTLS, host)

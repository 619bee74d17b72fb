"""The TLS of a client, in memory: trust, certificates, and the errors about both."""

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from warnings import catch_warnings, simplefilter

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from OpenSSL import SSL, crypto
from service_identity import CertificateError, VerificationError
from twisted.internet.error import ConnectionLost
from twisted.internet.interfaces import (
    IOpenSSLServerConnectionCreator,
    IProtocolNegotiationFactory,
    ISSLTransport,
)
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.ssl import (
    Certificate,
    CertificateOptions,
    KeyPair,
    PrivateCertificate,
    optionsForClientTLS,
    trustRootFromCertificates,
)
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.protocols.tls import TLSMemoryBIOFactory
from twisted.python.failure import Failure
from twisted.test.iosim import connectedServerAndClient
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from tests.support.certificates import Authority, certify, make_pems
from txws2.client.insecure import InsecureTLS
from txws2.client.tls import ClientTLS
from txws2.client.tls_failures import is_shaking_hands, tls_failure

ENCRYPTED = b"-----BEGIN ENCRYPTED PRIVATE KEY-----\nx\n-----END ENCRYPTED PRIVATE KEY-----\n"
GARBAGE = b"-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----\n"
BROKEN = b"-----BEGIN PRIVATE KEY-----\nnonsense\n-----END PRIVATE KEY-----\n"


class Talker(Protocol):
    """Says hello, and keeps what a test reads afterwards."""

    def __init__(self):
        self.heard, self.lost, self.failure = b"", None, None

    def connectionMade(self):
        self.began_shaking = is_shaking_hands(self.transport)
        self.transport.write(b"hello")

    def dataReceived(self, data):
        self.heard += data
        self.still_shaking = is_shaking_hands(self.transport)
        self.protocol = self.transport.negotiatedProtocol
        self.shown = self.transport.getPeerCertificate()
        self.version = self.transport.getHandle().get_protocol_version_name()
        self.name = self.transport.getHandle().get_servername()

    def connectionLost(self, reason):
        self.lost = reason.value
        self.failure = tls_failure(reason.value, self.transport, "localhost")


@implementer(IProtocolNegotiationFactory)
class HTTPFactory(Factory):
    noisy = False

    def acceptableProtocols(self):
        return [b"http/1.1"]


@implementer(IOpenSSLServerConnectionCreator)
class WithoutALPN:
    """A server's TLS, by OpenSSL alone, that has never heard of ALPN."""

    def __init__(self, certificate):
        self._certificate = certificate

    def serverConnectionForTLS(self, protocol):
        context = SSL.Context(SSL.TLS_METHOD)
        context.use_certificate(self._certificate.original)
        context.use_privatekey(self._certificate.privateKey.original)
        return SSL.Connection(context, None)


class TLSTestCase(SynchronousTestCase):
    def setUp(self):
        self.certificate, self.pem = certify("localhost", "127.0.0.1")
        self.authorities = self.write("authorities.pem", certify("other.example")[1] + self.pem)

    def write(self, name, pem):
        path = Path(self.mktemp() + name)
        path.write_bytes(pem)
        return path

    def directory(self, **files):
        """Make a directory with these files; return its path."""
        path = Path(self.mktemp())
        path.mkdir()
        for name, pem in files.items():
            path.joinpath(name).write_bytes(pem)
        return path

    def meet(self, tls, host="localhost", server=None, server_factory=HTTPFactory):
        """Let a client meet a server over TLS; return both."""
        clock, client, other = Clock(), Talker(), Talker()

        def wrapped(protocol, contexts, is_client):
            factory = Factory.forProtocol(lambda: protocol) if is_client else server_factory()
            factory.protocol = lambda: protocol
            return TLSMemoryBIOFactory(contexts, is_client, factory, clock).buildProtocol(None)

        contexts = server or self.certificate.options()
        *_, pump = connectedServerAndClient(
            lambda: wrapped(other, contexts, False),
            lambda: wrapped(client, tls.creator_for(host), True),
        )
        while clock.getDelayedCalls():
            clock.advance(1)
            pump.flush()
        return client, other


class TrustTests(TLSTestCase):
    def test_the_authorities_of_a_file_are_trusted(self):
        for path in (self.authorities, str(self.authorities)):
            client, server = self.meet(ClientTLS(path))
            self.assertEqual((client.heard, server.heard), (b"hello", b"hello"))
            self.assertEqual((client.began_shaking, client.still_shaking), (True, False))

    def test_the_authorities_of_a_directory_are_trusted(self):
        other = certify("other.example")[1]
        files = {"a.pem": b"no certificate", "b.pem": other + self.pem, "c.crt": GARBAGE}
        path = self.directory(**files)
        for tls in (path, str(path)):
            client, _ = self.meet(ClientTLS(tls))
            self.assertEqual(client.heard, b"hello")

    def test_http_is_agreed_on_and_the_host_is_named(self):
        client, server = self.meet(ClientTLS(self.authorities))
        self.assertEqual(client.protocol, b"http/1.1")
        self.assertEqual(server.name, b"localhost")

    def test_a_server_without_alpn_is_spoken_to_all_the_same(self):
        server = WithoutALPN(self.certificate)
        client, _ = self.meet(ClientTLS(self.authorities), server=server, server_factory=Factory)
        self.assertEqual((client.heard, client.protocol), (b"hello", None))

    def test_an_address_is_verified_and_not_named(self):
        client, server = self.meet(ClientTLS(self.authorities), "127.0.0.1")
        self.assertEqual((client.heard, server.name), (b"hello", None))

    def test_by_default_only_this_machine_s_authorities_are_trusted(self):
        client, _ = self.meet(ClientTLS(None))
        self.assertEqual(client.heard, b"")
        self.assertIn("certificate verify failed; self-signed certificate", str(client.failure))
        words = "(the certificate CN=localhost, issued by CN=localhost)"
        self.assertIn(words, str(client.failure))
        self.assertIs(client.failure.__cause__, client.lost)

    def test_a_certificate_for_another_host_is_reported_with_its_names(self):
        client, _ = self.meet(ClientTLS(self.authorities), "elsewhere.example")
        words = "certificate isn't one for elsewhere.example; it is for localhost, 127.0.0.1"
        self.assertEqual(str(client.failure), f"the server's {words}")

    def test_nothing_before_1_2_is_offered(self):
        stub = SimpleNamespace(factory=SimpleNamespace(wrappedFactory=HTTPFactory()))
        connection = ClientTLS(None).creator_for("localhost").clientConnectionForTLS(stub)
        connection.set_connect_state()
        self.assertRaises(SSL.WantReadError, connection.do_handshake)
        # RFC 8446 section 4.2.1: supported_versions, a list of 4 bytes, 1.3 and 1.2.
        self.assertIn(b"\x00\x2b\x00\x05\x04\x03\x04\x03\x03", connection.bio_read(2**14))

    def test_a_creator_of_whoever_else_s_making_is_used_as_it_is(self):
        creator = InsecureTLS("localhost")
        tls = ClientTLS(creator)
        self.assertTrue(tls.is_given)
        self.assertIs(tls.creator_for("whatever"), creator)
        self.assertFalse(ClientTLS(None).is_given)

    def test_a_name_that_a_creator_of_twisted_verifies_is_verified_by_us(self):
        trust = trustRootFromCertificates([Certificate.loadPEM(self.pem)])
        tls = ClientTLS(optionsForClientTLS("localhost", trustRoot=trust))
        self.assertTrue(tls.is_given)
        client, _ = self.meet(tls, "whatever")
        self.assertEqual(client.heard, b"hello")
        tls = ClientTLS(optionsForClientTLS("elsewhere.example", trustRoot=trust))
        client, server = self.meet(tls, "localhost")
        self.assertEqual((client.heard, server.heard), (b"", b""))
        self.assertIn("isn't one for elsewhere.example", str(client.failure))


class ClientCertificateTests(TLSTestCase):
    def setUp(self):
        super().setUp()
        self.mine, self.mine_pem = certify("me.example")
        self.demanding = CertificateOptions(
            privateKey=self.certificate.privateKey.original,
            certificate=self.certificate.original,
            trustRoot=trustRootFromCertificates([Certificate.loadPEM(self.mine_pem)]),
        )

    def test_it_is_shown_to_who_asks(self):
        _, server = self.meet(ClientTLS(self.authorities, self.mine), server=self.demanding)
        self.assertEqual(server.shown.to_cryptography().subject.rfc4514_string(), "CN=me.example")

    def test_a_file_may_have_those_between(self):
        key = ec.generate_private_key(ec.SECP256R1())
        pem = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "leaf")]))
            .issuer_name(self.mine.original.to_cryptography().subject)
            .public_key(key.public_key())
            .serial_number(7)
            .not_valid_before(datetime.now(UTC) - timedelta(days=1))
            .not_valid_after(datetime.now(UTC) + timedelta(days=1))
            .sign(self.mine.privateKey.original.to_cryptography_key(), SHA256())
            .public_bytes(Encoding.PEM)
        )
        secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        path = self.write("mine.pem", pem + self.mine_pem + secret)
        _, server = self.meet(ClientTLS(self.authorities, path), server=self.demanding)
        self.assertEqual(server.shown.to_cryptography().subject.rfc4514_string(), "CN=leaf")

    def test_a_file_that_openssl_rejects_is_reported_at_once(self):
        key = crypto.PKey()
        with catch_warnings():
            simplefilter("ignore", DeprecationWarning)
            key.generate_key(crypto.TYPE_RSA, 512)
            certificate = crypto.X509.from_cryptography(self.mine.original.to_cryptography())
            certificate.set_pubkey(key)
            certificate.sign(key, "sha256")
        weak = PrivateCertificate(certificate)
        weak._setPrivateKey(KeyPair(key))
        with self.assertRaises(ValueError) as caught:
            ClientTLS(None, weak)
        self.assertIn("client_certificate can't be used: ee key too small", str(caught.exception))

    def test_without_one_the_server_refuses(self):
        _, server = self.meet(ClientTLS(self.authorities), server=self.demanding)
        self.assertEqual(server.heard, b"")

    def test_it_is_left_behind_and_the_authorities_are_not(self):
        tls = ClientTLS(self.authorities, self.mine).without_certificate()
        client, server = self.meet(tls, server=self.demanding)
        self.assertEqual(server.heard, b"")
        client, _ = self.meet(tls)
        self.assertEqual(client.heard, b"hello")
        given = ClientTLS(optionsForClientTLS("localhost"))
        self.assertIs(given.without_certificate().creator_for("h"), given.creator_for("h"))


class MistakeTests(TLSTestCase):
    def test_each_is_reported(self):
        empty = self.write("empty.pem", b"")
        _, other_key = make_pems("localhost")
        for words, arguments in (
            ("must have a certificate in PEM format; it has none", (empty,)),
            ("must have a certificate in PEM format; it has none", (None, str(empty))),
            (
                "must have a *.pem file with a certificate",
                (self.directory(**{"a.crt": self.pem, "b.pem": b"x"}),),
            ),
            ("a.pem can't be used: ", (self.directory(**{"a.pem": GARBAGE, "b.pem": self.pem}),)),
            ("must also have the certificate's key", (None, self.authorities)),
            ("unencrypted", (None, self.write("secret.pem", self.pem + ENCRYPTED))),
            ("garbage.pem can't be used: ", (self.write("garbage.pem", GARBAGE),)),
            ("broken.pem can't be used: ", (None, self.write("broken.pem", self.pem + BROKEN))),
            ("other.pem can't be used: ", (None, self.write("other.pem", self.pem + other_key))),
            ("keys do not match", (None, self.write("other.pem", self.pem + other_key))),
            ("leave client_certificate out", (optionsForClientTLS("h"), self.certificate)),
        ):
            with self.assertRaises(ValueError) as caught:
                ClientTLS(*arguments)
            self.assertIn(words, str(caught.exception))
        self.assertRaises(OSError, ClientTLS, "/nowhere.pem")

    def test_the_error_for_another_library_s_option_names_ours(self):
        for words, arguments in (
            ("tls must be the path of a file or directory", (ssl.create_default_context(),)),
            ("txws2.client.InsecureTLS verifies nothing; it is False", (False,)),
            ("client_certificate must be a PrivateCertificate", (None, ("me.crt", "me.key"))),
        ):
            with self.assertRaises(TypeError) as caught:
                ClientTLS(*arguments)
            self.assertIn(words, str(caught.exception))


@implementer(ISSLTransport)
class Shown:
    """A transport over TLS, whose peer has sent these certificates."""

    def __init__(self, *chain):
        self._chain = [*chain]

    def getHandle(self):
        return self

    def get_peer_cert_chain(self):
        return self._chain

    def get_finished(self):
        return b""

    def get_context(self):
        return SSL.Context(SSL.TLS_METHOD)


class FailureTests(SynchronousTestCase):
    def test_another_failure_is_no_failure_of_tls(self):
        self.assertIsNone(tls_failure(OSError(), StringTransport(), "h"))

    def test_an_end_within_the_handshake_is_one(self):
        factory = Factory.forProtocol(Talker)
        tls = TLSMemoryBIOFactory(optionsForClientTLS("localhost"), True, factory, Clock())
        outer = tls.buildProtocol(None)
        outer.makeConnection(StringTransport())
        inner = outer.wrappedProtocol
        outer.connectionLost(Failure(ConnectionLost("gone")))
        failure = inner.failure
        self.assertIn("the TLS handshake failed: Connection to the other", str(failure))
        self.assertIsInstance(failure.__cause__, ConnectionLost)

    def test_without_tls_there_is_no_handshake(self):
        self.assertFalse(is_shaking_hands(StringTransport()))

    def test_a_transport_that_never_had_a_connection_has_none(self):
        @implementer(ISSLTransport)
        class Unmade:
            def getHandle(self):
                raise AttributeError("_tlsConnection")

        self.assertFalse(is_shaking_hands(Unmade()))
        self.assertIsNone(tls_failure(OSError(), Unmade(), "h"))

    def test_a_certificate_that_another_verifier_refused_is_reported_in_any_form(self):
        """An exception here would leave connectionLost, so the application would hear of no end."""
        authority = Authority()
        for names, words in (
            (("other.example",), "it is for other.example"),
            (("*",), "it is for no host at all; no host is called '*'"),
            ((b"\xff\xff",), "its names can't be read: error parsing asn1 value"),
            ((b"\x30\x04\xa3\x02\x30\x00",), "its names can't be read"),
            ((x509.UniformResourceIdentifier("a://b:1/"),), "it is for no host at all"),
            ((), "it is for no host at all"),
        ):
            transport = Shown(authority.certify(*names).original)
            for error in (VerificationError([]), CertificateError()):
                failure = tls_failure(error, transport, "h")
                start = f"the server's certificate isn't one for h; {words}"
                self.assertTrue(str(failure).startswith(start), failure)
        failure = tls_failure(CertificateError(), Shown(), "h")
        self.assertEqual(str(failure), "the server's certificate isn't one for h")

    def test_an_error_without_words_of_openssl_raises_nothing(self):
        class Broken:
            def __init__(self, *arguments):
                raise TypeError

        self.patch(crypto, "X509StoreContext", Broken)
        transport = Shown(Authority().certify("h").original)
        failure = tls_failure(SSL.Error([(), ("a", "b", "one")]), transport, "h")
        self.assertEqual(str(failure), "the TLS handshake failed: one")

    def test_the_error_has_the_reasons_of_openssl_if_there_are_any(self):
        for error, words in (
            (SSL.Error([("a", "b", "one"), ("a", "b", ""), ("a", "b", "two")]), "one, two"),
            (SSL.SysCallError(-1, "Unexpected EOF"), "(-1, 'Unexpected EOF')"),
            (SSL.ZeroReturnError(), "ZeroReturnError"),
            (SSL.Error([]), "Error"),
        ):
            failure = tls_failure(error, StringTransport(), "h")
            self.assertEqual(str(failure), f"the TLS handshake failed: {words}")

"""Each way in which a server's TLS can be wrong, and the text of the client's error."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from ipaddress import ip_address
from warnings import catch_warnings, simplefilter

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from OpenSSL import SSL, crypto
from twisted.internet.ssl import (
    AcceptableCiphers,
    Certificate,
    CertificateOptions,
    TLSVersion,
    trustRootFromCertificates,
)

from tests.support.certificates import Authority

__all__ = ["ACCEPTED", "ROWS", "Row", "pattern_of", "trusted"]


@dataclass(frozen=True)
class Row:
    """One way in which TLS can be wrong.

    Attributes:
        title: its name in docs/howto/tls.rst.
        words: the text of the error: {host} stands for the host, and ... for any text.
        serve: makes the TLS of the server.
        host: the host that the client connects to.
        name: the name that the certificate must have, if it is another.
    """

    title: str
    words: str
    serve: Callable[[], CertificateOptions]
    host: str = "localhost"
    name: str | None = None


@cache
def authority(name="the authority", **options):
    return Authority(name, **options)


@cache
def trusted():
    """Return the certificates of the authorities to trust, as PEM."""
    return b"".join(
        each.pem for each in (authority(), authority("the old one", days=(-9, -1)), narrow())
    )


@cache
def narrow():
    """Return an authority that may certify the hosts of one domain only."""
    permitted = [x509.DNSName("example")]
    constraints = x509.NameConstraints(permitted_subtrees=permitted, excluded_subtrees=None)
    return Authority("the narrow one", extensions=(constraints,))


def options(certificate, **more):
    return CertificateOptions(
        privateKey=certificate.privateKey.original, certificate=certificate.original, **more
    )


def having(*names, **more):
    """Return a maker of TLS with a certificate for these names, signed by a trusted authority."""
    return lambda: options(authority().certify(*names, **more))


def signed_by(other, **more):
    return lambda: options(other().certify("localhost", **more))


def itself_signed():
    key = ec.generate_private_key(ec.SECP256R1())
    lonely = Authority("localhost")
    lonely._key = key
    return options(lonely.certify("localhost", key=key))


def signed_by_a_server():
    """Return TLS whose certificate is signed by that of a server, which is no authority."""
    between = Authority("a server")
    server = authority().certify("a.example", common_name="a server", key=between._key)
    return options(between.certify("localhost"), extraCertChain=[server.original])


def forged():
    """Return TLS whose certificate somebody else has signed in the authority's name."""
    return options(Authority("the authority").certify("localhost"))


def weak(key, digest):
    """Return TLS with a certificate for this key, signed with this digest."""
    with catch_warnings():
        # The API that replaces the deprecated one makes no weak certificates.
        simplefilter("ignore", DeprecationWarning)
        certificate = crypto.X509()
        real = authority().certify("localhost").original
        certificate.set_version(2)
        certificate.set_serial_number(7)
        certificate.set_subject(real.get_subject())
        certificate.set_issuer(real.get_issuer())
        certificate.set_notBefore(real.get_notBefore())
        certificate.set_notAfter(real.get_notAfter())
        certificate.set_pubkey(key)
        certificate.sign(crypto.PKey.from_cryptography_key(authority()._key), digest)
    # A server shows a weak certificate only at security level 0.
    context = SSL.Context(SSL.TLS_METHOD)
    context.set_max_proto_version(SSL.TLS1_2_VERSION)
    context.set_cipher_list(b"ALL:@SECLEVEL=0")
    context.use_certificate(certificate)
    context.use_privatekey(key)
    contexts = CertificateOptions()
    contexts._context = context
    return contexts


def with_a_weak_key():
    key = crypto.PKey()
    with catch_warnings():
        simplefilter("ignore", DeprecationWarning)
        key.generate_key(crypto.TYPE_RSA, 512)
    return weak(key, "sha256")


def with_a_weak_digest():
    key = crypto.PKey.from_cryptography_key(ec.generate_private_key(ec.SECP256R1()))
    return weak(key, "sha1")


def demanding():
    """Return TLS that demands a certificate of the client."""
    trust = trustRootFromCertificates([Certificate.loadPEM(authority().pem)])
    return options(authority().certify("localhost"), trustRoot=trust)


def outdated():
    return options(
        authority().certify("localhost"),
        insecurelyLowerMinimumTo=TLSVersion.TLSv1_0,
        lowerMaximumSecurityTo=TLSVersion.TLSv1_1,
    )


def with_other_ciphers():
    contexts = options(
        authority().certify("localhost"),
        acceptableCiphers=AcceptableCiphers.fromOpenSSLCipherString("AES128-SHA"),
    )
    contexts.getContext().set_max_proto_version(SSL.TLS1_2_VERSION)
    return contexts


FAILED = "the TLS handshake failed: "
UNTRUSTED = f"{FAILED}certificate verify failed; "
BY = "issued by CN=the authority)"
LEAF = f"(the certificate CN=localhost, {BY}"
ANOTHER = "the server's certificate isn't one for {host}; "
NO_HOST = f"{ANOTHER}it is for no host at all"
NO_NAME = f"{NO_HOST}, as it has no name in subjectAltName"
NO_NAMES = f"{NO_HOST}; no host is called "


def usage(*purposes):
    return (x509.ExtendedKeyUsage(purposes),)


ONLY_FOR_SIGNING = x509.KeyUsage(False, False, False, False, False, True, False, False, False)
ADDRESS = x509.IPAddress(ip_address("127.0.0.1"))

ROWS = [
    Row(
        "It has expired.",
        f"{UNTRUSTED}certificate has expired {LEAF}",
        having("localhost", days=(-2, -1)),
    ),
    Row(
        "It isn't valid yet.",
        f"{UNTRUSTED}certificate is not yet valid... {LEAF}",
        having("localhost", days=(1, 2)),
    ),
    Row(
        "The authority's own certificate has expired.",
        f"{UNTRUSTED}certificate has expired (the certificate CN=the old one, "
        "issued by CN=the old one)",
        signed_by(lambda: authority("the old one", days=(-9, -1))),
    ),
    Row(
        "It has signed itself.",
        f"{UNTRUSTED}self-signed certificate (the certificate CN=localhost, "
        "issued by CN=localhost)",
        itself_signed,
    ),
    Row(
        "Its authority isn't one of those that are trusted, or a certificate between the two "
        "isn't shown.",
        f"{UNTRUSTED}unable to get local issuer certificate (the certificate CN=localhost, "
        "issued by CN=a stranger)",
        signed_by(lambda: authority("a stranger")),
    ),
    Row(
        "Somebody else has signed it in the authority's name.",
        f"{FAILED}...certificate verify failed; certificate signature failure {LEAF}",
        forged,
    ),
    Row(
        "It is signed by a certificate that isn't an authority's.",
        f"{UNTRUSTED}invalid CA certificate (the certificate CN=a server, {BY}",
        signed_by_a_server,
    ),
    Row(
        "The name constraints of its authority exclude the host.",
        f"{UNTRUSTED}permitted subtree violation (the certificate CN=localhost, "
        "issued by CN=the narrow one)",
        signed_by(narrow),
    ),
    Row(
        "It is for clients, or for something else than servers.",
        f"{UNTRUSTED}unsuitable certificate purpose {LEAF}",
        having("localhost", extensions=usage(x509.ExtendedKeyUsageOID.CLIENT_AUTH)),
    ),
    Row(
        "Its key may be used for signing certificates only.",
        f"{UNTRUSTED}unsuitable certificate purpose {LEAF}",
        having("localhost", extensions=(ONLY_FOR_SIGNING,)),
    ),
    Row(
        "Its key is weak.",
        f"{UNTRUSTED}the certificate's key is too weak {LEAF}",
        with_a_weak_key,
    ),
    Row(
        "Its authority has signed it with a digest that is weak, as SHA-1.",
        f"{UNTRUSTED}the digest that an authority has signed is too weak {LEAF}",
        with_a_weak_digest,
    ),
    Row(
        "It is for another host.",
        f"{ANOTHER}it is for other.example",
        having("other.example"),
    ),
    Row(
        "It is for the host's address, and the URI has its name.",
        f"{ANOTHER}it is for 127.0.0.1",
        having(ADDRESS),
    ),
    Row(
        "It is for the host's name, and the URI has its address.",
        f"{ANOTHER}it is for localhost",
        having("localhost"),
        host="127.0.0.1",
    ),
    Row(
        "It has the address where names are.",
        f"{NO_NAMES}'127.0.0.1'",
        having("127.0.0.1"),
        host="127.0.0.1",
    ),
    Row(
        "It has the name as its common name, and no subjectAltName.",
        NO_NAME,
        having(common_name="localhost"),
    ),
    Row(
        "Its subjectAltName is empty.",
        NO_NAME,
        having(b"\x30\x00"),
    ),
    Row(
        "Its subjectAltName has a URI and an e-mail address, and no host.",
        NO_NAME,
        having(
            x509.UniformResourceIdentifier("https://localhost:443/"),
            x509.RFC822Name("root@localhost"),
            x509.DirectoryName(x509.Name([])),
        ),
    ),
    Row(
        "Its name is ``*``.",
        f"{NO_NAMES}'*'",
        having("*"),
    ),
    Row(
        "Its name is ``*.com``.",
        f"{NO_NAMES}'*.com'",
        having("*.com"),
        name="example.com",
    ),
    Row(
        "The wildcard isn't at the beginning of the name.",
        f"{NO_NAMES}'foo.*.example'",
        having("foo.*.example"),
        name="foo.bar.example",
    ),
    Row(
        "The wildcard is a part of a label.",
        f"{ANOTHER}it is for f*.host.example",
        having("f*.host.example"),
        name="foo.host.example",
    ),
    Row(
        "There are two wildcards.",
        f"{NO_NAMES}'*.*.example'",
        having("*.*.example"),
        name="foo.bar.example",
    ),
    Row(
        "The host is two levels below the wildcard.",
        f"{ANOTHER}it is for *.host.example",
        having("*.host.example"),
        name="a.b.host.example",
    ),
    Row(
        "The host is the domain of the wildcard.",
        f"{ANOTHER}it is for *.host.example",
        having("*.host.example"),
        name="host.example",
    ),
    Row(
        "Its subjectAltName can't be parsed.",
        f"{FAILED}invalid certificate, certificate verify failed; ... {LEAF}",
        having(b"\xff\xff"),
    ),
    Row(
        "Its subjectAltName has an address of X.400.",
        f"{ANOTHER}its names can't be read: ...",
        having(b"\x30\x04\xa3\x02\x30\x00"),
    ),
    Row(
        "Its name isn't ASCII.",
        f"{ANOTHER}its names can't be read: ...",
        having(b"\x30\x06\x82\x04a\xff\x1bb"),
    ),
    Row(
        "The server wants a certificate of yours.",
        f"{FAILED}tlsv13 alert certificate required",
        demanding,
    ),
    Row(
        "The server has no TLS that is later than 1.1.",
        f"{FAILED}tlsv1 alert protocol version",
        outdated,
    ),
    Row(
        "There is no cipher that both sides have.",
        f"{FAILED}...handshake failure",
        with_other_ciphers,
    ),
]

ACCEPTED = [
    Row("the name", "", having("localhost")),
    Row("the name among others", "", having("other.example", "localhost", ADDRESS)),
    Row("the name among malformed ones", "", having("*", "*.com", "127.0.0.1", "localhost")),
    Row("the name besides other kinds", "", having("localhost", x509.RFC822Name("a@b"))),
    Row("a URI with a port", "", having("localhost", x509.UniformResourceIdentifier("a://b:1/"))),
    Row("other letters", "", having("LocalHost")),
    Row("a wildcard", "", having("*.host.example"), name="foo.host.example"),
    Row("an underscore", "", having("*.host.example"), name="my_svc.host.example"),
    Row("two hyphens", "", having("*.site.example"), name="r3---sn-x.site.example"),
    Row("hyphens where IDNA has its own", "", having("qa--a.example"), name="qa--a.example"),
    Row("an international name", "", having("xn--bcher-kva.example"), name="bücher.example"),
    Row("a wildcard, for one", "", having("*.my.example"), name="bücher.my.example"),
    Row("a dot at the end", "", having("host.example"), name="host.example."),
    Row("an IPv4 address", "", having(ADDRESS), host="127.0.0.1"),
    Row("an IPv6 address", "", having(x509.IPAddress(ip_address("fe80::1"))), name="fe80::1"),
    Row(
        "an IPv6 address in a zone",
        "",
        having(x509.IPAddress(ip_address("fe80::1"))),
        name="fe80::1%eth0",
    ),
    Row(
        "one for servers",
        "",
        having("localhost", extensions=usage(x509.ExtendedKeyUsageOID.SERVER_AUTH)),
    ),
]


def pattern_of(row, host=None):
    """Return a regular expression for the error text of a row, for this host."""
    words = row.words.format(host=host or row.name or row.host)
    # OpenSSL 1.1 and LibreSSL spell it so.
    return re.escape(words).replace(r"\.\.\.", ".*").replace("self\\-signed", "self.signed") + r"\Z"

"""Certificates that are made for a test, signed by themselves or by an authority."""

from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from twisted.internet.ssl import PrivateCertificate

__all__ = ["Authority", "certify", "make_pems"]


def make_pems(name, address=None, days=(-1, 1)):
    """Make a self-signed certificate for a host; return its PEM and that of its key.

    It is valid from the first to the second of these days, counted from now.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    names = [x509.DNSName(name)] + ([x509.IPAddress(ip_address(address))] if address else [])
    begin, end = (datetime.now(UTC) + timedelta(days=each) for each in days)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(end)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, SHA256())
    )
    pem = certificate.public_bytes(Encoding.PEM)
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return pem, secret


def certify(name, address=None, days=(-1, 1)):
    """Make a certificate, and its key, for a host; return it and its PEM."""
    pem, secret = make_pems(name, address, days)
    return PrivateCertificate.loadPEM(pem + secret), pem


SUBJECT_ALT_NAME = x509.ObjectIdentifier("2.5.29.17")


class Authority:
    """An authority that a test trusts, or doesn't.

    Attributes:
        pem: its own certificate.
    """

    def __init__(self, name="the authority", days=(-9, 9), extensions=()):
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = named(name)
        builder = self._build(self._name, self._key.public_key(), days)
        ca = x509.BasicConstraints(ca=True, path_length=None)
        for extension in (ca, *extensions):
            builder = builder.add_extension(extension, critical=True)
        self._certificate = builder.sign(self._key, SHA256())
        self.pem = self._certificate.public_bytes(Encoding.PEM)

    def _build(self, subject, key, days):
        begin, end = (datetime.now(UTC) + timedelta(days=each) for each in days)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(begin)
            .not_valid_after(end)
        )

    def certify(self, *names, common_name="localhost", days=(-1, 1), extensions=(), key=None):
        """Sign a certificate; return it with its key.

        Args:
            names: the names in subjectAltName, each a DNS name or another kind of name; or the
                whole extension, as bytes. Without names there is no such extension.
            common_name: its common name.
            days: the first and last day of its validity, counted from now.
            extensions: further extensions.
            key: its key.
        """
        key = key or ec.generate_private_key(ec.SECP256R1())
        builder = self._build(named(common_name), key.public_key(), days)
        if names:
            builder = builder.add_extension(alternatives(*names), critical=False)
        for extension in extensions:
            builder = builder.add_extension(extension, critical=True)
        certificate = builder.sign(self._key, SHA256())
        secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return PrivateCertificate.loadPEM(certificate.public_bytes(Encoding.PEM) + secret)


def named(common_name):
    """Return a subject that has only a common name."""
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, common_name)])


def alternatives(*names):
    """Return the extension subjectAltName with these names."""
    if isinstance(names[0], bytes):
        return x509.UnrecognizedExtension(SUBJECT_ALT_NAME, names[0])
    return x509.SubjectAlternativeName(
        [x509.DNSName(name) if isinstance(name, str) else name for name in names]
    )

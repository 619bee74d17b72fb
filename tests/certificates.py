"""Certificates that are made for a test, each signed by itself."""

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

__all__ = ["certify", "make_pems"]


def make_pems(name, address=None, days=(-1, 1)):
    """Make a certificate, signed by itself, for a host; return its PEM and that of its key.

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

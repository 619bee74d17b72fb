"""The name of a server: TLS asks for it, and a certificate must have it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import idna
from cryptography import x509
from OpenSSL import SSL, crypto
from service_identity import CertificateError
from service_identity.hazmat import DNS_ID, DNSPattern, IPAddress_ID, IPAddressPattern

from txws2._transport.dns import is_address
from txws2.wire.escaping import escaped

__all__ = ["Refusal", "ServerName", "name_to_ask_for", "names_of", "refusal_of", "subject_of"]

# Not only those of the internet: containers, for instance, have names with underscores; and there
# are hosts whose names IDNA 2008 has something against, as r3---sn-x.example.
_NAME = re.compile(r"(?=.{1,253}\Z)[0-9A-Za-z_-]{1,63}(?:\.[0-9A-Za-z_-]{1,63})*")

# RFC 9525 section 6.3 has a wildcard stand for any one label. service_identity goes by RFC 6125,
# and has it stand for none that IDNA has encoded.
_ENCODED = re.compile(r"\Axn--", re.IGNORECASE)

# A certificate may be for thousands, each of any length.
_MOST_NAMES = 10
_LONGEST_NAME = 100


def name_to_ask_for(host: str) -> bytes | None:
    """Return the name by which a server is asked for its certificate (RFC 6066 section 3).

    Args:
        host: its name or its address. A name may end with a dot, and be an international one.

    Returns:
        The name in ASCII, without a dot at its end; None for an address, which isn't permitted
        there.

    Raises:
        ValueError: it is neither.
    """
    if is_address(host):
        return None
    name = host.removesuffix(".")
    if not name.isascii():
        name = idna.encode(name, uts46=True).decode()
    if not _NAME.fullmatch(name):
        raise ValueError(f"{host!r} is neither the name of a host nor an address")
    return name.encode()


class ServerName:
    """The name of a server that has to show a certificate for it, signed by whom we trust.

    Args:
        host: its name or its address, as `name_to_ask_for` takes it. The zone of an IPv6 address
            means something on this machine only (RFC 4007 section 6), and is in no certificate.

    Attributes:
        host: the same.
        asked: the name to ask for; None for an address.

    Raises:
        ValueError: no certificate can be for it.
    """

    def __init__(self, host: str) -> None:
        self.host = host
        self.asked = name_to_ask_for(host)
        self._expected: DNS_ID | IPAddress_ID
        # The same, for what has a wildcard.
        self._below: DNS_ID | IPAddress_ID
        if self.asked is None:
            self._below = self._expected = IPAddress_ID(host.partition("%")[0])
        else:
            name = self.asked.decode()
            self._expected = DNS_ID(name)
            self._below = DNS_ID(_ENCODED.sub("a--", name))

    def demand(self, connection: SSL.Connection) -> None:
        """Have a connection's handshake fail unless the server shows such a certificate.

        OpenSSL asks us within the handshake, before anything that we send is encrypted.
        """
        connection.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, self._verify)

    def _verify(
        self,
        connection: SSL.Connection,
        certificate: crypto.X509,
        code: int,
        depth: int,
        trusted: int,
    ) -> bool:
        """Judge one of the certificates; the server's own, at depth 0, is the last."""
        # An error isn't a proof. It can't leave a callback of OpenSSL either, nor be kept: its
        # traceback has the connection, which would live as long as what is known of it.
        with suppress(BaseException):
            if trusted and (depth > 0 or self._is_in(certificate)):
                return True
        _refusals[connection] = Refusal(self.host, certificate, code, bool(trusted))
        return False

    def _is_in(self, certificate: crypto.X509) -> bool:
        for name in _names(certificate):
            expected = self._below if "*" in str(name.value) else self._expected
            try:
                if expected.verify(_pattern(name)):
                    return True
            except (CertificateError, ValueError):
                # RFC 9525 section 6: a name that is none matches nothing. The others count.
                continue
        return False


@dataclass(frozen=True)
class Refusal:
    """A certificate that was refused in a handshake.

    Attributes:
        host: whose certificate was expected.
        certificate: the one that was refused; of those shown, not always the server's own.
        code: what OpenSSL has against it, as a number; 0 for nothing.
        trusted: whether it is only the name that is wrong, or can't be read.
    """

    host: str
    certificate: crypto.X509
    code: int
    trusted: bool


# OpenSSL's own error says only that there is one. Nothing is kept for those that pass.
_refusals: WeakKeyDictionary[SSL.Connection, Refusal] = WeakKeyDictionary()


def refusal_of(connection: SSL.Connection | None) -> Refusal | None:
    """Return why a connection's handshake was refused by us; None if it wasn't."""
    return None if connection is None else _refusals.get(connection)


def names_of(certificate: crypto.X509) -> str:
    """Say for a person which hosts a certificate is for; it never raises."""
    try:
        names = list(_names(certificate))
    except Exception as exc:
        return f"its names can't be read: {_shown(str(exc) or type(exc).__name__)}"
    good = [_shown(str(name.value)) for name in names if _is_well_formed(name)]
    bad = [f"'{_shown(str(name.value))}'" for name in names if not _is_well_formed(name)]
    if good:
        text = f"it is for {_listed(good)}"
    elif bad:
        text = "it is for no host at all"
    else:
        text = "it is for no host at all, as it has no name in subjectAltName"
    return f"{text}; no host is called {_listed(bad)}" if bad else text


def subject_of(certificate: crypto.X509) -> str:
    """Say for a person which certificate it is; it never raises."""
    try:
        parsed = certificate.to_cryptography()
        subject = parsed.subject.rfc4514_string()
        issuer = parsed.issuer.rfc4514_string()
    except Exception as exc:
        return f"the certificate, which can't be read: {_shown(str(exc) or type(exc).__name__)}"
    subject = _shown(subject) or "without a name"
    return f"the certificate {subject}, issued by {_shown(issuer) or 'a nameless authority'}"


def _names(certificate: crypto.X509) -> Iterator[x509.DNSName | x509.IPAddress]:
    """Yield what a certificate calls its hosts; the common name counts no more (RFC 9525)."""
    extensions = certificate.to_cryptography().extensions
    try:
        found = extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return
    for name in found.value:
        if isinstance(name, (x509.DNSName, x509.IPAddress)):
            yield name


def _pattern(name: x509.DNSName | x509.IPAddress) -> DNSPattern | IPAddressPattern:
    if isinstance(name, x509.DNSName):
        return DNSPattern.from_bytes(name.value.encode())
    return IPAddressPattern(name.value)  # type: ignore[arg-type]


def _is_well_formed(name: x509.DNSName | x509.IPAddress) -> bool:
    try:
        _pattern(name)
    except (CertificateError, ValueError):
        return False
    return True


def _shown(text: str) -> str:
    """Return a text from a certificate as it can be shown."""
    text = escaped(text)
    return text if len(text) <= _LONGEST_NAME else f"{text[:_LONGEST_NAME]}..."


def _listed(names: list[str]) -> str:
    more = len(names) - _MOST_NAMES
    text = ", ".join(names[:_MOST_NAMES])
    return f"{text} and {more} more" if more > 0 else text

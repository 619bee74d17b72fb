"""The name of a server: TLS requests it by SNI, and the server's certificate must have it."""

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

# Names that DNS registries refuse are accepted, too: containers, for instance, have names with
# underscores, and some hosts have names that IDNA 2008 forbids, as r3---sn-x.example.
_NAME = re.compile(r"(?=.{1,253}\Z)[0-9A-Za-z_-]{1,63}(?:\.[0-9A-Za-z_-]{1,63})*")

# In RFC 9525 section 6.3, a wildcard matches any one label. service_identity follows RFC 6125,
# where it matches no label that IDNA has encoded.
_ENCODED = re.compile(r"\Axn--", re.IGNORECASE)

# A certificate may have thousands of names, each of any length.
_MOST_NAMES = 10
_LONGEST_NAME = 100


def name_to_ask_for(host: str) -> bytes | None:
    """Return the name to send by SNI (RFC 6066 section 3).

    Args:
        host: a name or an address. A name may end with a dot, and be an international one.

    Returns:
        The name in ASCII, without a dot at its end; None for an address, which SNI doesn't permit.

    Raises:
        ValueError: host is neither a name nor an address.
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
    """The name of a server that must show a certificate for it, signed by a trusted authority.

    Args:
        host: a name or an address, as `name_to_ask_for` takes it. The zone of an IPv6 address
            means something on this machine only (RFC 4007 section 6), and is in no certificate.

    Attributes:
        host: the same as the argument.
        asked: the name to send by SNI; None for an address.

    Raises:
        ValueError: no certificate can have this name.
    """

    def __init__(self, host: str) -> None:
        self.host = host
        self.asked = name_to_ask_for(host)
        self._expected: DNS_ID | IPAddress_ID
        # The same, to compare with a pattern that has a wildcard.
        self._below: DNS_ID | IPAddress_ID
        if self.asked is None:
            self._below = self._expected = IPAddress_ID(host.partition("%")[0])
        else:
            name = self.asked.decode()
            self._expected = DNS_ID(name)
            self._below = DNS_ID(_ENCODED.sub("a--", name))

    def demand(self, connection: SSL.Connection) -> None:
        """Make a connection's handshake fail unless the server shows such a certificate.

        OpenSSL calls back during the handshake, before the client sends anything encrypted.
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
        """Judge one certificate of the chain; the server's own, at depth 0, comes last."""
        # An exception refuses the certificate, too. It can't leave a callback of OpenSSL. It isn't
        # kept, because its traceback has the connection, which is the weak key of _refusals.
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
                # RFC 9525 section 6: a malformed name matches nothing. The other names count.
                continue
        return False


@dataclass(frozen=True)
class Refusal:
    """A certificate that was refused in a handshake.

    Attributes:
        host: the host that the certificate should have been for.
        certificate: the refused certificate: the server's own, or another one of its chain.
        code: the number of OpenSSL's error; 0 for none.
        trusted: True if OpenSSL accepts the certificate, and only its names are wrong or can't be
            read.
    """

    host: str
    certificate: crypto.X509
    code: int
    trusted: bool


# OpenSSL's own error doesn't have these details. Accepted certificates aren't kept.
_refusals: WeakKeyDictionary[SSL.Connection, Refusal] = WeakKeyDictionary()


def refusal_of(connection: SSL.Connection | None) -> Refusal | None:
    """Return the certificate that this client has refused in a handshake; None if there is none."""
    return None if connection is None else _refusals.get(connection)


def names_of(certificate: crypto.X509) -> str:
    """Return the hosts that a certificate is for, for an error text; never raise."""
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
    """Return the subject and the issuer of a certificate, for an error text; never raise."""
    try:
        parsed = certificate.to_cryptography()
        subject = parsed.subject.rfc4514_string()
        issuer = parsed.issuer.rfc4514_string()
    except Exception as exc:
        return f"the certificate, which can't be read: {_shown(str(exc) or type(exc).__name__)}"
    subject = _shown(subject) or "without a name"
    return f"the certificate {subject}, issued by {_shown(issuer) or 'a nameless authority'}"


def _names(certificate: crypto.X509) -> Iterator[x509.DNSName | x509.IPAddress]:
    """Yield the names in subjectAltName; RFC 9525 doesn't use the common name any more."""
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
    """Return a text from a certificate, escaped and cut short."""
    text = escaped(text)
    return text if len(text) <= _LONGEST_NAME else f"{text[:_LONGEST_NAME]}..."


def _listed(names: list[str]) -> str:
    more = len(names) - _MOST_NAMES
    text = ", ".join(names[:_MOST_NAMES])
    return f"{text} and {more} more" if more > 0 else text

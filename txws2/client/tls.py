"""TLS as a client wants it: verified, and when it fails, with the certificate and the reason."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from os import PathLike, fspath
from pathlib import Path
from typing import Any, Union, cast

from OpenSSL import SSL, crypto
from service_identity import CertificateError, VerificationError
from twisted.internet.error import VerifyError
from twisted.internet.interfaces import (
    IOpenSSLClientConnectionCreator,
    ISSLTransport,
    ITransport,
)
from twisted.internet.ssl import (
    Certificate,
    CertificateOptions,
    PrivateCertificate,
    TLSVersion,
    optionsForClientTLS,
    platformTrust,
    trustRootFromCertificates,
)
from zope.interface import implementer

from txws2._private_names import CLIENT_TLS_HOST
from txws2.client.server_identity import Refusal, ServerName, names_of, refusal_of, subject_of
from txws2.exceptions import SecurityError

__all__ = ["TLS", "ClientCertificate", "ClientTLS", "is_shaking_hands", "tls_failure"]

# Interfaces of zope can't do `|`.
TLS = Union[IOpenSSLClientConnectionCreator, str, PathLike[str]]  # noqa: UP007
"""A creator of TLS connections, or the path of the certificates of the authorities to trust.

A path is that of a PEM file, or of a directory with such files, named *.pem.
"""

ClientCertificate = Union[PrivateCertificate, str, PathLike[str]]  # noqa: UP007
"""A certificate with its key, or the path of a file with both, and with those between."""

_CERTIFICATE = re.compile(
    rb"-----BEGIN CERTIFICATE-----\r?\n.+?-----END CERTIFICATE-----", re.DOTALL
)


class ClientTLS:
    """Makes what makes TLS connections: TLS 1.2 or later, with a certificate that is verified.

    Args:
        tls: a connection creator, used as it is, but for what `optionsForClientTLS` returns: the
            name that this is for is verified by us. Or the path of a PEM file with the certificates
            of the authorities to trust, or of a directory with such files, named *.pem, of which
            those without a certificate don't count. None for those that this machine trusts.
        certificate: what to show to a server that asks who we are.

    Raises:
        OSError: a file can't be read.
        TypeError: one of the two is something else.
        ValueError: there is no certificate in it, it is damaged, its key is encrypted or another
            certificate's, or there is a creator and a certificate.
    """

    def __init__(self, tls: TLS | None, certificate: ClientCertificate | None = None) -> None:
        _check_kinds(tls, certificate)
        self._creator: IOpenSSLClientConnectionCreator | None = None
        self._trust: Any = None
        if isinstance(tls, (str, PathLike)):
            self._trust = trustRootFromCertificates(_authorities_of(Path(tls)))
        elif tls is not None:
            self._creator = _made_sure(tls)
        if self._creator is not None and certificate is not None:
            raise ValueError("a connection creator has its own client_certificate, if any")
        # It is made once for all connections, and only if there is one over TLS.
        self._context: SSL.Context | None = None
        self._shows = certificate is not None
        if certificate is not None:
            self._context = _context_with(certificate, self._trust)

    @property
    def is_given(self) -> bool:
        """Whether it is a connection creator of somebody else's making."""
        return self._creator is not None

    def without_certificate(self) -> ClientTLS:
        """Return one that shows no certificate, for servers that none was meant for."""
        if not self._shows:
            return self
        other = ClientTLS(self._creator)
        other._trust = self._trust
        return other

    def creator_for(self, host: str) -> IOpenSSLClientConnectionCreator:
        """Return what makes connections to a host, and verifies that it is that.

        Raises:
            ValueError: no certificate can be for it.
        """
        if self._creator is not None:
            return self._creator
        return _Verifying(self._shared_context, ServerName(host))

    def _shared_context(self) -> SSL.Context:
        if self._context is None:
            self._context = _make_context(self._trust)
        return self._context


@implementer(IOpenSSLClientConnectionCreator)
class _Verifying:
    """Makes connections to a server that has to show a certificate for its name.

    Those that Twisted makes do so, too. But in 26.10 they accept what they can't read, and in 24.7
    they look only after the handshake.
    """

    def __init__(self, context: Callable[[], SSL.Context], name: ServerName) -> None:
        self._context = context
        self._name = name

    def clientConnectionForTLS(self, tlsProtocol: object) -> SSL.Connection:
        """Make the connection for Twisted."""
        connection = SSL.Connection(self._context(), None)
        connection.set_alpn_protos([b"http/1.1"])
        if self._name.asked is not None:
            connection.set_tlsext_host_name(self._name.asked)
        self._name.demand(connection)
        return connection


@implementer(IOpenSSLClientConnectionCreator)
class _MadeSure:
    """Makes the connections that Twisted's `optionsForClientTLS` makes, and verifies the name.

    Args:
        creator: makes the connections.
        name: the server's name; None if this Twisted doesn't tell.
    """

    def __init__(self, creator: IOpenSSLClientConnectionCreator, name: ServerName | None) -> None:
        self._creator = creator
        self._name = name

    def clientConnectionForTLS(self, tlsProtocol: Any) -> SSL.Connection:
        """Make the connection for Twisted."""
        connection = self._creator.clientConnectionForTLS(tlsProtocol)
        name = self._name or _name_asked_of(connection)
        if name is not None:
            name.demand(connection)
        return connection


def _name_asked_of(connection: SSL.Connection) -> ServerName | None:
    """Return the name that a connection will ask its server for; it asks for no address."""
    asked = connection.get_servername()
    return None if asked is None else ServerName(asked.decode())


def _made_sure(creator: Any) -> IOpenSSLClientConnectionCreator:
    """Return a creator that verifies what a given one claims to, as far as that is known.

    A subclass may verify in a way of its own.
    """
    if type(creator) is not _kind_of_client_options():
        given: IOpenSSLClientConnectionCreator = creator
        return given
    known = CLIENT_TLS_HOST.are_in(type(creator))
    return _MadeSure(creator, ServerName(creator._hostnameASCII) if known else None)


@cache
def _kind_of_client_options() -> type[Any]:
    """Return the class of what `optionsForClientTLS` returns, which Twisted doesn't export."""
    return type(optionsForClientTLS("localhost", trustRoot=trustRootFromCertificates([])))


def _context_with(certificate: ClientCertificate, trust: Any) -> SSL.Context:
    """Return a context for connections that show a certificate of ours."""
    between: list[crypto.X509] = []
    if not isinstance(certificate, PrivateCertificate):
        path, (certificate, between) = certificate, _load(certificate)
    else:
        path = "client_certificate"
    options = {
        "privateKey": certificate.privateKey.original,
        "certificate": certificate.original,
    }
    if between:
        options["extraCertChain"] = between
    with _explained(path):
        return _make_context(trust, **options)


def _make_context(trust: Any, **options: Any) -> SSL.Context:
    # Only what is set on each connection differs from one to the other.
    return CertificateOptions(
        trustRoot=platformTrust() if trust is None else trust,
        raiseMinimumTo=TLSVersion.TLSv1_2,
        **options,
    ).getContext()


def _check_kinds(tls: object, certificate: object) -> None:
    """Tell somebody who has TLS of another library's in mind what it is here."""
    creates = hasattr(tls, "clientConnectionForTLS") or hasattr(tls, "getContext")
    if not (tls is None or creates or isinstance(tls, (str, PathLike))):
        raise TypeError(
            "tls must be the path of a file or directory with certificates, or the result of "
            "optionsForClientTLS in twisted.internet.ssl; txws2.client.InsecureTLS verifies "
            f"nothing; it is {tls!r}"
        )
    if not isinstance(certificate, (PrivateCertificate, str, PathLike, type(None))):
        raise TypeError(
            "client_certificate must be a PrivateCertificate, or the path of a file with "
            f"certificate and key; it is {certificate!r}"
        )


def _authorities_of(path: Path) -> list[Certificate]:
    """Load the certificates of a file, or of the *.pem files of a directory."""
    if not path.is_dir():
        return _certificates_in(path.read_bytes(), path)
    read = {file: file.read_bytes() for file in sorted(path.glob("*.pem"))}
    found = {file: pem for file, pem in read.items() if _CERTIFICATE.search(pem)}
    if not found:
        raise ValueError(f"no *.pem file in the directory {path} has a certificate in it")
    return [each for file, pem in found.items() for each in _certificates_in(pem, file)]


def _certificates_in(pem: bytes, path: str | PathLike[str]) -> list[Certificate]:
    """Return the certificates in what was read from a file."""
    pems = _CERTIFICATE.findall(pem)
    if not pems:
        raise ValueError(f"there is no certificate in {fspath(path)}; PEM is expected")
    with _explained(path):
        return [Certificate.loadPEM(each) for each in pems]


def _load(path: str | PathLike[str]) -> tuple[PrivateCertificate, list[crypto.X509]]:
    """Load a certificate with its key, and those between it and the authority."""
    pem = Path(path).read_bytes()
    _, *between = _certificates_in(pem, path)
    if b"PRIVATE KEY-----" not in pem or b"ENCRYPTED" in pem:
        raise ValueError(f"{fspath(path)} must have a key in it, too, and that unencrypted")
    with _explained(path):
        certificate = PrivateCertificate.loadPEM(pem)
    return certificate, [each.original for each in between]


@contextmanager
def _explained(path: str | PathLike[str]) -> Iterator[None]:
    """Say of which file it is that OpenSSL can't make anything."""
    try:
        yield
    except (SSL.Error, crypto.Error, VerifyError) as exc:
        raise ValueError(f"{fspath(path)} can't be used: {_tls_reason(exc)}") from exc


def is_shaking_hands(transport: ITransport) -> bool:
    """Tell whether a transport's TLS handshake isn't done yet."""
    connection = _connection(transport)
    return connection is not None and connection.get_finished() is None


def tls_failure(cause: BaseException, transport: ITransport, host: str) -> SecurityError | None:
    """Return what a person can do something about, if it is TLS that has failed.

    It never raises, whatever the certificate is like.

    Args:
        cause: why the connection was lost.
        transport: the connection.
        host: whose certificate was expected.
    """
    refusal = refusal_of(_connection(transport))
    if refusal is not None and refusal.trusted:
        words = f"isn't one for {refusal.host}; {names_of(refusal.certificate)}"
        error = SecurityError(f"the server's certificate {words}")
    elif isinstance(cause, (CertificateError, VerificationError)):
        # A connection creator of somebody else's making has verified it.
        chain = _chain(transport)
        names = f"; {names_of(chain[0])}" if chain else ""
        error = SecurityError(f"the server's certificate isn't one for {host}{names}")
    elif isinstance(cause, SSL.Error):
        error = SecurityError(
            f"the TLS handshake failed: {_tls_reason(cause)}{_refused(transport, refusal)}"
        )
    elif is_shaking_hands(transport):
        error = SecurityError(f"the TLS handshake failed: {cause}")
    else:
        return None
    error.__cause__ = cause
    return error


def _connection(transport: ITransport) -> SSL.Connection | None:
    # Twisted's have it, but no interface says so; and not before there is a connection.
    if not ISSLTransport.providedBy(transport):
        return None
    try:
        return cast(SSL.Connection, cast(Any, transport).getHandle())
    except AttributeError:
        return None


def _chain(transport: ITransport) -> list[crypto.X509]:
    """Return the certificates that the server has shown, its own first."""
    connection = _connection(transport)
    return [] if connection is None else connection.get_peer_cert_chain() or []


# The checks that OpenSSL makes of a server's certificate in a handshake only, by their numbers.
_ONLY_IN_HANDSHAKES = {
    26: "unsuitable certificate purpose",
    66: "the certificate's key is too weak",
    67: "the key of an authority is too weak",
    68: "the digest that an authority has signed is too weak",
}


def _refused(transport: ITransport, refusal: Refusal | None) -> str:
    """Say which certificate isn't trusted, and why; OpenSSL's own error doesn't."""
    chain, connection = _chain(transport), _connection(transport)
    store = None if connection is None else connection.get_context().get_cert_store()
    if store is None or not chain:
        return ""
    try:
        crypto.X509StoreContext(store, chain[0], chain[1:]).verify_certificate()
    except crypto.X509StoreContextError as exc:
        return f"; {exc} ({subject_of(exc.certificate)})"
    except Exception:
        # More than OpenSSL has said already isn't to be known.
        return ""
    if refusal is None:
        return ""
    why = _ONLY_IN_HANDSHAKES.get(refusal.code, f"error {refusal.code} of OpenSSL")
    return f"; {why} ({subject_of(refusal.certificate)})"


def _tls_reason(error: Exception) -> str:
    # Most have the error queue of OpenSSL, (library, function, reason) each; SysCallError hasn't.
    queue = error.args[0] if error.args else None
    if isinstance(queue, list):
        reasons = ", ".join(str(entry[-1]) for entry in queue if entry and entry[-1])
    else:
        reasons = str(error)
    return reasons or type(error).__name__

"""TLS as a client wants it: verified, and when it fails, with the certificate and the reason."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from os import PathLike, fspath
from pathlib import Path
from typing import Any, Union, cast

from OpenSSL import SSL, crypto
from service_identity import CertificateError, VerificationError
from service_identity.pyopenssl import extract_patterns
from twisted.internet.error import VerifyError
from twisted.internet.interfaces import (
    IOpenSSLClientConnectionCreator,
    ISSLTransport,
    ITransport,
)
from twisted.internet.ssl import (
    Certificate,
    PrivateCertificate,
    TLSVersion,
    optionsForClientTLS,
    trustRootFromCertificates,
)

from txws2.exceptions import SecurityError

__all__ = ["TLS", "ClientCertificate", "ClientTLS", "is_shaking_hands", "tls_failure"]

# Interfaces of zope can't do `|`.
TLS = Union[IOpenSSLClientConnectionCreator, str, PathLike[str]]  # noqa: UP007
"""What makes TLS connections, or the path of the certificates of the authorities to trust.

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
        tls: a connection creator, used as it is; or the path of a PEM file with the certificates
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
        self._creator = None if isinstance(tls, (str, PathLike)) else tls
        self._trust: Any = None
        if isinstance(tls, (str, PathLike)):
            self._trust = trustRootFromCertificates(_authorities_of(Path(tls)))
        self._certificate: PrivateCertificate | None
        self._between: list[crypto.X509] = []
        if isinstance(certificate, (str, PathLike)):
            self._certificate, self._between = _load(certificate)
        else:
            self._certificate = certificate
        if self._creator is not None and certificate is not None:
            raise ValueError("a connection creator has its own client_certificate, if any")

    @property
    def is_given(self) -> bool:
        """Whether it is a connection creator of somebody else's making."""
        return self._creator is not None

    def without_certificate(self) -> ClientTLS:
        """Return one that shows no certificate, for servers that none was meant for."""
        other = ClientTLS(self._creator)
        other._trust = self._trust
        return other

    def creator_for(self, host: str) -> IOpenSSLClientConnectionCreator:
        """Return what makes connections to a host, and verifies that it is that."""
        if self._creator is not None:
            return self._creator
        extra: dict[str, Any] = {"raiseMinimumTo": TLSVersion.TLSv1_2}
        if self._between:
            extra["extraCertChain"] = self._between
        return optionsForClientTLS(
            host,
            trustRoot=self._trust,
            clientCertificate=self._certificate,
            acceptableProtocols=[b"http/1.1"],
            extraCertificateOptions=extra,
        )


def _check_kinds(tls: object, certificate: object) -> None:
    """Tell somebody who has TLS of another library's in mind what it is here."""
    creates = hasattr(tls, "clientConnectionForTLS") or hasattr(tls, "getContext")
    if not (tls is None or creates or isinstance(tls, (str, PathLike))):
        raise TypeError(
            "tls must be the path of a file or directory with certificates, or the result of "
            "optionsForClientTLS in twisted.internet.ssl; txws2.insecure verifies nothing; it is "
            f"{tls!r}"
        )
    if not isinstance(certificate, (PrivateCertificate, str, PathLike, type(None))):
        raise TypeError(
            "client_certificate must be a PrivateCertificate, or the path of a file with "
            f"certificate and key; it is {certificate!r}"
        )


def _authorities_of(path: Path) -> list[Certificate]:
    """Load the certificates of a file, or of the *.pem files of a directory."""
    if not path.is_dir():
        return _certificates_of(path)
    files = [file for file in sorted(path.glob("*.pem")) if _CERTIFICATE.search(file.read_bytes())]
    if not files:
        raise ValueError(f"no *.pem file in the directory {path} has a certificate in it")
    return [certificate for file in files for certificate in _certificates_of(file)]


def _certificates_of(path: str | PathLike[str]) -> list[Certificate]:
    pems = _CERTIFICATE.findall(Path(path).read_bytes())
    if not pems:
        raise ValueError(f"there is no certificate in {fspath(path)}; PEM is expected")
    with _explained(path):
        return [Certificate.loadPEM(pem) for pem in pems]


def _load(path: str | PathLike[str]) -> tuple[PrivateCertificate, list[crypto.X509]]:
    """Load a certificate with its key, and those between it and the authority."""
    _, *between = _certificates_of(path)
    pem = Path(path).read_bytes()
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

    Args:
        cause: why the connection was lost.
        transport: the connection.
        host: whose certificate was expected.
    """
    if isinstance(cause, (CertificateError, VerificationError)):
        chain = _chain(transport)
        names = f"; it is for {_names(chain[0])}" if chain else ""
        error = SecurityError(f"the server's certificate isn't one for {host}{names}")
    elif isinstance(cause, SSL.Error):
        error = SecurityError(
            f"the TLS handshake failed: {_tls_reason(cause)}{_refused(transport)}"
        )
    elif is_shaking_hands(transport):
        error = SecurityError(f"the TLS handshake failed: {cause}")
    else:
        return None
    error.__cause__ = cause
    return error


def _connection(transport: ITransport) -> SSL.Connection | None:
    # Twisted's have it, but no interface says so.
    return cast(Any, transport).getHandle() if ISSLTransport.providedBy(transport) else None


def _chain(transport: ITransport) -> list[crypto.X509]:
    """Return the certificates that the server has shown, its own first."""
    connection = _connection(transport)
    return [] if connection is None else connection.get_peer_cert_chain() or []


def _refused(transport: ITransport) -> str:
    """Say which certificate isn't trusted, and why; OpenSSL's own error doesn't."""
    chain = _chain(transport)
    if not chain:
        return ""
    connection = _connection(transport)
    assert connection is not None
    store = connection.get_context().get_cert_store()
    assert store is not None
    try:
        crypto.X509StoreContext(store, chain[0], chain[1:]).verify_certificate()
    except crypto.X509StoreContextError as exc:
        certificate = exc.certificate.to_cryptography()
        subject = certificate.subject.rfc4514_string() or "that without a name"
        issuer = certificate.issuer.rfc4514_string()
        return f"; {exc} (the certificate {subject}, issued by {issuer})"
    return ""


def _names(certificate: crypto.X509) -> str:
    """Return the hosts that a certificate is for."""
    patterns = [getattr(each, "pattern", None) for each in extract_patterns(certificate)]
    names = [each.decode() if isinstance(each, bytes) else str(each) for each in patterns if each]
    return ", ".join(names) or "no host at all"


def _tls_reason(error: Exception) -> str:
    # Most have the error queue of OpenSSL, (library, function, reason) each; SysCallError hasn't.
    queue = error.args[0] if error.args else None
    if isinstance(queue, list):
        reasons = ", ".join(entry[-1] for entry in queue if entry[-1])
    else:
        reasons = str(error)
    return reasons or type(error).__name__

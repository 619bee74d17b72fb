"""TLS for clients: whom they trust, and the certificates they show."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from os import PathLike, fspath
from pathlib import Path
from typing import Any, Union

from OpenSSL import SSL, crypto
from twisted.internet.interfaces import (
    IOpenSSLClientConnectionCreator,
)
from twisted.internet.ssl import (
    PrivateCertificate,
    optionsForClientTLS,
    platformTrust,
    trustRootFromCertificates,
)
from zope.interface import implementer

from txws2._private_names import CLIENT_TLS_HOST
from txws2.client.server_identity import ServerName
from txws2.client.trust import (
    Trust,
    certificates_in,
    explained,
    make_context,
    trust_in,
    trust_of_machine,
)

__all__ = ["TLS", "ClientCertificate", "ClientTLS"]

# An interface of zope doesn't support `|`.
TLS = Union[IOpenSSLClientConnectionCreator, str, PathLike[str]]  # noqa: UP007
"""A creator of TLS connections, or a path with the certificates of the authorities to trust.

The path names a PEM file, or a directory with such files, named *.pem.
"""

ClientCertificate = Union[PrivateCertificate, str, PathLike[str]]  # noqa: UP007
"""A certificate with its key, or the path of a file with both, and intermediate certificates."""


class ClientTLS:
    """Makes creators of TLS connections: TLS 1.2 or later, with a verified certificate.

    Args:
        tls: a connection creator, which is used as it is; only for the result of
            `optionsForClientTLS`, the name is verified here. Or the path of a PEM file with the
            certificates of the authorities to trust, or of a directory with such files, named
            *.pem, where files without a certificate are ignored. None for the authorities that
            this machine trusts.
        certificate: the certificate to show to a server that demands one.

    Raises:
        OSError: a file can't be read.
        TypeError: an argument is of the wrong kind.
        ValueError: a file has no certificate in it or is damaged, its key is encrypted or belongs
            to another certificate, or there are both a creator and a certificate.
    """

    def __init__(self, tls: TLS | None, certificate: ClientCertificate | None = None) -> None:
        _check_kinds(tls, certificate)
        self._creator: IOpenSSLClientConnectionCreator | None = None
        # None for the authorities of this machine.
        self._trust: Trust | None = None
        if isinstance(tls, (str, PathLike)):
            self._trust = trust_in(tls)
        elif tls is not None:
            self._creator = _checked(tls)
        if self._creator is not None and certificate is not None:
            raise ValueError(
                "tls is a connection creator, which has its own certificate; "
                "leave client_certificate out"
            )
        # All connections share the context, which the first one over TLS makes.
        self._context: SSL.Context | None = None
        self._shows = certificate is not None
        if certificate is not None:
            self._context = _context_with(certificate, self._trust)

    @property
    def is_given(self) -> bool:
        """True if tls is a connection creator."""
        return self._creator is not None

    def without_certificate(self) -> ClientTLS:
        """Return a ClientTLS without the client certificate, for servers of another origin."""
        if not self._shows:
            return self
        other = ClientTLS(self._creator)
        other._trust = self._trust
        return other

    def creator_for(self, host: str) -> IOpenSSLClientConnectionCreator:
        """Return a creator of connections that verifies the certificate of a host.

        Raises:
            ValueError: no certificate can have this name.
        """
        if self._creator is not None:
            return self._creator
        return _VerifyingCreator(self._shared_context, ServerName(host))

    def _shared_context(self) -> SSL.Context:
        if self._context is None:
            self._context = (self._trust or trust_of_machine()).context
        return self._context


@implementer(IOpenSSLClientConnectionCreator)
class _VerifyingCreator:
    """Makes connections to a server that must show a certificate for its name.

    Twisted's creators verify the name, too. But in 26.10 they accept a certificate that they can't
    read, and in 24.7 they verify the name only after the handshake.
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
class _CheckedCreator:
    """Makes connections with a creator of `optionsForClientTLS`, and verifies the name, too.

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


def _checked(creator: Any) -> IOpenSSLClientConnectionCreator:
    """Return a creator that verifies the name that a creator of Twisted was made for.

    Any other creator is returned as it is. A subclass of Twisted's may have its own verification.
    """
    if type(creator) is not _kind_of_client_options():
        given: IOpenSSLClientConnectionCreator = creator
        return given
    known = CLIENT_TLS_HOST.are_in(type(creator))
    return _CheckedCreator(creator, ServerName(creator._hostnameASCII) if known else None)


@cache
def _kind_of_client_options() -> type[Any]:
    """Return the class of the creators of `optionsForClientTLS`, which Twisted doesn't export."""
    return type(optionsForClientTLS("localhost", trustRoot=trustRootFromCertificates([])))


def _context_with(certificate: ClientCertificate, trust: Trust | None) -> SSL.Context:
    """Return a context for connections that show a client certificate."""
    intermediates: list[crypto.X509] = []
    if not isinstance(certificate, PrivateCertificate):
        path, (certificate, intermediates) = certificate, _load(certificate)
    else:
        path = "client_certificate"
    options = {
        "privateKey": certificate.privateKey.original,
        "certificate": certificate.original,
    }
    if intermediates:
        options["extraCertChain"] = intermediates
    with explained(path):
        # It isn't kept for other connections: it has the private key.
        return make_context(platformTrust() if trust is None else trust.roots, **options)


def _check_kinds(tls: object, certificate: object) -> None:
    """Check both arguments; the errors name Twisted's counterparts of ssl.SSLContext and others."""
    if tls is None and certificate is None:
        return
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


def _load(path: str | PathLike[str]) -> tuple[PrivateCertificate, list[crypto.X509]]:
    """Load a certificate with its key, and the intermediate certificates."""
    pem = Path(path).read_bytes()
    _, *intermediates = certificates_in(pem, path)
    if b"PRIVATE KEY-----" not in pem or b"ENCRYPTED" in pem:
        raise ValueError(f"{fspath(path)} must also have the certificate's key, unencrypted")
    with explained(path):
        certificate = PrivateCertificate.loadPEM(pem)
    return certificate, [each.original for each in intermediates]

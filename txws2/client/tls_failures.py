"""The errors of TLS, with the server's certificate and the reason."""

from __future__ import annotations

from typing import Any, cast

from OpenSSL import SSL, crypto
from service_identity import CertificateError, VerificationError
from twisted.internet.interfaces import ISSLTransport, ITransport

from txws2.client.server_identity import Refusal, names_of, refusal_of, subject_of
from txws2.exceptions import SecurityError

__all__ = ["is_shaking_hands", "openssl_reason", "tls_failure"]


def is_shaking_hands(transport: ITransport) -> bool:
    """Return True if the TLS handshake of a transport isn't done yet."""
    connection = _connection(transport)
    return connection is not None and connection.get_finished() is None


def tls_failure(cause: BaseException, transport: ITransport, host: str) -> SecurityError | None:
    """Return the error for the application if TLS has failed; otherwise None.

    It never raises, even for a certificate that can't be read.

    Args:
        cause: the exception of the lost connection.
        transport: the transport of that connection.
        host: the host that the certificate should have been for.
    """
    refusal = refusal_of(_connection(transport))
    if refusal is not None and refusal.trusted:
        words = f"isn't one for {refusal.host}; {names_of(refusal.certificate)}"
        error = SecurityError(f"the server's certificate {words}")
    elif isinstance(cause, (CertificateError, VerificationError)):
        # A connection creator of the application has verified the certificate.
        chain = _chain(transport)
        names = f"; {names_of(chain[0])}" if chain else ""
        error = SecurityError(f"the server's certificate isn't one for {host}{names}")
    elif isinstance(cause, SSL.Error):
        error = SecurityError(
            f"the TLS handshake failed: {openssl_reason(cause)}{_refused(transport, refusal)}"
        )
    elif is_shaking_hands(transport):
        error = SecurityError(f"the TLS handshake failed: {cause}")
    else:
        return None
    error.__cause__ = cause
    return error


def _connection(transport: ITransport) -> SSL.Connection | None:
    # Twisted's transports have getHandle, but no interface does. It fails before the connection.
    if not ISSLTransport.providedBy(transport):
        return None
    try:
        return cast(SSL.Connection, cast(Any, transport).getHandle())
    except AttributeError:
        return None


def _chain(transport: ITransport) -> list[crypto.X509]:
    """Return the certificates that the server has sent, its own first."""
    connection = _connection(transport)
    return [] if connection is None else connection.get_peer_cert_chain() or []


# The error numbers of those checks that OpenSSL makes only during a handshake.
_ONLY_IN_HANDSHAKES = {
    26: "unsuitable certificate purpose",
    66: "the certificate's key is too weak",
    67: "the key of an authority is too weak",
    68: "the digest that an authority has signed is too weak",
}


def _refused(transport: ITransport, refusal: Refusal | None) -> str:
    """Return which certificate isn't trusted, and why; OpenSSL's own error doesn't say it."""
    chain, connection = _chain(transport), _connection(transport)
    store = None if connection is None else connection.get_context().get_cert_store()
    if store is None or not chain:
        return ""
    try:
        crypto.X509StoreContext(store, chain[0], chain[1:]).verify_certificate()
    except crypto.X509StoreContextError as exc:
        return f"; {exc} ({subject_of(exc.certificate)})"
    except Exception:
        # Nothing more can be found out about a certificate that can't be read.
        return ""
    if refusal is None:
        return ""
    why = _ONLY_IN_HANDSHAKES.get(refusal.code, f"error {refusal.code} of OpenSSL")
    return f"; {why} ({subject_of(refusal.certificate)})"


def openssl_reason(error: Exception) -> str:
    """Return the reason of an error of OpenSSL, without the functions that found it."""
    # Most errors have OpenSSL's queue of (library, function, reason); SysCallError has none.
    queue = error.args[0] if error.args else None
    if isinstance(queue, list):
        reasons = ", ".join(str(entry[-1]) for entry in queue if entry and entry[-1])
    else:
        reasons = str(error)
    return reasons or type(error).__name__

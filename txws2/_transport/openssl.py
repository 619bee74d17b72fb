"""Ways into OpenSSL that pyOpenSSL lacks: addresses for code in C, a handshake's memory."""

from __future__ import annotations

from typing import Any

from OpenSSL.SSL import Connection

from txws2._private_names import OPENSSL_CONNECTION, OPENSSL_LIBRARY

__all__ = ["FUNCTIONS", "pointers_of", "shed_buffers"]

# In the order of the struct in C.
_TYPES = {
    "BIO_read": "int(*)(BIO *, void *, int)",
    "BIO_write": "int(*)(BIO *, void *, int)",
    "ERR_clear_error": "void(*)()",
    "SSL_do_handshake": "int(*)(SSL *)",
    "SSL_get_error": "int(*)(SSL *, int)",
    "SSL_read": "int(*)(SSL *, void *, int)",
    "SSL_write": "int(*)(SSL *, void *, int)",
}


def _module() -> Any:
    """Return cryptography's module of OpenSSL, which pyOpenSSL uses; None if there is none."""
    try:
        from cryptography.hazmat.bindings._rust import _openssl
    except ImportError:
        return None
    return _openssl


def _addresses(module: Any) -> tuple[int, ...] | None:
    """Return the addresses of the functions; None if one is missing, or has another type."""
    library: Any = getattr(module, "lib", None)
    ffi: Any = getattr(module, "ffi", None)
    if not (OPENSSL_LIBRARY.are_in(library) and OPENSSL_CONNECTION.are_in(Connection)):
        return None
    functions = [ffi.addressof(library, name) for name in _TYPES]
    if [ffi.typeof(function).cname for function in functions] != list(_TYPES.values()):
        return None
    return tuple(int(ffi.cast("uintptr_t", function)) for function in functions)


_openssl = _module()

# The type of an address as a number, looked up once.
_NUMBER = None if _openssl is None else _openssl.ffi.typeof("uintptr_t")

FUNCTIONS = _addresses(_openssl)
"""The addresses of the functions that `Records` in C calls; None if they aren't known."""


def pointers_of(connection: Connection) -> tuple[Any, ...] | None:
    """Return what `Records` in C needs of a connection, or None if it can't have it.

    Returns:
        The object that frees the connection's SSL; the addresses of the SSL, of the BIO that leads
        to it, and of the BIO that leads from it; the addresses of the functions.
    """
    # A subclass may have other methods. A connection with a socket of its own has no such BIO.
    if FUNCTIONS is None or type(connection) is not Connection or connection._into_ssl is None:
        return None
    ssl, cast = connection._ssl, _openssl.ffi.cast
    into, out = int(cast(_NUMBER, connection._into_ssl)), int(cast(_NUMBER, connection._from_ssl))
    return ssl, int(cast(_NUMBER, ssl)), into, out, *FUNCTIONS


def shed_buffers(connection: Connection) -> bool:
    """Give an OpenSSL connection new BIOs, which must both be empty; return whether it has them.

    The memory of a BIO grows, and never shrinks. Those of a handshake have had certificates.
    """
    if FUNCTIONS is None or type(connection) is not Connection or connection._into_ssl is None:
        return False
    library, none = _openssl.lib, _openssl.ffi.NULL
    into, out = library.BIO_new(library.BIO_s_mem()), library.BIO_new(library.BIO_s_mem())
    if none in (into, out):
        library.BIO_free(into)
        library.BIO_free(out)
        return False
    # This frees the old ones.
    library.SSL_set_bio(connection._ssl, into, out)
    connection._into_ssl, connection._from_ssl = into, out
    return True

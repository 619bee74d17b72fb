"""The authorities that a client trusts; their files are read again only if they have changed."""

from __future__ import annotations

import os
import re
import stat
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from os import PathLike, fspath
from pathlib import Path
from typing import Any

from OpenSSL import SSL, crypto
from twisted.internet.error import VerifyError
from twisted.internet.ssl import (
    Certificate,
    CertificateOptions,
    TLSVersion,
    platformTrust,
    trustRootFromCertificates,
)

from txws2._private_names import PLATFORM_TRUST
from txws2.client.tls_failures import openssl_reason

__all__ = ["Trust", "certificates_in", "explained", "make_context", "trust_in", "trust_of_machine"]

_CERTIFICATE = re.compile(
    rb"-----BEGIN CERTIFICATE-----\r?\n.+?-----END CERTIFICATE-----", re.DOTALL
)

# A file that was changed within these seconds may change again without another time of change.
_UNSETTLED = 2

# The number of files and directories whose authorities are kept.
_MOST_KEPT = 16

_Stamp = tuple[object, ...]


class Trust:
    """Authorities to trust, and the context of TLS connections that trust them.

    Args:
        roots: the authorities, as `CertificateOptions` takes them.
    """

    def __init__(self, roots: Any) -> None:
        self.roots = roots
        self._context: SSL.Context | None = None

    @property
    def context(self) -> SSL.Context:
        """The context, which all connections share that show no certificate."""
        if self._context is None:
            self._context = make_context(self.roots)
        return self._context


# Each trust that was loaded, with the stamps of the files at that time. Reading the authorities of
# a machine takes several times as long as a TLS handshake.
_kept: OrderedDict[str | None, tuple[_Stamp, Trust]] = OrderedDict()


def trust_of_machine() -> Trust:
    """Return the authorities that this machine trusts."""
    places = _places_of_machine()
    stamp = None if places is None else _stamp_of(places)
    return _trust(None, stamp, platformTrust)


def trust_in(path: str | PathLike[str]) -> Trust:
    """Return the authorities of a PEM file, or of the *.pem files of a directory.

    Raises:
        OSError: a file can't be read.
        ValueError: there is no certificate, or one is damaged.
    """
    given = Path(path)
    files = [given, *sorted(given.glob("*.pem"))] if given.is_dir() else [given]
    return _trust(
        os.path.abspath(given),
        _stamp_of(files),
        lambda: trustRootFromCertificates(_authorities_of(given)),
    )


def _trust(place: str | None, stamp: _Stamp | None, load: Callable[[], Any]) -> Trust:
    """Return what is kept for a place if it has this stamp; else, load it."""
    kept = _kept.get(place)
    if kept is not None and stamp is not None and kept[0] == stamp:
        _kept.move_to_end(place)
        return kept[1]
    trust = Trust(load())
    if stamp is not None:
        # The context has the certificates as they are now.
        _kept[place] = stamp, trust
        while len(_kept) > _MOST_KEPT:
            _kept.popitem(last=False)
    return trust


def _stamp_of(places: Iterable[str | PathLike[str]]) -> _Stamp | None:
    """Return a value that differs once one of these files has changed; None if that isn't sure."""
    stamp: list[object] = []
    newest = 0.0
    for place in places:
        try:
            found = os.stat(place)
        except (OSError, ValueError):
            stamp.append((fspath(place), None))
            continue
        if not (stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode)):
            return None
        newest = max(newest, found.st_mtime, found.st_ctime)
        times = found.st_mtime_ns, found.st_ctime_ns
        stamp.append((fspath(place), found.st_dev, found.st_ino, found.st_size, *times))
    return tuple(stamp) if newest < time.time() - _UNSETTLED else None


def _places_of_machine() -> list[str] | None:
    """Return the files and directories in which OpenSSL looks; None if they aren't known."""
    if not PLATFORM_TRUST.are_in(SSL):
        return None
    openssl: Any = SSL
    built_in = (
        openssl._ffi.string(each()).decode()
        for each in (
            openssl._lib.X509_get_default_cert_file,
            openssl._lib.X509_get_default_cert_dir,
        )
    )
    named = (os.environ.get(name) for name in ("SSL_CERT_FILE", "SSL_CERT_DIR"))
    directories = [part for each in named if each for part in (each, *each.split(os.pathsep))]
    return [
        *directories,
        *built_in,
        *openssl._CERTIFICATE_FILE_LOCATIONS,
        *openssl._CERTIFICATE_PATH_LOCATIONS,
    ]


def _authorities_of(path: Path) -> list[Certificate]:
    """Load the certificates from a file, or from the *.pem files of a directory."""
    if not path.is_dir():
        return certificates_in(path.read_bytes(), path)
    read = {file: file.read_bytes() for file in sorted(path.glob("*.pem"))}
    found = {file: pem for file, pem in read.items() if _CERTIFICATE.search(pem)}
    if not found:
        raise ValueError(f"the directory {path} must have a *.pem file with a certificate")
    return [each for file, pem in found.items() for each in certificates_in(pem, file)]


def certificates_in(pem: bytes, path: str | PathLike[str]) -> list[Certificate]:
    """Return the certificates in the text of a file.

    Raises:
        ValueError: there is none, or one is damaged.
    """
    pems = _CERTIFICATE.findall(pem)
    if not pems:
        raise ValueError(f"{fspath(path)} must have a certificate in PEM format; it has none")
    with explained(path):
        return [Certificate.loadPEM(each) for each in pems]


def make_context(roots: Any, **options: Any) -> SSL.Context:
    """Make a context for connections to any server: the name is set on the connection."""
    return CertificateOptions(
        trustRoot=roots, raiseMinimumTo=TLSVersion.TLSv1_2, **options
    ).getContext()


@contextmanager
def explained(path: str | PathLike[str]) -> Iterator[None]:
    """Raise OpenSSL's errors as ValueError with the path of the file."""
    try:
        yield
    except (SSL.Error, crypto.Error, VerifyError) as exc:
        raise ValueError(f"{fspath(path)} can't be used: {openssl_reason(exc)}") from exc

"""`CertificateFiles`: the certificate of a TLS server, read again when its files have changed."""

from __future__ import annotations

import re
from os import PathLike, fspath, getcwd
from os.path import join
from time import monotonic
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
)
from OpenSSL import SSL, crypto
from twisted.internet.interfaces import IOpenSSLContextFactory
from twisted.internet.ssl import (
    Certificate,
    CertificateOptions,
    TLSVersion,
    trustRootFromCertificates,
)
from twisted.logger import Logger
from zope.interface import implementer

from txws2.server.watched_file import state_of

__all__ = ["CertificateFiles", "UnusableFile"]

_CERTIFICATE = re.compile(
    rb"-----BEGIN CERTIFICATE-----\r?\n.+?-----END CERTIFICATE-----", re.DOTALL
)
_KEY = re.compile(rb"-----BEGIN ([A-Z0-9 ]*PRIVATE KEY)-----\r?\n.+?-----END \1-----", re.DOTALL)

_LARGEST = 2**20

# Seconds between two looks at the files.
_PAUSE = 1.0

Path = str | PathLike[str]


class UnusableFile(ValueError):
    """A file of certificates or keys can't be used.

    Args:
        argument: the argument of `CertificateFiles` that names the file.
        text: the reason.

    Attributes:
        argument: the same name.
    """

    def __init__(self, argument: str, text: str) -> None:
        super().__init__(text)
        self.argument = argument


@implementer(IOpenSSLContextFactory)
class CertificateFiles:
    """The certificate and the key of a TLS server, in PEM files.

    It is a context factory, for `SSL4ServerEndpoint` and `listenSSL`. When a connection comes, and
    the files have changed, they are read again. Connections that are open stay as they are. If the
    new files are wrong, that is logged, and the certificate before counts until they change again.

    The server speaks TLS 1.2 and later.

    A relative path begins in the present current directory, even if twistd changes that later.

    Args:
        certificate: the file with the certificate, and the intermediate certificates after it.
        private_key: the file with its key; None if the first file has that, too.
        client_ca: the file with the certificates of authorities. Then each client must have a
            certificate of one of them. None to ask for none.

    Raises:
        ValueError: a file can't be read, has no certificate or key in it, or is damaged; the key
            is encrypted, or belongs to another certificate.
    """

    def __init__(
        self, certificate: Path, private_key: Path | None = None, client_ca: Path | None = None
    ) -> None:
        self._certificate = fspath(certificate)
        self._key = self._certificate if private_key is None else fspath(private_key)
        self._client_ca = None if client_ca is None else fspath(client_ca)
        self._directory = getcwd()
        self._log = Logger(namespace="txws2.server")
        self._looked = monotonic()
        # The states come first: a change while the files are read is then seen the next time.
        self._states = self._look()
        self._context = self._read()

    def getContext(self) -> SSL.Context:
        """Return the context for a connection, for Twisted."""
        now = monotonic()
        if now - self._looked >= _PAUSE:
            self._looked = now
            if self._look() != self._states:
                self.reload()
        return self._context

    def reload(self) -> bool:
        """Read the files again; return False, and log the reason, if they are wrong."""
        self._states = self._look()
        try:
            self._context = self._read()
        except ValueError as exc:
            text = "{problem}; the server goes on with the certificate that it has"
            self._log.error(text, problem=str(exc))
            return False
        self._log.info("the certificate of {path} was read again", path=self._certificate)
        return True

    def _look(self) -> list[tuple[int, ...] | None]:
        paths = [self._certificate, self._key, self._client_ca]
        return [state_of(join(self._directory, path)) for path in paths if path is not None]

    def _read(self) -> SSL.Context:
        leaf, *others = self._certificates("certificate", self._certificate)
        key = self._private_key()
        forms = Encoding.DER, PublicFormat.SubjectPublicKeyInfo
        if key.public_key().public_bytes(*forms) != leaf.public_key().public_bytes(*forms):
            raise UnusableFile(
                "private_key",
                f"the key of {self._key!r} isn't that of the first certificate of "
                f"{self._certificate!r}; the server's own certificate must come first",
            )
        options: dict[str, Any] = {}
        authorities: list[x509.Certificate] = []
        if self._client_ca is not None:
            authorities = self._certificates("client_ca", self._client_ca)
            trusted = [Certificate(_old(each)) for each in authorities]
            options["trustRoot"] = trustRootFromCertificates(trusted)
        try:
            made = CertificateOptions(
                privateKey=crypto.PKey.from_cryptography_key(key),
                certificate=_old(leaf),
                extraCertChain=[_old(each) for each in others],
                raiseMinimumTo=TLSVersion.TLSv1_2,
                **options,
            )
            context: SSL.Context = made.getContext()
        except (SSL.Error, TypeError) as exc:
            text = f"OpenSSL refuses {self._certificate!r}: {exc}"
            raise UnusableFile("certificate", text) from exc
        if authorities:
            # Clients choose their certificate by these names.
            context.set_client_ca_list([_old(each).get_subject() for each in authorities])
        return context

    def _certificates(self, argument: str, path: str) -> list[x509.Certificate]:
        found = [match[0] for match in _CERTIFICATE.finditer(self._data_of(argument, path))]
        if not found:
            text = f"{path!r} has no certificate in it; it must be a PEM file"
            raise UnusableFile(argument, text)
        try:
            return [x509.load_pem_x509_certificate(each) for each in found]
        except ValueError:
            raise UnusableFile(argument, f"a certificate in {path!r} is damaged") from None

    def _private_key(self) -> Any:
        path = self._key
        argument = "certificate" if path == self._certificate else "private_key"
        match = _KEY.search(self._data_of(argument, path))
        if match is None:
            text = f"{path!r} has no private key in it; it must be a PEM file"
            raise UnusableFile(argument, text)
        try:
            return load_pem_private_key(match[0], None)
        except TypeError:
            text = f"the private key of {path!r} is encrypted; decrypt it by `openssl pkey`"
            raise UnusableFile(argument, text) from None
        except Exception:
            # The text doesn't show anything of the key.
            text = f"the private key of {path!r} is damaged, or of an unknown kind"
            raise UnusableFile(argument, text) from None

    def _data_of(self, argument: str, path: str) -> bytes:
        try:
            with open(join(self._directory, path), "rb") as file:
                data = file.read(_LARGEST + 1)
        except OSError as exc:
            raise UnusableFile(argument, f"can't read {path!r}: {exc.strerror}") from exc
        if len(data) > _LARGEST:
            text = f"{path!r} is larger than a mebibyte, and can't be a file of certificates"
            raise UnusableFile(argument, text)
        return data


def _old(certificate: x509.Certificate) -> crypto.X509:
    return crypto.X509.from_cryptography(certificate)

"""TLS without verification, for applications that ask for it by name."""

from __future__ import annotations

from OpenSSL import SSL
from twisted.internet.interfaces import IOpenSSLClientConnectionCreator
from twisted.internet.ssl import CertificateOptions
from zope.interface import implementer

from txws2.client.server_identity import name_to_ask_for

__all__ = ["InsecureTLS"]


@implementer(IOpenSSLClientConnectionCreator)
class InsecureTLS:
    """Makes TLS connections that accept any certificate of any host.

    Anybody on the network between can read and change all that is sent. Use it only for a
    server of your own that has a self-signed certificate.

    Args:
        host: a name for SNI (RFC 6066 section 3), which may be an international one; or an
            address, which isn't sent.

    Raises:
        ValueError: host is neither a name nor an address.
    """

    def __init__(self, host: str) -> None:
        self._asked = name_to_ask_for(host)
        self._options = CertificateOptions(verify=False)

    def clientConnectionForTLS(self, tlsProtocol: object) -> SSL.Connection:
        """Make the connection for Twisted."""
        connection = SSL.Connection(self._options.getContext(), None)
        if self._asked is not None:
            connection.set_tlsext_host_name(self._asked)
        return connection

"""TLS without verification, for those who ask for it by name."""

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

    Whoever can reach the network between can read and change all that is sent. It is for a
    server of one's own with a certificate that nobody has signed.

    Args:
        host: the host to ask for (SNI, RFC 6066 section 3): its name, which may be an
            international one, or its address, which isn't told.

    Raises:
        ValueError: it is neither.
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

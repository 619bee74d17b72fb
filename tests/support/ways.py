"""The ways between a client and a server: TLS, and proxies, in memory.

A way takes the protocols of a server and of a client, and returns two protocols to connect in their
place.
"""

from twisted.internet.defer import succeed
from twisted.internet.interfaces import IHalfCloseableProtocol
from twisted.internet.protocol import Factory
from twisted.internet.ssl import Certificate, optionsForClientTLS, trustRootFromCertificates
from twisted.protocols.policies import ProtocolWrapper, WrappingFactory
from twisted.protocols.tls import TLSMemoryBIOFactory, TLSMemoryBIOProtocol
from zope.interface import implementer

from tests.support.certificates import certify
from txws2.client.proxy_endpoint import ProxyEndpoint
from txws2.wire.proxy.urls import parse_proxy

__all__ = [
    "OverTLS",
    "OverTLSThroughProxy",
    "OverTLSThroughTLSProxy",
    "ThroughProxy",
    "ThroughSOCKS",
    "tls",
]

HOST, PORT = "example.com", 443

_CERTIFICATE, _PEM = certify(HOST)


class _Only(Factory):
    """Has one protocol, which has a factory of its own."""

    noisy = False

    def __init__(self, protocol):
        self._protocol = protocol

    def buildProtocol(self, address):
        return self._protocol


def tls(server, client, clock):
    """TLS 1.3 with verification between two ends of ours."""
    trust = trustRootFromCertificates([Certificate.loadPEM(_PEM)])
    ends = []
    for protocol, contexts in (
        (server, _CERTIFICATE.options()),
        (client, optionsForClientTLS(HOST, trustRoot=trust)),
    ):
        factory = TLSMemoryBIOFactory(contexts, protocol is client, _Only(protocol), clock)
        # Twisted's other class waits for the clock before it sends short writes.
        factory.protocol = TLSMemoryBIOProtocol
        ends.append(factory.buildProtocol(None))
    return ends


@implementer(IHalfCloseableProtocol)
class _Proxy(ProtocolWrapper):
    """A proxy, and the server at the end of the tunnel."""

    def __init__(self, protocol, conversation):
        super().__init__(WrappingFactory(Factory()), protocol)
        self._conversation = iter(conversation)
        self._needed, self._answer = next(self._conversation)
        self._head = b""

    def makeConnection(self, transport):
        # ProtocolWrapper's own method would connect the server now.
        self.disconnecting = 0
        self.transport = transport
        self.connected = 1

    def dataReceived(self, data):
        if self._needed is None:
            super().dataReceived(data)
            return
        self._head += data
        while self._needed is not None and self._needed(self._head):
            self._head = b""
            self.transport.write(self._answer)
            self._needed, self._answer = next(self._conversation, (None, None))
        if self._needed is None:
            self.wrappedProtocol.makeConnection(self.transport)

    def readConnectionLost(self):
        self.wrappedProtocol.readConnectionLost()

    def writeConnectionLost(self):
        self.wrappedProtocol.writeConnectionLost()

    def connectionLost(self, reason):
        if self._needed is None:
            self.wrappedProtocol.connectionLost(reason)


class _Endpoint:
    """The proxy's endpoint, by which it connects to the server at the end of the tunnel."""

    def connect(self, factory):
        self.tunnel = factory.buildProtocol(None)
        return succeed(self.tunnel)


def _through(url, conversation, server, client):
    endpoint = _Endpoint()
    ProxyEndpoint(None, parse_proxy(url), endpoint, HOST, PORT).connect(_Only(client))
    return _Proxy(server, conversation), endpoint.tunnel


def http_proxy(server, client, clock):
    """A proxy that makes tunnels with CONNECT."""
    established = b"HTTP/1.1 200 Connection established\r\n\r\n"
    conversation = [(lambda head: b"\r\n\r\n" in head, established)]
    return _through("http://me:secret@proxy.example:3128", conversation, server, client)


def socks_proxy(server, client, clock):
    """A SOCKS 5 proxy with a password."""
    bound = b"\x05\x00\x00\x01\x7f\x00\x00\x01\x04\x38"
    conversation = [
        (lambda head: len(head) == 4, b"\x05\x02"),
        (lambda head: len(head) == 11, b"\x01\x00"),
        (lambda head: len(head) == 7 + len(HOST), bound),
    ]
    return _through("socks5h://me:secret@proxy.example", conversation, server, client)


class OverTLS:
    """A test case with TLS between server and client.

    Attributes:
        ways: the layers between them, from the inside out.
        first_bytes: the first bytes that the client sends.
    """

    ways = (tls,)
    first_bytes = b"\x16\x03"


class ThroughProxy:
    ways = (http_proxy,)
    first_bytes = b"CONNECT example.com:443 HTTP/1.1\r\n"


class ThroughSOCKS:
    ways = (socks_proxy,)
    first_bytes = b"\x05\x02\x00\x02"


class OverTLSThroughProxy:
    ways = (tls, http_proxy)
    first_bytes = ThroughProxy.first_bytes


class OverTLSThroughTLSProxy:
    """TLS with the proxy, and within that TLS with the server."""

    ways = (tls, http_proxy, tls)
    first_bytes = OverTLS.first_bytes

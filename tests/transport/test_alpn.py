"""ALPN: a factory that wraps another accepts the protocols that the other accepts."""

import contextlib
import warnings
from pathlib import Path

from OpenSSL import SSL
from twisted.internet.interfaces import (
    IOpenSSLServerConnectionCreator,
    IProtocolNegotiationFactory,
)
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.ssl import (
    CertificateOptions,
    DefaultOpenSSLContextFactory,
    PrivateCertificate,
)
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.protocols.policies import TimeoutFactory, WrappingFactory
from twisted.protocols.tls import TLSMemoryBIOFactory
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from tests.client.test_insecure import self_signed
from txws2._transport.alpn import declare_for_wrapper
from txws2.server.factory import WebSocketServerFactory
from txws2.streams.factories import WebSocketFactory


class WithContext:
    """The oldest way to configure TLS: all that it has is a context."""

    def __init__(self, options):
        self.getContext = options.getContext


@implementer(IOpenSSLServerConnectionCreator)
class Creator:
    """Makes connections of its own."""

    def __init__(self, options):
        self._options = options

    def serverConnectionForTLS(self, protocol):
        return SSL.Connection(self._options.getContext(), None)


def pump(client, server, below):
    """Let an OpenSSL connection shake hands with a server's transport in memory."""
    for _ in range(4):
        with contextlib.suppress(SSL.WantReadError):
            client.do_handshake()
        try:
            while True:
                server.dataReceived(client.bio_read(2**16))
        except SSL.WantReadError:
            pass
        if below.value():
            client.bio_write(below.value())
            below.clear()
    return client.get_alpn_proto_negotiated()


class WrapperTests(SynchronousTestCase):
    def setUp(self):
        self.clock = MemoryReactorClock()
        pem = self_signed("localhost")
        self.certificate = PrivateCertificate.loadPEM(pem)
        self.path = self.mktemp()
        Path(self.path).write_bytes(pem)

    def options(self):
        return CertificateOptions(
            privateKey=self.certificate.privateKey.original,
            certificate=self.certificate.original,
        )

    def factory(self):
        return WebSocketServerFactory(reactor=self.clock)

    def agree(self, factory, creator, *offers):
        """Return the protocols on which a factory's server agrees with clients, one by one."""
        above = TLSMemoryBIOFactory(creator, False, factory, self.clock)
        agreed = []
        for offered in offers:
            context = SSL.Context(SSL.TLS_METHOD)
            if offered:
                context.set_alpn_protos(offered)
            client = SSL.Connection(context, None)
            client.set_connect_state()
            server, below = above.buildProtocol(None), StringTransport()
            server.makeConnection(below)
            agreed.append(pump(client, server, below))
            server.abortConnection()
        return agreed

    def test_a_client_that_offers_a_protocol_is_accepted_through_wrappers(self):
        for wrapped in (
            WrappingFactory(self.factory()),
            TimeoutFactory(self.factory(), None),
            WrappingFactory(WrappingFactory(self.factory())),
            WrappingFactory(WebSocketFactory(Factory.forProtocol(Protocol), reactor=self.clock)),
            self.factory(),
        ):
            agreed = self.agree(wrapped, self.options(), [b"http/1.1"], None, [b"h2", b"http/1.1"])
            # Twisted 24.7 accepts from the second connection on, and refuses nobody.
            self.assertIn(agreed[0], (b"http/1.1", b""))
            self.assertEqual(agreed[1:], [b"", b"http/1.1"])

    def test_however_tls_is_configured(self):
        warnings.simplefilter("ignore")
        self.addCleanup(warnings.resetwarnings)
        for creator, knows_alpn in (
            (DefaultOpenSSLContextFactory(self.path, self.path), False),
            (WithContext(DefaultOpenSSLContextFactory(self.path, self.path)), False),
            (WithContext(self.options()), True),
            (Creator(self.options()), True),
        ):
            for factory in (self.factory(), WrappingFactory(self.factory())):
                *_, last = self.agree(factory, creator, [b"http/1.1"], [b"http/1.1"])
                if knows_alpn:
                    self.assertEqual(last, b"http/1.1")


class DeclarationTests(SynchronousTestCase):
    def declare(self, factory):
        above = TLSMemoryBIOFactory(CertificateOptions(), False, factory, MemoryReactorClock())
        declare_for_wrapper(above.buildProtocol(None))
        return factory

    def wrap(self, factory):
        wrapper = WrappingFactory(factory)
        wrapper.buildProtocol = Factory.forProtocol(Protocol).buildProtocol
        return wrapper

    def test_a_wrapper_that_declares_protocols_itself_is_left_alone(self):
        @implementer(IProtocolNegotiationFactory)
        class Declaring(WrappingFactory):
            def acceptableProtocols(self):
                return [b"h2"]

        wrapper = Declaring(WebSocketServerFactory(reactor=MemoryReactorClock()))
        wrapper.buildProtocol = Factory.forProtocol(Protocol).buildProtocol
        self.assertEqual(self.declare(wrapper).acceptableProtocols(), [b"h2"])

    def test_a_factory_that_declares_none_is_left_alone(self):
        for factory in (Factory.forProtocol(Protocol), self.wrap(Factory.forProtocol(Protocol))):
            self.declare(factory)
            self.assertFalse(IProtocolNegotiationFactory.providedBy(factory))
            self.assertFalse(hasattr(factory, "acceptableProtocols"))

"""TLS of a factory whose connections all take the fast path: the same as Twisted's."""

from twisted.internet.interfaces import ITCPTransport
from twisted.internet.protocol import Factory
from twisted.internet.testing import MemoryReactorClock
from twisted.protocols.tls import BufferingTLSTransport, TLSMemoryBIOFactory
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import providedBy

from tests.transport import test_tls_writer as ordinary
from txws2._private_names import tls_creator
from txws2._transport import direct_tls, tls_writer
from txws2._transport.direct_tls import DirectTLS
from txws2._transport.outbox import Outbox
from txws2._transport.socket_writer import outbox_for
from txws2._transport.tls_writer import TLSThrough
from txws2.server.factory import WebSocketServerFactory


class DirectReadTests(ordinary.ReadTests):
    tls = DirectTLS


class DirectWriteTests(ordinary.WriteTests):
    tls = DirectTLS


class DirectWriteTLS12Tests(ordinary.WriteTLS12Tests):
    tls = DirectTLS


class DirectMemoryTests(ordinary.MemoryTests):
    tls = DirectTLS


class DirectOpeningTests(ordinary.OpeningTests):
    tls = DirectTLS


class DirectClosingTests(ordinary.ClosingTests):
    tls = DirectTLS


class DirectEndTests(ordinary.EndTests):
    tls = DirectTLS


class DirectOutboxTests(ordinary.OutboxTests):
    tls = DirectTLS


class DirectOtherOutboxTests(ordinary.OtherOutboxTests):
    tls = DirectTLS


class BeginningTests(ordinary.TLSTestCase):
    """The outbox is there before TLS begins, as for a WebSocket."""

    tls = DirectTLS

    def setUp(self):
        self.application = ordinary.Application()
        self.application.begin = lambda transport: outbox_for(transport, None)

    def test_a_server_waits_for_the_client(self):
        self.join(rounds=0)
        self.assertFalse(self.below._tempDataLen or self.below.dataBuffer)
        self.turns()
        self.tell(b"hello")
        self.assertEqual(self.application.heard, [b"hello"])

    def test_a_client_begins(self):
        self.join(is_client=True)
        self.assertIs(type(self.below.protocol), TLSThrough)
        self.tell(b"hello")
        self.application.through.write(b"answer")
        self.peer.turn()
        self.assertEqual(self.application.heard, [b"hello"])
        self.assertEqual(self.peer.heard, b"answer")

    def test_an_application_may_abort_before_it_begins(self):
        self.application.connectionMade = lambda: self.transport.abortConnection()
        self.join(is_client=True)
        self.assertEqual(self.peer.wire, b"")
        self.assertEqual(len(self.application.lost), 1)

    def test_it_provides_what_the_transport_below_provides(self):
        self.join()
        made = set(providedBy(self.transport))
        self.tls = BufferingTLSTransport
        self.join()
        self.assertEqual(made, set(providedBy(self.transport)))
        self.assertTrue(ITCPTransport.providedBy(self.transport))

    def test_without_the_short_way_twisted_begins_and_closes(self):
        self.patch(tls_writer, "_TLS_IS_KNOWN", False)
        self.join()
        self.assertIs(type(self.application.through), Outbox)
        self.tell(b"hello")
        self.application.through.write(b"answer")
        self.transport.loseConnection()
        self.turns()
        self.assertEqual(self.application.heard, [b"hello"])
        self.assertEqual((self.peer.heard, self.peer.ended), (b"answer", "TLS"))


class ChoiceTests(SynchronousTestCase):
    """Which factories of TLS make such transports."""

    def setUp(self):
        self.factory = WebSocketServerFactory(reactor=MemoryReactorClock())

    def kinds_over(self, factory, protocol=None):
        """Return the classes of the transports of two connections, one after the other."""
        test = ordinary.TLSTestCase()
        self.addCleanup(test.doCleanups)
        creator = test.creator()
        above = TLSMemoryBIOFactory(creator, False, factory, MemoryReactorClock())
        if protocol is not None:
            above.protocol = protocol
        kinds = []
        for _ in range(2):
            ours, theirs = ordinary.socket.socketpair()
            self.addCleanup(ours.close)
            self.addCleanup(theirs.close)
            transport = above.buildProtocol(None)
            below = ordinary.Below(ours, transport, MemoryReactorClock())
            transport.makeConnection(below)
            kinds.append(type(transport))
            self.addCleanup(transport.abortConnection)
        return kinds

    def test_one_for_websockets_makes_them_from_the_second_connection_on(self):
        self.assertEqual(self.kinds_over(self.factory), [BufferingTLSTransport, DirectTLS])

    def test_one_with_protocols_of_several_factories_makes_none(self):
        several = Factory()
        several.buildProtocol = self.factory.buildProtocol
        self.assertEqual(self.kinds_over(several), [BufferingTLSTransport] * 2)

    def test_one_for_which_somebody_has_chosen_others_makes_none(self):
        class Special(BufferingTLSTransport):
            pass

        self.assertEqual(self.kinds_over(self.factory, Special), [Special] * 2)

    def test_a_choice_that_somebody_makes_meanwhile_stays(self):
        class Special(BufferingTLSTransport):
            pass

        creator = ordinary.TLSTestCase().creator()
        above = TLSMemoryBIOFactory(creator, False, self.factory, MemoryReactorClock())
        transport = above.buildProtocol(None)
        above.protocol = Special
        direct_tls.make_direct(transport)
        self.assertIs(above.protocol, Special)

    def test_a_twisted_that_makes_connections_in_an_unknown_way_makes_none(self):
        self.patch(direct_tls, "_CREATOR", None)
        self.assertEqual(self.kinds_over(self.factory), [BufferingTLSTransport] * 2)

    def test_this_twisted_makes_connections_in_a_known_way(self):
        self.assertIsNotNone(tls_creator(TLSMemoryBIOFactory))
        self.assertIsNotNone(direct_tls._CREATOR)

import select
import socket
from errno import EMFILE
from unittest.mock import Mock, patch

from twisted.internet.protocol import Factory, Protocol
from twisted.internet.ssl import PrivateCertificate
from twisted.internet.tcp import Port, Server
from twisted.internet.testing import StringTransport
from twisted.protocols.tls import TLSMemoryBIOFactory, TLSMemoryBIOProtocol
from twisted.trial.unittest import SynchronousTestCase

from tests.client.test_insecure import self_signed
from tests.transport.test_epoll import Reactor
from txws2._transport import epoll_sharing as sharing
from txws2._transport.accepting import AcceptedTransport
from txws2._transport.epoll import StandIn
from txws2._transport.epoll_sharing import EpollSharing, give_back
from txws2._transport.lone_reader import LoneReader


class Connected(Protocol):
    adopted = 0
    own_transport = None

    def was_adopted(self):
        self.adopted += 1


class EpollSharingTestCase(SynchronousTestCase):
    def setUp(self):
        # As users have it, whatever this run wants.
        self.patch(sharing, "_WORTH_WHILE", 4)
        self.reactor = Reactor()
        self.factory = Factory()
        self.sharing = EpollSharing(self.factory)
        self.connections = []
        self.port = self.port_of(self.factory)

    def sockets(self):
        pair = socket.socketpair()
        for each in pair:
            self.addCleanup(each.close)
        return pair

    def port_of(self, factory):
        port = Port(0, factory, reactor=self.reactor)
        port.socket, _ = self.sockets()
        port.fileno = port.socket.fileno
        port.startReading()
        return port

    def transport(self, port=None):
        """Return the transport of a new connection; its peer is kept, or it would be gone."""
        port = port or self.port
        skt, self.peer = self.sockets()
        return Server(skt, Protocol(), ("127.0.0.1", 7), port, 1, port.reactor)

    def connect(self, transport):
        """Connect as a factory's connection does; return whether the epoll is shared then."""
        new = Connected()
        self.connections.append(new)
        self.sharing.offer(transport, len(self.connections), lambda: self.connections)
        new.own_transport = transport
        return self.shares(getattr(transport, "transport", transport))

    def shares(self, selectable):
        return isinstance(selectable.reactor, StandIn)

    def connect_some(self, count=4):
        transports = [self.transport() for _ in range(count)]
        for transport in transports:
            self.connect(transport)
        return transports


class EpollSharingTests(EpollSharingTestCase):
    def test_three_are_left_to_their_reactor(self):
        for transport in self.connect_some(3):
            self.assertFalse(self.shares(transport))
            self.assertIn(transport, self.reactor.readers)

    def test_from_the_fourth_on_all_share_one(self):
        transports = self.connect_some(5)
        [reader] = self.reactor.readers
        for transport in transports:
            self.assertIs(transport.reactor, reader.stand_in)

    def test_earlier_connections_are_adopted_too(self):
        self.connect_some(5)
        self.assertEqual([each.adopted for each in self.connections], [1, 1, 1, 0, 0])

    def test_those_that_came_before_go_on_waiting_for_the_same(self):
        paused, writing, done = self.connect_some(3)
        paused.stopReading()
        writing.startWriting()
        done.stopReading()
        self.connections[2].own_transport = None
        self.assertTrue(self.connect(self.transport()))
        [reader] = self.reactor.readers
        self.assertEqual(self.reactor.writers, set())
        read, write = select.EPOLLIN, select.EPOLLOUT
        self.assertEqual(reader._interests.get(paused.fileno()), None)
        self.assertTrue(self.shares(paused))
        self.assertEqual(reader._interests[writing.fileno()], read | write)
        self.assertFalse(self.shares(done))

    def test_a_transport_with_something_to_write_is_taken_with_it(self):
        self.connect_some()
        transport = self.transport(self.port_of(Factory()))
        transport.dataBuffer = b"x"
        transport.startWriting()
        self.assertTrue(self.connect(transport))
        self.assertEqual(self.reactor.writers, set())

    def test_a_port_that_accepts_for_the_factory_alone_is_taken_too(self):
        self.connect_some()
        self.assertTrue(self.shares(self.port))
        self.assertNotIn(self.port, self.reactor.readers)
        transport = self.transport()
        self.assertTrue(self.shares(transport))
        self.assertTrue(self.connect(transport))

    def test_a_port_that_was_taken_makes_its_transports_with_less(self):
        self.connect_some(3)
        self.assertIs(self.port.transport, Server)
        self.connect_some(1)
        self.assertIs(self.port.transport, AcceptedTransport)

    def test_a_port_that_puts_tls_between_is_taken_too(self):
        options = PrivateCertificate.loadPEM(self_signed("localhost")).options()
        self.port = self.port_of(TLSMemoryBIOFactory(options, False, self.factory, self.reactor))
        self.connect_some()
        self.assertTrue(self.shares(self.port))

    def test_a_port_that_accepts_for_another_is_left_alone(self):
        """As for that of a site of twisted.web, or one that wraps ours."""
        options = PrivateCertificate.loadPEM(self_signed("localhost")).options()
        above = TLSMemoryBIOFactory(options, False, Factory(), self.reactor)
        for other in (Factory(), above):
            self.port = self.port_of(other)
            transports = self.connect_some(5)
            self.assertTrue(all(map(self.shares, transports)))
            self.assertFalse(self.shares(self.port))

    def test_a_port_that_accepts_nothing_now_goes_on_so(self):
        self.port.stopReading()
        self.connect_some()
        reading = self.port.fileno() in self.transport().reactor.addReader.__self__._interests
        self.assertFalse(reading)

    def test_a_connection_may_have_no_port(self):
        self.connect_some()
        transport = self.transport(self.port_of(Factory()))
        transport.server = None
        self.assertTrue(self.connect(transport))

    def test_the_transport_below_tls_is_taken(self):
        self.connect_some(3)
        above = TLSMemoryBIOProtocol(None, None)
        above.transport = self.transport()
        self.assertTrue(self.connect(above))

    def test_a_transport_that_is_no_socket_s_is_left_alone(self):
        self.connect_some()
        self.sharing.offer(StringTransport(), len(self.connections), lambda: self.connections)

    def test_without_a_descriptor_left_all_are_left_to_their_reactor(self):
        transports = [self.transport() for _ in range(4)]
        self.patch(select, "epoll", Mock(side_effect=OSError(EMFILE, "too many open files")))
        for transport in transports:
            self.assertFalse(self.connect(transport))
            self.assertIn(transport, self.reactor.readers)

    def test_with_descriptors_again_they_share_an_epoll(self):
        with patch.object(select, "epoll", side_effect=OSError(EMFILE, "too many open files")):
            transports = self.connect_some(4)
        self.assertTrue(self.connect(self.transport()))
        self.assertTrue(all(map(self.shares, transports)))

    def test_a_reactor_that_has_no_descriptors_keeps_its_transports(self):
        transports = [self.transport() for _ in range(4)]
        for transport in transports:
            transport.reactor = object()
            self.assertFalse(self.connect(transport))


class GivenBackTests(EpollSharingTestCase):
    """A port accepts for several factories, and names the one whose epoll it may share."""

    def setUp(self):
        super().setUp()
        sorting = Factory()
        sorting.epoll_owner = self.factory
        self.port = self.port_of(sorting)
        self.connect_some()
        self.new = self.transport()
        self.new.startReading()

    def test_such_a_port_is_taken(self):
        self.assertTrue(self.shares(self.port))
        self.assertTrue(self.shares(self.new))

    def test_a_connection_for_another_goes_back_to_the_reactor(self):
        give_back(self.new)
        self.assertFalse(self.shares(self.new))
        self.assertIn(self.new, self.reactor.readers)
        [shared] = [each for each in self.reactor.readers if hasattr(each, "stand_in")]
        self.assertNotIn(self.new.fileno(), shared._interests)

    def test_it_goes_on_waiting_for_the_same(self):
        self.new.dataBuffer = b"x"
        self.new.startWriting()
        self.new.stopReading()
        give_back(self.new)
        self.assertNotIn(self.new, self.reactor.readers)
        self.assertIn(self.new, self.reactor.writers)

    def test_one_over_tls_does_so_too(self):
        above = TLSMemoryBIOProtocol(None, None)
        above.transport = self.new
        give_back(above)
        self.assertFalse(self.shares(self.new))

    def test_one_that_shares_nothing_stays(self):
        transport = self.transport(self.port_of(Factory()))
        transport.startReading()
        give_back(transport)
        self.assertIn(transport, self.reactor.readers)
        give_back(StringTransport())

    def test_one_that_has_ended_stays_so(self):
        self.new.stopReading()
        self.new.fileno = lambda: -1
        give_back(self.new)
        self.assertNotIn(self.new, self.reactor.readers)


class NoDelayTests(EpollSharingTestCase):
    def setUp(self):
        super().setUp()
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(self.listening.close)
        self.port.socket = self.listening
        self.port.fileno = self.listening.fileno

    def call(self):
        """Connect to the port, which doesn't accept yet."""
        peer = socket.create_connection(self.listening.getsockname())
        self.addCleanup(peer.close)

    def accept(self):
        """Return the transport of the connection that has waited longest."""
        skt, _ = self.listening.accept()
        self.addCleanup(skt.close)
        return Server(skt, Protocol(), ("127.0.0.1", 7), self.port, 1, self.port.reactor)

    def offer(self, transport):
        self.connections.append(Connected())
        return self.sharing.offer(transport, len(self.connections), lambda: self.connections)

    def offer_one(self):
        self.call()
        return self.offer(self.accept())

    def test_a_port_that_was_taken_passes_it_on(self):
        self.assertEqual([self.offer_one() for _ in range(7)], [False] * 4 + [True] * 3)
        self.call()
        self.assertTrue(self.accept().getTcpNoDelay())

    def test_those_that_waited_at_the_port_then_have_to_set_it(self):
        for _ in range(3):
            self.offer_one()
        for _ in range(4):
            self.call()
        self.assertFalse(self.offer(self.accept()))
        self.call()
        transports = [self.accept() for _ in range(4)]
        has_it = [bool(each.getTcpNoDelay()) for each in transports]
        self.assertEqual(has_it, [False, False, False, True])
        self.assertEqual([self.offer(each) for each in transports], has_it)

    def test_each_socket_sets_it_if_the_port_does_not_pass_it_on(self):
        for _ in range(4):
            self.offer_one()
        self.patch(Server, "getTcpNoDelay", lambda _: 0)
        self.assertEqual([self.offer_one() for _ in range(3)], [False] * 3)

    def test_over_tls_it_is_there_too(self):
        for _ in range(5):
            self.offer_one()
        self.call()
        above = TLSMemoryBIOProtocol(None, None)
        above.transport = self.accept()
        self.assertTrue(self.offer(above))

    def test_a_socket_of_another_kind_has_none(self):
        self.port = self.port_of(self.factory)
        for _ in range(6):
            self.assertFalse(self.offer(self.transport()))


class AccompanyingTests(EpollSharingTestCase):
    def accompany(self, companion):
        """Have another transport accompany this one; return the other."""
        other = self.transport(self.port_of(Factory()))
        self.sharing.accompany(other, companion)
        return other

    def test_a_transport_waits_where_its_companion_does(self):
        for _ in range(4):
            companion = self.transport()
            self.connect(companion)
        self.assertIs(self.accompany(companion).reactor, companion.reactor)
        self.assertIsInstance(companion.reactor, StandIn)

    def test_it_stays_with_the_reactor_as_its_companion_does(self):
        self.assertIs(self.accompany(self.transport()).reactor, self.reactor)

    def test_it_stays_with_the_reactor_if_its_companion_has_no_socket(self):
        self.assertIs(self.accompany(StringTransport()).reactor, self.reactor)

    def test_it_stays_with_the_reactor_if_the_epoll_refuses_it(self):
        for _ in range(4):
            companion = self.transport()
            self.connect(companion)
        self.patch(sharing.SharedEpoll, "adopt", Mock(side_effect=OSError))
        self.assertIs(self.accompany(companion).reactor, self.reactor)

    def test_it_is_a_lone_reader_if_its_companion_is_one(self):
        attended = []
        self.patch(sharing, "attend", attended.append)
        companion = self.transport()
        companion.reactor = LoneReader.__new__(LoneReader)
        self.assertEqual(attended, [self.accompany(companion)])

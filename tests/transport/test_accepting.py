"""Transports that are made with less are the same as Twisted's for whoever looks."""

import socket

from twisted.internet.error import ConnectionDone
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.tcp import Port, Server
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from tests.transport.test_epoll import Reactor
from txws2._transport import accepting
from txws2._transport.accepting import AcceptedTransport, accept_with_less


class Named(Protocol):
    def logPrefix(self):
        return "its own name"


class Plain:
    """A protocol that inherits nothing of Twisted's."""

    def connectionLost(self, reason):
        pass


class AcceptedTransportTests(SynchronousTestCase):
    def setUp(self):
        self.reactor = Reactor()
        self.port = Port(0, Factory(), reactor=self.reactor)
        self.port._realPortNumber = 8080

    def both(self, kind=Protocol, client=("127.0.0.1", 7)):
        """Return a transport of Twisted's and one of ours, made from the same."""
        transports = []
        for made in (Server, AcceptedTransport):
            skt, peer = socket.socketpair()
            self.addCleanup(skt.close)
            self.addCleanup(peer.close)
            transports.append(made(skt, kind(), client, self.port, 3, self.reactor))
        return transports

    def assertAlike(self, theirs, ours):
        self.assertEqual(ours.logPrefix(), theirs.logPrefix())
        self.assertEqual(ours.logstr, theirs.logstr)
        self.assertEqual(repr(ours), repr(theirs))
        self.assertEqual(ours.repstr, theirs.repstr)

    def test_they_have_the_attributes_of_twisted_s(self):
        for client in ("127.0.0.1", 7), ("::1", 7, 0, 0):
            theirs, ours = self.both(client=client)
            self.assertAlike(theirs, ours)
            self.assertEqual(vars(ours).keys() - {"_kind"}, vars(theirs).keys())
            for name in vars(theirs).keys() - {"socket", "protocol", "fileno"}:
                self.assertEqual(getattr(ours, name), getattr(theirs, name), name)
            self.assertIs(ours.socket.getblocking(), False)
            self.assertIn(ours, self.reactor.readers)

    def test_their_texts_are_made_when_somebody_asks(self):
        _, ours = self.both()
        self.assertEqual(vars(ours).keys() & {"logstr", "repstr"}, set())
        ours.logPrefix()
        self.assertIn("logstr", vars(ours))

    def test_their_texts_are_the_same_once_they_have_ended(self):
        theirs, ours = self.both()
        for transport in theirs, ours:
            transport.connectionLost(Failure(ConnectionDone()))
        self.assertAlike(theirs, ours)

    def test_a_text_may_be_set(self):
        theirs, ours = self.both()
        theirs.logstr = ours.logstr = "mine"
        self.assertAlike(theirs, ours)

    def test_a_protocol_may_have_its_own_name_in_the_log_or_none(self):
        for kind in Named, Plain:
            theirs, ours = self.both(kind)
            self.assertAlike(theirs, ours)
            self.assertIn("logstr", vars(ours))

    def test_they_know_both_addresses(self):
        listening = socket.create_server(("127.0.0.1", 0))
        with listening, socket.create_connection(listening.getsockname()):
            skt, client = listening.accept()
            with skt:
                made = AcceptedTransport(skt, Protocol(), client, self.port, 1, self.reactor)
                self.assertEqual(made.getPeer().port, client[1])
                self.assertEqual(made.getHost().port, listening.getsockname()[1])


class AcceptWithLessTests(SynchronousTestCase):
    def port_at(self, listening):
        self.addCleanup(listening.close)
        port = Port(0, Factory(), reactor=Reactor())
        port.socket = listening
        return port

    def test_a_port_makes_them_from_sockets_as_before(self):
        port = self.port_at(socket.create_server(("127.0.0.1", 0)))
        accept_with_less(port)
        self.assertIs(port.transport, AcceptedTransport)
        self.assertIsNot(type(port.socket), socket.socket)
        with socket.create_connection(port.socket.getsockname()) as peer:
            accepted, address = port.socket.accept()
            with accepted:
                self.assertIs(type(accepted), socket.socket)
                self.assertIs(accepted.family, socket.AF_INET)
                self.assertIs(accepted.type, socket.SOCK_STREAM)
                self.assertEqual(address, peer.getsockname())

    def test_a_port_of_another_kind_keeps_its_socket(self):
        """As a Unix socket, or one that an application has made itself."""

        class Own(socket.socket):
            pass

        here, there = socket.socketpair()
        self.addCleanup(there.close)
        for listening in here, Own():
            port = self.port_at(listening)
            kind = type(listening)
            accept_with_less(port)
            self.assertIs(type(port.socket), kind)

    def test_a_port_with_transports_of_another_kind_keeps_them(self):
        class Own(Server):
            pass

        port = self.port_at(socket.socket())
        port.transport = Own
        accept_with_less(port)
        self.assertIs(port.transport, Own)

    def test_without_twisted_s_names_a_port_stays_as_it_is(self):
        self.patch(accepting, "_CAN_SAVE", False)
        port = self.port_at(socket.socket())
        accept_with_less(port)
        self.assertIs(port.transport, Server)
        self.assertIs(type(port.socket), socket.socket)

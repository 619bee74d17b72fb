import errno
import socket
from types import SimpleNamespace

from twisted.internet.address import (
    HostnameAddress,
    IPv4Address,
    IPv6Address,
    UNIXAddress,
)
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import _WrappingProtocol
from twisted.internet.interfaces import (
    IHalfCloseableDescriptor,
    ISSLTransport,
    ITCPTransport,
    ITransport,
)
from twisted.internet.protocol import Protocol
from twisted.internet.tcp import Connection
from twisted.internet.testing import MemoryReactorClock
from twisted.protocols.policies import ProtocolWrapper, WrappingFactory
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import directlyProvides

from txws2._transport.capabilities import (
    abort,
    address_of,
    close_softly,
    has_unsent,
    keep_little_unsent,
    let_go,
    read_without_wrapper,
    set_no_delay,
    socket_of,
    unsent_by,
)


class Calls:
    """A transport that provides these interfaces and notes what is called."""

    def __init__(self, *interfaces):
        self.calls = []
        directlyProvides(self, *interfaces)

    def loseConnection(self):
        self.calls.append("loseConnection")

    def loseWriteConnection(self):
        self.calls.append("loseWriteConnection")

    def setTcpNoDelay(self, enabled):
        self.calls.append(("setTcpNoDelay", enabled))


class Abortable(Calls):
    def abortConnection(self):
        self.calls.append("abortConnection")


class AddressTests(SynchronousTestCase):
    def test_an_address_has_the_form_of_the_socket_module(self):
        for address, expected in (
            (IPv4Address("TCP", "127.0.0.1", 80), ("127.0.0.1", 80)),
            (IPv6Address("TCP", "::1", 443), ("::1", 443)),
            (UNIXAddress(b"/run/chat.sock"), "/run/chat.sock"),
            (UNIXAddress("/run/chat.sock"), "/run/chat.sock"),
            (UNIXAddress(b"/run/\xff"), "/run/\udcff"),
            (UNIXAddress(None), None),
            (HostnameAddress(b"example.com", 80), None),
        ):
            self.assertEqual(address_of(address), expected)


class NoDelayTests(SynchronousTestCase):
    def test_a_tcp_transport_does_not_delay(self):
        transport = Calls(ITCPTransport)
        set_no_delay(transport)
        self.assertEqual(transport.calls, [("setTcpNoDelay", True)])

    def test_one_that_only_claims_to_be_of_tcp_is_left_alone(self):
        class OverPipes:
            pass

        transport = OverPipes()
        directlyProvides(transport, ISSLTransport)
        set_no_delay(transport)

    def test_one_that_cannot_is_left_alone(self):
        class OverUnix:
            def setTcpNoDelay(self, enabled):
                raise OSError(errno.EOPNOTSUPP, "Operation not supported")

        transport = OverUnix()
        directlyProvides(transport, ITCPTransport)
        set_no_delay(transport)

    def test_any_other_is_left_alone(self):
        transport = Calls(ITransport)
        set_no_delay(transport)
        self.assertEqual(transport.calls, [])


class UnsentTests(SynchronousTestCase):
    def test_a_transport_keeps_it_in_two_places(self):
        for buffer, length, expected in ((b"", 0, False), (b"", 1, True), (b"a", 0, True)):
            transport = SimpleNamespace(dataBuffer=buffer, _tempDataLen=length)
            self.assertIs(has_unsent(transport), expected)

    def test_the_number_of_waiting_bytes_is_without_those_that_were_written(self):
        transport = SimpleNamespace(dataBuffer=b"abcdef", offset=2, _tempDataLen=10)
        self.assertEqual(unsent_by(transport), 14)


class Socket:
    """Keeps the options that are set."""

    refuses = False

    def __init__(self):
        self.options = []

    def setblocking(self, flag):
        pass

    def fileno(self):
        return -1

    def setsockopt(self, *option):
        if self.refuses:
            raise OSError
        self.options.append(option)


class SocketTests(SynchronousTestCase):
    def setUp(self):
        self.socket = Socket()
        self.transport = Connection(self.socket, None, MemoryReactorClock())

    def wrapped(self, transport):
        wrapper = ProtocolWrapper(WrappingFactory(None), None)
        wrapper.transport = transport
        return wrapper

    def test_it_is_found_below_all_that_wraps_it(self):
        self.assertIs(socket_of(self.transport), self.transport)
        self.assertIs(socket_of(self.wrapped(self.wrapped(self.transport))), self.transport)

    def test_not_every_transport_has_one(self):
        for transport in (None, Calls(), self.wrapped(Calls()), self.wrapped(None)):
            self.assertIsNone(socket_of(transport))

    def test_the_system_is_set_to_take_little_if_it_can_be(self):
        keep_little_unsent(Calls())
        keep_little_unsent(self.wrapped(self.transport))
        option = getattr(socket, "TCP_NOTSENT_LOWAT", None)
        expected = [] if option is None else [(socket.IPPROTO_TCP, option, 128 * 1024)]
        self.assertEqual(self.socket.options, expected)
        self.socket.refuses = True
        keep_little_unsent(self.transport)

    def test_the_protocol_that_an_endpoint_puts_around_ours_is_left_out(self):
        ours = Protocol()
        for above in (self.transport, self.wrapped(self.transport)):
            self.transport.protocol = _WrappingProtocol(Deferred(), ours)
            read_without_wrapper(above)
            self.assertIs(self.transport.protocol, ours)

    def test_no_other_protocol_around_ours_is_left_out(self):
        class Other(_WrappingProtocol):
            pass

        for other in (Other(Deferred(), Protocol()), ProtocolWrapper(WrappingFactory(None), None)):
            self.transport.protocol = other
            read_without_wrapper(self.transport)
            self.assertIs(self.transport.protocol, other)
        read_without_wrapper(Calls())

    def test_letting_go_does_not_wait_for_the_end_of_tls(self):
        above = self.wrapped(self.transport)
        above.loseConnection = lambda: None
        self.transport.connected = 1
        let_go(above)
        self.assertTrue(self.transport.disconnecting)
        alone = Calls()
        let_go(alone)
        self.assertEqual(alone.calls, ["loseConnection"])


class CloseTests(SynchronousTestCase):
    def test_a_half_is_closed_where_that_can_be(self):
        transport = Calls(IHalfCloseableDescriptor)
        close_softly(transport)
        self.assertEqual(transport.calls, ["loseWriteConnection"])

    def test_all_is_closed_where_it_cannot(self):
        transport = Calls(ITransport)
        close_softly(transport)
        self.assertEqual(transport.calls, ["loseConnection"])

    def test_tls_is_not_closed_by_half_whatever_it_claims(self):
        transport = Calls(ISSLTransport, IHalfCloseableDescriptor)
        close_softly(transport)
        self.assertEqual(transport.calls, ["loseConnection"])

    def test_aborting_waits_for_nothing(self):
        transport = Abortable(ITransport)
        abort(transport)
        self.assertEqual(transport.calls, ["abortConnection"])

    def test_a_transport_that_cannot_abort_is_closed(self):
        transport = Calls(ITransport)
        abort(transport)
        self.assertEqual(transport.calls, ["loseConnection"])

import socket

from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.tcp import Connection as TCPTransport
from twisted.trial.unittest import SynchronousTestCase as TestCase

from tests.support.exchanges import exchange_of
from tests.support.tallies import counted
from tests.support.twins import PURE, in_c, load
from txws2._transport.capabilities import read_more_at_once
from txws2.wire.frames import BINARY, PING, TEXT, encode_frame


class Transport(TCPTransport):
    """Twisted's TCP transport over one end of a pair of sockets, with no reactor."""

    def __init__(self, protocol):
        self.socket, self.peer = socket.socketpair()
        self.socket.setblocking(False)
        self.protocol = protocol
        self.reads = 0

    def fileno(self):
        return self.socket.fileno()

    def _dataReceived(self, data):
        # Called by the transport's own doRead, and at the end.
        self.reads += 1
        return super()._dataReceived(data)


def frame(payload, opcode=BINARY, **options):
    return encode_frame(opcode, payload, masked=True, **options)


class Cases:
    def opened(self, **options):
        exchange = self.Example(**{"client": False} | options)
        self.handle = exchange.handle
        self.transport = Transport(self.handle)
        self.addCleanup(self.transport.socket.close)
        self.addCleanup(self.transport.peer.close)
        return exchange

    def read(self, data=b""):
        self.transport.peer.sendall(data)
        return self.read_through(self.transport, self.transport.fileno())


class ReadTests(Cases, TestCase):
    Example = exchange_of(PURE["Exchange"], PURE["Cork"], PURE["Handle"])
    read_through = staticmethod(PURE["read_through"])

    def test_messages_are_delivered(self):
        exchange = self.opened()
        self.assertIsNone(self.read(frame(b"a") + frame(b"b", TEXT) + frame(b"", PING)))
        self.assertEqual(exchange.told, [b"a", "b", "Ping"])

    def test_the_answers_leave_in_one_piece(self):
        exchange = self.opened()
        exchange.answer = exchange.send_message
        self.read(frame(b"a") + frame(b"b"))
        self.assertEqual(exchange.writes, [b"\x82\x01a\x82\x01b"])

    def test_cut_anywhere_it_is_the_same(self):
        data = frame(b"a") + frame(b"b" * 200) + frame(b"c", fin=False) + frame(b"d", 0)
        for cut in range(1, len(data)):
            exchange = self.opened()
            self.read(data[:cut])
            self.read(data[cut:])
            self.assertEqual(exchange.told, [b"a", b"b" * 200, b"cd"])

    def test_nothing_happens_if_there_is_nothing(self):
        exchange = self.opened()
        self.assertIsNone(self.read())
        self.assertEqual(exchange.told, [])

    def test_when_the_peer_is_gone_it_says_so(self):
        self.opened()
        self.transport.peer.close()
        self.assertIsInstance(self.read_end(), ConnectionDone)

    def read_end(self):
        return self.read_through(self.transport, self.transport.fileno())

    def test_when_the_connection_is_broken_it_says_so(self):
        self.opened()
        listening = socket.create_server(("127.0.0.1", 0))
        peer = socket.create_connection(listening.getsockname())
        self.transport.socket.close()
        self.transport.socket, _ = listening.accept()
        listening.close()
        # To close what hasn't read everything is to reset it.
        self.transport.socket.sendall(b"a")
        self.transport.socket.setblocking(False)
        peer.recv(1, socket.MSG_PEEK)
        peer.close()
        self.assertIsInstance(self.read_end(), ConnectionLost)

    def test_before_it_is_open_all_belongs_to_the_opening(self):
        exchange = self.opened()
        exchange.connection = None
        self.read(b"GET")
        self.assertEqual(exchange.told, [("opening", b"GET")])

    def test_it_reads_no_more_than_the_transport_would(self):
        exchange = self.opened()
        self.transport.bufferSize = 7
        self.read(frame(b"a") + frame(b"b"))
        self.assertEqual(exchange.told, [b"a"])
        self.read()
        self.assertEqual(exchange.told, [b"a", b"b"])

    def test_a_message_may_be_read_amid_another(self):
        outer, inner = self.opened(), self.opened()
        transport = self.transport

        def read_another(message):
            outer.send_message(message)
            if message == b"a" * 100:
                transport.peer.sendall(frame(b"x" * 100) * 2)
                self.read_through(transport, transport.fileno())

        self.transport = Transport(outer.handle)
        outer.answer = read_another
        self.read(frame(b"a" * 100) + frame(b"b" * 100))
        self.assertEqual(outer.told, [b"a" * 100, b"b" * 100])
        self.assertEqual(inner.told, [b"x" * 100] * 2)

    def test_an_exception_passes(self):
        exchange = self.opened()
        exchange.receive = lambda data: 1 // 0
        self.assertRaises(ZeroDivisionError, self.read, b"\x83")
        del exchange.receive
        self.read(frame(b"a"))
        self.assertEqual(exchange.told, [b"a"])


@in_c
class ReadInCTests(ReadTests):
    Example = load() and exchange_of(load().Exchange, load().Cork, load().Handle)
    read_through = load() and staticmethod(load().read_through)

    def test_the_transport_has_nothing_to_do(self):
        self.opened()
        self.read(frame(b"a"))
        self.assertEqual(self.transport.reads, 0)

    def test_before_the_connection_is_open_the_transport_has_nothing_to_do(self):
        exchange = self.opened()
        exchange.connection = None
        self.read(b"GET")
        exchange.receive_opening = lambda data: 1 // 0
        self.assertRaises(ZeroDivisionError, self.read, b" /")
        self.assertEqual((exchange.told, self.transport.reads), ([("opening", b"GET")], 0))

    def test_amid_a_message_the_transport_has_nothing_to_do_either(self):
        exchange, data = self.opened(), frame(b"a" * 100)
        self.read(data[:50])
        self.read(data[50:])
        self.assertEqual((exchange.told, self.transport.reads), ([b"a" * 100], 0))

    def test_amid_a_message_of_which_a_part_was_taken_the_transport_reads(self):
        exchange, data = self.opened(), frame(b"a" * 100)
        self.read(data[:50])
        exchange.connection.take_part()
        self.read(data[50:])
        self.assertEqual((exchange.told, self.transport.reads), (["Remainder"], 1))

    def test_large_messages_are_read_in_fewer_pieces_than_the_transport_s(self):
        exchange = self.opened()
        read_more_at_once(self.transport)
        peer = self.transport.peer
        peer.setblocking(False)
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 2**18)
        # The system decides how much of it there is room for.
        sent = peer.send(frame(b"a" * 150_000))
        self.read()
        self.assertEqual(sent, counted(exchange.connection)["bytes_in"])
        self.assertEqual(self.transport.reads, 0)

    def test_the_transport_reads_more_than_there_is_room_for(self):
        exchange = self.opened()
        self.transport.bufferSize = 2**20
        self.read(frame(b"a"))
        self.assertEqual((exchange.told, self.transport.reads), ([b"a"], 1))

    def test_a_protocol_of_another_kind_gets_what_the_transport_reads(self):
        class Other:
            def dataReceived(self, data):
                self.data = data

        self.opened()
        other = self.transport.protocol = Other()
        self.read(b"abc")
        self.assertEqual((other.data, self.transport.reads), (b"abc", 1))

    def test_a_dataReceived_of_the_application_s_is_called(self):
        read = []

        class Listening(self.Example.Handle):
            def dataReceived(self, data):
                read.append(data)
                super().dataReceived(data)

        exchange = self.opened()
        listening = self.transport.protocol = Listening(exchange)
        self.read(frame(b"a"))
        listening.dataReceived = read.append
        self.read(b"b")
        self.assertEqual((len(read), read[1]), (2, b"b"))
        self.assertEqual(exchange.told, [b"a"])

    def test_a_doRead_of_somebody_else_s_is_called(self):
        self.opened()
        self.transport.doRead = lambda: "why"
        self.assertEqual(self.read(b"a"), "why")

    def test_a_wrong_transport_is_an_error(self):
        class Half(TCPTransport):
            def __init__(self):
                pass

        self.assertRaises(AttributeError, self.read_through, object(), 0)
        self.assertRaises(AttributeError, self.read_through, Half(), 0)
        self.assertRaises(TypeError, self.read_through, Half(), None)
        self.assertRaises(TypeError, self.read_through, Half())
        self.opened()
        self.transport.bufferSize = None
        self.assertRaises(TypeError, self.read, b"a")

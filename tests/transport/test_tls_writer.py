import contextlib
import gc
import socket
import weakref
from itertools import cycle
from unittest import skipUnless

from hypothesis import given, settings
from hypothesis.strategies import binary, integers, lists
from OpenSSL import SSL
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.ssl import (
    Certificate,
    PrivateCertificate,
    optionsForClientTLS,
    trustRootFromCertificates,
)
from twisted.internet.tcp import Connection
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.protocols.policies import ProtocolWrapper, WrappingFactory
from twisted.protocols.tls import BufferingTLSTransport, TLSMemoryBIOFactory, TLSMemoryBIOProtocol
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from tests.client.test_insecure import self_signed
from tests.support.twins import in_c
from txws2._transport import tls_writer
from txws2._transport.cork import TURN_SIZE
from txws2._transport.openssl import pointers_of
from txws2._transport.outbox import Outbox
from txws2._transport.socket_writer import outbox_for
from txws2._transport.tls_writer import TLSOutbox, TLSThrough, tls_outbox_for
from txws2.server.factory import WebSocketServerFactory

CERTIFICATE = self_signed("localhost")
# A marker that no ciphertext has in it by chance.
SECRET = b"plaintext " * 4


def let_through(transport):
    """Put the fast path around a TLS transport, and return it."""
    if isinstance(transport, BufferingTLSTransport):
        transport._aggregator.flush()
    return TLSThrough(transport, pointers_of(transport.getHandle()))


class Application(Protocol):
    """Keeps what it hears.

    Attributes:
        heard: what was delivered, piece by piece.
        lost: why the connection ended, a list of that.
        begin: called with the transport when it is connected; returns the fast path.
        through: the fast path.
    """

    begin = staticmethod(let_through)

    def __init__(self):
        self.heard, self.lost = [], []
        self.react = lambda data: None

    def makeConnection(self, transport):
        self.through = self.begin(transport)
        super().makeConnection(transport)

    def dataReceived(self, data):
        self.heard.append(data)
        self.react(data)

    def connectionLost(self, reason):
        self.lost.append(reason)


class Below(Connection):
    """A TCP transport as Twisted has it, over one end of a pair of sockets."""

    def __init__(self, end, protocol, reactor):
        super().__init__(end, protocol, reactor)
        self.connected = 1

    def setTcpNoDelay(self, enabled):
        # A pair of sockets has no such thing.
        pass

    def lose(self, why):
        self.stopReading()
        self.stopWriting()
        self.connectionLost(Failure(why))


class Peer:
    """The other end: an OpenSSL connection whose bytes are looked at.

    Attributes:
        tls: the OpenSSL connection.
        wire: all bytes that have come.
        heard: what was in them.
        ended: "TLS" once it was closed in due form, "TCP" if only the socket was.
    """

    def __init__(self, end, is_client, version):
        context = SSL.Context(SSL.TLS_METHOD)
        context.set_max_proto_version(version)
        self.socket = end
        self.socket.setblocking(False)
        self.tls = SSL.Connection(context, None)
        if is_client:
            self.tls.set_connect_state()
        else:
            certificate = PrivateCertificate.loadPEM(CERTIFICATE)
            self.tls.use_certificate(certificate.original)
            self.tls.use_privatekey(certificate.privateKey.original)
            self.tls.set_accept_state()
        self.wire, self.heard, self.ended = b"", b"", None

    def encrypted(self, *messages):
        """Return each message in records of its own."""
        for message in messages:
            while message:
                message = message[self.tls.send(message) :]
        return self.flush()

    def flush(self):
        """Return what OpenSSL has to say."""
        data = b""
        try:
            while True:
                data += self.tls.bio_read(2**16)
        except SSL.WantReadError:
            return data

    def turn(self):
        """Read, and answer what has to be answered."""
        try:
            while data := self.socket.recv(2**16):
                self.wire += data
                self.tls.bio_write(data)
            self.ended = self.ended or "TCP"
        except (BlockingIOError, ConnectionError):
            pass
        try:
            while True:
                self.heard += self.tls.recv(2**14)
        except SSL.ZeroReturnError:
            self.ended = "TLS"
        except SSL.WantReadError:
            pass
        if answer := self.flush():
            self.socket.send(answer)


class TLSTestCase(SynchronousTestCase):
    """A transport and its peer, who have shaken hands.

    Attributes:
        version: the version of TLS.
        tls: the class of the transport.
    """

    version = SSL.TLS1_3_VERSION
    tls = BufferingTLSTransport

    def setUp(self):
        self.application = Application()
        self.join()

    def creator(self):
        return PrivateCertificate.loadPEM(CERTIFICATE).options()

    def join(self, is_client=False, factory=None, rounds=8):
        self.reactor = MemoryReactorClock()
        ours, theirs = socket.socketpair()
        self.addCleanup(theirs.close)
        self.addCleanup(ours.close)
        factory = factory or Factory.forProtocol(lambda: self.application)
        above = TLSMemoryBIOFactory(self.creator(), is_client, factory, self.reactor)
        above.protocol = self.tls
        self.transport = above.buildProtocol(None)
        self.below = Below(ours, self.transport, self.reactor)
        self.peer = Peer(theirs, not is_client, self.version)
        self.transport.makeConnection(self.below)
        self.below.startReading()
        self.turns(rounds)

    def write(self, data):
        """Write on the fast path."""
        self.application.through.write(data)

    def turns(self, number=8):
        """Let both do what they have to do."""
        for _ in range(number):
            self.peer.turn()
            self.turn()

    def turn(self):
        """Do what the reactor does in a turn."""
        self.reactor.advance(0)
        if self.below in self.reactor.readers:
            self.read()
        if self.below in self.reactor.writers and (why := self.below.doWrite()):
            self.below.lose(why)

    def read(self):
        if why := self.below.doRead():
            self.below.lose(why)

    def tell(self, *messages):
        """Have the peer send each message in records of its own, in one piece."""
        self.peer.socket.send(self.peer.encrypted(*messages))
        self.read()

    def fill(self):
        """Send until the socket is full; return what was sent."""
        self.below.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        sent = b""
        while not self.below._tempDataLen:
            piece = len(sent).to_bytes(4, "big") * 250
            self.write(piece)
            sent += piece
        return sent

    def assertLost(self, kind):
        [reason] = self.application.lost
        self.assertIsInstance(reason.value, kind)
        return reason.value


class ReadTests(TLSTestCase):
    def test_a_record_is_delivered(self):
        self.tell(b"hello")
        self.tell(b"again")
        self.assertEqual(self.application.heard, [b"hello", b"again"])

    def test_the_records_of_a_read_are_delivered_in_one_piece(self):
        self.tell(b"hello", b"again", b"x" * 40_000)
        self.assertEqual(self.application.heard, [b"helloagain" + b"x" * 40_000])

    def test_records_may_come_in_any_two_pieces(self):
        size = len(self.peer.encrypted(b"hello", b"again"))
        self.join()
        for cut in range(1, size):
            stream = self.peer.encrypted(b"hello", b"again")
            self.application.heard.clear()
            for piece in (stream[:cut], stream[cut:]):
                self.peer.socket.send(piece)
                self.read()
            self.assertEqual(b"".join(self.application.heard), b"helloagain")
            self.assertEqual(len(self.application.heard), 1 + (size / 2 <= cut))

    def test_they_may_come_byte_by_byte(self):
        for byte in self.peer.encrypted(b"hello", b"again"):
            self.peer.socket.send(bytes([byte]))
            self.read()
        self.assertEqual(self.application.heard, [b"hello", b"again"])

    def test_a_large_message_arrives(self):
        message = bytes(range(256)) * 2**12
        stream = self.peer.encrypted(message)
        while stream:
            stream = stream[self.peer.socket.send(stream[: 2**16]) :]
            self.read()
        self.turns()
        self.assertEqual(b"".join(self.application.heard), message)

    def test_nothing_is_decrypted_while_reading_is_paused(self):
        self.application.react = lambda data: self.transport.pauseProducing()
        self.tell(b"hello")
        self.peer.socket.send(self.peer.encrypted(b"again"))
        self.turn()
        self.assertEqual(self.application.heard, [b"hello"])
        self.transport.resumeProducing()
        self.turn()
        self.assertEqual(self.application.heard, [b"hello", b"again"])

    def test_a_record_that_was_tampered_with_ends_the_connection(self):
        good = self.peer.encrypted(b"good")
        bad = bytearray(self.peer.encrypted(b"bad"))
        bad[-1] ^= 1
        self.peer.socket.send(good + bad)
        self.read()
        self.turn()
        self.assertEqual(self.application.heard, [b"good"])
        self.assertIn("bad record mac", str(self.assertLost(SSL.Error)))

    def test_bytes_that_are_no_record_end_the_connection(self):
        self.peer.socket.send(b"GET / HTTP/1.1\r\n\r\n")
        self.read()
        self.turn()
        # Versions of OpenSSL differ in why, but there must be a reason.
        self.assertTrue(self.assertLost(SSL.Error).args[0])

    def test_openssl_s_own_records_leave_with_the_reply(self):
        """As the tickets of TLS 1.3 do, which follow a handshake."""

        def reply(data):
            with self.assertRaises(BlockingIOError):
                self.peer.socket.recv(1, socket.MSG_PEEK)
            self.write(b"reply")

        self.application.react = reply
        # OpenSSL keeps this as it keeps an answer.
        self.transport.getHandle().send(b"answer, ")
        self.tell(b"hello")
        self.peer.turn()
        self.assertEqual(self.peer.heard, b"answer, reply")

    def test_openssl_s_own_records_leave_without_a_reply_too(self):
        self.transport.getHandle().send(b"answer")
        self.tell(b"hello")
        self.peer.turn()
        self.assertEqual(self.peer.heard, b"answer")

    def test_an_alert_is_answered_at_once(self):
        # OpenSSL answers a record that it can't read with an alert.
        bad = bytearray(self.peer.encrypted(b"bad"))
        bad[-1] ^= 1
        before = len(self.peer.wire)
        self.peer.socket.send(bad)
        self.read()
        with contextlib.suppress(SSL.Error):
            self.peer.turn()
        self.assertGreater(len(self.peer.wire), before)

    def test_data_after_the_end_of_tls_is_not_delivered(self):
        stream = self.peer.encrypted(b"bye")
        self.peer.tls.shutdown()
        self.peer.socket.send(stream + self.peer.flush() + stream)
        self.turns()
        self.assertEqual(self.application.heard, [b"bye"])
        self.assertEqual(self.peer.ended, "TLS")

    def test_data_that_is_read_during_a_delivery_comes_after_it(self):
        def react(data):
            if data == b"one":
                self.peer.socket.send(self.peer.encrypted(b"three"))
                self.read()

        self.application.react = react
        self.tell(b"one")
        self.assertEqual(self.application.heard, [b"one", b"three"])

    @skipUnless(hasattr(SSL.Connection, "set_info_callback"), "this pyOpenSSL has no such callback")
    def test_a_callback_of_openssl_may_abort_the_connection(self):
        def abort(connection, where, result):
            if not self.application.lost:
                self.below.lose(ConnectionLost())

        self.transport.getHandle().set_info_callback(abort)
        self.peer.tls.shutdown()
        self.peer.socket.send(self.peer.encrypted() + self.peer.flush())
        self.read()
        self.assertEqual(len(self.application.lost), 1)
        self.assertEqual(self.application.heard, [])


class CutTests(TLSTestCase):
    @given(
        messages=lists(binary(min_size=1, max_size=3000), min_size=1, max_size=8),
        cuts=lists(integers(1, 400), min_size=1),
    )
    @settings(max_examples=30, deadline=None)
    def test_the_data_does_not_depend_on_the_cuts(self, messages, cuts):
        self.application.heard.clear()
        stream = self.peer.encrypted(*messages)
        for size in cycle(cuts):
            if not stream:
                break
            self.peer.socket.send(stream[:size])
            stream = stream[size:]
            self.read()
        self.assertEqual(b"".join(self.application.heard), b"".join(messages))


class MemoryTests(TLSTestCase):
    @in_c
    def test_the_buffers_of_the_handshake_are_given_back_once(self):
        shed, shed_buffers = [], tls_writer.shed_buffers

        def note_and_shed(connection):
            shed.append(connection)
            return shed_buffers(connection)

        self.patch(tls_writer, "shed_buffers", note_and_shed)
        self.join()
        self.tell(b"hello")
        self.tell(b"again")
        self.write(b"answer")
        self.peer.turn()
        self.assertEqual(shed, [self.transport.getHandle()])
        self.assertEqual(self.application.heard, [b"hello", b"again"])
        self.assertEqual(self.peer.heard, b"answer")

    def test_they_may_be_given_back_within_a_record(self):
        one, two = self.peer.encrypted(b"one"), self.peer.encrypted(b"two")
        for piece in (one + two[:7], two[7:]):
            self.peer.socket.send(piece)
            self.read()
        self.assertEqual(self.application.heard, [b"one", b"two"])

    def test_a_lost_connection_does_not_wait_for_the_garbage_collector(self):
        self.application.begin = lambda transport: outbox_for(transport, None)
        self.join()
        self.tell(b"hello")
        connection = weakref.ref(self.transport.getHandle())
        gc.disable()
        self.addCleanup(gc.enable)
        self.peer.socket.close()
        self.turn()
        self.assertLost(ConnectionLost)
        self.assertIsNone(connection())


class ReadTLS12Tests(ReadTests):
    version = SSL.TLS1_2_VERSION


class OpeningTests(TLSTestCase):
    def test_a_client_takes_the_fast_path_too(self):
        # The server's tickets come with the first data, and are records of their own.
        self.join(is_client=True)
        self.tell(b"hello")
        self.tell(b"again")
        self.write(b"answer")
        self.peer.turn()
        self.assertEqual(self.application.heard, [b"hello", b"again"])
        self.assertEqual(self.peer.heard, b"answer")

    def test_data_written_before_the_handshake_waits_for_it(self):
        for is_client in (True, False):
            self.application = Application()
            self.application.connectionMade = lambda: self.write(b"early")
            self.join(is_client)
            self.assertEqual(self.peer.heard, b"early")

    def test_data_written_before_the_fast_path_leaves_first(self):
        def begin(transport):
            transport.write(b"early ")
            through = let_through(transport)
            through.write(b"late")
            return through

        self.application.begin = begin
        self.join(is_client=True)
        self.assertEqual(self.peer.heard, b"early late")


class RenegotiationTests(TLSTestCase):
    version = SSL.TLS1_2_VERSION

    def test_data_written_during_another_handshake_waits_for_it(self):
        self.transport.getHandle().renegotiate()
        self.write(b"one ")
        self.peer.turn()
        # The peer has begun the handshake, and isn't done yet.
        self.read()
        self.write(b"two")
        self.peer.turn()
        self.assertEqual(self.peer.heard, b"one ")
        self.turns()
        self.assertEqual(self.peer.heard, b"one two")
        self.tell(b"hello")
        self.assertEqual(self.application.heard, [b"hello"])
        self.assertEqual(self.transport.getHandle().total_renegotiations(), 1)


class WriteTests(TLSTestCase):
    def test_it_goes_to_the_socket_at_once(self):
        self.write(b"hello")
        self.peer.turn()
        self.assertEqual(self.peer.heard, b"hello")

    def test_no_bytes_make_no_record(self):
        before = len(self.peer.wire)
        self.write(b"")
        self.turns()
        self.assertEqual(len(self.peer.wire), before)

    def test_any_size_arrives(self):
        for size in (1, 2**14, 2**14 + 1, 2**16, 2**17, 2**17 + 1, 2**20):
            self.peer.heard = b""
            message = bytes(range(256)) * (size // 256 + 1)
            self.write(message[:size])
            self.turns(40)
            self.assertTrue(self.peer.heard == message[:size], size)

    def test_records_that_the_socket_does_not_take_wait_below(self):
        sent = self.fill()
        self.write(b"last")
        self.turns(200)
        self.assertTrue(self.peer.heard == sent + b"last")
        self.write(b" but one")
        self.peer.turn()
        self.assertTrue(self.peer.heard == sent + b"last but one")

    def test_nothing_overtakes_what_waits_below(self):
        sent = self.fill()
        # Now there is room in the socket, but it isn't for this.
        self.peer.turn()
        self.write(b"last")
        self.turns(200)
        self.assertTrue(self.peer.heard == sent + b"last")

    def test_after_a_turn_s_bytes_others_have_their_turn(self):
        for _ in range(TURN_SIZE >> 14):
            self.write(b"x" * 2**14)
            self.peer.turn()
        self.assertEqual(len(self.peer.heard), TURN_SIZE)
        self.write(b"x" * 2**14)
        self.peer.turn()
        self.assertEqual(len(self.peer.heard), TURN_SIZE)
        self.turns()
        self.write(b"y")
        self.peer.turn()
        self.assertEqual(self.peer.heard, b"x" * (TURN_SIZE + 2**14) + b"y")

    def test_a_producer_is_paused_while_the_peer_does_not_read(self):
        producer = StringTransport()
        self.transport.registerProducer(producer, True)
        sent = self.fill()
        self.assertEqual(producer.producerState, "producing")
        self.write(b"x" * 2**17)
        self.assertEqual(producer.producerState, "paused")
        self.turns(400)
        self.assertEqual(producer.producerState, "producing")
        self.assertTrue(self.peer.heard == sent + b"x" * 2**17)

    def test_no_plaintext_is_ever_on_the_wire(self):
        self.application.connectionMade = lambda: self.write(SECRET)
        self.join()
        for number in range(1, 60):
            self.write(SECRET * number**2)
            self.turns(number % 3)
        self.transport.loseConnection()
        self.write(SECRET)
        self.turns(400)
        self.assertGreater(len(self.peer.heard), 2**20)
        self.assertEqual(self.peer.ended, "TLS")
        self.assertNotIn(SECRET[:8], self.peer.wire)

    def test_a_socket_that_is_broken_ends_the_connection(self):
        self.peer.socket.close()
        self.write(b"hello")
        self.turn()
        self.assertLost(ConnectionLost)

    def test_a_refusal_of_openssl_ends_it_too(self):
        self.transport.getHandle().shutdown()
        self.write(b"hello")
        self.turns()
        self.assertIn("protocol is shutdown", str(self.assertLost(SSL.Error)))
        self.assertEqual(self.peer.heard, b"")


class WriteTLS12Tests(WriteTests):
    version = SSL.TLS1_2_VERSION


class ClosingTests(TLSTestCase):
    def test_first_the_data_then_tls_then_tcp(self):
        sent = self.fill()
        self.transport.loseConnection()
        self.write(b"too late")
        self.assertEqual(self.application.lost, [])
        self.turns(200)
        self.assertTrue(self.peer.heard == sent)
        self.assertEqual(self.peer.ended, "TLS")
        self.peer.tls.shutdown()
        self.turns()
        self.assertLost(ConnectionDone)

    def test_data_until_the_peer_closes_is_delivered(self):
        self.transport.loseConnection()
        self.tell(b"hello")
        self.assertEqual(self.application.heard, [b"hello"])

    def test_the_peer_may_close_first_right_after_its_last_words(self):
        last_words = self.peer.encrypted(b"good", b"bye")
        self.peer.tls.shutdown()
        self.peer.socket.send(last_words + self.peer.flush())
        self.turns()
        self.assertEqual(self.application.heard, [b"goodbye"])
        self.assertLost(ConnectionDone)
        self.assertEqual(self.peer.ended, "TLS")

    def test_without_a_word_the_connection_is_lost(self):
        for last_words in (b"", self.peer.encrypted(b"half")[:9]):
            self.application = Application()
            self.join()
            self.peer.socket.send(last_words)
            self.peer.socket.close()
            self.turn()
            self.turn()
            self.assertLost(ConnectionLost)
            self.assertEqual(self.application.heard, [])

    def test_data_written_after_the_end_goes_nowhere(self):
        self.peer.socket.close()
        self.turn()
        self.assertLost(ConnectionLost)
        self.write(b"too late")

    def test_data_written_while_it_is_lost_goes_nowhere(self):
        self.application.connectionLost = lambda reason: self.write(b"too late")
        self.peer.socket.close()
        self.turn()
        self.assertFalse(self.below.connected)

    def test_it_may_be_aborted(self):
        self.fill()
        self.transport.abortConnection()
        self.write(b"too late")
        self.turns(200)
        self.assertEqual(len(self.application.lost), 1)
        self.assertNotIn(b"too late", self.peer.heard)

    def test_an_application_may_abort_in_its_hook(self):
        self.application.react = lambda data: self.transport.abortConnection()
        self.tell(b"hello", b"again")
        self.turns()
        self.assertEqual(self.application.heard, [b"helloagain"])
        self.assertEqual(len(self.application.lost), 1)


class EndsTestCase(TLSTestCase):
    """Compares how a connection ends with how it ends with Twisted's TLS alone."""

    def assertEndsAlike(self, end, rounds=8, sides=(False, True)):
        for is_client in sides:
            ends = []
            for begin in (let_through, lambda transport: None):
                self.application = Application()
                self.application.begin = begin
                self.join(is_client, rounds=rounds)
                end()
                for _ in range(8):
                    # OpenSSL on the other side may find the same fault.
                    with contextlib.suppress(SSL.Error, BrokenPipeError):
                        self.peer.turn()
                    self.turn()
                [reason] = self.application.lost
                heard = b"".join(self.application.heard)
                ends.append((reason.type, reason.value.args, heard, self.peer.ended))
            self.assertEqual(*ends)
        return ends[0]


class EndTests(EndsTestCase):
    """A connection that ends in any state tells the same as with Twisted's TLS alone."""

    def send_and_cut(self, data):
        if data:
            self.peer.socket.send(data)
        self.peer.socket.shutdown(socket.SHUT_WR)

    def test_in_the_handshake(self):
        for rounds in (0, 1):
            self.assertEndsAlike(lambda: self.send_and_cut(b""), rounds)

    def test_in_the_handshake_within_a_record(self):
        self.assertEndsAlike(lambda: self.send_and_cut(b"\x16\x03\x01\x01"), 0)

    def test_in_the_handshake_with_what_is_no_record(self):
        self.assertEndsAlike(lambda: self.send_and_cut(b"GET / HTTP/1.1\r\n\r\n"), 0)

    def test_between_records(self):
        self.assertEndsAlike(lambda: self.send_and_cut(self.peer.encrypted(b"hello")))

    def test_within_a_record(self):
        self.assertEndsAlike(
            lambda: self.send_and_cut(self.peer.encrypted(b"hello", b"again")[:-1])
        )

    def test_after_a_record_that_was_tampered_with(self):
        def end():
            stream = bytearray(self.peer.encrypted(b"good", b"bad"))
            stream[-1] ^= 1
            self.send_and_cut(stream)

        self.assertEndsAlike(end)

    def test_after_the_end_of_tls(self):
        def end():
            stream = self.peer.encrypted(b"bye")
            self.peer.tls.shutdown()
            self.send_and_cut(stream + self.peer.flush())

        self.assertEndsAlike(end)

    def test_while_we_close(self):
        def end():
            self.transport.loseConnection()
            self.send_and_cut(self.peer.encrypted(b"more"))

        self.assertEndsAlike(end)


class EndTLS12Tests(EndTests):
    version = SSL.TLS1_2_VERSION


class RefusalTests(EndsTestCase):
    """A handshake that fails ends the connection."""

    def test_without_a_version_in_common(self):
        def creator():
            options = PrivateCertificate.loadPEM(CERTIFICATE).options()
            options.getContext().set_min_proto_version(SSL.TLS1_3_VERSION)
            return options

        self.version, self.creator = SSL.TLS1_2_VERSION, creator
        kind, args, *_ = self.assertEndsAlike(lambda: None, 0, sides=[False])
        self.assertIs(kind, SSL.Error)
        self.assertIn("unsupported protocol", str(args))

    def test_with_a_certificate_that_is_not_trusted(self):
        self.creator = lambda: optionsForClientTLS("localhost")
        kind, args, *_ = self.assertEndsAlike(lambda: None, 0, sides=[True])
        self.assertIs(kind, SSL.Error)
        self.assertIn("certificate verify failed", str(args))

    def test_with_a_certificate_for_another_host(self):
        trust = trustRootFromCertificates([Certificate.loadPEM(CERTIFICATE)])
        self.creator = lambda: optionsForClientTLS("example.com", trustRoot=trust)
        kind, *_ = self.assertEndsAlike(lambda: None, 0, sides=[True])
        self.assertIn("VerificationError", kind.__name__)

    def test_without_the_certificate_that_the_server_asks_for(self):
        known = Certificate.loadPEM(CERTIFICATE)
        self.creator = lambda: PrivateCertificate.loadPEM(CERTIFICATE).options(known)
        kind, args, *_ = self.assertEndsAlike(lambda: None, 0, sides=[False])
        self.assertIs(kind, SSL.Error)
        self.assertIn("certificate", str(args))


class LetThroughTests(TLSTestCase):
    def outbox_of(self, kind, below):
        transport = kind(self.transport.factory, None)
        transport.transport = below
        return tls_outbox_for(transport, None)

    def test_a_transport_over_tcp_takes_the_fast_path(self):
        self.application.begin = lambda transport: tls_outbox_for(transport, None)
        self.join()
        self.assertIs(type(self.application.through), TLSOutbox)
        self.assertIs(type(self.below.protocol), TLSThrough)

    def test_a_transport_without_tls_is_left_alone(self):
        self.assertIsNone(tls_outbox_for(StringTransport(), None))

    def test_tls_over_something_else_is_left_alone(self):
        self.assertIsNone(self.outbox_of(BufferingTLSTransport, StringTransport()))

    def test_a_transport_of_another_kind_is_left_alone(self):
        class Special(BufferingTLSTransport):
            pass

        self.assertIsNone(self.outbox_of(Special, self.below))
        self.assertIsNone(self.outbox_of(TLSMemoryBIOProtocol, self.below))

    def test_a_transport_whose_bytes_go_somewhere_else_first_is_left_alone(self):
        self.below.protocol = Protocol()
        self.assertIsNone(self.outbox_of(BufferingTLSTransport, self.below))

    @in_c
    def test_a_transport_with_another_openssl_connection_is_left_alone(self):
        class Special(SSL.Connection):
            pass

        self.below.protocol = self.transport
        self.transport._tlsConnection.__class__ = Special
        self.assertIsNone(tls_outbox_for(self.transport, None))

    def test_one_that_has_been_open_for_long_takes_it_too(self):
        self.application.begin = lambda transport: None
        self.join()
        self.tell(b"head")
        outbox = tls_outbox_for(self.transport, None)
        outbox.write(b"hello")
        self.peer.turn()
        self.assertEqual(self.peer.heard, b"hello")
        self.tell(b"frame")
        self.assertEqual(self.application.heard, [b"head", b"frame"])

    def test_a_websocket_takes_it(self):
        self.join(factory=WebSocketServerFactory(reactor=MemoryReactorClock()))
        self.assertIs(type(self.below.protocol), TLSThrough)


class OutboxTests(TLSTestCase):
    """A transport waits for its producer, and an outbox is one for life."""

    kind = TLSOutbox

    def setUp(self):
        self.application = Application()
        self.application.begin = lambda transport: None
        self.join()

    def give(self, transport):
        self.outbox = outbox_for(transport, None)

    def lose(self, transport):
        transport.loseConnection()
        self.turns(400)
        self.assertEqual(self.peer.ended, "TLS")
        self.peer.tls.shutdown()
        self.turns()
        self.assertLost(ConnectionDone)

    def test_it_closes_although_there_is_an_outbox(self):
        self.give(self.transport)
        self.assertIs(type(self.outbox), self.kind)
        self.lose(self.transport)

    def test_frames_in_the_outbox_leave_before_the_end(self):
        self.give(self.transport)
        for _ in range(20):
            self.outbox.write(b"x" * 2**16)
        self.assertTrue(self.outbox.paused)
        self.lose(self.transport)
        self.assertEqual(self.peer.heard, b"x" * 2**16 * 20)

    def test_nothing_leaves_after(self):
        self.give(self.transport)
        self.outbox.write(b"last words")
        self.transport.loseConnection()
        self.outbox.write(b"too late")
        self.turns()
        self.assertEqual(self.peer.heard, b"last words")

    def test_a_second_or_late_call_changes_nothing(self):
        self.give(self.transport)
        self.transport.loseConnection()
        self.lose(self.transport)
        self.transport.loseConnection()

    def test_data_written_before_there_was_an_outbox_leaves_first(self):
        self.transport.write(b"head ")
        self.give(self.transport)
        self.outbox.write(b"frame")
        self.lose(self.transport)
        self.assertEqual(self.peer.heard, b"head frame")


class OtherOutboxTests(OutboxTests):
    """TLS that can't take the fast path closes, too."""

    kind = Outbox

    def setUp(self):
        self.patch(tls_writer, "_TLS_IS_KNOWN", False)
        super().setUp()


class WrappedOutboxTests(OutboxTests):
    """Under a policy, which has no outbox's loseConnection of its own."""

    kind = Outbox

    def give(self, transport):
        self.policy = ProtocolWrapper(WrappingFactory(None), Protocol())
        self.policy.transport = transport
        self.outbox = outbox_for(self.policy, None)

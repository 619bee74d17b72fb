"""A peer breaks the protocol and then stays silent: the application gets the end at once."""

from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory, Protocol

from tests.support.sides import (
    BINARY,
    CLOSE,
    REQUEST,
    TEXT,
    ClientSide,
    Peer,
    RecordedServer,
    ServerSide,
    answer,
    closing,
    frames_in,
)
from tests.support.ways import OverTLS, OverTLSThroughProxy
from tests.support.website import SiteTestCase
from txws2.exceptions import ConnectionClosedError, PayloadTooBig, ProtocolError
from txws2.streams.factories import WebSocketFactory
from txws2.wire.connection import State
from txws2.wire.frames import encode_frame

CONT = 0
DEFLATED = "permessage-deflate"
RSV1 = 0x40


class EndAtOnce:
    """Tests for either side, whatever is between them."""

    def wrong(self):
        """Generate the errors of a peer: the bytes, and the close code for them."""
        masked = not self.client
        yield encode_frame(TEXT, b"hello", masked=not masked), 1002
        yield self.frame(3), 1002
        yield self.frame(CONT), 1002
        yield self.frame(CLOSE, b"\x03"), 1002
        yield self.frame(CLOSE, closing(1005)), 1002
        yield self.frame(CLOSE, closing(1000) + b"\xff"), 1007
        yield self.frame(TEXT, b"\xff"), 1007
        yield self.frame(TEXT, b"\xff", fin=False), 1007
        yield self.frame(BINARY, b"x" * 100), 1009
        yield self.frame(BINARY, b"x" * 8, fin=False) + self.frame(CONT, b"x" * 8), 1009
        yield self.frame(BINARY, b"x", fin=False) + self.frame(CONT, fin=False) * 9, 1009

    def deflated(self):
        for payload, code in ((b"\xff\xff garbage", 1002), (b"\x06", 1002)):
            frame = bytearray(self.frame(BINARY, payload))
            frame[0] |= RSV1
            yield bytes(frame), code

    def start(self, **options):
        return self.open(max_size=10, max_fragments=5, **options)

    def assertTold(self, code):
        """Assert that the end was told, once, and that the close frame has left."""
        [reason] = self.ws.lost
        self.assertIsInstance(reason, ConnectionClosedError)
        self.assertIsInstance(reason.__cause__, (ProtocolError, PayloadTooBig))
        self.assertEqual((reason.rcvd, reason.sent.code), (None, code))
        self.assertEqual(self.ws.state, State.CLOSED)
        self.assertEqual((self.ws.close_code, self.ws.close_reason), (1006, ""))
        [(opcode, payload)] = self.said()
        self.assertEqual((opcode, payload[:2]), (CLOSE, closing(code)))

    def assertAborted(self):
        """Assert that the transport is still there, and is gone after close_timeout."""
        if self.ways:
            # TLS at the other end has answered the end of our TLS already.
            self.assertGone()
            return
        self.assertEqual(set(self.factory.connections), {self.ws})
        self.joined.advance(9)
        self.assertEqual(set(self.factory.connections), {self.ws})
        self.joined.advance(1)
        self.assertEqual(set(self.factory.connections), set())
        self.assertGone()

    def test_the_end_comes_at_once_for_each_mistake(self):
        for wrong, code in (*self.wrong(),):
            self.start()
            self.receive(wrong)
            self.assertTold(code)
            self.assertAborted()

    def test_the_end_comes_at_once_byte_by_byte_too(self):
        for wrong, code in (*self.wrong(),):
            self.start()
            for byte in wrong:
                self.receive(bytes([byte]))
            self.assertTold(code)

    def test_the_end_comes_at_once_with_compressed_garbage(self):
        for wrong, code in self.deflated():
            self.start_compressed()
            self.receive(wrong)
            self.assertTold(code)
            self.assertAborted()

    def test_the_end_comes_at_once_amid_ordinary_messages(self):
        for fine in (b"hello", b"x" * 10):
            self.start()
            wrong, code = next(self.wrong())
            self.receive(self.frame(BINARY, fine) * 3 + wrong)
            self.assertTold(code)
            for _ in range(3):
                self.assertEqual(self.successResultOf(self.ws.recv()), fine)
            self.failureResultOf(self.ws.recv(), ConnectionClosedError)

    def test_the_end_comes_at_once_while_our_close_waits_for_its_answer(self):
        self.start()
        closed = self.ws.close(1000)
        self.assertNoResult(closed)
        self.receive(self.frame(3))
        self.successResultOf(closed)
        self.assertEqual(str(self.ws.lost[0]), "sent 1000 (OK); no close frame received")
        self.assertIsInstance(self.ws.lost[0].__cause__, ProtocolError)
        self.assertAborted()

    def test_everybody_who_waits_gets_the_end(self):
        ws = self.start(write_limit=0)
        self.ours.pauseProducing()
        self.theirs.pauseProducing()
        ours = [ws.recv(), ws.ping(), ws.wait_closed()]
        for _ in range(100):
            last = ws.send(bytes(2**16))
        self.assertNoResult(last)
        self.receive_paused(self.frame(3))
        for each in (*ours[:2], last):
            self.failureResultOf(each, ConnectionClosedError)
        self.successResultOf(ours[2])

    def receive_paused(self, data):
        """Let bytes arrive, although the peer reads nothing."""
        self.ours.resumeProducing()
        self.receive(data)

    def test_a_reader_that_iterates_gets_the_end(self):
        async def read():
            async for _ in self.ws:
                pass

        self.start()
        reading = Deferred.fromCoroutine(read())
        self.receive(self.frame(3))
        self.failureResultOf(reading, ConnectionClosedError)

    def test_a_reader_of_parts_still_gets_the_part_that_had_come(self):
        pieces = []

        async def read():
            async for piece in self.ws.recv_streaming():
                pieces.append(piece)

        self.start()
        reading = Deferred.fromCoroutine(read())
        self.receive(self.frame(BINARY, b"hello", fin=False) + self.frame(3))
        self.assertEqual(pieces, [b"hello"])
        self.failureResultOf(reading, ConnectionClosedError)

    def test_a_paused_application_gets_the_end_after_the_earlier_messages(self):
        self.start()
        self.ws.pauseProducing()
        self.hear((TEXT, b"hello"))
        self.receive(self.frame(3))
        self.assertEqual(self.ws.lost, [])
        self.ws.resumeProducing()
        self.joined.pump()
        self.assertTold(1002)
        self.assertEqual(self.successResultOf(self.ws.recv()), "hello")

    def test_bytes_after_the_mistake_are_ignored(self):
        self.start()
        self.receive(self.frame(3))
        self.said()
        self.hear((TEXT, b"late"), (CLOSE, closing(1000)))
        self.assertEqual(self.said(), [])
        self.assertEqual(len(self.ws.lost), 1)
        self.failureResultOf(self.ws.recv(), ConnectionClosedError)

    def test_a_peer_that_goes_is_gone_before_close_timeout(self):
        self.start()
        self.receive(self.frame(3))
        self.peer.transport.loseConnection()
        self.joined.pump()
        self.assertEqual(set(self.factory.connections), set())
        self.assertGone()

    def test_it_is_counted_as_a_connection_until_its_transport_is_gone(self):
        self.start()
        self.hear((TEXT, b"hello"))
        self.joined.vanish()
        self.ws.dataReceived(self.frame(3))
        counters = self.factory.counters
        self.assertEqual((counters.connections, counters.closed), (1, {}))
        self.assertEqual(counters.messages_in, 1)
        self.joined.advance(10)
        counters = self.factory.counters
        self.assertEqual((counters.connections, counters.closed), (0, {1002: 1}))
        self.assertEqual(counters.messages_in, 1)
        self.assertEqual(self.ws.counters.messages_in, 1)

    def test_its_uptime_ends_when_the_application_gets_the_end(self):
        self.start(log_connections=True)
        self.joined.advance(3)
        self.receive(self.frame(3))
        self.joined.advance(10)
        self.assertEqual(self.ws.counters.uptime, 3)
        closings = [event for event in self.events if "duration" in event]
        self.assertEqual([event["duration"] for event in closings], [3])


class EndOnServer(EndAtOnce):
    def start_compressed(self):
        self.connect(max_size=10)
        offer = f"Sec-WebSocket-Extensions: {DEFLATED}\r\n\r\n".encode()
        self.receive(REQUEST[:-2] + offer)
        self.peer.take()


class EndOnClient(EndAtOnce):
    def start_compressed(self):
        self.connect(max_size=10)
        self.joined.pump()
        agreed = b"Sec-WebSocket-Extensions: " + DEFLATED.encode()
        self.receive(answer(self.peer.take(), agreed))


class ServerTests(EndOnServer, ServerSide):
    def test_it_counts_for_max_connections_until_its_transport_is_gone(self):
        self.start(max_connections=1)
        self.receive(self.frame(3))
        self.assertEqual(len(self.ws.lost), 1)
        self.assertEqual(self.ask_again(), b"HTTP/1.1 503 Service Unavailable")
        self.take_loud()
        self.joined.advance(10)
        self.assertEqual(self.ask_again(), b"HTTP/1.1 101 Switching Protocols")

    def ask_again(self):
        """Let another client send a request; return the status line of the response."""
        ws, peer = self.factory.buildProtocol(None), Peer()
        joined = self.link(ws, peer)
        joined.pump()
        peer.transport.write(REQUEST)
        joined.pump()
        peer.transport.loseConnection()
        joined.pump()
        return peer.take().partition(b"\r\n")[0]

    def test_a_wrapped_protocol_gets_the_end(self):
        lost = []

        class Wrapped(Protocol):
            def connectionLost(self, reason):
                lost.append(reason.value)

        self.factory = WebSocketFactory(Factory.forProtocol(Wrapped), reactor=self.clock)
        self.ws, self.peer = self.factory.buildProtocol(None), Peer()
        self.joined = self.make_joined()
        self.open_peer()
        self.receive(self.frame(3))
        self.assertEqual(len(lost), 1)


class ServerOverTLSTests(OverTLS, EndOnServer, ServerSide):
    pass


class ClientTests(EndOnClient, ClientSide):
    pass


class ClientOverTLSTests(OverTLS, EndOnClient, ClientSide):
    pass


class ClientOverTLSThroughProxyTests(OverTLSThroughProxy, EndOnClient, ClientSide):
    pass


class ResourceTests(SiteTestCase):
    def test_the_end_comes_at_once_in_a_site(self):
        resource = self.serve()
        self.open()
        self.receive(encode_frame(TEXT, b"hello", masked=False))
        self.assertEqual(len(self.ws.lost), 1)
        [(opcode, payload)] = frames_in(self.peer.take())
        self.assertEqual((opcode, payload[:2]), (CLOSE, closing(1002)))
        self.assertEqual(set(resource.factory.connections), {self.ws})
        self.joined.advance(10)
        self.assertEqual(set(resource.factory.connections), set())
        self.assertEqual(len(self.ws.lost), 1)

    def test_a_handler_in_a_site_gets_the_end_at_once(self):
        ends = []

        async def handler(ws):
            try:
                await ws.recv()
            except ConnectionClosedError as exc:
                ends.append(exc)

        self.serve(handler, create_protocol=RecordedServer)
        self.open()
        self.receive(encode_frame(TEXT, b"hello", masked=False))
        self.assertEqual(len(ends), 1)

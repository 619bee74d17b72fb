"""permessage-deflate between our own two sides: negotiation, and frames."""

from tests.support.sides import (
    CLOSE,
    PING,
    PONG,
    REQUEST,
    TEXT,
    ClientSide,
    QuietTestCase,
    ServerSide,
    answer,
    closing,
)
from txws2._connection.factory import ConnectionFactory
from txws2._connection.handle import driver_of
from txws2.exceptions import NegotiationError
from txws2.wire.deflater import Inflater
from txws2.wire.permessage_deflate import PRESETS, PerMessageDeflate

TICK = '{"symbol": "ACME", "price": 12.5, "size": 100, "side": "buy", "venue": "here"}'
OFFER = b"Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n"


class OptionTests(QuietTestCase):
    def test_deflate_is_the_default_and_means_balanced(self):
        self.assertEqual(ConnectionFactory().compression, PRESETS["balanced"])
        self.assertEqual(ConnectionFactory(compression="deflate").compression, PRESETS["balanced"])

    def test_none_switches_it_off(self):
        self.assertIsNone(ConnectionFactory(compression=None).compression)

    def test_a_preset_goes_by_its_name(self):
        self.assertEqual(ConnectionFactory(compression="memory").compression, PRESETS["memory"])

    def test_options_of_ones_own_are_taken_as_they_are(self):
        options = PerMessageDeflate(level=9)
        self.assertIs(ConnectionFactory(compression=options).compression, options)

    def test_another_name_is_refused_with_the_right_ones(self):
        exc = self.assertRaises(ValueError, ConnectionFactory, compression="gzip")
        self.assertEqual(
            str(exc),
            "compression must be 'deflate', 'memory', 'balanced', 'ratio', "
            "a PerMessageDeflate or None; it is 'gzip', of type str",
        )


class BothSidesTests(QuietTestCase):
    def extensions(self, both):
        return both.client.response.headers.get("Sec-WebSocket-Extensions")

    def test_two_sides_of_ours_agree_on_it_by_default(self):
        both = self.join()
        self.assertEqual(
            self.extensions(both),
            "permessage-deflate; server_max_window_bits=12; client_max_window_bits=12",
        )

    def test_messages_pass_whole_with_every_preset(self):
        for preset in PRESETS:
            both = self.join(compression=preset)
            for message in (TICK, TICK, "", b"\x00" * 100_000, TICK, "short"):
                both.client.sendMessage(message)
                both.pump()
                self.assertEqual(self.successResultOf(both.server.recv()), message)
                both.server.sendMessage(message)
                both.pump()
                self.assertEqual(self.successResultOf(both.client.recv()), message)

    def test_nothing_is_agreed_if_it_is_off(self):
        self.assertIsNone(self.extensions(self.join(compression=None)))

    def test_a_message_that_inflates_to_more_than_max_size_is_refused(self):
        both = self.join(max_size=1000)
        both.client.sendMessage(b"\x00" * 1001)
        both.pump()
        [lost] = both.server.lost
        self.assertEqual(
            str(lost),
            "sent 1009 (message too big) message of 1001 bytes or more exceeds the limit of "
            "1000 bytes (max_size); no close frame received",
        )


class ServerTests(ServerSide):
    def open_peer(self):
        self.receive(REQUEST.replace(b"\r\n\r\n", b"\r\n" + OFFER + b"\r\n"))

    def first_byte(self):
        self.joined.pump()
        return self.peer.take()[0]

    def test_a_long_message_is_compressed(self):
        ws = self.open()
        ws.sendMessage(TICK)
        self.assertEqual(self.first_byte(), 0xC1)
        [(_, payload)] = self.sent_again(ws)
        self.assertLess(len(payload), 10)

    def sent_again(self, ws):
        ws.sendMessage(TICK)
        return self.said()

    def test_a_short_message_goes_as_it_is(self):
        ws = self.open()
        ws.sendMessage("x" * 63)
        self.assertEqual(self.first_byte(), 0x81)

    def test_there_is_a_choice_for_each_message(self):
        ws = self.open()
        ws.sendMessage(TICK, compress=False)
        self.assertEqual(self.first_byte(), 0x81)
        ws.send("x", compress=True)
        self.assertEqual(self.first_byte(), 0xC1)

    def test_a_compressor_that_rests_gives_its_memory_back_and_nobody_notices(self):
        ws = self.open()
        inflater = Inflater(12, True)
        for _ in range(3):
            [(_, payload)] = self.sent_again(ws)
            self.assertEqual(inflater.finish(None, payload).decode(), TICK)
            for _ in range(2):
                self.joined.advance(20)
                [(opcode, ping)] = self.said()
                self.assertEqual(opcode, PING)
                self.hear((PONG, ping))
            self.assertGreater(len(payload), 40)

    def test_invalid_deflate_fails_the_connection(self):
        self.open()
        self.receive(b"\xc1\x82" + bytes(4) + b"\xff\xff")
        self.assertEqual(self.said(), [(CLOSE, closing(1002, "decompression failed"))])

    def test_an_error_of_our_own_is_not_taken_for_the_peer_s(self):
        ws = self.open()
        driver_of(ws).connection.inflater = object()
        self.assertRaises(AttributeError, ws.dataReceived, b"\xc1\x80" + bytes(4))

    def test_a_peer_that_offers_nothing_gets_nothing(self):
        self.connect()
        self.receive(REQUEST)
        self.assertNotIn(b"Extensions", self.peer.take())
        self.ws.sendMessage(TICK)
        self.assertEqual(self.said(), [(TEXT, TICK.encode())])


class ClientTests(ClientSide):
    def answered(self, extensions, **options):
        self.connect(**options)
        self.joined.pump()
        self.receive(answer(self.peer.take(), b"Sec-WebSocket-Extensions: " + extensions))
        return self.ws

    def test_a_server_that_declines_gets_no_compressed_messages(self):
        ws = self.open()
        ws.sendMessage(TICK)
        self.assertEqual(self.said(), [(TEXT, TICK.encode())])

    def test_a_parameter_that_was_not_offered_fails_the_handshake(self):
        ws = self.answered(b"permessage-deflate", compression=None)
        self.failureResultOf(ws.wait_opened(), NegotiationError)

    def test_the_agreed_parameters_are_kept_to(self):
        ws = self.answered(b"permessage-deflate; client_no_context_takeover")
        payloads = []
        for _ in range(2):
            ws.sendMessage(TICK)
            payloads += [payload for _, payload in self.said()]
        self.assertEqual(payloads[0], payloads[1])

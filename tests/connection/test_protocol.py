"""The methods and attributes of a connection that an application uses."""

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionLost

from tests.support.sides import (
    BINARY,
    CLOSE,
    PING,
    PONG,
    TEXT,
    ClientSide,
    RecordedClient,
    RecordedServer,
    ServerSide,
    closing,
)
from txws2.exceptions import InvalidHandshake, InvalidState, ProtocolError
from txws2.wire.connection import State

LOST = "ConnectionClosedError: no close frame received or sent"


class SendTests:
    def test_str_is_text_and_bytes_are_binary(self):
        ws = self.open()
        for message in ("ä", b"\xff", bytearray(b"a"), memoryview(b"b"), "", b""):
            self.successResultOf(ws.send(message))
        expected = [(TEXT, "ä".encode()), (BINARY, b"\xff"), (BINARY, b"a"), (BINARY, b"b")]
        self.assertEqual(self.said(), [*expected, (TEXT, b""), (BINARY, b"")])

    def test_text_says_which_it_is(self):
        ws = self.open()
        ws.send(b"text", text=True)
        ws.sendMessage("binary", text=False)
        self.assertEqual(self.said(), [(TEXT, b"text"), (BINARY, b"binary")])

    def test_a_wrong_message_is_refused_and_harms_nothing(self):
        ws = self.open()
        self.assertRaises(TypeError, ws.sendMessage, ["a"])
        for send in (ws.send, ws.sendMessage):
            for wrong in (None, 5, {"a": 1}):
                self.assertRaises(TypeError, send, wrong)
        self.assertRaises(UnicodeError, ws.sendMessage, "\ud800")
        self.assertRaises(UnicodeError, ws.sendMessage, b"\xff", text=True)
        self.assertEqual(self.said(), [])
        self.assertIs(ws.state, State.OPEN)

    def test_a_text_that_cannot_be_utf8_fails_the_deferred_and_harms_nothing(self):
        ws = self.open()
        for message, options in (
            ("\ud800", {}),
            ("\ud800", {"text": True}),
            (b"\xff", {"text": True}),
        ):
            self.failureResultOf(ws.send(message, **options), UnicodeError)
        self.failureResultOf(ws.ping("\ud800"), UnicodeError)
        self.assertEqual(self.said(), [])
        self.assertIs(ws.state, State.OPEN)

    def test_nothing_can_be_sent_before_it_is_open(self):
        self.connect()
        for call in (lambda: self.ws.send("x"), self.ws.recv, self.ws.ping):
            error = self.failureResultOf(call(), InvalidState).value
            self.assertEqual(str(error), "the connection isn't open yet; wait for wait_opened()")
        error = self.assertRaises(InvalidState, self.ws.sendMessage, "x")
        self.assertIn("wait for connectionOpened()", str(error))

    def test_a_message_sent_while_closing_fails_when_it_is_closed(self):
        ws = self.open()
        ws.close()
        late = [ws.send("x"), ws.ping()]
        ws.sendMessage("x")
        for each in late:
            self.assertNoResult(each)
        self.assertEqual(self.said(), [(CLOSE, closing(1000))])
        self.joined.drop()
        for each in late:
            text = "ConnectionClosedError: sent 1000 (OK); no close frame received"
            self.assertClosed(each, text)

    def test_one_who_is_late_may_cancel(self):
        ws = self.open()
        ws.close()
        ws.send("x").addErrback(lambda _: None).cancel()
        self.joined.drop()
        self.assertGone()

    def test_send_message_does_nothing_once_it_is_closed(self):
        ws = self.open()
        self.joined.drop()
        written = len(ws.transport.written)
        ws.sendMessage("x")
        self.assertEqual(len(ws.transport.written), written)

    def test_send_message_does_nothing_if_it_never_opened(self):
        self.connect()
        self.joined.drop()
        self.ws.sendMessage("x")
        self.assertIs(self.ws.state, State.CLOSED)


class RecvTests:
    def test_messages_come_as_they_were_sent(self):
        ws = self.open()
        self.hear((TEXT, "ä".encode()), (BINARY, b"\xff"))
        self.assertEqual(self.successResultOf(ws.recv()), "ä")
        self.assertEqual(self.successResultOf(ws.recv()), b"\xff")

    def test_they_can_be_decoded_or_not(self):
        ws = self.open()
        self.hear((TEXT, b"text"), (BINARY, b"binary"))
        self.assertEqual(self.successResultOf(ws.recv(decode=False)), b"text")
        self.assertEqual(self.successResultOf(ws.recv(decode=True)), "binary")

    def test_after_the_close_all_that_came_before_can_be_had(self):
        ws = self.open()
        self.hear((TEXT, b"1"), (TEXT, b"2"))
        self.joined.drop()
        self.assertEqual(self.successResultOf(ws.recv()), "1")
        self.assertEqual(self.successResultOf(ws.recv()), "2")
        self.assertClosed(ws.recv(), LOST)

    def test_each_failure_is_an_exception_of_its_own(self):
        ws = self.open()
        self.joined.drop()
        first, second = (self.failureResultOf(ws.recv()).value for _ in range(2))
        self.assertIsNot(first, second)
        self.assertIs(first.__cause__, second.__cause__)

    def iterate(self, ws):
        """Gather messages as they come; return them, and a Deferred of their end."""
        got = []

        async def gather():
            async for message in ws:
                got.append(message)

        return got, Deferred.fromCoroutine(gather())

    def test_iteration_has_all_messages_until_the_end(self):
        ws = self.open()
        self.hear((TEXT, b"1"))
        got, ended = self.iterate(ws)
        self.hear((BINARY, b"2"), (TEXT, b"3"))
        self.assertEqual(got, ["1", b"2", "3"])
        self.hear((CLOSE, closing(1001)))
        self.joined.drop()
        self.assertIsNone(self.successResultOf(ended))

    def test_iteration_raises_unless_the_end_is_in_due_form(self):
        ws = self.open()
        _, ended = self.iterate(ws)
        self.joined.drop()
        self.assertClosed(ended, LOST)
        self.assertClosed(self.iterate(ws)[1], LOST)

    def test_iteration_needs_a_connection_that_is_open(self):
        self.connect()
        got, failed = self.iterate(self.ws)
        self.failureResultOf(failed, InvalidState)
        self.joined.drop()
        got, failed = self.iterate(self.ws)
        self.failureResultOf(failed, InvalidHandshake)
        self.assertEqual(got, [])

    def test_iteration_leaves_a_messageReceived_of_the_application_s_alone(self):
        """It may be a method or an attribute."""

        class Both(self.recorded):
            def messageReceived(self, message):
                super().messageReceived(message + "!")

        ws = self.open(Both)
        got, _ = self.iterate(ws)
        self.hear((TEXT, b"1"))
        self.assertEqual(got, ["1!"])
        pushed = []
        ws = self.open()
        ws.messageReceived = pushed.append
        got, _ = self.iterate(ws)
        self.hear((TEXT, b"2"))
        self.assertEqual((got, pushed), ([], ["2"]))

    def test_iteration_can_be_left_and_taken_up_again(self):
        ws = self.open()

        got = []

        async def take_one():
            async for message in ws:
                got.append(message)
                break

        self.hear((TEXT, b"1"), (TEXT, b"2"))
        for _ in range(2):
            self.successResultOf(Deferred.fromCoroutine(take_one()))
        self.assertEqual(got, ["1", "2"])


class PingTests:
    def test_a_ping_has_four_random_bytes_or_what_it_is_given(self):
        ws = self.open()
        for data in (None, "ä", b"\xff", b"", "x" * 125):
            ws.ping(data)
        [(_, random), *given] = self.said()
        self.assertEqual(len(random), 4)
        expected = ["ä".encode(), b"\xff", b"", b"x" * 125]
        self.assertEqual(given, [(PING, payload) for payload in expected])

    def test_126_bytes_are_too_many_and_harm_nothing(self):
        ws = self.open()
        self.failureResultOf(ws.ping("x" * 126), ProtocolError)
        self.assertEqual(self.said(), [])
        self.assertIs(ws.state, State.OPEN)

    def test_the_pong_tells_the_latency(self):
        ws = self.open()
        self.assertEqual(ws.latency, 0.0)
        pinging = ws.ping(b"x")
        self.clock.advance(0.25)
        self.hear((PONG, b"x"))
        self.assertEqual(self.successResultOf(pinging), 0.25)
        self.assertEqual(ws.latency, 0.25)

    def test_the_keepalive_tells_it_too(self):
        ws = self.open()
        self.joined.advance(20)
        [(_, payload)] = self.said()
        self.joined.advance(3)
        self.hear((PONG, payload))
        self.assertEqual(ws.latency, 3.0)

    def test_the_hooks_get_the_payloads(self):
        ws = self.open()
        self.hear((PING, b"1"), (PONG, b"2"))
        self.assertEqual((ws.pinged, ws.ponged), ([b"1"], [b"2"]))


class CloseTests:
    def test_code_and_reason_are_sent(self):
        for code in (1000, 1001, 1002, 1003, 1007, 1011, 1012, 1013, 1014, 3000, 4999):
            self.open().close(code, "tschüs")
            self.assertEqual(self.said(), [(CLOSE, closing(code, "tschüs"))])

    def test_a_code_that_may_not_travel_is_refused_and_harms_nothing(self):
        """Attack 17."""
        ws = self.open()
        for code in (0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 70000):
            self.assertRaises(ProtocolError, ws.close, code)
        self.assertRaises(ProtocolError, ws.close, 1000, "ä" * 62)
        self.assertEqual(self.said(), [])
        self.assertIs(ws.state, State.OPEN)

    def test_before_it_is_open_they_are_refused_too(self):
        self.connect()
        self.assertRaises(ProtocolError, self.ws.close, 1006)
        self.assertRaises(ProtocolError, self.ws.close, 1000, "x" * 124)
        self.assertIs(self.ws.state, State.CONNECTING)

    def test_closing_before_it_is_open_closes_the_transport(self):
        self.connect()
        opening, closed = self.ws.wait_opened(), self.ws.close()
        self.joined.pump()
        self.successResultOf(closed)
        error = self.failureResultOf(opening, InvalidHandshake).value
        self.assertEqual(self.ws.lost, [error])
        self.assertGone()

    def test_closing_a_connection_that_never_opened_does_nothing(self):
        self.connect()
        self.joined.drop()
        self.successResultOf(self.ws.close())
        self.assertGone()

    def test_one_who_cancels_leaves_the_others_waiting(self):
        ws = self.open()
        first, second = ws.close(), ws.wait_closed()
        first.addErrback(lambda _: None).cancel()
        self.assertNoResult(second)
        self.joined.drop()
        self.successResultOf(second)
        self.successResultOf(ws.wait_closed())


class AskTests:
    def test_the_state_follows_its_life(self):
        self.connect()
        states = [self.ws.state]
        self.open_peer()
        states.append(self.ws.state)
        self.ws.close()
        states.append(self.ws.state)
        self.joined.drop()
        states.append(self.ws.state)
        self.assertEqual(states, list(State))

    def test_there_is_no_close_code_before_it_is_closed(self):
        ws = self.open()
        self.assertEqual((ws.close_code, ws.close_reason), (None, None))
        ws.close()
        self.hear((CLOSE, closing(4000, "because")))
        if self.client:
            self.assertEqual((ws.close_code, ws.close_reason), (None, None))
        self.joined.drop()
        self.assertEqual((ws.close_code, ws.close_reason), (4000, "because"))

    def test_one_that_never_opened_has_closed_abnormally(self):
        self.connect()
        self.joined.drop()
        self.assertEqual((self.ws.close_code, self.ws.close_reason), (1006, ""))
        self.assertEqual(self.ws.latency, 0.0)
        for call in (lambda: self.ws.send("x"), self.ws.recv, self.ws.ping, self.ws.wait_opened):
            self.failureResultOf(call(), InvalidHandshake)

    def test_each_has_an_id_of_its_own_that_stays(self):
        first, second = self.open(), self.open()
        self.assertNotEqual(first.id, second.id)
        self.assertEqual(first.id, first.id)

    def test_addresses_are_those_of_the_transport(self):
        ws = self.open()
        server, client = ("127.0.0.1", 80), ("127.0.0.1", 50000)
        expected = (client, server) if self.client else (server, client)
        self.assertEqual((ws.local_address, ws.remote_address), expected)

    def test_there_is_no_subprotocol_if_none_was_agreed_on(self):
        self.assertIsNone(self.open().subprotocol)

    def test_the_transport_s_own_error_stands_behind_it(self):
        ws = self.open()
        ws.close()
        reason = ConnectionLost()
        self.joined.drop(reason)
        self.assertIs(ws.lost[0].__cause__, reason)


class ServerSendTests(SendTests, ServerSide):
    pass


class ClientSendTests(SendTests, ClientSide):
    pass


class ServerRecvTests(RecvTests, ServerSide):
    recorded = RecordedServer


class ClientRecvTests(RecvTests, ClientSide):
    recorded = RecordedClient


class ServerPingTests(PingTests, ServerSide):
    pass


class ClientPingTests(PingTests, ClientSide):
    pass


class ServerCloseTests(CloseTests, ServerSide):
    pass


class ClientCloseTests(CloseTests, ClientSide):
    pass


class ServerAskTests(AskTests, ServerSide):
    pass


class ClientAskTests(AskTests, ClientSide):
    pass

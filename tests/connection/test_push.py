"""The push style: a subclass with hooks, as any protocol of Twisted has them."""

from asyncio import CancelledError
from functools import partial
from unittest.mock import Mock

from tests.support.sides import (
    BINARY,
    CLOSE,
    PING,
    PONG,
    TEXT,
    ClientSide,
    QuietTestCase,
    ServerSide,
    closing,
)
from txws2._connection.driver import Driver
from txws2._connection.handle import driver_of
from txws2.client.protocol import WebSocketClientProtocol
from txws2.exceptions import ConnectionClosedOK, InvalidHandshake
from txws2.server.factory import WebSocketServerProtocol
from txws2.wire.connection import State
from txws2.wire.frames import CONT


class Calls:
    """Overrides all hooks, and calls super() nowhere, not even in __init__."""

    def __init__(self, name="nobody"):
        self.name = name
        self.calls = []
        self.lost = []

    def connectionMade(self):
        self.calls.append("made")

    def connectionOpened(self):
        self.calls.append("opened")

    def messageReceived(self, message):
        self.calls.append(message)

    def pingReceived(self, payload):
        self.calls.append(("ping", payload))

    def pongReceived(self, payload):
        self.calls.append(("pong", payload))

    def connectionLost(self, reason):
        self.calls.append("lost")
        self.lost.append(reason.value)


class PushTests:
    def test_all_is_called_in_its_order(self):
        ws = self.open(self.calls)
        self.hear((TEXT, b"1"), (PING, b"2"), (PONG, b"3"), (BINARY, b"4"), (CLOSE, b""))
        self.joined.drop()
        expected = ["made", "opened", "1", ("ping", b"2"), ("pong", b"3"), b"4", "lost"]
        self.assertEqual(ws.calls, expected)
        self.assertIsInstance(ws.lost[0], ConnectionClosedOK)
        self.assertGone()

    def test_a_ping_without_a_hook_is_answered_and_calls_nothing(self):
        told = Mock()
        self.patch(Driver, "ping_received", told)
        for pulls in (False, True):
            hook = {} if pulls else {"messageReceived": lambda ws, message: None}
            self.open(type("Deaf", (self.plain,), hook))
            self.hear((TEXT, b"1"), (PING, b"2"), (TEXT, b"3"), (PING, b""), (PING, b"x" * 125))
            self.assertEqual(self.said(), [(PONG, b"2"), (PONG, b""), (PONG, b"x" * 125)])
        told.assert_not_called()

    def test_a_hook_for_pings_may_come_later_and_go_again(self):
        ws = self.open(type("Late", (self.plain,), {"messageReceived": lambda ws, message: None}))
        self.hear((PING, b"1"))
        ws.pingReceived = Mock(return_value=None)
        self.hear((PING, b"2"), (PING, b"3"))
        calls = ws.pingReceived.call_args_list
        self.assertEqual([payload for (payload,), _ in calls], [b"2", b"3"])
        del ws.pingReceived
        self.hear((PING, b"4"))
        self.assertEqual(self.said(), [(PONG, b"%d" % number) for number in range(1, 5)])

    def test_a_partial_brings_arguments(self):
        self.assertEqual(self.open(partial(self.calls, name="somebody")).name, "somebody")

    def test_a_subclass_without_super_closes_as_any(self):
        ws = self.open(self.calls)
        closed = ws.close()
        self.hear((CLOSE, closing(1000)))
        self.peer.transport.loseConnection()
        self.joined.pump()
        self.successResultOf(closed)
        self.assertEqual(self.factory.connections, set())
        self.assertGone()

    def test_in_connection_lost_all_is_over(self):
        seen = []

        class Curious(self.calls):
            def connectionLost(self, reason):
                super().connectionLost(reason)
                seen.append((self.state, self.close_code, self.close()))
                self.sendMessage("too late")

        self.open(Curious)
        self.joined.drop()
        [(state, code, closed)] = seen
        self.assertEqual((state, code), (State.CLOSED, 1006))
        self.successResultOf(closed)

    def test_a_message_hook_may_still_use_the_queue(self):
        class Both(self.calls):
            def messageReceived(self, message):
                super(Calls, self).messageReceived(message + "!")

        ws = self.open(Both)
        self.hear((TEXT, b"hello"))
        self.assertEqual(self.successResultOf(ws.recv()), "hello!")

    def test_it_may_send_as_soon_as_it_is_open(self):
        class Greeting(self.calls):
            def connectionOpened(self):
                self.sendMessage("welcome")

        self.connect(Greeting)
        self.open_peer()
        self.assertIn(b"welcome" if not self.client else b"\x81\x87", bytes(self.peer.take()))

    def test_losing_the_transport_itself_ends_it(self):
        ws = self.open(self.calls)
        ws.transport.loseConnection()
        self.joined.pump()
        self.assertGone()


class BrokenTests:
    """Attack 23: an exception of the application closes this connection, with 1011, once."""

    def assertBroken(self, hook, *frames):
        def broken(*_):
            raise ValueError("secret")

        ws = self.open(type("Broken", (self.calls,), {hook: broken}))
        self.hear(*frames)
        [event] = self.take_loud()
        self.assertEqual(event["log_format"], "connection handler failed")
        self.assertEqual(event["connection"], ws.id)
        return ws

    def test_a_hook_that_raises_closes_with_1011(self):
        for hook, opcode in (
            ("messageReceived", TEXT),
            ("pingReceived", PING),
            ("pongReceived", PONG),
        ):
            self.assertBroken(hook, (opcode, b"1"), (TEXT, b"2"), (opcode, b"3"))
            self.assertEqual(self.said()[-1], (CLOSE, closing(1011)))
            self.joined.drop()
            self.assertGone()

    def test_a_message_in_fragments_that_raises_likewise(self):
        self.assertBroken("messageReceived", (TEXT, b"1", False), (CONT, b"2"), (TEXT, b"3"))
        self.assertEqual(self.said()[-1], (CLOSE, closing(1011)))

    def test_one_that_raises_when_it_is_opened_likewise(self):
        class Broken(self.calls):
            def connectionOpened(self):
                raise ValueError("secret")

        self.connect(Broken)
        self.open_peer()
        self.assertEqual(len(self.take_loud()), 1)
        self.assertTrue(self.peer.take().endswith(closing(1011)) or self.client)
        self.joined.drop()
        self.assertGone()

    def test_one_that_raises_at_the_end_is_logged_and_all_is_settled(self):
        def broken(*_):
            raise ValueError("secret")

        ws = self.open(type("Broken", (self.calls,), {"connectionLost": broken}))
        closed = ws.wait_closed()
        self.joined.drop()
        self.assertEqual(len(self.take_loud()), 1)
        self.successResultOf(closed)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_a_message_that_raises_amid_a_closing_handshake_changes_nothing_in_it(self):
        def broken(*_):
            raise ValueError("secret")

        ws = self.open(type("Broken", (self.calls,), {"messageReceived": broken}))
        driver_of(ws).start_closing()
        self.hear((TEXT, b"x"), (CLOSE, closing(1000)))
        self.assertEqual(self.said(), [(CLOSE, closing(1000))])
        self.assertEqual(len(self.take_loud()), 1)

    def test_an_exception_of_any_class_closes_with_1011(self):
        """Attack 24."""
        for kind in (SystemExit, KeyboardInterrupt, GeneratorExit, CancelledError, MemoryError):
            for hook, opcode in (("messageReceived", TEXT), ("pingReceived", PING)):
                self.open(type("Broken", (self.calls,), {hook: Mock(side_effect=kind)}))
                self.hear((opcode, b"1"), (opcode, b"2"))
                [event] = self.take_loud()
                self.assertIs(event["log_failure"].type, kind)
                self.assertEqual(self.said()[-1], (CLOSE, closing(1011)))
                self.joined.drop()
                self.assertGone()

    def test_one_that_ends_with_a_system_exit_is_logged_and_all_is_settled(self):
        lost = Mock(side_effect=SystemExit)
        ws = self.open(type("Broken", (self.calls,), {"connectionLost": lost}))
        closed = ws.wait_closed()
        self.joined.drop()
        self.assertEqual(len(self.take_loud()), 1)
        self.successResultOf(closed)

    def test_one_whose_connectionMade_raises_is_never_more_than_closed_with_1011(self):
        made = Mock(side_effect=SystemExit)
        told = []

        class Broken(self.calls):
            connectionMade = made

            def connectionLost(self, reason):
                told.append(reason)
                self.lost = told

        self.connect(Broken)
        [event] = self.take_loud()
        self.assertEqual(event["log_format"], "connection handler failed")
        if self.client:
            # `wait_opened` fails with the exception; the server gets no byte.
            self.failureResultOf(self.ws.wait_opened(), InvalidHandshake)
            self.assertEqual(self.peer.take(), b"")
        else:
            self.open_peer()
            self.hear((TEXT, b"1"))
            self.assertTrue(self.peer.take().endswith(closing(1011)))
            self.joined.drop()
        self.assertGone()

    def test_a_producer_that_raises_is_asked_no_more_and_closes_with_1011(self):
        for call in ("pauseProducing", "resumeProducing"):
            ws = self.open(self.calls, write_limit=0)
            producer = Mock()
            getattr(producer, call).side_effect = SystemExit
            ws.registerProducer(producer)
            self.peer.transport.pauseProducing()
            for _ in range(40):
                ws.sendMessage(bytes(2**16))
            self.peer.transport.resumeProducing()
            self.joined.pump()
            [event] = self.take_loud()
            self.assertIs(event["log_failure"].type, SystemExit)
            self.assertEqual(ws.state, State.CLOSING)
            self.joined.drop()
            producer.stopProducing.assert_not_called()
            self.assertGone()

    def test_a_producer_that_raises_when_stopped_is_logged_and_the_end_is_reported(self):
        ws = self.open(self.calls)
        ws.registerProducer(Mock(stopProducing=Mock(side_effect=SystemExit)))
        closed = ws.wait_closed()
        self.joined.drop()
        self.assertEqual(len(self.take_loud()), 1)
        self.successResultOf(closed)
        self.assertGone()

    def test_a_producer_that_raises_when_the_keepalive_gives_up_leaves_others_pinged(self):
        ws = self.open(self.calls)
        ws.registerProducer(Mock(stopProducing=Mock(side_effect=SystemExit)))
        other = Mock(heard=True)
        self.factory.keepalive.add(other)
        for _ in range(50):
            self.clock.advance(1)
        self.assertEqual(ws.calls[-1], "lost")
        self.take_loud()
        other.keepalive_ping.reset_mock()
        for _ in range(20):
            self.clock.advance(1)
        other.keepalive_ping.assert_called_once()
        self.factory.keepalive.discard(other)

    def test_closing_twice_is_closing_once(self):
        class Twice(self.calls):
            def messageReceived(self, message):
                self.close(4000)
                self.close(4001)

        self.open(Twice)
        self.hear((TEXT, b"x"))
        self.assertEqual(self.said(), [(CLOSE, closing(4000))])


class CalledServer(Calls, WebSocketServerProtocol):
    pass


class CalledClient(Calls, WebSocketClientProtocol):
    pass


class ServerPushTests(PushTests, ServerSide):
    calls = CalledServer
    plain = WebSocketServerProtocol


class ClientPushTests(PushTests, ClientSide):
    calls = CalledClient
    plain = WebSocketClientProtocol


class ServerBrokenTests(BrokenTests, ServerSide):
    calls = CalledServer


class ClientBrokenTests(BrokenTests, ClientSide):
    calls = CalledClient


class BothStylesTests(QuietTestCase):
    def test_a_push_server_and_a_push_client_talk(self):
        class Echo(CalledServer):
            def messageReceived(self, message):
                self.sendMessage(message)

        both = self.join(Echo, CalledClient)
        both.client.sendMessage("hello")
        both.client.sendMessage(b"bytes")
        both.pump()
        self.assertEqual(both.client.calls[2:], ["hello", b"bytes"])

    def test_a_pull_server_and_a_push_client_talk(self):
        async def echo(ws):
            async for message in ws:
                await ws.send(message)

        both = self.join(WebSocketServerProtocol, CalledClient, handler=echo)
        both.client.sendMessage("hello")
        both.pump()
        both.client.close()
        both.pump()
        self.assertEqual(both.client.calls[2:], ["hello", "lost"])

"""After an application in push style has closed a connection, only connectionLost is called."""

from functools import partial

from twisted.internet.error import ConnectionLost
from twisted.python.failure import Failure

from tests.support.sides import (
    BINARY,
    CLOSE,
    PING,
    PONG,
    REQUEST,
    TEXT,
    ClientSide,
    Recorded,
    ServerSide,
    closing,
)
from tests.support.streams import Plain, StreamTestCase
from tests.support.ways import OverTLS
from tests.support.website import SiteTestCase
from txws2._connection.handle import driver_of
from txws2.client.protocol import WebSocketClientProtocol
from txws2.exceptions import ProtocolError
from txws2.server.factory import WebSocketServerProtocol
from txws2.wire.connection import State


def close(ws):
    ws.close(4401, "who are you?")


def lose(ws):
    ws.transport.loseConnection()


def abort(ws):
    ws.transport.abortConnection()


WAYS = [close, lose, abort]

# These frames follow in the same read.
MORE = [(TEXT, b"2"), (PING, b"3"), (PONG, b"4"), (BINARY, b"5")]


def without_end(heard):
    """Leave out connectionLost, which may or may not have been called yet."""
    return [hook for hook in heard if hook != "lost"]


class HangingUp:
    """Closes the connection in one of its hooks."""

    def __init__(self, hook, how):
        self.hook, self.how = hook, how
        self.heard, self.lost = [], []

    def _hear(self, hook):
        self.heard.append(hook)
        if hook == self.hook:
            self.how(self)

    def connectionMade(self):
        pass

    def connectionOpened(self):
        self._hear("opened")

    def messageReceived(self, message):
        self._hear("message")

    def pingReceived(self, payload):
        self._hear("ping")

    def pongReceived(self, payload):
        self._hear("pong")

    def connectionLost(self, reason):
        self.heard.append("lost")
        self.lost.append(reason.value)


class HangingUpServer(HangingUp, WebSocketServerProtocol):
    pass


class HangingUpClient(HangingUp, WebSocketClientProtocol):
    pass


class KeptServer(Recorded, WebSocketServerProtocol):
    pass


class KeptClient(Recorded, WebSocketClientProtocol):
    pass


class HangingUpTests:
    def assertSilent(self, hook, frame, expected):
        for hang_up in WAYS:
            ws = self.open(partial(self.push, hook, hang_up))
            self.hear(frame, *MORE)
            self.hear(*MORE)
            self.joined.pump()
            self.assertEqual(without_end(ws.heard), expected)
            self.joined.drop()
            self.assertEqual(ws.heard, [*expected, "lost"])
            self.assertGone()

    def test_in_a_message_it_hears_nothing_more_of_that_read_or_another(self):
        self.assertSilent("message", (TEXT, b"1"), ["opened", "message"])

    def test_in_a_ping_or_a_pong_likewise(self):
        self.assertSilent("ping", (PING, b"1"), ["opened", "ping"])
        self.assertSilent("pong", (PONG, b"1"), ["opened", "pong"])

    def test_in_a_message_of_fragments_likewise(self):
        for hang_up in WAYS:
            ws = self.open(partial(self.push, "message", hang_up))
            self.hear((TEXT, b"1", False), (0, b"2"), (TEXT, b"3", False), (0, b"4"), *MORE)
            self.assertEqual(without_end(ws.heard), ["opened", "message"])

    def test_in_none_of_its_hooks_likewise(self):
        for hang_up in WAYS:
            ws = self.open(partial(self.push, "none", hang_up))
            hang_up(ws)
            self.hear(*MORE)
            self.assertNotIn("message", ws.heard)
            self.assertNotIn("ping", ws.heard)

    def test_messages_that_wait_behind_a_pause_are_dropped_too(self):
        for hang_up in WAYS:
            ws = self.open(partial(self.push, "none", hang_up))
            ws.pauseProducing()
            self.hear(*MORE)
            del ws.heard[:]
            hang_up(ws)
            ws.resumeProducing()
            self.assertEqual(without_end(ws.heard), [])

    def test_a_close_frame_is_answered_and_the_application_gets_its_reason(self):
        ws = self.open(partial(self.push, "message", close))
        self.hear((TEXT, b"1"), (TEXT, b"2"))
        self.hear((TEXT, b"3"), (CLOSE, closing(4401)))
        self.assertEqual(
            ws.heard, ["opened", "message"] if self.client else ["opened", "message", "lost"]
        )
        self.assertEqual(self.said(), [(CLOSE, closing(4401, "who are you?"))])
        self.joined.drop()
        self.assertEqual(
            str(ws.lost[0]),
            "sent 4401 (private use) who are you?; then received 4401 (private use)",
        )

    def test_the_messages_before_are_answered(self):
        class Answers(self.push):
            def messageReceived(self, message):
                self.sendMessage(message)
                if message == "2":
                    self.close()

        self.open(partial(Answers, "none", close))
        self.hear((TEXT, b"1"), (TEXT, b"2"), (TEXT, b"3"))
        self.assertEqual(self.said(), [(TEXT, b"1"), (TEXT, b"2"), (CLOSE, closing(1000))])

    def test_a_code_that_may_not_travel_closes_nothing(self):
        ws = self.open(partial(self.push, "none", close))
        self.assertRaises(ProtocolError, ws.close, 1005)
        self.hear((TEXT, b"1"))
        self.assertEqual(ws.heard, ["opened", "message"])

    def test_in_pull_style_what_came_before_is_kept(self):
        for hang_up in WAYS:
            ws = self.open(self.pull)
            self.hear((TEXT, b"1"), (TEXT, b"2"), (PING, b"3"))
            hang_up(ws)
            self.assertEqual(self.successResultOf(ws.recv()), "1")
            self.assertEqual(self.successResultOf(ws.recv()), "2")
        ws = self.open(self.pull)
        close(ws)
        self.hear((TEXT, b"1"), (PING, b"3"), (CLOSE, closing(1000)))
        self.assertEqual(self.successResultOf(ws.recv()), "1")
        self.assertEqual(ws.pinged, [b"3"])

    def test_an_application_closed_by_a_server_that_stops_hears_the_rest(self):
        ws = self.open(partial(self.push, "none", close))
        driver_of(ws).start_closing(1001)
        self.hear((TEXT, b"1"), (TEXT, b"2"))
        self.assertEqual(ws.heard, ["opened", "message", "message"])
        self.assertIs(ws.state, State.CLOSING)
        ws.close()
        self.hear((TEXT, b"3"))
        self.assertEqual(ws.heard, ["opened", "message", "message"])


class OpeningTests(ServerSide):
    def test_as_soon_as_it_is_open_likewise(self):
        for hang_up in WAYS:
            self.connect(partial(HangingUpServer, "opened", hang_up))
            self.receive(REQUEST + b"".join(self.frame(*frame) for frame in MORE))
            self.hear(*MORE)
            self.joined.drop()
            self.assertEqual(self.ws.heard, ["opened", "lost"])


class LostWhileOpeningTests:
    def test_a_waiter_gets_it_although_its_transport_is_lost_in_connectionOpened(self):
        def lose_at_once(ws):
            ws.connectionLost(Failure(ConnectionLost()))

        self.connect(partial(self.protocol, "opened", lose_at_once))
        opening = self.ws.wait_opened()
        self.open_peer()
        self.assertIs(self.successResultOf(opening), self.ws)
        self.assertEqual(self.ws.heard, ["opened", "lost"])


class ServerLostWhileOpeningTests(LostWhileOpeningTests, ServerSide):
    protocol = HangingUpServer


class ClientLostWhileOpeningTests(LostWhileOpeningTests, ClientSide):
    protocol = HangingUpClient


class ServerHangingUpTests(HangingUpTests, ServerSide):
    push, pull = HangingUpServer, KeptServer


class ServerHangingUpOverTLSTests(OverTLS, HangingUpTests, ServerSide):
    push, pull = HangingUpServer, KeptServer


class ClientHangingUpTests(HangingUpTests, ClientSide):
    push, pull = HangingUpClient, KeptClient


class ClientHangingUpOverTLSTests(OverTLS, HangingUpTests, ClientSide):
    push, pull = HangingUpClient, KeptClient


class ResourceTests(SiteTestCase):
    def test_in_a_site_likewise(self):
        for hang_up in WAYS:
            self.root.children.pop(b"chat", None)
            protocol = HangingUpServer("message", hang_up)
            self.serve(create_protocol=lambda protocol=protocol: protocol)
            self.open()
            self.hear((TEXT, b"1"), *MORE)
            self.joined.drop()
            self.assertEqual(protocol.heard, ["opened", "message", "lost"])


class WrappedTests(StreamTestCase):
    class Ends(Plain):
        how = None

        def dataReceived(self, data):
            super().dataReceived(data)
            if data == b"1":
                getattr(self.transport, self.how)()

    def received(self, how):
        self.link(server=type("Ends", (self.Ends,), {"how": how}))
        for number in b"123":
            self.client.transport.write(bytes([number]))
        self.settle()
        return self.server.received

    def test_a_wrapped_protocol_that_hangs_up_hears_nothing_more(self):
        for how in ("loseConnection", "abortConnection"):
            self.assertEqual(self.received(how), [b"1"])

    def test_one_that_only_has_nothing_more_to_say_does(self):
        self.assertEqual(self.received("loseWriteConnection"), [b"1", b"2", b"3"])

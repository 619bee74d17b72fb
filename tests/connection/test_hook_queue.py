"""Hooks that are coroutines, or return Deferreds: each ends before the next one is called."""

from functools import partial

from twisted.internet.defer import Deferred, inlineCallbacks, succeed

from tests.support.sides import (
    CLOSE,
    PING,
    PONG,
    TEXT,
    ClientSide,
    QuietTestCase,
    Recorded,
    ServerSide,
    closing,
)
from tests.support.ways import OverTLS
from tests.support.website import SiteTestCase
from txws2._connection.handle import driver_of
from txws2.client.protocol import WebSocketClientProtocol
from txws2.exceptions import ConnectionClosedOK
from txws2.server.factory import WebSocketServerFactory, WebSocketServerProtocol
from txws2.server.server import Server
from txws2.testing import joined
from txws2.wire.connection import State


class Slow:
    """Has asynchronous hooks; those named in `waits_for` run until the test ends them.

    Attributes:
        heard: the hooks that were called, and those that have ended.
        work: the Deferreds that the running hooks wait for.
    """

    def __init__(self, *waits_for):
        self.waits_for = waits_for or ("message",)
        self.heard, self.work, self.lost = [], [], []

    def connectionMade(self):
        pass

    async def _wait(self, name, *rest):
        self.heard.append((name, *rest))
        if name in self.waits_for:
            self.work.append(Deferred())
            await self.work[-1]
            self.heard.append((name, *rest, "done"))

    async def connectionOpened(self):
        await self._wait("opened")

    async def messageReceived(self, message):
        await self._wait("message", message)

    async def pingReceived(self, payload):
        await self._wait("ping", payload)

    async def pongReceived(self, payload):
        await self._wait("pong", payload)

    async def connectionLost(self, reason):
        self.lost.append(reason.value)
        await self._wait("lost")

    def take(self):
        heard, self.heard[:] = list(self.heard), []
        return heard

    def go_on(self, times=1):
        for _ in range(times):
            self.work.pop(0).callback(None)


class SlowServer(Slow, WebSocketServerProtocol):
    pass


class SlowClient(Slow, WebSocketClientProtocol):
    pass


def texts(*messages):
    return [(TEXT, message.encode()) for message in messages]


class OrderTests:
    def opened(self, *waits_for, **options):
        ws = self.open(partial(self.slow, *waits_for), **options)
        self.assertEqual(ws.take(), [("opened",)])
        return ws

    def opened_as(self, create_protocol):
        ws = self.open(create_protocol)
        ws.take()
        return ws

    def test_a_coroutine_is_run(self):
        ws = self.opened("none")
        self.hear(*texts("1", "2"), (PING, b"3"), (PONG, b"4"))
        self.joined.drop()
        messages = [("message", "1"), ("message", "2")]
        self.assertEqual(ws.take(), [*messages, ("ping", b"3"), ("pong", b"4"), ("lost",)])
        self.assertGone()

    def test_one_that_fails_while_reading_is_paused_has_the_peer_answered_at_once(self):
        for resumes in False, True:
            ws = self.opened()
            self.hear(*texts("1"))
            ws.pauseProducing()
            if resumes:
                # The messages that came before wait.
                self.joined.advance(1)
                self.hear((CLOSE, closing(1000)))
            ws.work.pop(0).errback(ZeroDivisionError())
            self.assertEqual(len(self.take_loud()), 1)
            self.hear((CLOSE, closing(1000)))
            self.theirs.loseConnection()
            self.joined.pump()
            self.assertEqual(len(ws.lost), 1)
            self.assertGone()

    def test_the_next_is_called_when_the_one_before_is_done(self):
        ws = self.opened()
        self.hear(*texts("1", "2"))
        self.hear(*texts("3"))
        self.assertEqual(ws.take(), [("message", "1")])
        ws.go_on()
        self.assertEqual(ws.take(), [("message", "1", "done"), ("message", "2")])
        ws.go_on(2)
        self.assertEqual(ws.take()[-1], ("message", "3", "done"))
        self.hear(*texts("4"))
        self.assertEqual(ws.take(), [("message", "4")])

    def test_fragments_and_what_is_cut_have_their_order_too(self):
        ws = self.opened()
        data = b"".join(
            self.frame(*each)
            for each in [(TEXT, b"1"), (TEXT, b"2", False), (PING, b""), (0, b"3"), (TEXT, b"4")]
        )
        for at in range(len(data)):
            self.receive(data[at : at + 1])
        ws.go_on(3)
        found = [heard[1] for heard in ws.take() if heard[0] == "message" and len(heard) == 2]
        self.assertEqual(found, ["1", "23", "4"])

    def test_messages_wait_for_connection_opened(self):
        ws = self.open(partial(self.slow, "opened"))
        self.hear(*texts("1"))
        self.assertEqual(ws.take(), [("opened",)])
        ws.go_on()
        self.assertEqual(ws.take(), [("opened", "done"), ("message", "1")])

    def test_other_connections_wait_for_nothing(self):
        one = self.opened()
        self.hear(*texts("1"))
        other = self.opened("none")
        self.hear(*texts("2"))
        self.assertEqual((one.take(), other.take()), ([("message", "1")], [("message", "2")]))

    def test_a_deferred_will_do_and_so_will_inline_callbacks(self):
        class Other(self.slow):
            def connectionOpened(self):
                return succeed(None)

            @inlineCallbacks
            def messageReceived(self, message):
                self.heard.append(message)
                self.work.append(Deferred())
                yield self.work[-1]
                self.heard.append(message + " done")

            def pingReceived(self, payload):
                self.heard.append(payload)
                self.work.append(Deferred())
                return self.work[-1]

        ws = self.open(Other)
        self.hear(*texts("1"), (PING, b"2"), *texts("3"))
        self.assertEqual(ws.take(), ["1"])
        ws.go_on()
        self.assertEqual(ws.take(), ["1 done", b"2"])
        ws.go_on()
        self.assertEqual(ws.take(), ["3"])

    def test_nothing_waits_for_what_is_done_already(self):
        results = [succeed(None), None, 5, "text", True]

        class Fast(self.slow):
            def connectionOpened(self):
                pass

            def messageReceived(self, message):
                self.heard.append(message)
                return results[int(message)] if message != "5" else self.send(message)

        ws = self.open(Fast)
        self.hear(*texts("0", "1", "2", "3", "4", "5"))
        self.assertEqual(ws.take(), ["0", "1", "2", "3", "4", "5"])
        self.assertIsNone(driver_of(ws).succession)

    def test_a_deferred_that_others_look_at_has_its_result(self):
        shared = Deferred()

        class Sharing(self.slow):
            def connectionOpened(self):
                pass

            def messageReceived(self, message):
                return shared

        self.open(Sharing)
        self.hear(*texts("1"))
        shared.callback(7)
        self.assertEqual(self.successResultOf(shared), 7)

    def test_many_that_have_waited_are_called_one_after_the_other(self):
        ws = self.opened(max_queue=None)
        self.hear(*texts(*map(str, range(3000))))
        ws.waits_for = ()
        ws.go_on()
        self.assertEqual(len(ws.take()), 3001)
        self.assertIsNone(driver_of(ws).succession)


class MeanwhileTests(OrderTests):
    def test_pings_are_answered_and_their_hook_waits(self):
        ws = self.opened()
        self.hear(*texts("1", "2"), (PING, b"3"), (PONG, b"4"))
        self.assertEqual(self.said(), [(PONG, b"3")])
        self.assertEqual(ws.take(), [("message", "1")])
        ws.go_on(2)
        self.assertEqual(ws.take()[-2:], [("ping", b"3"), ("pong", b"4")])

    def test_a_hook_may_wait_for_a_pong(self):
        class Asking(self.slow):
            async def messageReceived(self, message):
                await self.ping(b"there?")
                self.heard.append(message)

        ws = self.open(Asking)
        self.hear(*texts("1"))
        self.hear((PONG, b"there?"))
        self.assertIn("1", ws.take())

    def test_it_sends_as_it_likes(self):
        class Answering(self.slow):
            async def messageReceived(self, message):
                await super().messageReceived(message)
                await self.send(message)

        ws = self.open(Answering)
        self.hear(*texts("1", "2"))
        ws.go_on(2)
        self.assertEqual(self.said(), texts("1", "2"))

    def test_reading_pauses_while_too_many_wait(self):
        ws = self.opened(max_queue=4)
        self.hear(*texts("0", "1", "2", "3"))
        self.assertFalse(self.ours.paused)
        self.hear(*texts("4", "5", "6"))
        self.assertTrue(self.ours.paused)
        ws.go_on(4)
        self.assertTrue(self.ours.paused)
        ws.go_on()
        self.assertFalse(self.ours.paused)
        ws.go_on(2)
        self.assertEqual(ws.take()[-1], ("message", "6", "done"))

    def test_pings_are_heard_although_reading_has_paused(self):
        ws = self.opened(max_queue=1)
        self.hear(*texts("1", "2"))
        self.assertTrue(self.ours.paused)
        self.hear((PING, b"3"))
        self.assertEqual(self.said(), [])
        self.clock.advance(1)
        self.assertEqual(self.said(), [(PONG, b"3")])
        self.assertEqual(ws.take(), [("message", "1")])

    def test_the_waiting_messages_take_no_more_than_is_read_ahead(self):
        self.opened(max_queue=1)
        self.hear(*texts("1", "x" * 2**18))
        self.hear((PING, b"3"))
        self.clock.advance(5)
        self.assertEqual(self.said(), [])

    def test_pings_that_nobody_wants_to_hear_of_take_up_nothing(self):
        class WithoutPings(self.slow):
            pingReceived = self.plain.pingReceived

        ws = self.open(WithoutPings)
        self.hear(*texts("1"), *[(PING, b"2")] * 100)
        self.assertEqual(len(driver_of(ws).succession), 0)

    def test_a_pause_holds_for_messages_that_have_waited(self):
        ws = self.opened()
        self.hear(*texts("1", "2"), (PING, b"3"))
        ws.pauseProducing()
        ws.go_on()
        self.hear(*texts("4"))
        self.assertEqual(ws.take(), [("message", "1"), ("message", "1", "done")])
        ws.resumeProducing()
        self.joined.pump()
        self.assertEqual(ws.take(), [("message", "2")])
        ws.go_on(2)
        self.assertEqual(ws.take()[-3:-1], [("ping", b"3"), ("message", "4")])

    def test_it_may_pause_within_a_hook(self):
        class Pausing(self.slow):
            async def messageReceived(self, message):
                await super().messageReceived(message)
                if message == "1":
                    self.pauseProducing()

        ws = self.open(Pausing)
        ws.take()
        self.hear(*texts("1", "2", "3"))
        ws.go_on()
        self.assertEqual(ws.take()[1:], [("message", "1", "done")])
        ws.resumeProducing()
        ws.go_on(2)
        self.assertEqual(ws.take()[-1], ("message", "3", "done"))

    def test_one_that_has_waited_may_pause_and_resume_in_its_first_step(self):
        class Hesitating(self.slow):
            async def messageReceived(self, message):
                self.pauseProducing()
                self.resumeProducing()
                await super().messageReceived(message)

        ws = self.opened_as(Hesitating)
        self.hear(*texts("1", "2", "3", "4"))
        for message, following in ("12", "23", "34"):
            ws.take()
            ws.go_on()
            self.assertEqual(ws.take(), [("message", message, "done"), ("message", following)])
        ws.go_on()
        self.assertIsNone(driver_of(ws).succession)

    def test_messages_that_a_ping_of_the_same_read_resumes_wait_for_its_hook(self):
        class Pinged(self.slow):
            async def messageReceived(self, message):
                if message == "1":
                    self.pauseProducing()
                self.heard.append(message)

            async def pingReceived(self, payload):
                self.resumeProducing()
                await self._wait("ping")

        ws = self.opened_as(partial(Pinged, "ping"))
        self.hear(*texts("1", "2", "3"), (PING, b""), *texts("4"))
        self.assertEqual(ws.take(), ["1", ("ping",)])
        ws.go_on()
        self.assertEqual(ws.take(), [("ping", "done"), "2", "3", "4"])

    def test_the_hook_of_that_ping_may_pause_again(self):
        class Pinged(self.slow):
            async def messageReceived(self, message):
                self.pauseProducing()
                self.heard.append(message)

            async def pingReceived(self, payload):
                self.resumeProducing()
                self.pauseProducing()

        ws = self.opened_as(Pinged)
        self.hear(*texts("1", "2"), (PING, b""), *texts("3"))
        self.assertEqual(ws.take(), ["1"])
        for message in "23":
            ws.resumeProducing()
            self.joined.pump()
            self.assertEqual(ws.take(), [message])


class EndTests(MeanwhileTests):
    def test_the_peer_s_close_is_answered_at_once_and_what_came_before_is_delivered(self):
        ws = self.opened()
        self.hear(*texts("1", "2"), (CLOSE, closing(1000)))
        self.assertEqual(self.said(), [(CLOSE, closing(1000))])
        self.joined.drop()
        self.successResultOf(ws.wait_closed())
        self.assertEqual(ws.take(), [("message", "1")])
        ws.go_on(2)
        expected = [("message", "1", "done"), ("message", "2"), ("message", "2", "done"), ("lost",)]
        self.assertEqual(ws.take(), expected)
        self.assertIsInstance(ws.lost[0], ConnectionClosedOK)
        self.assertGone()

    def test_when_the_peer_is_lost_what_came_before_is_delivered(self):
        ws = self.opened()
        self.hear(*texts("1", "2"), (PING, b"3"))
        self.joined.drop()
        self.assertEqual(ws.take(), [("message", "1")])
        ws.go_on(2)
        self.assertEqual(ws.take()[-3:], [("message", "2", "done"), ("ping", b"3"), ("lost",)])
        self.assertGone()

    def test_nothing_comes_after_what_was_dropped_as_it_closes(self):
        ws = self.opened(max_queue=2)
        self.hear(*texts("1"))
        driver_of(ws).start_closing(1001)
        self.hear(*texts("2", "3", "4"))
        ws.go_on(3)
        self.assertEqual(ws.take()[-1], ("message", "3", "done"))
        self.hear(*texts("5"), (PING, b""), (CLOSE, closing(1001)))
        self.joined.drop()
        self.assertEqual(ws.take(), [("lost",)])
        self.assertGone()

    def test_nothing_comes_after_the_end_even_if_that_resumes(self):
        class Resuming(self.slow):
            async def connectionLost(self, reason):
                self.resumeProducing()
                await super().connectionLost(reason)

        for busy in True, False:
            ws = self.opened_as(Resuming)
            if busy:
                self.hear(*texts("0"))
            ws.pauseProducing()
            self.hear(*texts("1"), (CLOSE, closing(1000)))
            self.clock.advance(1)
            self.joined.pump()
            ws.take()
            self.joined.drop()
            ws.go_on(busy)
            self.assertEqual(ws.take()[busy:], [("lost",)])
            ws.resumeProducing()
            self.assertEqual((ws.take(), self.clock.getDelayedCalls()), ([], []))
            self.assertGone()

    def test_after_close_what_waits_is_dropped(self):
        for hang_up in (
            lambda ws: ws.close(4401),
            lambda ws: ws.transport.loseConnection(),
            lambda ws: ws.transport.abortConnection(),
        ):
            ws = self.opened()
            self.hear(*texts("1", "2"))
            hang_up(ws)
            self.hear(*texts("3"), (PING, b"4"))
            self.joined.drop()
            self.assertEqual(ws.take(), [("message", "1")])
            ws.go_on()
            self.assertEqual(ws.take(), [("message", "1", "done"), ("lost",)])
            self.assertGone()

    def test_a_hook_may_wait_for_its_own_close(self):
        class Refusing(self.slow):
            async def messageReceived(self, message):
                self.heard.append(message)
                await self.close(4401)
                self.heard.append("closed")

        ws = self.open(Refusing)
        ws.take()
        self.hear(*texts("1", "2"))
        self.hear((CLOSE, closing(4401)))
        self.peer.transport.loseConnection()
        self.joined.pump()
        self.assertEqual(ws.take(), ["1", "closed", ("lost",)])
        self.assertGone()

    def test_a_hook_may_wait_for_the_close_of_the_peer(self):
        class Waiting(self.slow):
            async def messageReceived(self, message):
                await self.wait_closed()
                self.heard.append("closed")

        ws = self.open(Waiting)
        ws.take()
        self.hear(*texts("1"), (CLOSE, closing(1000)))
        self.peer.transport.loseConnection()
        self.joined.pump()
        self.assertEqual(ws.take(), ["closed", ("lost",)])

    def test_it_is_not_cancelled(self):
        ws = self.opened()
        self.hear(*texts("1"))
        self.joined.drop()
        [work] = ws.work
        self.assertFalse(work.called)

    def test_a_message_that_comes_too_late_to_be_sent_is_no_failure(self):
        class Answering(self.slow):
            async def messageReceived(self, message):
                await super().messageReceived(message)
                await self.send(message)
                self.heard.append("sent")

        ws = self.open(Answering)
        ws.take()
        self.hear(*texts("1", "2"))
        self.joined.drop()
        ws.go_on(2)
        self.assertNotIn("sent", ws.heard)
        self.assertEqual(ws.take()[-1], ("lost",))

    def test_one_that_never_ends_holds_up_only_connection_lost(self):
        ws = self.opened()
        self.hear(*texts("1"))
        self.joined.drop()
        self.assertIs(ws.state, State.CLOSED)
        self.successResultOf(ws.close())
        self.assertEqual(self.factory.connections, set())
        self.assertEqual(ws.lost, [])

    def test_in_a_pause_what_waits_is_dropped_at_the_end(self):
        for paused_before in (True, False):
            ws = self.opened()
            self.hear(*texts("1", "2"))
            if paused_before:
                ws.pauseProducing()
                ws.go_on()
            else:
                ws.go_on()
                ws.take()
                ws.pauseProducing()
            self.joined.drop()
            if not paused_before:
                ws.go_on()
            self.assertEqual([heard for heard in ws.take() if heard[0] == "lost"], [("lost",)])
            self.assertGone()

    def test_an_application_closed_by_a_server_that_stops_hears_as_many_as_there_is_room_for(self):
        ws = self.opened(max_queue=2)
        self.hear(*texts("1", "2", "3"))
        self.assertTrue(self.ours.paused)
        driver_of(ws).start_closing(1001)
        self.assertFalse(self.ours.paused)
        self.hear(*texts("4"))
        self.hear(*texts("5"), (PING, b"6"), (CLOSE, closing(1001)))
        self.joined.drop()
        ws.go_on(3)
        self.assertEqual(ws.take()[-2:], [("message", "3", "done"), ("lost",)])


class FailureTests(EndTests):
    def assertFailed(self, ws):
        [event] = self.take_loud()
        self.assertEqual(event["log_format"], "connection handler failed")
        self.assertEqual(event["connection"], ws.id)
        self.assertIn("secret", event["log_failure"].getErrorMessage())
        self.assertEqual(self.said()[-1], (CLOSE, closing(1011)))

    def test_one_that_fails_closes_with_1011(self):
        for hook, frame in (
            ("message", (TEXT, b"1")),
            ("ping", (PING, b"1")),
            ("pong", (PONG, b"1")),
        ):
            ws = self.opened(hook)
            self.hear(frame, (TEXT, b"2"))
            ws.work.pop().errback(ValueError("secret"))
            self.assertFailed(ws)
            self.hear(*texts("3"))
            self.joined.drop()
            self.assertEqual(ws.take()[1:], [("lost",)])
            self.assertGone()

    def test_a_hook_that_has_failed_when_it_returns_closes_with_1011(self):
        class Failing(self.slow):
            async def messageReceived(self, message):
                raise ValueError("secret")

        ws = self.open(Failing)
        ws.take()
        self.hear(*texts("1", "2"), (PING, b"3"))
        self.assertFailed(ws)
        self.assertEqual(ws.take(), [])

    def test_inline_callbacks_that_fail_close_with_1011(self):
        class Failing(self.slow):
            @inlineCallbacks
            def messageReceived(self, message):
                self.work.append(Deferred())
                yield self.work[-1]
                raise ValueError("secret")

        ws = self.open(Failing)
        self.hear(*texts("1", "2"))
        ws.go_on()
        self.assertFailed(ws)

    def test_connection_opened_likewise(self):
        ws = self.open(partial(self.slow, "opened"))
        self.hear(*texts("1"))
        ws.work.pop().errback(ValueError("secret"))
        self.assertFailed(ws)
        self.joined.drop()
        self.assertEqual(ws.take(), [("opened",), ("lost",)])

    def test_connection_lost_is_logged_and_all_is_settled(self):
        ws = self.opened("lost")
        closed = ws.wait_closed()
        self.joined.drop()
        self.successResultOf(closed)
        ws.work.pop().errback(ValueError("secret"))
        self.assertEqual(len(self.take_loud()), 1)
        self.assertGone()

    def test_a_failure_after_the_end_is_logged_once(self):
        ws = self.opened()
        self.hear(*texts("1", "2"))
        self.joined.drop()
        ws.work.pop().errback(ValueError("secret"))
        self.assertEqual(len(self.take_loud()), 1)
        self.assertEqual(ws.take(), [("message", "1"), ("lost",)])

    def test_a_generator_is_no_awaitable(self):
        class Generating(self.slow):
            def messageReceived(self, message):
                yield self.send(message)

        class GeneratingAsynchronously(self.slow):
            async def messageReceived(self, message):
                yield message

        for kind, advice in ((Generating, "inlineCallbacks"), (GeneratingAsynchronously, "send(")):
            self.open(kind)
            self.hear(*texts("1"))
            [event] = self.take_loud()
            text = event["log_failure"].getErrorMessage()
            self.assertIn(f"{kind.__name__}.messageReceived() is a", text)
            self.assertIn(advice, text)
            self.assertEqual(self.said()[-1], (CLOSE, closing(1011)))


class PullTests:
    """If messageReceived isn't overridden, messages are kept for recv() meanwhile."""

    def test_connection_opened_may_receive(self):
        class Receiving(self.kept):
            async def connectionOpened(self):
                self.heard = []
                async for message in self:
                    self.heard.append(message)
                    await self.send(message)
                self.heard.append("closed")

        ws = self.open(Receiving)
        self.hear(*texts("1"))
        self.hear(*texts("2"), (PING, b"3"))
        self.assertEqual(self.said(), [*texts("1"), (PONG, b"3"), *texts("2")])
        self.assertEqual(ws.pinged, [])
        self.hear((CLOSE, closing(1000)))
        self.joined.drop()
        self.assertEqual(ws.heard, ["1", "2", "closed"])
        self.assertEqual(ws.pinged, [b"3"])
        self.assertGone()

    def test_a_ping_s_hook_keeps_no_message(self):
        class Pinged(self.kept):
            async def pingReceived(self, payload):
                self.work = Deferred()
                await self.work

        ws = self.open(Pinged)
        self.hear((PING, b"1"), *texts("2"))
        self.assertEqual(self.successResultOf(ws.recv()), "2")

    def test_dropped_hooks_keep_no_message_either(self):
        class Pinged(self.kept):
            async def pingReceived(self, payload):
                self.work = Deferred()
                await self.work

        ws = self.open(Pinged, max_queue=1)
        self.hear((PING, b"1"))
        driver_of(ws).start_closing(1001)
        self.hear(*[(PING, b"2")] * 3)
        for _ in range(2):
            ws.work.callback(None)
        self.assertIsNone(driver_of(ws).succession)
        self.hear(*texts("3"))
        self.assertEqual(self.successResultOf(ws.recv()), "3")


class KeptServer(Recorded, WebSocketServerProtocol):
    pass


class KeptClient(Recorded, WebSocketClientProtocol):
    pass


class ServerTests(FailureTests, ServerSide):
    slow, plain = SlowServer, WebSocketServerProtocol


class ClientTests(FailureTests, ClientSide):
    slow, plain = SlowClient, WebSocketClientProtocol


class ServerOverTLSTests(OverTLS, FailureTests, ServerSide):
    slow, plain = SlowServer, WebSocketServerProtocol


class LosingTests:
    def test_a_transport_that_is_lost_at_once_is_lost_within_the_hook(self):
        # twisted.internet.testing.StringTransportWithDisconnection is such a transport.
        class Losing(self.slow):
            async def messageReceived(self, message):
                self.lose()
                await super().messageReceived(message)

        for waits_for in ("message",), ("message", "lost"):
            ws = self.open(partial(Losing, *waits_for))
            ws.take()
            ws.lose = self.joined.drop
            self.hear(*texts("1", "2"))
            self.assertEqual(ws.take(), [("lost",), ("message", "1")])
            ws.go_on(len(waits_for))
            self.assertIsNone(driver_of(ws).succession)
            self.assertGone()


class ServerLosingTests(LosingTests, ServerSide):
    slow = SlowServer


class ClientLosingTests(LosingTests, ClientSide):
    slow = SlowClient


class ServerPullTests(PullTests, ServerSide):
    kept = KeptServer


class ClientPullTests(PullTests, ClientSide):
    kept = KeptClient


class ResourceTests(SiteTestCase):
    def test_in_a_site_it_is_the_same(self):
        protocol = SlowServer()
        self.serve(create_protocol=lambda: protocol)
        self.open()
        self.hear((TEXT, b"1"), (TEXT, b"2"), (PING, b"3"))
        self.assertEqual(self.said(), [(PONG, b"3")])
        self.leave()
        protocol.go_on(2)
        expected = [("message", "2", "done"), ("ping", b"3"), ("lost",)]
        self.assertEqual(protocol.take()[-3:], expected)


class StoppingTests(QuietTestCase):
    """A server that stops waits for hooks, as it does for handlers."""

    def serve(self, *waits_for):
        factory = WebSocketServerFactory(
            create_protocol=partial(SlowServer, *waits_for), reactor=self.clock
        )
        server = Server(factory, ())
        both = joined(factory, clock=self.clock)
        return server, both

    def test_it_waits_for_one_that_runs(self):
        server, both = self.serve()
        both.client.sendMessage("1")
        both.pump()
        closed = server.close()
        both.pump()
        self.assertIs(both.server.state, State.CLOSED)
        self.assertNoResult(closed)
        both.server.go_on()
        self.successResultOf(closed)
        self.assertEqual(both.server.heard[-1], ("lost",))

    def test_it_waits_for_connection_lost(self):
        server, both = self.serve("lost")
        closed = server.close()
        both.pump()
        self.assertNoResult(closed)
        both.server.go_on()
        self.successResultOf(closed)

    def test_it_waits_for_hooks_of_those_that_have_left_before(self):
        server, both = self.serve("lost")
        both.drop()
        closed = server.close()
        self.assertNoResult(closed)
        both.server.go_on()
        self.successResultOf(closed)
        self.assertEqual(both.server.factory.running, set())

    def test_after_close_timeout_it_is_cancelled(self):
        for leaves in (False, True):
            server, both = self.serve()
            both.client.sendMessage("1")
            both.client.sendMessage("2")
            both.pump()
            if leaves:
                both.drop()
            closed = server.close()
            both.pump()
            [work] = both.server.work
            self.clock.advance(10)
            self.successResultOf(closed)
            self.assertTrue(work.called)
            self.assertEqual(both.server.take()[-2:], [("message", "1"), ("lost",)])
            self.assertEqual(both.server.factory.running, set())

    def test_a_hook_may_wait_for_the_end_itself(self):
        for closes_at_once in (True, False):
            server, both = self.serve("none")
            heard, pause = [], Deferred()

            async def stop(
                message, server=server, heard=heard, pause=pause, at_once=closes_at_once
            ):
                if not at_once:
                    await pause
                await server.close()
                heard.append("closed")

            both.server.messageReceived = stop
            both.client.sendMessage("stop")
            both.pump()
            pause.callback(None)
            both.pump()
            self.assertEqual(heard, ["closed"])
            self.assertEqual(both.server.heard[-1], ("lost",))

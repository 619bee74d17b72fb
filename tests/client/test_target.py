"""A URI and headers that an application's functions return, for each attempt anew."""

import contextlib

from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.logger import formatEvent

from tests.support.servers import Servers
from tests.support.sides import URI, QuietTestCase
from tests.support.streams import Made
from txws2._time.backoff import Backoff
from txws2.client.client_state import ClientState
from txws2.client.connections import connect, unix_connect
from txws2.client.service import WebSocketClientService
from txws2.exceptions import InvalidHeader, InvalidURI, OpeningTimeout
from txws2.streams.endpoints import WebSocketClientEndpoint
from txws2.wire.connection import State


class TargetTestCase(QuietTestCase):
    def setUp(self):
        super().setUp()
        self.servers = Servers(self.clock)
        self.asked = 0

    def options(self, **options):
        options.setdefault("backoff", Backoff(random=lambda: 0.5))
        return {"endpoint": self.servers, "reactor": self.clock, **options}

    def connect(self, uri=None, **options):
        return connect(uri or self.sign, **self.options(**options))

    def iterate(self, *arguments, **options):
        async def iterate():
            async for ws in self.connect(*arguments, **options):
                await ws.wait_closed()

        return Deferred.fromCoroutine(iterate())

    def sign(self):
        """Return another URI each time."""
        self.asked += 1
        return f"ws://example.com/?token={self.asked}"

    def token(self):
        self.asked += 1
        return {"Authorization": f"Bearer {self.asked}"}

    def request(self):
        """Let TCP connect; return the first line and the Authorization of the request."""
        self.servers.accept()
        lines = self.servers.peer.take().decode().split("\r\n")
        authorization = [line for line in lines if line.startswith("Authorization")]
        return [lines[0].split()[1], *authorization]

    def logged(self):
        return [formatEvent(event) for event in self.events]

    def assertNothingLeft(self):
        self.servers.pump()
        self.assertIsNone(self.servers.waiting)
        self.assertEqual(self.clock.getDelayedCalls(), [])


class SayingTests(TargetTestCase):
    def test_a_function_says_it_at_once_or_later(self):
        async def coroutine(function):
            return function()

        for say in (
            lambda function: function,
            lambda function: lambda: succeed(function()),
            lambda function: lambda: coroutine(function),
        ):
            self.asked = 0
            connecting = self.connect(say(self.sign), additional_headers=say(self.token))
            self.assertEqual(self.request(), ["/?token=1", "Authorization: Bearer 2"])
            connecting.addErrback(lambda _: None).cancel()

    def test_either_of_them_may_be_what_it_is(self):
        connecting = self.connect(URI, additional_headers=self.token)
        self.assertEqual(self.request(), ["/chat", "Authorization: Bearer 1"])
        connecting.addErrback(lambda _: None).cancel()

    def test_an_open_connection_comes_of_it(self):
        connecting = self.connect()
        self.servers.open()
        self.assertIs(self.successResultOf(connecting).state, State.OPEN)

    def test_the_loop_asks_for_each_attempt(self):
        running = self.iterate(additional_headers=self.token)
        for attempt in range(3):
            uri, authorization = self.request()
            self.assertEqual(uri, f"/?token={2 * attempt + 1}")
            self.assertEqual(authorization, f"Authorization: Bearer {2 * attempt + 2}")
            self.servers.joined.drop()
            self.clock.advance(6)
        running.addErrback(lambda _: None).cancel()

    def test_the_service_asks_for_each_attempt(self):
        service = WebSocketClientService(self.sign, **self.options())
        self.assertEqual(self.asked, 0)
        service.startService()
        for attempt in range(3):
            self.assertEqual(self.request(), [f"/?token={attempt + 1}"])
            self.servers.joined.drop()
            self.clock.advance(6)
        service.stopService()
        self.clock.advance(0)
        self.assertNothingLeft()

    def test_an_endpoint_asks_for_each_attempt(self):
        endpoint = WebSocketClientEndpoint(self.clock, self.sign, endpoint=self.servers)
        for attempt in range(2):
            connecting = endpoint.connect(Made()).addErrback(lambda _: None)
            self.assertEqual(self.request(), [f"/?token={attempt + 1}"])
            connecting.cancel()

    def test_a_unix_socket_can_have_it_too(self):
        asked = []
        connecting = unix_connect("/socket", lambda: asked.append(1), reactor=self.clock)
        self.failureResultOf(connecting, TypeError)
        self.assertEqual(asked, [1])

    def test_a_redirection_is_followed_without_asking_again(self):
        connecting = self.connect(additional_headers=self.token)
        self.request()
        self.servers.say(b"HTTP/1.1 307 There\r\nContent-Length: 0\r\nLocation: /elsewhere\r\n\r\n")
        self.assertEqual(self.request(), ["/elsewhere", "Authorization: Bearer 2"])
        self.assertEqual(self.asked, 2)
        connecting.addErrback(lambda _: None).cancel()

    def test_an_iterator_of_headers_is_sent_with_each_attempt(self):
        headers = iter([("Authorization", "Bearer 1")])
        running = self.iterate(URI, additional_headers=headers)
        for _ in range(2):
            self.assertEqual(self.request(), ["/chat", "Authorization: Bearer 1"])
            self.servers.joined.drop()
            self.clock.advance(3)
        running.addErrback(lambda _: None).cancel()


class FailureTests(TargetTestCase):
    def fail_with(self, *results):
        """Return a function that raises these, or returns them, one after the other."""
        remaining = list(results)

        def say():
            result = remaining.pop(0)
            if isinstance(result, Exception):
                raise result
            return result

        return say

    def test_an_exception_of_the_hook_fails_the_attempt(self):
        self.failureResultOf(self.connect(self.fail_with(KeyError())), KeyError)
        failing = self.connect(URI, additional_headers=self.fail_with(KeyError()))
        self.failureResultOf(failing, KeyError)
        self.assertNothingLeft()

    def test_an_invalid_result_of_the_hook_fails_the_attempt(self):
        for uri, headers, kind in (
            (lambda: "http://example.com/", (), InvalidURI),
            (lambda: None, (), TypeError),
            (URI, lambda: {"X": "a\r\nb"}, InvalidHeader),
            (URI, lambda: "X: a", TypeError),
        ):
            self.failureResultOf(self.connect(uri, additional_headers=headers), kind)

    def test_the_loop_has_process_exception_decide(self):
        running = self.iterate(self.fail_with(ConnectionError("no token"), "http://no/"))
        self.assertEqual(
            self.logged(), ["can't connect to the server: no token; trying again in 2.5 s"]
        )
        self.clock.advance(2.5)
        self.failureResultOf(running, InvalidURI)
        self.assertEqual(self.servers.attempts, 0)
        self.assertNothingLeft()

    def test_once_a_uri_is_known_the_log_has_its_host(self):
        running = self.iterate(self.fail_with("ws://a.example:81/secret", ConnectionError("no")))
        self.servers.fail()
        self.clock.advance(2.5)
        first, second = self.logged()
        self.assertTrue(first.startswith("can't connect to a.example:81: "))
        self.assertTrue(second.startswith("can't connect to a.example:81: no;"))
        self.assertNotIn("secret", first + second)
        running.addErrback(lambda _: None).cancel()

    def test_the_service_backs_off_or_gives_up(self):
        say = self.fail_with(ConnectionError(), KeyError())
        service = WebSocketClientService(say, **self.options())
        service.startService()
        self.assertIs(service.state, ClientState.BACKING_OFF)
        self.clock.advance(2.5)
        self.assertIs(service.state, ClientState.STOPPED)
        [event] = self.take_loud()
        self.assertRegex(
            formatEvent(event), "^giving up on the server. The client doesn.t try again"
        )
        self.assertNothingLeft()

    def test_an_argument_of_another_type_is_a_mistake(self):
        async def coroutine():
            return URI

        def generator():
            yield URI

        for mistake in coroutine(), generator:
            self.assertRaises(TypeError, self.connect, mistake)
            self.assertRaises(TypeError, WebSocketClientService, generator)
        for mistake in coroutine(), generator:
            self.assertRaises(TypeError, self.connect, URI, additional_headers=mistake)

    def test_the_other_options_are_checked_before_anything_is_asked(self):
        self.failureResultOf(self.connect(open_timeout=0), ValueError)
        self.assertEqual(self.asked, 0)


class TimeTests(TargetTestCase):
    def test_open_timeout_spans_it(self):
        for name in "uri", "additional_headers":
            asking = Deferred()
            connecting = self.connect(**{name: lambda asking=asking: asking})
            self.clock.advance(9.9)
            self.assertNoResult(connecting)
            self.clock.advance(0.1)
            timeout = self.failureResultOf(connecting, OpeningTimeout).value
            self.assertIn("the function that returns the", timeout.stage)
            self.assertTrue(asking.called)
            self.assertNothingLeft()

    def test_the_server_has_what_is_left_of_it(self):
        asking = Deferred()
        connecting = self.connect(lambda: asking)
        self.clock.advance(6)
        asking.callback(URI)
        self.servers.accept()
        self.clock.advance(3.9)
        self.assertNoResult(connecting)
        self.clock.advance(0.1)
        timeout = self.failureResultOf(connecting, OpeningTimeout).value
        self.assertEqual(timeout.stage, "the server's answer")
        self.assertNothingLeft()

    def test_each_attempt_has_it_anew(self):
        running = self.iterate(Deferred)
        for _ in range(2):
            self.clock.advance(10)
            self.clock.advance(3.1)
        self.assertEqual(len(self.logged()), 2)
        self.assertNoResult(running)
        running.addErrback(lambda _: None).cancel()
        self.assertNothingLeft()

    def test_there_may_be_no_limit(self):
        asking = Deferred()
        connecting = self.connect(lambda: asking, open_timeout=None, ping_interval=None)
        self.clock.advance(1000)
        asking.callback(URI)
        self.servers.open()
        self.successResultOf(connecting)

    def test_cancelling_the_connection_cancels_the_hook(self):
        async def stubborn():
            with contextlib.suppress(CancelledError):
                await Deferred()
            return URI

        asking = Deferred()
        for say in (lambda: asking), stubborn:
            connecting = self.connect(say)
            connecting.cancel()
            self.failureResultOf(connecting, CancelledError)
            self.assertEqual(self.servers.attempts, 0)
            self.assertNothingLeft()
        self.assertTrue(asking.called)

    def test_a_service_can_be_stopped_meanwhile(self):
        asking = Deferred()
        service = WebSocketClientService(lambda: asking, **self.options())
        service.startService()
        stopping = service.stopService()
        self.clock.advance(0)
        self.successResultOf(stopping)
        self.assertTrue(asking.called)
        self.assertNothingLeft()

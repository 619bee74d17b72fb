"""`backend_auth`: an HTTP service decides who gets in."""

from twisted.internet.defer import CancelledError, Deferred, fail, succeed
from twisted.internet.error import ConnectionRefusedError
from twisted.logger import capturedLogs, formatEvent
from twisted.python.failure import Failure
from twisted.web.client import ResponseDone
from twisted.web.http_headers import Headers

from tests.server.test_authentication import AuthenticationTestCase
from tests.support.resolving import ResolvingReactor
from tests.support.sides import REQUEST
from txws2.server import auth_backend as module
from txws2.server.auth_backend import backend_auth, is_authorized

URL = "http://localhost:9000/auth?key=k3y"
OPEN = "HTTP/1.1 101 Switching Protocols"
UNAVAILABLE = "HTTP/1.1 503 Service Unavailable"


class Answer:
    """A response of the service."""

    def __init__(self, code, body=b"", **headers):
        self.code = code
        self.headers = Headers({k.replace("_", "-"): [v] for k, v in headers.items()})
        self._body = body

    def deliverBody(self, protocol):
        self.aborted = []
        protocol.makeConnection(self)
        protocol.dataReceived(self._body)
        protocol.connectionLost(Failure(ResponseDone()))

    def abortConnection(self):
        self.aborted.append(True)


class Agent:
    """Answers each question with the same, which may be a Deferred."""

    def __init__(self, answer):
        self.answer = answer
        self.asked = []

    def request(self, method, url, headers):
        self.asked.append((method, url, headers))
        return self.answer if isinstance(self.answer, Deferred) else succeed(self.answer)


class BackendTestCase(AuthenticationTestCase):
    def hook(self, answer, **options):
        self.agent = Agent(answer)
        return backend_auth(URL, agent=self.agent, reactor=self.clock, **options)

    def get(self, hook, *lines, path=b"/chat"):
        """Send a request with these further lines; return the lines of the response's head."""
        self.connect(process_request=hook)
        more = b"".join(b"\r\n" + line for line in lines)
        request = REQUEST.replace(b"/chat", path).replace(b"\r\n\r\n", more + b"\r\n\r\n")
        self.receive(request)
        self.joined.pump()
        return self.answered()

    def answered(self):
        head, _, self.body = self.peer.take().decode().partition("\r\n\r\n")
        return head.split("\r\n")


class AnswersTests(BackendTestCase):
    def test_any_2xx_lets_a_client_in_with_a_name(self):
        for code in 200, 204, 299:
            hook = self.hook(Answer(code, b"ignored", Remote_User="ann"))
            self.assertEqual(self.get(hook)[0], OPEN)
            self.assertEqual(self.ws.username, "ann")

    def test_the_name_may_be_missing_or_stand_in_another_header(self):
        self.get(self.hook(Answer(200)))
        self.assertIsNone(self.ws.username)
        self.assertTrue(is_authorized(self.ws))
        self.get(self.hook(Answer(200, X_User="bob"), name_header="X-User"))
        self.assertEqual(self.ws.username, "bob")

    def test_401_and_403_are_passed_on(self):
        answer = Answer(401, b"who?", WWW_Authenticate="Basic realm=x", Server="secret")
        status, *headers = self.get(self.hook(answer))
        self.assertEqual((status, self.body), ("HTTP/1.1 401 Unauthorized", "who?"))
        self.assertIn("WWW-Authenticate: Basic realm=x", headers)
        self.assertIn("Content-Length: 4", headers)
        self.assertNotIn("Server: secret", headers)
        self.assertEqual(self.get(self.hook(Answer(403)))[0], "HTTP/1.1 403 Forbidden")

    def test_a_body_that_is_encoded_or_large_is_not(self):
        self.get(self.hook(Answer(403, b"\x1f\x8b", Content_Encoding="gzip")))
        self.assertEqual(self.body, "")
        answer = Answer(403, b"x" * 100_000)
        self.get(self.hook(answer))
        self.assertEqual(len(self.body), 2**16)
        self.assertTrue(answer.aborted)

    def test_headers_that_nobody_may_send_are_not(self):
        for value in "Basic\x1b", "Basic realm=\xfc", "Basic realm=\u2026":
            answer = Answer(401, WWW_Authenticate=value, Retry_After="5")
            status, *headers = self.get(self.hook(answer))
            self.assertEqual(status, "HTTP/1.1 401 Unauthorized")
            self.assertIn("Retry-After: 5", headers)
            self.assertNotIn("WWW-Authenticate", "".join(headers))

    def test_any_other_answer_and_any_failure_is_503(self):
        for answer in Answer(500), Answer(302, Location="/"), Answer(404), Answer(199):
            self.assertEqual(self.get(self.hook(answer))[0], UNAVAILABLE)
            [event] = self.take_loud()
            self.assertIn(f"it answers with {answer.code}", formatEvent(event))
        self.assertEqual(self.get(self.hook(fail(ConnectionRefusedError())))[0], UNAVAILABLE)
        [event] = self.take_loud()
        text = formatEvent(event)
        self.assertIn("http://localhost:9000/auth can't decide who gets in: Connection", text)
        self.assertNotIn("k3y", text)

    def test_an_outage_is_logged_once_and_so_is_its_end(self):
        hook = self.hook(Answer(500))
        for _ in range(3):
            self.get(hook)
        self.assertEqual(len(self.take_loud()), 1)
        self.agent.answer = Answer(200)
        with capturedLogs() as logged:
            self.get(hook)
            self.get(hook)
        texts = [formatEvent(event) for event in logged]
        self.assertEqual(sum("decides who gets in again" in text for text in texts), 1)

    def test_there_is_a_limit_of_time(self):
        cancelled = []
        hook = self.hook(Deferred(cancelled.append), timeout=3)
        self.assertEqual(self.get(hook), [""])
        self.clock.advance(2.9)
        self.assertEqual(self.answered(), [""])
        self.clock.advance(0.2)
        self.joined.pump()
        self.assertEqual(self.answered()[0], UNAVAILABLE)
        self.assertEqual(len(cancelled), 1)
        self.take_loud()

    def test_a_client_that_leaves_ends_the_question(self):
        cancelled = []
        self.get(self.hook(Deferred(cancelled.append)))
        self.peer.transport.loseConnection()
        self.joined.pump()
        self.assertEqual(len(cancelled), 1)

    def test_so_many_questions_are_asked_at_once(self):
        self.patch(module, "_AT_ONCE", 1)
        waiting = Deferred()
        hook = self.hook(waiting)
        self.get(hook)
        first = self.joined
        self.get(hook)
        self.assertEqual(len(self.agent.asked), 1)
        self.agent.answer = Answer(200)
        waiting.callback(Answer(200))
        first.pump()
        self.joined.pump()
        self.assertEqual(len(self.agent.asked), 2)
        self.assertEqual(self.answered()[0], OPEN)


class QuestionTests(BackendTestCase):
    def question(self, *lines, **options):
        hook = self.hook(Answer(200), **options)
        self.assertEqual(self.get(hook, *lines, path=b"/chat?room=1")[0], OPEN)
        [(self.method, self.url, headers)] = self.agent.asked
        return {name.lower(): values for name, values in headers.getAllRawHeaders()}

    def test_it_is_a_get_with_the_headers_of_the_request(self):
        asked = self.question(b"Cookie: a=b", b"Authorization: Bearer x", b"X-A: 1", b"X-A: 2")
        self.assertEqual((self.method, self.url), (b"GET", URL.encode()))
        self.assertEqual(asked[b"cookie"], [b"a=b"])
        self.assertEqual(asked[b"authorization"], [b"Bearer x"])
        self.assertEqual(asked[b"x-a"], [b"1", b"2"])

    def test_it_tells_the_request(self):
        asked = self.question()
        self.assertEqual(asked[b"x-forwarded-uri"], [b"/chat?room=1"])
        self.assertEqual(asked[b"x-original-uri"], [b"/chat?room=1"])
        self.assertEqual(asked[b"x-forwarded-method"], [b"GET"])
        self.assertEqual(asked[b"x-forwarded-proto"], [b"http"])
        self.assertEqual(asked[b"x-forwarded-host"], [b"example.com"])
        self.assertEqual(asked[b"x-forwarded-for"], [self.ws.remote_address[0].encode()])

    def test_headers_of_the_connection_stay_here(self):
        asked = self.question(b"Keep-Alive: 1", b"TE: x", b"X-Mine: 1", b"Connection: x-mine")
        for name in (
            *(b"host", b"connection", b"upgrade", b"keep-alive", b"te", b"x-mine"),
            *(b"sec-websocket-key", b"sec-websocket-version"),
        ):
            self.assertNotIn(name, asked)

    def test_a_client_cannot_write_what_the_service_believes(self):
        asked = self.question(
            *(b"X-Forwarded-For: 6.6.6.6", b"X-Forwarded-User: root", b"X-Real-IP: 6.6.6.6"),
            *(b"Forwarded: for=6.6.6.6", b"X-Original-URI: /public", b"Remote-User: root"),
        )
        for values in asked.values():
            for value in values:
                self.assertNotIn(b"6.6.6.6", value)
                self.assertNotIn(b"root", value)
        self.assertEqual(asked[b"x-original-uri"], [b"/chat?room=1"])


class MistakesTests(BackendTestCase):
    def test_a_url_must_be_one_of_http(self):
        for url in (
            "ws://x/",
            "localhost:9000",
            "http://",
            "http://x:y/",
            "http://\xe4/",
            "http://a b",
            "http://a/#b",
            "http://a/\n",
        ):
            error = self.assertRaises(ValueError, backend_auth, url)
            self.assertIn("must be one of http or https", str(error))

    def test_it_must_have_no_password(self):
        error = self.assertRaises(ValueError, backend_auth, "http://me:s3cret@localhost/")
        self.assertNotIn("s3cret", str(error))

    def test_the_name_must_be_in_a_header(self):
        for name in "", "a b", "X-User:", "\xfc":
            error = self.assertRaises(ValueError, backend_auth, URL, name_header=name)
            self.assertIn("must be a header, as 'Remote-User'", str(error))

    def test_the_timeout_is_a_time(self):
        self.assertRaises(ValueError, backend_auth, URL, timeout=0)
        self.assertRaises(TypeError, backend_auth, URL, timeout=None)

    def test_an_agent_is_made_with_connections_that_stay_open(self):
        hook = backend_auth(URL, reactor=self.clock)
        agent = hook._the_agent()
        self.assertTrue(agent._pool.persistent)
        self.assertIs(hook._the_agent(), agent)

    def test_its_connections_are_not_in_the_log(self):
        reactor = ResolvingReactor()
        for scheme in "http", "https":
            hook = backend_auth(f"{scheme}://127.0.0.1:9000/", reactor=reactor)
            asking = Deferred.fromCoroutine(hook(self.connection(), self.ws.request))
            with capturedLogs() as events:
                reactor.tcpClients[-1][2].doStart()
                reactor.tcpClients[-1][2].doStop()
            self.assertEqual(events, [])
            asking.cancel()
            self.failureResultOf(asking)

    def connection(self):
        self.get(self.hook(Answer(200)))
        return self.ws

    def test_a_cancelled_question_is_no_outage(self):
        self.get(self.hook(Answer(200)))
        hook = self.hook(Deferred())
        asking = Deferred.fromCoroutine(hook(self.ws, self.ws.request))
        asking.cancel()
        self.failureResultOf(asking, CancelledError)

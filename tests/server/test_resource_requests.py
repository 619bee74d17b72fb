"""A resource and its site together handle a request."""

from io import StringIO
from unittest import mock

from twisted.cred.checkers import InMemoryUsernamePasswordDatabaseDontUse
from twisted.cred.portal import Portal
from twisted.internet.defer import Deferred, succeed
from twisted.internet.error import ConnectionLost
from twisted.python.failure import Failure
from twisted.web.guard import BasicCredentialFactory, HTTPAuthSessionWrapper
from twisted.web.resource import EncodingResourceWrapper, IResource, Resource
from twisted.web.server import GzipEncoderFactory

from tests.support.sides import REQUEST, TEXT, RecordedServer
from tests.support.ways import OverTLS
from tests.support.website import PAGE, SiteTestCase, frame, plus
from txws2 import Headers, InvalidHandshake, InvalidStatus, OpeningTimeout, Response, State
from txws2.exceptions import InvalidOrigin, ServerClosing
from txws2.testing.recorder import RecordingTransport


class ProcessRequestTests(SiteTestCase):
    def waiting(self, **options):
        """Send a request; return the Deferred of its hook, and a list of its cancellations."""
        cancelled = []
        deciding = Deferred(cancelled.append)
        self.serve(process_request=lambda *_: deciding, **options)
        self.receive(REQUEST)
        self.assertEqual(self.peer.take(), b"")
        return deciding, cancelled

    def test_it_is_given_the_request_of_the_site_too(self):
        seen = []

        async def process_request(connection, request):
            seen.append((request.path, connection.site_request.getHeader("host")))
            seen.append((connection.state, connection.remote_address))

        self.serve(process_request=process_request)
        self.open()
        self.assertEqual(seen, [("/chat", "example.com"), (State.CONNECTING, ("127.0.0.1", 50000))])

    def test_it_answers_health_checks_in_http_1_0(self):
        self.serve(process_request=lambda connection, request: connection.respond(200, "healthy\n"))
        self.receive(b"GET /chat HTTP/1.0\r\n\r\n")
        answer = self.peer.take()
        # The site answers in the version of the request, and ends the connection.
        self.assertTrue(answer.startswith(b"HTTP/1.0 200 OK\r\n"))
        self.assertTrue(answer.endswith(b"\r\n\r\nhealthy\n"))
        self.assertOver()

    def test_it_may_take_its_time(self):
        deciding, _ = self.waiting()
        deciding.callback(None)
        self.open(b"")
        self.hear((TEXT, b"hello"))
        self.assertEqual(self.successResultOf(self.ws.recv()), "hello")

    def test_it_refuses_and_the_connection_ends(self):
        def now(connection, request):
            return connection.respond(403, "Not you.\n")

        async def later(connection, request):
            return await succeed(now(connection, request))

        for process_request in (now, later, lambda *arguments: succeed(now(*arguments))):
            self.serve(process_request=process_request)
            headers, body = self.assertStatus("403 Forbidden", REQUEST)
            self.assertEqual(body, b"Not you.\n")
            self.assertEqual(headers["Connection"], "close")
            self.assertOver()
            self.failureResultOf(self.ws.wait_opened(), InvalidStatus)

    def test_requests_that_came_meanwhile_are_not_answered(self):
        """Attack 29; RFC 9112 section 9.3."""
        for behind, meanwhile in ((PAGE, b""), (b"", PAGE), (PAGE[:9], PAGE[9:] + REQUEST)):
            deciding = Deferred()
            self.serve(process_request=lambda *_, deciding=deciding: deciding)
            self.receive(REQUEST + behind)
            self.receive(meanwhile)
            deciding.callback(Response(404, "Not Found"))
            self.joined.pump()
            answers = self.peer.take()
            self.assertTrue(answers.startswith(b"HTTP/1.1 404 Not Found"))
            self.assertEqual(answers.count(b"HTTP/1.1 "), 1)
            self.assertOver()

    def test_attack_25_the_site_and_we_read_the_same_headers(self):
        for other in (b"\x0b", b"\x0c", b"\x1c", b"\x1d", b"\x1e", b"\xc2\x85", b"\x85"):
            self.serve()
            self.receive(plus(b"A: b" + other + b"Sec-WebSocket-Protocol: evil"))
            if other > b"\x7f":
                self.assertTrue(self.peer.take().startswith(b"HTTP/1.1 101 "))
                self.assertNotIn("Sec-WebSocket-Protocol", self.ws.request.headers)
            else:
                self.assertTrue(self.peer.take().startswith(b"HTTP/1.1 400 "))
            self.connect()

    def test_to_a_page_they_are_answered(self):
        """Without an Upgrade, only requests can follow."""
        deciding = Deferred()
        self.serve(process_request=lambda *_: deciding)
        self.receive(PAGE.replace(b"page", b"chat"))
        self.receive(PAGE)
        deciding.callback(Response(404, "Not Found"))
        self.joined.pump()
        answers = self.peer.take()
        self.assertTrue(answers.startswith(b"HTTP/1.1 404 Not Found"))
        self.assertTrue(answers.endswith(b"a page"))

    def test_its_cookies_go_beside_those_of_the_session(self):
        def process_request(connection, request):
            connection.site_request.getSession()
            return Response(403, "Forbidden", Headers({"Set-Cookie": ["a=b", "c=d"]}))

        self.serve(process_request=process_request)
        headers, _ = self.assertStatus("403 Forbidden", REQUEST)
        session, *others = headers.get_all("Set-Cookie")
        self.assertIn("TWISTED_SESSION=", session)
        self.assertEqual(others, ["a=b", "c=d"])

    def test_process_response_adds_to_what_the_site_says(self):
        def process_request(connection, request):
            connection.site_request.getSession()

        def process_response(connection, request, response):
            response.set_cookie("a", "b")

        self.serve(process_request=process_request, process_response=process_response)
        headers = self.open()
        session, other = headers.get_all("Set-Cookie")
        self.assertIn("TWISTED_SESSION=", session)
        self.assertEqual(other, "a=b; Path=/; SameSite=Lax; HttpOnly")
        self.assertEqual(self.ws.response.headers.get_all("Set-Cookie"), [session, other])

    def test_process_response_adds_to_a_refusal(self):
        def process_response(connection, request, response):
            response.set_cookie("a", "b")

        self.serve(origins=[], process_response=process_response)
        headers, _ = self.assertStatus("403 Forbidden", REQUEST)
        self.assertEqual(headers["Set-Cookie"], "a=b; Path=/; SameSite=Lax; HttpOnly")
        self.assertOver()

    def test_a_response_that_process_response_spoils_is_500_and_the_end(self):
        self.serve(process_response=lambda *_: Response(101, "Go"))
        self.assertStatus("500 Internal Server Error", REQUEST)
        self.assertEqual(len(self.take_loud()), 1)
        self.assertOver()

    def test_an_exception_is_500_and_the_end(self):
        self.serve(process_request=lambda *_: 1 // 0)
        self.assertStatus("500 Internal Server Error", REQUEST)
        [event] = self.take_loud()
        self.assertEqual(event["log_format"], "opening handshake failed")
        self.assertOver()

    def test_a_client_that_leaves_cancels_the_hook(self):
        deciding, cancelled = self.waiting()
        self.leave()
        self.assertEqual(cancelled, [deciding])
        self.failureResultOf(self.ws.wait_opened())
        self.assertNothingLeft()

    def test_it_may_have_the_site_answer(self):
        def process_request(connection, request):
            connection.site_request.redirect(b"/page")
            connection.site_request.finish()

        self.serve(process_request=process_request)
        headers, _ = self.assertStatus("302 Found", REQUEST)
        self.assertEqual((headers["Location"], headers["Connection"]), ("/page", "close"))
        self.failureResultOf(self.ws.wait_opened(), InvalidHandshake)
        self.assertOver()

    def test_open_timeout_holds(self):
        deciding, cancelled = self.waiting(open_timeout=3)
        self.joined.advance(3)
        self.assertEqual(cancelled, [deciding])
        self.assertEqual(self.answer()[0], "408 Request Timeout")
        self.failureResultOf(self.ws.wait_opened(), OpeningTimeout)
        self.assertOver()

    def test_a_hook_that_closes_the_connection_ends_it(self):
        self.serve(process_request=lambda connection, _: connection.close(1008, "no guests"))
        _, body = self.assertStatus("403 Forbidden", REQUEST)
        self.assertIn(b"closed before the connection was open: no guests.", body)
        self.successResultOf(self.ws.wait_closed())
        self.assertOver()


_NONE = type(None)


class NeverOpen:
    """The application is told of a connection that doesn't open, as with a factory."""

    def assertLost(self, kind, cause=_NONE):
        [reason] = self.ws.lost
        self.assertIsInstance(reason, kind)
        self.assertIsInstance(reason.__cause__, cause)
        self.assertEqual(self.ws.made, 1)
        self.assertIs(self.ws.state, State.CLOSED)
        self.assertEqual(self.ws.site_request.path, b"/chat")
        self.assertEqual(self.ws.opened, 0)

    def record(self):
        protocol = Made()
        self.opened.append(protocol)
        return protocol

    def test_if_a_hook_refuses_it(self):
        for status in 403, 200:
            self.serve(process_request=lambda ws, _, status=status: ws.respond(status, "no"))
            self.receive(REQUEST)
            self.assertLost(InvalidStatus)
            self.peer.take()
            self.assertOver()

    def test_if_a_hook_refuses_it_after_a_while(self):
        deciding = Deferred()
        self.serve(process_request=lambda *_: deciding)
        self.receive(REQUEST)
        self.assertEqual(vars(self.ws).get("made"), None)
        deciding.callback(Response(403, "Forbidden"))
        self.assertLost(InvalidStatus)

    def test_if_it_is_refused_without_a_hook(self):
        self.serve(origins=["https://a.example"])
        self.receive(plus(b"Origin: https://evil.example"))
        self.assertLost(InvalidOrigin)

    def test_if_the_client_leaves_while_a_hook_decides(self):
        self.serve(process_request=lambda *_: Deferred())
        self.receive(REQUEST)
        self.leave()
        self.assertLost(InvalidHandshake, Exception)
        self.assertNothingLeft()

    def test_if_it_took_too_long(self):
        self.serve(process_request=lambda *_: Deferred(), open_timeout=3)
        self.receive(REQUEST)
        self.joined.advance(3)
        self.assertLost(OpeningTimeout)

    def test_if_the_resource_is_closed_meanwhile(self):
        resource = self.serve(process_request=lambda *_: Deferred())
        self.receive(REQUEST)
        self.successResultOf(resource.close())
        self.assertLost(ServerClosing)

    def test_if_a_hook_closes_it(self):
        self.serve(process_request=lambda ws, _: ws.close())
        self.receive(REQUEST)
        self.assertLost(InvalidHandshake)
        self.peer.take()
        self.assertOver()

    def test_an_exception_of_the_application_is_logged_and_the_site_goes_on(self):
        class Broken(Made):
            def connectionMade(self):
                super().connectionMade()
                raise ZeroDivisionError

            def connectionLost(self, reason):
                super().connectionLost(reason)
                raise ZeroDivisionError

        def make():
            self.opened.append(Broken())
            return self.ws

        self.serve(create_protocol=make, process_request=lambda ws, _: ws.respond(403, "no"))
        self.receive(REQUEST)
        self.assertLost(InvalidStatus)
        self.assertEqual(len(self.take_loud()), 2)
        self.peer.take()
        self.assertOver()

    def test_one_that_opens_is_made_once(self):
        self.serve()
        self.open()
        self.leave()
        self.assertEqual((self.ws.made, self.ws.opened, len(self.ws.lost)), (1, 1, 1))

    def test_if_its_connectionMade_closes_it_the_request_is_answered_with_403(self):
        for options in {}, {"process_request": lambda *_: None}:
            self.serve(
                create_protocol=self.making(lambda ws: ws.close(1008, "no guests")), **options
            )
            self.receive(REQUEST)
            answer = self.peer.take()
            self.assertTrue(answer.startswith(b"HTTP/1.1 403 Forbidden\r\n"), answer)
            self.assertTrue(
                answer.endswith(b"before the connection was open: no guests.\n"), answer
            )
            self.assertEqual(answer.count(b"HTTP/1.1"), 1)
            self.leave()
            self.successResultOf(self.ws.wait_closed())
            self.assertLost(InvalidHandshake)
            self.assertNothingLeft()

    def test_if_the_site_loses_the_client_within_the_answer_that_refuses_it(self):
        def process_request(ws, request):
            ws.site_request.write = mock.Mock(side_effect=ZeroDivisionError)
            return ws.respond(403, "no")

        resource = self.serve(process_request=process_request)
        self.receive(REQUEST)
        self.assertLost(InvalidStatus)
        self.assertEqual(list(resource.factory.connections), [])
        self.assertEqual(len(self.take_loud()), 1)

    def making(self, do):
        """Return what makes a protocol whose connectionMade does this."""

        class Doing(Made):
            def connectionMade(self):
                super().connectionMade()
                do(self)

        def make():
            self.opened.append(Doing())
            return self.ws

        return make


class Made(RecordedServer):
    made = 0

    def connectionMade(self):
        super().connectionMade()
        self.made += 1


class NeverOpenTests(NeverOpen, SiteTestCase):
    def test_if_the_transport_is_lost_in_its_connectionMade(self):
        def lose(ws):
            self.server_end.connected = False
            ws.connectionLost(Failure(ConnectionLost()))

        for options in {}, {"process_request": lambda *_: None}:
            self.serve(create_protocol=self.making(lose), **options)
            self.receive(REQUEST)
            self.assertLost(InvalidHandshake, ConnectionLost)
            self.assertNothingLeft()


class NeverOpenOverTLSTests(OverTLS, NeverOpen, SiteTestCase):
    def setUp(self):
        super().setUp()
        # TLS claims to be TCP, so twisted.web calls this.
        RecordingTransport.setTcpNoDelay = lambda *_: None
        self.addCleanup(delattr, RecordingTransport, "setTcpNoDelay")


class SiteRequestTests(SiteTestCase):
    """The site's view of the request, and of its end."""

    def test_sessions_go_on(self):
        def process_request(connection, request):
            connection.site_request.getSession().user = "me"

        self.serve(process_request=process_request)
        headers = self.open()
        cookie = headers["Set-Cookie"].partition(";")[0].encode()
        self.assertEqual(self.ws.response.headers["Set-Cookie"], headers["Set-Cookie"])
        self.connect()
        self.open(plus(b"Cookie: " + cookie))
        self.assertEqual(self.ws.site_request.getSession().user, "me")

    def test_headers_that_others_have_set_are_sent(self):
        class Wrapping(Resource):
            def getChild(self, path, request):
                for name in ("X-Frame-Options", "Content-Type", "Content-Encoding", "Connection"):
                    request.setHeader(name, "DENY")
                request.setHeader("Sec-WebSocket-Extensions", "foo")
                return self.child

        wrapping = Wrapping()

        def wrap(resource):
            wrapping.child = resource
            return wrapping

        self.serve(wrap=wrap, at=b"in")
        headers = self.open(REQUEST.replace(b"/chat", b"/in/chat"))
        self.assertEqual(headers["X-Frame-Options"], "DENY")
        self.assertEqual(headers["Connection"], "Upgrade")
        self.assertIn("Server", headers)
        self.assertFalse({"Content-Type", "Content-Encoding"} & set(headers))
        self.assertNotIn("Sec-WebSocket-Extensions", headers)

    def test_a_site_that_compresses_its_pages_leaves_it_alone(self):
        """Browsers send with any request the encodings that they can decompress."""
        self.serve(wrap=lambda resource: EncodingResourceWrapper(resource, [GzipEncoderFactory()]))
        accepting = b"Accept-Encoding: gzip\r\n\r\n"
        request = PAGE.replace(b"page", b"chat").replace(b"\r\n\r\n", b"\r\n" + accepting)
        headers, _ = self.assertStatus("426 Upgrade Required", request)
        self.assertEqual(headers["Content-Encoding"], "gzip")
        self.assertNotIn("Content-Length", headers)
        headers = self.open(plus(accepting[:-4]))
        self.assertNotIn("Content-Encoding", headers)
        self.hear((TEXT, b"hello"))
        self.assertEqual(self.successResultOf(self.ws.recv()), "hello")
        self.leave()
        self.assertEqual(self.said(), [])
        self.assertNothingLeft()

    def test_the_access_log_has_a_line_when_it_ends(self):
        self.serve()
        self.site.startFactory()
        self.addCleanup(self.site.stopFactory)
        self.site.logFile = log = StringIO()
        self.open()
        self.hear((TEXT, b"hello"))
        self.assertEqual(log.getvalue(), "")
        self.leave()
        [line] = log.getvalue().splitlines()
        self.assertIn('"GET /chat HTTP/1.1" 101 - ', line)

    def test_a_refusal_is_logged_like_any_answer(self):
        self.serve()
        self.site.startFactory()
        self.addCleanup(self.site.stopFactory)
        self.site.logFile = log = StringIO()
        _, body = self.assertStatus("426 Upgrade Required", PAGE.replace(b"page", b"chat"))
        self.assertIn(f'"GET /chat HTTP/1.1" 426 {len(body)} ', log.getvalue())

    def test_it_is_finished_when_the_connection_ends(self):
        self.serve()
        self.open()
        finished = self.ws.site_request.notifyFinish()
        self.assertNoResult(finished)
        self.leave()
        self.assertIsNone(self.successResultOf(finished))
        self.assertNothingLeft()

    def test_it_may_have_been_finished_by_somebody_else(self):
        self.serve()
        self.open()
        self.ws.site_request.finish()
        self.assertEqual(self.said(), [])
        self.hear((TEXT, b"hello"))
        self.assertEqual(self.successResultOf(self.ws.recv()), "hello")
        self.leave()
        self.assertNothingLeft()
        self.assertEqual(self.flushWarnings(), [])

    def test_a_client_that_wanted_no_more_http_is_no_trouble(self):
        self.serve()
        self.open(REQUEST.replace(b"Connection: Upgrade", b"Connection: Upgrade, close"))
        self.hear((TEXT, b"hello"))
        self.assertEqual(self.successResultOf(self.ws.recv()), "hello")
        self.leave()
        self.assertEqual(len(self.ws.lost), 1)
        self.assertNothingLeft()

    def test_an_idle_connection_is_no_longer_the_site_s_to_end(self):
        self.serve(ping_interval=None)
        self.open()
        self.joined.advance(300)
        self.assertIs(self.ws.state, State.OPEN)


class Realm:
    """Everybody gets the same resource.

    Attributes:
        out: the users who have logged out.
    """

    def __init__(self, resource):
        self._resource = resource
        self.out = []

    def requestAvatar(self, avatar_id, mind, *interfaces):
        return IResource, self._resource, lambda: self.out.append(avatar_id)


class GuardTests(SiteTestCase):
    def guard(self, resource):
        self.realm = Realm(resource)
        checker = InMemoryUsernamePasswordDatabaseDontUse(me=b"secret")
        basic = BasicCredentialFactory(b"chat")
        return HTTPAuthSessionWrapper(Portal(self.realm, [checker]), [basic])

    def test_only_those_who_have_the_password_get_in(self):
        self.serve(wrap=self.guard)
        headers, _ = self.assertStatus("401 Unauthorized", REQUEST)
        self.assertIn('basic realm="chat"', headers["WWW-Authenticate"])
        self.assertEqual(self.opened, [])
        self.open(plus(b"Authorization: Basic bWU6c2VjcmV0"))

    def test_they_are_logged_out_when_the_connection_ends(self):
        self.serve(wrap=self.guard)
        self.open(plus(b"Authorization: Basic bWU6c2VjcmV0") + frame(TEXT, b"early"))
        self.assertEqual(self.successResultOf(self.ws.recv()), "early")
        self.assertEqual(self.realm.out, [])
        self.leave()
        self.assertEqual(self.realm.out, [b"me"])

"""How an application decides on a request, before the connection is open."""

from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.internet.error import ConnectionDone

from tests.sides import PONG, REQUEST, TEXT, RecordedServer, ServerSide, frames_in
from txws2.exceptions import InvalidMessage, InvalidStatus, OpeningTimeout
from txws2.serving import Server
from txws2.wire.connection import State
from txws2.wire.fields import Headers
from txws2.wire.http import Response


class ProcessRequestTestCase(ServerSide):
    def ask(self, process_request, request=REQUEST, **options):
        """Send a request that a hook decides on."""
        self.connect(process_request=process_request, **options)
        self.receive(request)

    def wait(self, request=REQUEST, **options):
        """Send a request; return the Deferred that decides on it."""
        deciding = Deferred()
        self.ask(lambda connection, request: deciding, request, **options)
        self.assertEqual(self.peer.take(), b"")
        return deciding

    def answer(self):
        """Return status line, header lines and body of what was answered."""
        self.joined.pump()
        head, _, body = self.peer.take().partition(b"\r\n\r\n")
        status, *headers = head.decode().split("\r\n")
        return status.removeprefix("HTTP/1.1 "), headers, body.decode()

    def assertStatus(self, expected):
        self.assertEqual(self.answer()[0], expected)

    def assertOpen(self):
        self.assertEqual(self.ws.opened, 1)
        self.assertIn(b"101 Switching Protocols", self.peer.take())

    def leave(self):
        self.peer.transport.loseConnection()
        self.joined.pump()


class GoOnTests(ProcessRequestTestCase):
    def test_none_lets_it_go_on(self):
        async def later(connection, request):
            return await succeed(None)

        for process_request in (lambda *_: None, lambda *_: succeed(None), later):
            self.ask(process_request)
            self.assertOpen()

    def test_it_is_given_the_connection_and_its_request(self):
        seen = []

        def process_request(connection, request):
            self.assertIs(connection.request, request)
            self.assertIs(connection.state, State.CONNECTING)
            seen.append((connection, request.path, request.headers["Host"]))

        self.ask(process_request)
        self.assertEqual(seen, [(self.ws, "/chat", "example.com")])

    def test_the_handler_sees_the_same_request(self):
        seen = []
        self.ask(lambda connection, request: seen.append(request))
        self.assertIs(self.ws.request, seen[0])

    def test_what_it_notes_on_the_connection_stays_there(self):
        def process_request(connection, request):
            connection.user = "me"

        self.ask(process_request)
        self.assertEqual(self.ws.user, "me")

    def test_it_waits_until_there_is_a_decision(self):
        deciding = self.wait()
        self.assertIs(self.ws.state, State.CONNECTING)
        deciding.callback(None)
        self.joined.pump()
        self.assertOpen()

    def test_what_comes_meanwhile_is_kept_in_order(self):
        deciding = self.wait(REQUEST + self.frame(TEXT, b"one"))
        self.receive(self.frame(TEXT, b"two"))
        self.receive(self.frame(9, b"ping"))
        deciding.callback(None)
        self.joined.pump()
        self.assertEqual(self.successResultOf(self.ws.recv()), "one")
        self.assertEqual(self.successResultOf(self.ws.recv()), "two")
        _, _, frames = self.peer.take().partition(b"\r\n\r\n")
        self.assertEqual(frames_in(frames), [(PONG, b"ping")])

    def test_the_request_is_judged_afterwards(self):
        paths = []
        self.ask(lambda connection, request: paths.append(request.path), b"GET /x HTTP/1.1\r\n\r\n")
        self.assertStatus("400 Bad Request")
        self.assertEqual(paths, ["/x"])

    def test_what_is_no_request_is_refused_without_asking(self):
        self.ask(lambda *_: self.fail("asked"), b"nonsense\r\n\r\n")
        self.assertStatus("400 Bad Request")


class RefuseTests(ProcessRequestTestCase):
    def test_a_response_is_the_answer(self):
        async def later(connection, request):
            return await succeed(connection.respond(403, "Not you.\n"))

        def now(connection, request):
            return connection.respond(403, "Not you.\n")

        for process_request in (now, later, lambda *arguments: succeed(now(*arguments))):
            self.ask(process_request)
            status, headers, body = self.answer()
            self.assertEqual((status, body), ("403 Forbidden", "Not you.\n"))
            self.assertIn("Connection: close", headers)
            self.assertIn("Date: Thu, 01 Jan 1970 00:00:00 GMT", headers)
            self.assertTrue(self.peer.ended)

    def test_it_can_answer_what_is_no_websocket_at_all(self):
        self.ask(
            lambda connection, request: connection.respond(200, "OK\n"),
            b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n",
        )
        status, _, body = self.answer()
        self.assertEqual((status, body), ("200 OK", "OK\n"))

    def test_the_answer_to_head_has_no_body(self):
        self.ask(
            lambda connection, request: connection.respond(200, "OK\n"),
            b"HEAD /healthz HTTP/1.1\r\nHost: x\r\n\r\n",
        )
        status, headers, body = self.answer()
        self.assertEqual((status, body), ("200 OK", ""))
        self.assertIn("Content-Length: 3", headers)

    def test_a_response_may_have_headers_of_its_own(self):
        headers = Headers({"Location": ["https://example.com/"], "Connection": ["close"]})
        moved = Response(301, "Moved Permanently", headers)
        for _ in range(2):
            self.ask(lambda *_: moved)
            _, lines, _ = self.answer()
            self.assertEqual(sorted(line.split(":")[0] for line in lines), [
                "Connection", "Date", "Location",
            ])  # fmt: skip

    def test_the_client_is_told_that_the_connection_ends(self):
        self.ask(lambda *_: Response(404, "Not Found"))
        self.assertIn("Connection: close", self.answer()[1])

    def test_the_protocol_is_told_what_was_answered(self):
        self.connect(process_request=lambda connection, _: connection.respond(403, "No.\n"))
        opening = self.ws.wait_opened()
        self.receive(REQUEST)
        self.leave()
        reason = self.failureResultOf(opening, InvalidStatus).value
        self.assertIs(reason.response, self.ws.response)
        self.assertEqual(reason.response.status_code, 403)
        self.assertEqual(self.ws.lost, [reason])
        self.assertGone()


class FailTests(ProcessRequestTestCase):
    def assertFailed(self, error):
        """Assert that there is one event in the log, and that the client doesn't see why."""
        status, _, body = self.answer()
        self.assertEqual(status, "500 Internal Server Error")
        self.assertEqual(body, "The WebSocket handshake failed: internal error.\n")
        [event] = self.take_loud()
        self.assertEqual(event["log_format"], "opening handshake failed")
        self.assertEqual(event["connection"], self.ws.id)
        self.assertIs(event["log_failure"].type, error)

    def test_an_exception_is_500_and_is_logged(self):
        async def later(connection, request):
            await succeed(None)
            raise ZeroDivisionError("secret")

        for process_request in (lambda *_: 1 // 0, later):
            self.ask(process_request)
            self.assertFailed(ZeroDivisionError)
            self.leave()
            [reason] = self.ws.lost
            self.assertIsInstance(reason.__cause__, ZeroDivisionError)

    def test_what_is_no_response_is_500_and_is_logged(self):
        self.ask(lambda *_: 403)
        self.assertFailed(TypeError)

    def test_a_response_that_can_t_be_sent_is_500_and_is_logged(self):
        self.ask(lambda *_: Response(403, "No\r\nSet-Cookie: x"))
        self.assertFailed(InvalidMessage)

    def test_that_it_cancels_itself_is_a_failure_like_another(self):
        self.wait().cancel()
        self.assertFailed(CancelledError)


class MeanwhileTests(ProcessRequestTestCase):
    def waiting(self, **options):
        """Send a request; return the Deferred that decides, and whether it was cancelled."""
        cancelled = []
        deciding = Deferred(cancelled.append)
        self.ask(lambda *_: deciding, **options)
        return deciding, cancelled

    def test_that_the_client_leaves_cancels_it(self):
        deciding, cancelled = self.waiting()
        self.leave()
        self.assertEqual(cancelled, [deciding])
        [reason] = self.ws.lost
        self.assertEqual(str(reason), "the connection ended before the request was answered")
        self.assertIsInstance(reason.__cause__, ConnectionDone)
        self.assertGone()

    def test_open_timeout_holds_and_cancels_it(self):
        deciding, cancelled = self.waiting(open_timeout=3)
        self.joined.advance(3)
        self.assertEqual(cancelled, [deciding])
        self.assertStatus("408 Request Timeout")
        self.leave()
        self.assertIsInstance(self.ws.lost[0], OpeningTimeout)

    def test_that_the_server_stops_cancels_it(self):
        deciding, cancelled = self.waiting()
        Server(self.factory, ()).close()
        self.assertEqual(cancelled, [deciding])
        self.assertStatus("503 Service Unavailable")

    def test_that_it_closes_the_connection_is_the_end(self):
        self.ask(lambda connection, request: connection.close())
        self.assertEqual(self.peer.take(), b"")
        self.assertGone()

    def test_an_answer_that_comes_after_all_does_not_matter(self):
        for answer in (None, Response(200, "OK")):

            async def stubborn(connection, request, answer=answer):
                try:
                    await Deferred()
                except CancelledError:
                    return answer

            self.ask(stubborn)
            self.leave()
            self.assertEqual(self.ws.opened, 0)
            self.assertGone()

    def test_what_goes_wrong_after_all_is_logged(self):
        async def broken(connection, request):
            try:
                await Deferred()
            finally:
                raise ZeroDivisionError

        self.ask(broken)
        self.leave()
        [event] = self.take_loud()
        self.assertEqual(event["log_format"], "opening handshake failed")
        self.assertGone()

    def test_a_client_that_says_too_much_meanwhile_is_refused(self):
        deciding, cancelled = self.waiting()
        self.receive(bytes(2**16))
        self.assertEqual(cancelled, [])
        self.receive(b"\0")
        self.assertEqual(cancelled, [deciding])
        self.assertStatus("400 Bad Request")


class PushTests(ProcessRequestTestCase):
    def test_it_goes_with_a_protocol_of_one_s_own(self):
        class Chat(RecordedServer):
            pass

        self.connect(Chat, process_request=lambda connection, request: None)
        self.receive(REQUEST)
        self.assertIsInstance(self.ws, Chat)
        self.assertOpen()

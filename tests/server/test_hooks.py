"""Hooks of an application decide on a request before the connection is open."""

from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.internet.error import ConnectionDone

from tests.support.sides import PONG, REQUEST, TEXT, RecordedServer, ServerSide, frames_in
from txws2.exceptions import (
    InvalidMessage,
    InvalidOrigin,
    InvalidStatus,
    NegotiationError,
    OpeningTimeout,
)
from txws2.server.server import Server
from txws2.wire.connection import State
from txws2.wire.http.fields import Headers
from txws2.wire.http.heads import Response


class HooksTestCase(ServerSide):
    def ask(self, process_request=None, request=REQUEST, **options):
        """Send a request that hooks decide on."""
        self.connect(process_request=process_request, **options)
        self.receive(request)

    def wait(self, request=REQUEST, **options):
        """Send a request; return the Deferred that decides on it."""
        deciding = Deferred()
        self.ask(lambda connection, request: deciding, request, **options)
        self.assertEqual(self.peer.take(), b"")
        return deciding

    def answer(self):
        """Return status line, header lines and body of the response."""
        self.joined.pump()
        head, _, body = self.peer.take().partition(b"\r\n\r\n")
        status, *headers = head.decode().split("\r\n")
        return status.removeprefix("HTTP/1.1 "), headers, body.decode()

    def headers(self):
        return self.answer()[1]

    def assertStatus(self, expected):
        self.assertEqual(self.answer()[0], expected)

    def assertOpen(self):
        self.assertEqual(self.ws.opened, 1)
        self.assertIn(b"101 Switching Protocols", self.peer.take())

    def assertFailed(self, error):
        """Assert that the log has one event, and that the response doesn't show the cause."""
        status, _, body = self.answer()
        self.assertEqual(status, "500 Internal Server Error")
        self.assertEqual(body, "The WebSocket handshake failed: internal error.\n")
        [event] = self.take_loud()
        self.assertEqual(event["log_format"], "opening handshake failed")
        self.assertEqual(event["connection"], self.ws.id)
        self.assertIs(event["log_failure"].type, error)
        return str(event["log_failure"].value)

    def leave(self):
        self.peer.transport.loseConnection()
        self.joined.pump()


class HealthCheckTests(HooksTestCase):
    """Load balancers send health checks in forms that no WebSocket client uses."""

    def healthy(self, connection, request):
        self.asked = request.method, request.path, request.protocol
        return connection.respond(200, "healthy\n")

    def test_one_in_http_1_0_is_answered(self):
        for line in (b"GET /health", b"OPTIONS /", b"OPTIONS *"):
            self.ask(self.healthy, line + b" HTTP/1.0\r\n\r\n")
            status, headers, body = self.answer()
            self.assertEqual((status, body), ("200 OK", "healthy\n"))
            self.assertIn("Connection: close", headers)
            self.assertTrue(self.peer.ended)
            method, path = line.decode().split()
            self.assertEqual(self.asked, (method, path, "HTTP/1.0"))

    def test_its_head_may_come_in_pieces(self):
        self.connect(process_request=self.healthy)
        self.peer.transport.chop = 1
        self.receive(b"\r\nGET /health HTTP/1.0\r\nHost: h\r\n\r\n")
        self.assertStatus("200 OK")

    def test_head_gets_no_body_in_http_1_0_either(self):
        self.ask(self.healthy, b"HEAD / HTTP/1.0\r\n\r\n")
        self.assertEqual(self.answer()[2], "")

    def test_http_1_0_still_opens_nothing(self):
        """RFC 9110 section 7.8: a sender of Upgrade must also name it in Connection."""
        self.ask(lambda *_: None, REQUEST.replace(b"HTTP/1.1", b"HTTP/1.0"))
        status, headers, body = self.answer()
        self.assertEqual(status, "505 HTTP Version Not Supported")
        self.assertIn("the protocol must be HTTP/1.1; it is HTTP/1.0", body)
        self.assertIn("Connection: close", headers)
        self.assertEqual(self.ws.opened, 0)

    def test_the_whole_server_may_be_asked_about(self):
        self.ask(self.healthy, b"OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n")
        self.assertStatus("200 OK")

    def test_the_response_says_that_the_connection_ends_whatever_the_hook_says(self):
        for said, expected in (
            (["keep-alive"], ["keep-alive", "close"]),
            (["Upgrade"], ["Upgrade", "close"]),
            (["Upgrade, Close"], ["Upgrade, Close"]),
            (["Upgrade", "close"], ["Upgrade", "close"]),
        ):
            response = Response(426, "Upgrade Required", Headers({"Connection": said}))
            self.ask(lambda *_, response=response: response)
            lines = [line for line in self.headers() if line.startswith("Connection: ")]
            self.assertEqual(lines, [f"Connection: {each}" for each in expected])


class GoOnTests(HooksTestCase):
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

    def test_an_attribute_that_it_sets_on_the_connection_stays_there(self):
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

    def test_frames_that_come_meanwhile_are_kept_in_order(self):
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

    def test_an_invalid_request_is_refused_without_asking(self):
        self.ask(lambda *_: self.fail("asked"), b"nonsense\r\n\r\n")
        self.assertStatus("400 Bad Request")


class RefuseTests(HooksTestCase):
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

    def test_the_response_says_that_the_connection_ends(self):
        self.ask(lambda *_: Response(404, "Not Found"))
        self.assertIn("Connection: close", self.answer()[1])

    def test_the_protocol_gets_the_response_that_the_client_gets(self):
        self.connect(process_request=lambda connection, _: connection.respond(403, "No.\n"))
        opening = self.ws.wait_opened()
        self.receive(REQUEST)
        self.leave()
        reason = self.failureResultOf(opening, InvalidStatus).value
        self.assertIs(reason.response, self.ws.response)
        self.assertEqual(reason.response.status_code, 403)
        self.assertEqual(self.ws.lost, [reason])
        self.assertGone()


class FailTests(HooksTestCase):
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

    def test_another_result_than_a_response_is_500_and_is_logged(self):
        self.ask(lambda *_: 403)
        self.assertFailed(TypeError)

    def test_a_response_that_can_t_be_sent_is_500_and_is_logged(self):
        self.ask(lambda *_: Response(403, "No\r\nSet-Cookie: x"))
        self.assertFailed(InvalidMessage)

    def test_a_response_that_opens_the_connection_is_500_and_is_logged(self):
        self.ask(lambda *_: Response(101, "Switching Protocols"))
        text = self.assertFailed(ValueError)
        self.assertEqual(text, "a hook can't open a connection with a response of its own")

    def test_a_refusal_by_a_backend_is_no_refusal_of_ours(self):
        def process_request(connection, request):
            raise NegotiationError("secret")

        self.ask(process_request)
        self.assertFailed(NegotiationError)

    def test_a_hook_that_cancels_itself_has_failed(self):
        self.wait().cancel()
        self.assertFailed(CancelledError)


class MeanwhileTests(HooksTestCase):
    def waiting(self, **options):
        """Send a request; return the Deferred that decides, and a list of its cancellations."""
        cancelled = []
        deciding = Deferred(cancelled.append)
        self.ask(lambda *_: deciding, **options)
        return deciding, cancelled

    def test_a_client_that_leaves_cancels_the_hook(self):
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

    def test_a_server_that_stops_cancels_the_hook(self):
        deciding, cancelled = self.waiting()
        Server(self.factory, ()).close()
        self.assertEqual(cancelled, [deciding])
        self.assertStatus("503 Service Unavailable")

    def test_a_hook_that_closes_the_connection_ends_it(self):
        self.ask(lambda connection, request: connection.close())
        self.assertRefused()
        self.assertGone()

    def test_a_coroutine_that_waits_for_it_is_cancelled_then(self):
        ends = []

        async def process_request(connection, request):
            try:
                await connection.close(1008, "no guests")
                await Deferred()
            except CancelledError:
                ends.append("cancelled")
                raise

        self.ask(process_request)
        self.assertRefused(b": no guests")
        self.assertEqual(ends, ["cancelled"])
        self.assertGone()

    def test_a_coroutine_that_closes_it_after_a_while_is_cancelled(self):
        ends, turn = [], Deferred()

        async def process_request(connection, request):
            await turn
            connection.close()
            try:
                await Deferred()
            except CancelledError:
                ends.append("cancelled")
                raise

        self.ask(process_request)
        turn.callback(None)
        self.clock.advance(0)
        self.assertEqual(ends, ["cancelled"])
        self.assertRefused()
        self.assertGone()

    def test_a_coroutine_that_stops_the_server_is_cancelled(self):
        for first in (succeed(None), Deferred()):
            ends = []

            async def process_request(connection, request, first=first, ends=ends):
                await first
                try:
                    await self.server.close()
                except CancelledError:
                    ends.append("cancelled")
                    raise

            self.connect(process_request=process_request)
            self.server = Server(self.factory, ())
            self.receive(REQUEST)
            if not first.called:
                first.callback(None)
            self.joined.pump()
            self.clock.advance(0)
            self.assertEqual(ends, ["cancelled"])
            self.assertTrue(self.peer.take().startswith(b"HTTP/1.1 503 "))
            self.peer.transport.loseConnection()
            self.joined.pump()

    def assertRefused(self, reason=b""):
        self.joined.pump()
        head, _, body = self.peer.take().partition(b"\r\n\r\n")
        self.assertTrue(head.startswith(b"HTTP/1.1 403 Forbidden\r\n"))
        self.assertIn(b"closed before the connection was open" + reason + b".", body)
        self.peer.transport.loseConnection()
        self.joined.pump()

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

    def test_a_late_failure_is_logged(self):
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


class PushTests(HooksTestCase):
    def test_it_goes_with_a_protocol_of_one_s_own(self):
        class Chat(RecordedServer):
            pass

        self.connect(Chat, process_request=lambda connection, request: None)
        self.receive(REQUEST)
        self.assertIsInstance(self.ws, Chat)
        self.assertOpen()


class SequenceTests(HooksTestCase):
    """Several process_request hooks."""

    def hook(self, name, answer=None):
        def process_request(connection, request):
            self.asked.append(name)
            return answer() if answer else None

        return process_request

    def setUp(self):
        super().setUp()
        self.asked = []

    def test_they_are_asked_in_turn(self):
        for kind in (list, tuple):
            self.asked.clear()
            self.ask(kind([self.hook(1), self.hook(2, lambda: succeed(None)), self.hook(3)]))
            self.assertEqual(self.asked, [1, 2, 3])
            self.assertOpen()

    def test_one_waits_for_the_one_before(self):
        deciding = Deferred()
        self.ask([self.hook(1, lambda: deciding), self.hook(2)])
        self.assertEqual(self.asked, [1])
        deciding.callback(None)
        self.assertEqual(self.asked, [1, 2])
        self.joined.pump()
        self.assertOpen()

    def test_the_first_that_answers_is_the_last_that_is_asked(self):
        self.ask([self.hook(1), self.hook(2, lambda: Response(404, "Not Found")), self.hook(3)])
        self.assertEqual(self.asked, [1, 2])
        self.assertStatus("404 Not Found")

    def test_one_that_fails_is_the_last_that_is_asked(self):
        self.ask([self.hook(1, lambda: 1 // 0), self.hook(2)])
        self.assertEqual(self.asked, [1])
        self.assertFailed(ZeroDivisionError)

    def test_when_the_client_has_left_the_next_is_not_asked(self):
        async def stubborn():
            try:
                await Deferred()
            except CancelledError:
                return

        self.ask([self.hook(1, stubborn), self.hook(2)])
        self.leave()
        self.assertEqual(self.asked, [1])
        self.assertGone()

    def test_an_empty_one_is_none(self):
        self.ask([])
        self.assertIsNone(self.factory.hooks)
        self.assertOpen()

    def test_the_handler_s_own_is_asked_last(self):
        class Handler:
            def __call__(handler, connection):
                self.asked.append("handler")
                return Deferred()

            process_request = staticmethod(self.hook("own"))

        self.ask([self.hook(1), self.hook(2)], handler=Handler())
        self.assertEqual(self.asked, [1, 2, "own", "handler"])
        self.ask(handler=Handler())
        self.assertEqual(self.asked[4:], ["own", "handler"])

    def test_the_error_for_another_result_names_the_hook(self):
        self.ask([self.hook(1), self.hook(2, lambda: "no")])
        text = self.assertFailed(TypeError)
        self.assertRegex(text, "process_request at .* returned 'no', not a Response or None")


class SelectSubprotocolTests(HooksTestCase):
    """Attack 9, too: a hook can't put arbitrary bytes into the head."""

    offering = REQUEST.replace(b"\r\n\r\n", b"\r\nSec-WebSocket-Protocol: a, b\r\n\r\n")

    def choose(self, select_subprotocol, request=offering, **options):
        self.ask(request=request, select_subprotocol=select_subprotocol, **options)

    def assertChosen(self, name):
        self.assertEqual(self.ws.opened, 1)
        self.assertEqual(self.ws.subprotocol, name)
        chosen = [line for line in self.headers() if line.startswith("Sec-WebSocket-Protocol")]
        self.assertEqual(chosen, [] if name is None else [f"Sec-WebSocket-Protocol: {name}"])

    def test_it_chooses_what_is_spoken(self):
        async def later(connection, offered):
            return await succeed("b")

        for select_subprotocol in (lambda *_: "b", lambda *_: succeed("b"), later):
            self.choose(select_subprotocol)
            self.assertChosen("b")

    def test_none_is_none(self):
        self.choose(lambda *_: None)
        self.assertChosen(None)

    def test_it_is_given_the_connection_and_what_is_offered(self):
        given = []
        self.choose(lambda *arguments: given.append(arguments))
        self.choose(lambda *arguments: given.append(arguments), REQUEST)
        self.assertEqual([offered for _, offered in given], [["a", "b"], []])
        self.assertIs(given[1][0], self.ws)
        self.assertEqual(self.ws.request.path, "/chat")

    def test_it_may_refuse(self):
        def select_subprotocol(connection, offered):
            raise NegotiationError("nothing that we speak")

        self.choose(select_subprotocol)
        status, _, body = self.answer()
        self.assertEqual(status, "400 Bad Request")
        self.assertEqual(body, "The WebSocket handshake failed: nothing that we speak.\n")
        self.leave()
        self.assertIsInstance(self.ws.lost[0], NegotiationError)

    def test_a_subprotocol_that_was_not_offered_is_500_and_is_logged(self):
        for chosen in ("c", "", "a\r\nX: y", 1, ["a"]):
            self.choose(lambda *_, chosen=chosen: chosen)
            text = self.assertFailed(ValueError)
            self.assertEqual(
                text, f"select_subprotocol returned {chosen!r}, which isn't among ['a', 'b']"
            )

    def test_an_exception_of_the_hook_is_500_and_is_logged(self):
        self.choose(lambda *_: 1 // 0)
        self.assertFailed(ZeroDivisionError)

    def test_an_invalid_offer_is_refused_without_asking(self):
        self.choose(lambda *_: self.fail("asked"), self.offering.replace(b"a, b", b"a b"))
        self.assertStatus("400 Bad Request")

    def test_it_is_asked_when_all_else_is_well(self):
        self.choose(lambda *_: self.fail("asked"), origins=["https://example.com"])
        self.assertStatus("403 Forbidden")

    def test_a_client_that_leaves_cancels_the_hook(self):
        cancelled = []
        self.choose(lambda *_: Deferred(cancelled.append))
        self.leave()
        self.assertEqual(len(cancelled), 1)
        self.assertGone()

    def test_with_another_hook_the_server_s_own_are_there(self):
        self.ask(lambda *_: None, self.offering, subprotocols=["b"])
        self.assertChosen("b")

    def test_it_is_instead_of_those(self):
        error = self.assertRaises(
            TypeError, self.connect, subprotocols=["a"], select_subprotocol=lambda *_: "a"
        )
        self.assertEqual(
            str(error), "there are both subprotocols and select_subprotocol: give one of them"
        )

    def test_a_handler_may_choose_itself(self):
        self.ask(request=self.offering, handler=Choosing())
        self.assertChosen("b")

    def test_the_options_go_before_the_handler(self):
        for options in {"subprotocols": ["a"]}, {"select_subprotocol": lambda *_: "a"}:
            self.ask(request=self.offering, handler=Choosing(), **options)
            self.assertChosen("a")


class Choosing:
    """A handler that chooses the subprotocol."""

    def select_subprotocol(self, connection, offered):
        return offered[-1]

    def __call__(self, connection):
        return Deferred()


class ProcessResponseTests(HooksTestCase):
    def respond(self, process_response, request=REQUEST, **options):
        self.ask(request=request, process_response=process_response, **options)

    @staticmethod
    def greet(connection, request, response):
        response.set_cookie("greeted", "1")

    def test_it_adds_headers_to_the_response_that_accepts(self):
        async def later(*arguments):
            await succeed(None)
            self.greet(*arguments)

        for hook in (self.greet, later, lambda *arguments: succeed(self.greet(*arguments))):
            self.respond(hook)
            self.assertEqual(self.ws.opened, 1)
            status, headers, _ = self.answer()
            self.assertEqual(status, "101 Switching Protocols")
            self.assertIn("Set-Cookie: greeted=1; Path=/; SameSite=Lax; HttpOnly", headers)
            self.assertIn("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", headers)

    def test_it_is_given_the_connection_its_request_and_the_response(self):
        given = []
        self.respond(lambda *arguments: given.append(arguments))
        [(connection, request, response)] = given
        self.assertIs(connection, self.ws)
        self.assertIs(request, self.ws.request)
        self.assertIs(response, self.ws.response)
        self.assertEqual(response.status_code, 101)

    def test_it_may_return_another_that_accepts(self):
        def renamed(connection, request, response):
            headers = response.headers.copy()
            headers.addRawHeader("X-Way", "1")
            return Response(101, "Go", headers)

        self.respond(renamed)
        self.assertEqual(self.ws.opened, 1)
        self.assertEqual(self.ws.response.reason_phrase, "Go")
        status, headers, _ = self.answer()
        self.assertEqual(status, "101 Go")
        self.assertIn("X-Way: 1", headers)

    def test_it_may_refuse_after_all(self):
        self.respond(lambda connection, *_: connection.respond(503, "Full.\n"))
        status, _, body = self.answer()
        self.assertEqual((status, body), ("503 Service Unavailable", "Full.\n"))
        self.leave()
        [reason] = self.ws.lost
        self.assertIsInstance(reason, InvalidStatus)
        self.assertIs(reason.response, self.ws.response)

    def test_it_adds_headers_to_a_refusal_of_the_application_s(self):
        self.respond(
            self.greet, process_request=lambda connection, _: connection.respond(403, "No\n")
        )
        status, headers, body = self.answer()
        self.assertEqual((status, body), ("403 Forbidden", "No\n"))
        self.assertIn("greeted=1", str(headers))

    def test_it_adds_headers_to_a_refusal_of_ours(self):
        self.respond(self.greet, origins=["https://example.com"])
        status, headers, _ = self.answer()
        self.assertEqual(status, "403 Forbidden")
        self.assertIn("greeted=1", str(headers))
        self.leave()
        self.assertIsInstance(self.ws.lost[0], InvalidOrigin)

    def test_it_may_put_another_refusal_in_the_place_of_one(self):
        other = Response(404, "Not Found")
        for process_request in (None, lambda connection, _: connection.respond(403, "No\n")):
            self.respond(lambda *_: other, process_request=process_request, origins=[])
            self.assertStatus("404 Not Found")
            self.assertIs(self.ws.response, other)
            self.leave()
            if process_request is not None:
                self.assertIs(self.ws.lost[0].response, other)

    def test_it_adds_headers_to_a_500(self):
        self.respond(self.greet, process_request=lambda *_: 1 // 0)
        status, headers, _ = self.answer()
        self.assertEqual(status, "500 Internal Server Error")
        self.assertIn("greeted=1", str(headers))
        self.assertEqual(len(self.take_loud()), 1)

    def test_it_can_not_open_what_was_refused(self):
        self.respond(lambda *_: Response(101, "Go"), origins=[])
        text = self.assertFailed(ValueError)
        self.assertEqual(text, "a hook can't open a connection with a response of its own")

    def test_it_can_not_change_what_was_agreed_on(self):
        def spoil(connection, request, response):
            response.headers.setRawHeaders("Sec-WebSocket-Accept", ["x"])

        for hook in (spoil, lambda *_: Response(101, "Go")):
            self.respond(hook)
            self.assertEqual(self.ws.opened, 0)
            self.assertFailed(ValueError)

    def test_a_header_that_can_t_be_sent_is_500_and_is_logged(self):
        """Attack 9."""

        def spoil(connection, request, response):
            response.headers.addRawHeader("X", "\0")

        self.respond(spoil)
        self.assertEqual(self.ws.opened, 0)
        self.assertFailed(InvalidMessage)

    def test_another_result_than_a_response_is_500_and_is_logged(self):
        self.respond(lambda *_: 403)
        self.assertFailed(TypeError)

    def test_an_exception_of_the_hook_is_500_and_is_logged(self):
        self.respond(lambda *_: 1 // 0)
        self.assertFailed(ZeroDivisionError)

    def test_a_client_that_leaves_cancels_the_hook(self):
        cancelled = []
        self.respond(lambda *_: Deferred(cancelled.append))
        self.leave()
        self.assertEqual(len(cancelled), 1)
        self.assertGone()

    def test_frames_that_come_meanwhile_are_kept(self):
        deciding = Deferred()
        self.respond(lambda *_: deciding)
        self.receive(self.frame(TEXT, b"early"))
        deciding.callback(None)
        self.joined.pump()
        self.assertEqual(self.successResultOf(self.ws.recv()), "early")

    def test_an_invalid_request_is_refused_without_asking(self):
        self.respond(lambda *_: self.fail("asked"), b"nonsense\r\n\r\n")
        self.assertStatus("400 Bad Request")

    def test_an_answer_that_can_not_wait_is_sent_without_asking(self):
        asked = []
        self.respond(lambda *_: asked.append(1), process_request=lambda *_: Deferred())
        self.joined.advance(10)
        self.assertStatus("408 Request Timeout")
        self.respond(lambda *_: asked.append(1), process_request=lambda *_: Deferred())
        Server(self.factory, ()).close()
        self.assertStatus("503 Service Unavailable")
        self.assertEqual(asked, [])

    def test_without_it_the_response_is_there_all_the_same(self):
        self.ask(lambda *_: None)
        self.assertEqual(self.peer.take(), self.ws.response.serialize())

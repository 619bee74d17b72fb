"""Responses of servers before or instead of the 101; the client waits for nothing else."""

import gzip

from twisted.internet.error import ConnectionDone
from twisted.logger import globalLogPublisher
from twisted.python.failure import Failure

from tests.client.test_connections import ConnectTestCase
from tests.support.sides import answer
from txws2.exceptions import InvalidMessage, InvalidStatus, RedirectError, SecurityError
from txws2.wire.http.bodies import BODY_PATIENCE


class RefusalTestCase(ConnectTestCase):
    def ask(self, uri="ws://127.0.0.1:8000/chat", **options):
        self.connecting = self.connect(uri, **options)
        return self.take()

    def take(self):
        """Take the next request."""
        self.transport = self.accept()
        return self.transport.value()

    def hear(self, data):
        self.protocol.dataReceived(data)

    def redirect(self, location, *headers, status=302):
        lines = f"HTTP/1.1 {status} Elsewhere", f"Location: {location}", *headers
        self.hear("\r\n".join([*lines, "", ""]).encode())

    def assertRefused(self, status, body=None):
        exc = self.failureResultOf(self.connecting, InvalidStatus).value
        self.assertEqual(exc.response.status_code, status)
        if body is not None:
            self.assertEqual(exc.response.body, body)
        self.assertTrue(self.transport.disconnecting)
        self.assertNothingLeft()
        return exc.response

    def give_up(self):
        self.connecting.addErrback(lambda _: None).cancel()


class InterimTests(RefusalTestCase):
    hints = b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"

    def test_they_come_before_the_101(self):
        for interim in (
            b"HTTP/1.1 100 Continue\r\n\r\n",
            b"HTTP/1.1 102 Processing\r\n\r\n" + self.hints,
        ):
            for size in 1, 1000:
                data = interim + answer(self.ask())
                for at in range(0, len(data), size):
                    self.hear(data[at : at + size])
                ws = self.successResultOf(self.connecting)
                self.assertEqual(ws.response.status_code, 101)
                self.transport.loseConnection()
                self.assertNothingLeft()

    def test_they_come_before_a_refusal_of_any_version(self):
        for version in b"1.1", b"1.0":
            self.ask()
            self.hear(self.hints + b"HTTP/%s 403 No\r\nContent-Length: 2\r\n\r\nno" % version)
            self.assertRefused(403, b"no")

    def test_they_come_before_a_redirect(self):
        self.ask()
        self.hear(self.hints)
        self.redirect("/other")
        self.assertIn(b"GET /other ", self.take())
        self.give_up()

    def test_endless_ones_end_the_attempt(self):
        """Attack 33."""
        self.ask()
        for _ in range(16):
            self.hear(self.hints)
            self.assertNoResult(self.connecting)
        self.hear(self.hints)
        self.failureResultOf(self.connecting, SecurityError)
        self.assertTrue(self.transport.disconnecting)
        self.assertNothingLeft()

    def test_a_101_that_is_none_of_websockets_is_final(self):
        request = self.ask()
        self.hear(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n" + answer(request))
        self.failureResultOf(self.connecting)
        self.assertNothingLeft()

    def test_the_debug_log_shows_them(self):
        events = []
        globalLogPublisher.addObserver(events.append)
        self.addCleanup(globalLogPublisher.removeObserver, events.append)
        request = self.ask(debug=True)
        self.hear(self.hints + answer(request))
        lines = [event["text"] for event in events if event.get("sign") == "<"]
        self.assertEqual(lines[:2], ["HTTP/1.1 103 Early Hints", "Link: </x>"])
        self.assertEqual(lines[2], "HTTP/1.1 101 Switching Protocols")


class BodyTests(RefusalTestCase):
    endless = b"HTTP/1.1 403 No\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nnever\r\n"

    def test_the_part_that_has_come_a_second_after_the_head_is_reported(self):
        for head in b"", b"Connection: close\r\n", b"Content-Length: 9999999\r\n":
            self.ask(open_timeout=None)
            self.hear(b"HTTP/1.1 403 No\r\n" + head + b"\r\nnev")
            self.reactor.advance(BODY_PATIENCE / 2)
            self.hear(b"er")
            self.assertNoResult(self.connecting)
            self.reactor.advance(BODY_PATIENCE / 2)
            self.assertRefused(403, b"never")

    def test_bytes_that_go_on_and_on_win_no_time(self):
        self.ask(open_timeout=None)
        self.hear(self.endless)
        for _ in range(8):
            self.reactor.advance(BODY_PATIENCE / 8)
            self.hear(b"1\r\nx\r\n")
        self.assertRefused(403)

    def test_the_end_of_a_body_is_reported_at_once(self):
        self.ask()
        self.hear(self.endless)
        self.hear(b"0\r\n\r\n")
        self.assertRefused(403, b"never")

    def test_the_end_of_the_connection_is_the_end_of_the_body(self):
        self.ask()
        self.hear(self.endless)
        self.protocol.connectionLost(Failure(ConnectionDone()))
        self.failureResultOf(self.connecting, InvalidStatus)
        self.assertNothingLeft()

    def test_while_it_is_waited_for_the_attempt_can_be_cancelled(self):
        self.ask()
        self.hear(self.endless)
        self.give_up()
        self.assertNothingLeft()

    def test_a_shorter_limit_of_all_counts(self):
        self.ask(open_timeout=0.2)
        self.hear(self.endless)
        self.reactor.advance(0.2)
        self.assertRefused(403, b"never")

    def test_the_body_of_a_redirect_is_not_awaited(self):
        self.ask()
        for header in "Transfer-Encoding: chunked", "Content-Length: 5", "X: until the end":
            self.redirect("/other", header)
            self.assertTrue(self.transport.disconnecting)
            self.assertIn(b"GET /other ", self.take())
        self.give_up()
        self.assertNothingLeft()

    def test_one_that_is_compressed_is_shown_as_it_came(self):
        body = gzip.compress(b"go away")
        self.ask()
        head = b"HTTP/1.1 403 No\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n"
        self.hear(head % len(body) + body)
        response = self.assertRefused(403, body)
        self.assertEqual(response.headers["Content-Encoding"], "gzip")


class CookieTests(RefusalTestCase):
    """A cookie that a load balancer sets with a redirect comes back to it."""

    def cookies(self, request):
        lines = request.decode().split("\r\n")
        return [line.partition(": ")[2] for line in lines if line.lower().startswith("cookie:")]

    def test_they_are_sent_on_within_the_origin(self):
        self.assertEqual(self.cookies(self.ask()), [])
        self.redirect("/other", "Set-Cookie: node=7; Path=/", "Set-Cookie: x=y; Path=/other")
        self.assertEqual(self.cookies(self.take()), ["x=y; node=7"])
        self.redirect("/third", "Set-Cookie: node=; Path=/; Max-Age=0")
        self.assertEqual(self.cookies(self.take()), [])
        self.give_up()

    def test_the_application_s_own_stay_and_count_more(self):
        self.ask(additional_headers={"Cookie": "node=1; mine=2"})
        self.redirect("/other", "Set-Cookie: node=7; Path=/", "Set-Cookie: set=3; Path=/")
        self.assertEqual(self.cookies(self.take()), ["node=1; mine=2; set=3"])
        self.give_up()

    def test_they_are_sent_on_when_a_401_is_answered(self):
        self.ask("ws://me:secret@127.0.0.1:8000/chat")
        lines = (
            "HTTP/1.1 401 Who?",
            'WWW-Authenticate: Digest realm="x", nonce="abc", qop="auth", algorithm=SHA-256',
            "Set-Cookie: node=7",
            "Content-Length: 0",
        )
        self.hear("\r\n".join([*lines, "", ""]).encode())
        request = self.take()
        self.assertIn(b"Authorization: Digest ", request)
        self.assertEqual(self.cookies(request), ["node=7"])
        self.give_up()

    def test_another_origin_does_not_get_them_and_they_do_not_come_back(self):
        self.ask()
        self.redirect("ws://127.0.0.1:8001/", "Set-Cookie: a=b; Path=/; Domain=127.0.0.1")
        self.assertEqual(self.cookies(self.take()), [])
        self.redirect("ws://127.0.0.1:8000/")
        self.assertEqual(self.cookies(self.take()), [])
        self.give_up()

    def test_another_connection_begins_without_them(self):
        self.ask()
        self.redirect("/other", "Set-Cookie: a=b; Path=/")
        self.take()
        self.give_up()
        self.assertEqual(self.cookies(self.ask()), [])
        self.give_up()

    def test_those_that_would_be_more_than_a_cookie_are_not_sent(self):
        self.ask()
        self.redirect("/other", "Set-Cookie: a=\u20ac", "Set-Cookie: b=1; Path=/")
        self.assertEqual(self.cookies(self.take()), ["b=1"])
        self.give_up()


class LocationTests(RefusalTestCase):
    def test_another_response_with_a_location_is_a_refusal(self):
        for status in 300, 304, 305, 306:
            self.ask()
            self.redirect("/other", "Content-Length: 0", status=status)
            self.assertRefused(status)

    def test_user_information_is_sent_and_not_shown(self):
        self.ask()
        self.redirect("ws://me:secret@127.0.0.1:8001/x")
        self.assertIn(b"Authorization: Basic bWU6c2VjcmV0\r\n", self.take())
        self.redirect("wss://[/")
        exc = self.failureResultOf(self.connecting, RedirectError).value
        self.assertNotIn("secret", str(exc))
        self.assertIn("ws://127.0.0.1:8001/x", str(exc))

    def test_a_fragment_stays_here(self):
        self.ask()
        self.redirect("/x?y#fragment")
        self.assertIn(b"GET /x?y HTTP/1.1\r\n", self.take())
        self.give_up()

    def test_an_empty_one_asks_the_same_again(self):
        """A load balancer sets a cookie in this way."""
        self.ask()
        self.redirect("", "Set-Cookie: a=b")
        request = self.take()
        self.assertIn(b"GET /chat ", request)
        self.assertIn(b"Cookie: a=b\r\n", request)
        self.give_up()

    def test_a_head_may_come_byte_by_byte(self):
        self.ask()
        head = b"HTTP/1.1 302 x\r\nConnection: close\r\nLocation: /x\r\n\r\n"
        for at in range(len(head)):
            self.hear(head[at : at + 1])
        self.assertIn(b"GET /x ", self.take())
        self.give_up()

    def test_a_connection_that_ends_within_a_head_brings_no_answer(self):
        self.ask()
        self.hear(b"HTTP/1.1 103 x\r\n\r\nHTTP/1.1 302 x\r\nLocation: /x\r\n")
        self.protocol.connectionLost(Failure(ConnectionDone()))
        self.failureResultOf(self.connecting, InvalidMessage)
        self.assertNothingLeft()

"""The log has advice for the owner of a server on clients that fail, ready to be copied."""

from twisted.logger import LogLevel, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from tests.support.sides import TEXT, Peer, ServerSide
from tests.support.website import SiteTestCase, plus
from txws2._connection.remedies import Spelling, remedy
from txws2.exceptions import InvalidOrigin, NegotiationError, PayloadTooBig
from txws2.server.factory import WebSocketServerFactory
from txws2.server.routes import route
from txws2.wire.handshake.origins import SAME_ORIGIN

KEY = b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
LINES = {"Host": "localhost:8000", "Upgrade": "websocket", "Connection": "Upgrade"}


class Seen:
    """The advice of the one warning in the log."""

    def seen(self):
        [event] = [event for event in self.events if "advice" in event]
        self.assertIs(event["log_level"], LogLevel.warn)
        text = formatEvent(event)
        self.assertTrue(text.isprintable())
        self.assertIn(f"{event['reason']}; {event['advice']} (such a warning comes once", text)
        self.events.clear()
        return event["advice"]

    def assertNothingSeen(self):
        self.assertEqual([event for event in self.events if "advice" in event], [])


class Requests(Seen, ServerSide):
    def ask(self, *lines, path="/", version="1.1", **options):
        """Let a server with these options answer a request with these additional header lines."""
        self.factory = self.make_factory(None, **options)
        self.ask_again(*lines, path=path, version=version)

    def ask_again(self, *lines, path="/", version="1.1"):
        self.ws, self.peer = self.factory.buildProtocol(None), Peer()
        self.joined = self.make_joined()
        self.joined.pump()
        ours = [f"GET {path} HTTP/{version}", *lines, "Sec-WebSocket-Version: 13"]
        for name, value in LINES.items():
            if not any(line.startswith(f"{name}:") for line in lines):
                ours.append(f"{name}: {value}")
        lines = [line for line in ours if not line.endswith(": -")]
        self.receive("\r\n".join(lines).encode() + b"\r\n" + KEY + b"\r\n")


class OriginTests(Requests):
    def test_the_log_advises_on_a_page_from_another_port(self):
        for origins in [SAME_ORIGIN], ["https://a.example", None]:
            self.ask("Origin: http://localhost:5500", origins=origins)
            self.assertEqual(
                self.seen(), 'to accept pages from there, origins=[..., "http://localhost:5500"]'
            )

    def test_the_log_advises_on_a_page_opened_from_a_file(self):
        self.ask("Origin: null", origins=[SAME_ORIGIN])
        seen = self.seen()
        self.assertIn("from a file send this, and so can any site from a sandboxed frame", seen)
        self.assertIn("python -m http.server", seen)
        self.assertTrue(seen.endswith('; on your own machine, origins=[..., "null"] will do'), seen)

    def test_the_log_advises_on_a_program_with_a_wrong_origin(self):
        self.ask(origins=[SAME_ORIGIN])
        self.assertEqual(self.seen(), "to accept programs, origins=[..., None]")

    def test_text_with_a_meaning_in_a_shell_or_a_program_is_not_repeated(self):
        for wrong in (
            'https://a"],handler=[',
            "https://$(reboot)",
            "https://a;reboot",
            "https://a`b`",
            "https://a b",
            "https://[::1]",
            "javascript:alert(1)",
            f"https://{'a' * 254}.example",
        ):
            self.ask(f"Origin: {wrong}", origins=[SAME_ORIGIN])
            self.assertEqual(self.seen(), "origins lists the accepted ones", wrong)

    def test_the_advice_can_be_followed(self):
        self.ask("Origin: http://localhost:5500", origins=[SAME_ORIGIN, "http://localhost:5500"])
        self.assertNothingSeen()
        self.ask("Origin: null", origins=[SAME_ORIGIN, "null"])
        self.assertNothingSeen()
        self.ask(origins=[SAME_ORIGIN, None])
        self.assertNothingSeen()


class HostTests(Requests):
    def test_the_log_advises_on_an_unnamed_host(self):
        self.ask("Host: Chat.example:8000", hosts=["example.com"])
        self.assertEqual(self.seen(), 'to answer for it, hosts=[..., "chat.example"]')

    def test_an_invalid_name_is_not_repeated(self):
        for wrong in "[::1]", "a&reboot", "$(reboot)":
            self.ask(f"Host: {wrong}", hosts=["example.com"])
            self.assertEqual(self.seen(), "hosts lists the accepted ones", wrong)


class SubprotocolTests(Requests):
    OFFER = "Sec-WebSocket-Protocol: secret-token"

    def test_the_log_advises_on_subprotocols_that_the_server_lacks(self):
        self.ask(self.OFFER, subprotocols=["chat"])
        self.assertEqual(self.seen(), "subprotocols has none that the client asks for")

    def test_the_log_advises_on_a_server_without_subprotocols(self):
        self.ask(self.OFFER, "Origin: http://localhost:8000")
        self.assertEqual(self.ws.opened, 1)
        [event] = [event for event in self.events if "advice" in event]
        self.assertIn("browsers end the connection", formatEvent(event))
        self.assertNotIn("secret-token", formatEvent(event))
        self.assertEqual(self.seen(), "subprotocols lists those that the server speaks")

    def test_the_log_advises_on_an_application_that_chooses_no_subprotocol(self):
        self.ask(self.OFFER, "Origin: http://a.example", select_subprotocol=lambda *_: None)
        self.assertEqual(self.seen(), "select_subprotocol has chosen none")

    def test_programs_go_on_without(self):
        self.ask(self.OFFER)
        self.assertNothingSeen()

    def test_it_is_no_mistake_of_the_options_if_the_application_refuses(self):
        def select(connection, offered):
            raise NegotiationError("no")

        self.ask(self.OFFER, select_subprotocol=select)
        self.assertNothingSeen()


class HeadTests(Requests):
    def test_the_log_advises_on_a_long_line(self):
        self.ask(f"Cookie: {'x' * 9000}")
        self.assertEqual(self.seen(), "for longer lines, as those of cookies, max_line_size=16384")

    def test_the_log_advises_on_a_long_first_line(self):
        self.ask(path=f"/{'x' * 9000}")
        self.assertEqual(self.seen(), "for longer lines, as those of cookies, max_line_size=16384")

    def test_the_log_advises_on_too_many_headers(self):
        self.ask(*(f"X-{number}: 1" for number in range(20)), max_headers=10)
        self.assertEqual(self.seen(), "for more headers, max_headers=20")


class ProxyTests(Requests):
    """A proxy that doesn't pass Upgrade on; nginx doesn't unless it is configured to."""

    def test_the_log_advises_on_a_proxy_that_omits_upgrade(self):
        self.ask("Upgrade: -", "Connection: close")
        self.assertIn("proxy_set_header Upgrade $http_upgrade", self.seen())

    def test_the_log_advises_on_a_proxy_that_speaks_http_1_0(self):
        self.ask("Upgrade: -", "Connection: close", version="1.0")
        self.assertIn("it must use HTTP/1.1", self.seen())

    def test_a_page_that_is_asked_for_is_none(self):
        self.connect()
        self.receive(b"GET / HTTP/1.1\r\nHost: example.com\r\n\r\n")
        self.assertNothingSeen()
        self.ask(version="1.0")
        self.assertNothingSeen()

    def test_the_log_gives_no_advice_on_garbage(self):
        self.connect()
        self.receive(b"\x16\x03\x01\r\n\r\n")
        self.assertNothingSeen()


class LimitTests(Requests):
    def test_the_log_advises_on_the_limit_of_all_connections(self):
        self.ask(max_connections=1)
        self.ask_again()
        self.assertEqual(self.seen(), "max_connections=1 is reached; a larger number accepts more")

    def test_the_log_advises_on_the_limit_of_one_host(self):
        self.ask(max_connections_per_host=1)
        self.ask_again()
        self.assertEqual(
            self.seen(),
            "max_connections_per_host=1 is reached; a larger number accepts more; if this is the "
            "address of a proxy, name it in trusted_proxies, so that its clients are counted",
        )


class PathTests(Requests):
    def start(self, *paths):
        async def handler(ws, **parameters):
            pass

        self.factory = WebSocketServerFactory(
            route(dict.fromkeys(paths, handler)), reactor=self.clock
        )

    def test_the_log_advises_on_an_unknown_path(self):
        self.start("/chat/{room}", "/news")
        self.ask_again(path="/chat?token=secret")
        [event] = [event for event in self.events if "advice" in event]
        self.assertNotIn("secret", formatEvent(event))
        self.assertIn(
            "refused with 404: 127.0.0.1:50000: there is no WebSocket at /chat;", formatEvent(event)
        )
        self.assertEqual(self.seen(), "route() has '/chat/{room}', '/news'")

    def test_the_log_names_some_of_many_paths(self):
        self.start(*(f"/{number}" for number in range(9)))
        self.ask_again()
        self.assertEqual(self.seen(), "route() has '/0', '/1', '/2', '/3', '/4', and others")
        self.start()
        self.ask_again()
        self.assertEqual(self.seen(), "route() has none")

    def test_the_log_gives_no_advice_on_a_request_for_a_page(self):
        self.start("/chat")
        self.ask_again("Upgrade: -", path="/favicon.ico")
        self.assertNothingSeen()


class MessageTests(Requests):
    """A message larger than max_size."""

    def open_with(self, handler=None, **options):
        self.factory = WebSocketServerFactory(handler, reactor=self.clock, **options)
        self.ask_again()

    async def reader(self, ws):
        async for _ in ws:
            pass

    def test_the_log_advises_on_a_large_message_for_a_handler(self):
        self.open_with(self.reader)
        self.hear((TEXT, b"x" * 5_000_000))
        [event] = [event for event in self.events if "advice" in event]
        self.assertIn(
            "failed: 127.0.0.1:50000: message of 5000000 bytes or more exceeds the limit of "
            "1048576 bytes (max_size); for larger messages, max_size=8388608",
            formatEvent(event),
        )
        self.assertEqual(self.seen(), "for larger messages, max_size=8388608")

    def test_the_log_advises_on_a_large_message_in_push_style(self):
        self.connect(max_size=5)
        self.open_peer()
        self.hear((TEXT, b"123456"))
        self.assertEqual(self.seen(), "for larger messages, max_size=8")

    def test_a_handler_that_catches_it_knows(self):
        async def handler(ws):
            try:
                await ws.recv()
            except Exception as exc:
                self.caught = str(exc)

        self.open_with(handler, max_size=5)
        self.hear((TEXT, b"123456"))
        self.assertIn("(max_size)", self.caught)
        self.assertNothingSeen()

    def test_the_log_advises_on_too_many_fragments(self):
        self.open_with(max_fragments=2)
        self.hear(*[(TEXT, b"1", False), (0, b"2", False), (0, b"3", False)])
        self.assertEqual(self.seen(), "a larger max_fragments accepts more")

    def test_one_that_looks_like_an_attack_gets_no_number(self):
        advice = remedy(PayloadTooBig(2**28 + 1, 1), self, Spelling())
        self.assertEqual(advice, "a larger max_size accepts it")

    def test_another_mistake_gets_no_advice_on_an_option(self):
        self.open_with()
        self.hear((TEXT, b"\xff"))
        self.assertNothingSeen()

    def test_there_is_one_warning_a_minute(self):
        self.open_with(self.reader, max_size=5)
        for _ in range(5):
            self.hear((TEXT, b"123456"))
            self.joined.drop()
            self.ask_again()
        self.seen()


class ResourceTests(Seen, SiteTestCase):
    def test_in_a_site_it_says_the_same(self):
        self.serve(origins=[SAME_ORIGIN])
        self.ask(plus(b"Origin: http://localhost:5500"))
        self.assertEqual(
            self.seen(), 'to accept pages from there, origins=[..., "http://localhost:5500"]'
        )


class RemedyTests(SynchronousTestCase):
    def test_others_are_nobody_s_fault(self):
        self.assertIsNone(remedy(None, None, Spelling()))
        self.assertIsNone(remedy(ValueError(), None, Spelling()))
        self.assertIsNotNone(remedy(InvalidOrigin(None), None, Spelling()))

"""docs/topics/troubleshooting.rst quotes real messages, and its command lines are right."""

import ast
import contextlib
import re
import shlex
from itertools import pairwise
from pathlib import Path

from twisted.internet.task import Clock
from twisted.logger import formatEvent, globalLogPublisher
from twisted.python.usage import UsageError
from twisted.trial.unittest import SynchronousTestCase

import txws2
from tests.command.test_commands import ROOT
from tests.support.examples import blocks
from txws2._command.arguments import parse_arguments
from txws2.tap import Options
from txws2.testing import joined
from txws2.wire.handshake.server import check_request, refusal
from txws2.wire.http.readers import RequestReader

PAGE = Path(ROOT, "docs", "topics", "troubleshooting.rst").read_text()
# Some blocks are indented, below an item. Messages are wrapped, with an empty line between two.
BLOCK = re.compile(r"^( *)\.\. code-block:: text\n\n((?:(?:\1   .*)?\n)+)", re.M)
QUOTES = [
    " ".join(message.split())
    for _, block in BLOCK.findall(PAGE)
    for message in block.split("\n\n")
    if message.strip()
]
SHELL = "".join(blocks(PAGE, "shell")).replace("\\\n", " ")
LINES = [line for line in SHELL.splitlines() if line]
# A template with fewer letters would match anything.
MOST_VAGUE = 12


def templates():
    """Generate the texts in the code, each as a pattern and the number of its own characters."""
    for path in Path(ROOT, "txws2").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.JoinedStr):
                parts = [getattr(part, "value", None) for part in node.values]
                yield "".join(part if isinstance(part, str) else "\0" for part in parts)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield re.sub(r"\{\w+(?::[^}]*)?\}", "\0", node.value)


def patterns():
    """Generate the patterns of those that may be quoted."""
    all_quotes = "\n".join(QUOTES)
    for template in templates():
        for line in template.split("\n"):
            own = line.strip().split("\0")
            if len("".join(own)) >= MOST_VAGUE and max(own, key=len) in all_quotes:
                yield re.compile(".+?".join(map(re.escape, own)))


class QuoteTests(SynchronousTestCase):
    def test_each_is_a_text_of_the_code(self):
        known = list(patterns())
        # The end of a log event is a text of its own.
        rare = " (such a warning comes once a minute at most)"
        self.assertGreater(len(QUOTES), 25)
        for quote in QUOTES:
            text = quote.removesuffix(rare)
            # The exception of a closed connection joins texts.
            text = text.removeprefix("sent 1011 (internal error) ").removesuffix(
                "; no close frame received"
            )
            self.assertTrue(any(each.fullmatch(text) for each in known), quote)


class HandshakeTests(SynchronousTestCase):
    """The server's texts, as they come."""

    def refused(self, head, **options):
        reader = RequestReader(**options)
        try:
            request = reader.receive(head)
            check_request(request)
        except txws2.InvalidHandshake as exc:
            return str(exc), refusal(exc).body.decode()
        raise AssertionError("it wasn't refused")

    def assertQuoted(self, text):
        self.assertIn(text.strip(), QUOTES)

    def test_a_header_is_missing(self):
        head = (
            b"GET / HTTP/1.1\r\nHost: a.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Version: 13\r\n\r\n"
        )
        self.assertQuoted(self.refused(head)[1])

    def test_a_page_is_opened(self):
        body = self.refused(b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n")[1]
        self.assertQuoted(body.splitlines()[-1])

    def test_tls(self):
        self.assertQuoted(self.refused(b"\x16\x03\x01")[0])

    def test_long_heads(self):
        line = b"GET / HTTP/1.1\r\nCookie: " + b"x" * 9000
        self.assertQuoted(self.refused(line)[0])
        self.assertQuoted(self.refused(b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 129)[0])

    def warning(self, **options):
        """Return the text of the warning about a client that is refused, or will be."""
        events = []
        globalLogPublisher.addObserver(events.append)
        self.addCleanup(globalLogPublisher.removeObserver, events.append)
        server = {name: options.pop(name) for name in ("origins",) if name in options}
        factory = txws2.WebSocketServerFactory(reactor=Clock(), **server)
        with contextlib.suppress(txws2.InvalidHandshake):
            joined(factory, uri="ws://localhost:8000/", **options)
        [text] = [text for text in map(formatEvent, events) if text and "a minute" in text]
        return self.without_names(text)

    def without_names(self, text):
        """Leave out the connection's id and the client's address."""
        return re.sub(r"^\S+ ", "", re.sub(r"\d+\.\d+\.\d+\.\d+:\d+", "", text))

    def quoted(self, words):
        [quote] = [each for each in QUOTES if each.startswith(f"5d09 {words}")]
        return self.without_names(quote)

    def test_an_origin(self):
        text = self.warning(origin="http://localhost:5500", origins=[txws2.SAME_ORIGIN])
        self.assertEqual(text, self.quoted("refused with 403"))

    def test_a_page_without_its_subprotocol(self):
        text = self.warning(origin="http://localhost:5500", subprotocols=["chat"])
        self.assertEqual(text, self.quoted("will fail"))

    def test_keepalive(self):
        with joined() as both:
            both.vanish()
            both.advance(70)
            self.assertQuoted(str(self.failureResultOf(both.server.recv()).value))


class CommandTests(SynchronousTestCase):
    def test_those_of_txws2_parse(self):
        for line in LINES:
            words = shlex.split(line.removeprefix("TXWS2_DEBUG=1 "))
            if words[:3] == ["python", "-m", "txws2"]:
                self.assertTrue(parse_arguments(words[3:]).uri)
            elif words[0] == "twistd":
                Options().parseOptions(words[words.index("ws") + 1 :])

    def test_those_of_twistd_itself_exist(self):
        from twisted.scripts.twistd import ServerOptions

        [line] = [line for line in LINES if "profile" in line]
        options = ServerOptions()
        try:
            options.parseOptions(shlex.split(line)[1:-3])
        except UsageError as exc:
            self.fail(str(exc))
        self.assertEqual((options["profile"], options["profiler"]), ("profile.txt", "cprofile"))

    def test_curl_asks_for_a_websocket(self):
        [line] = [line for line in LINES if line.startswith("curl")]
        words = shlex.split(line)
        headers = [value for name, value in pairwise(words) if name == "-H"]
        head = "\r\n".join(["GET /chat HTTP/1.1", "Host: localhost:8000", *headers, "", ""])
        check_request(RequestReader().receive(head.encode()))
        self.assertEqual(words[-1], "http://localhost:8000/chat")

    def test_no_other_program_is_named(self):
        others = {line.split()[0] for line in LINES} - {"TXWS2_DEBUG=1", "python", "twistd"}
        self.assertEqual(others, {"curl", "openssl"})

"""Each failure to connect, each end of a connection, and the next attempt after it.

The tests read the tables of docs/howto/reconnecting.rst.
"""

import csv
import re
from email.utils import formatdate
from pathlib import Path

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionLost, ConnectionRefusedError
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from tests.client.test_connections import Reactor, Resolver
from tests.command.test_commands import ROOT
from tests.support.servers import Servers
from tests.support.sides import CLOSE, TEXT, URI, QuietTestCase, answer
from txws2._time.backoff import Backoff
from txws2.client.client_state import ClientState
from txws2.client.connections import connect
from txws2.client.retry_policy import process_exception
from txws2.client.service import WebSocketClientService
from txws2.wire.connection import State
from txws2.wire.frames import encode_frame

HOWTO = Path(ROOT, "docs", "howto", "reconnecting.rst")

BACKOFF = Backoff(random=lambda: 0.5)
FIRST_WAIT = 2.5

AGAIN, ENDS = "they try again", "they end"

LONG = "they try again after 120 s"


def tables():
    """Return the tables of the page, each as its rows."""
    blocks = re.findall(r"(?m)^\.\. csv-table::\n(?:   :.*\n)*\n((?:   .+\n)+)", HOWTO.read_text())
    return [list(csv.reader(block.split("\n   "), skipinitialspace=True)) for block in blocks]


def plain(cell):
    return cell.strip().replace("``", "")


class CountingResolver(Resolver):
    asked = 0

    def resolveHostName(self, *arguments, **options):
        self.asked += 1
        return super().resolveHostName(*arguments, **options)


class Attempts:
    """The attempts of one client, on a reactor in memory; directly, or through a proxy."""

    def __init__(self, uri="ws://127.0.0.1:8000/", **options):
        self.reactor = Reactor()
        self.reactor.nameResolver = self.resolver = CountingResolver()
        self.uri = uri
        self.options = {"reactor": self.reactor, "proxy": None, **options}

    @property
    def made(self):
        """The number that grows with each attempt."""
        return self.resolver.asked + len(self.reactor.tcpClients)

    def accept(self):
        """Let TCP connect; the client has sent its request."""
        self.protocol = self.reactor.tcpClients[-1][2].buildProtocol(None)
        self.transport = StringTransport()
        self.transport.abortConnection = self.transport.loseConnection = self.lose
        self.protocol.makeConnection(self.transport)

    def answer(self, data):
        self.accept()
        self.protocol.dataReceived(data)

    def refuse(self, status, *headers):
        """Answer with this status, and no body."""
        lines = [f"HTTP/1.1 {status} Some phrase", "Content-Length: 0", *headers]
        self.answer("\r\n".join([*lines, "", ""]).encode())

    def lose(self):
        protocol, self.protocol = self.protocol, None
        if protocol is not None:
            protocol.connectionLost(Failure(ConnectionLost()))

    def refuse_tcp(self):
        factory = self.reactor.tcpClients[-1][2]
        factory.clientConnectionFailed(None, Failure(ConnectionRefusedError()))


def status(code, *headers):
    return lambda attempts: attempts.refuse(code, *headers)


def upgrade(line, replacement):
    """Accept the request, with one wrong line in the response."""

    def act(attempts):
        attempts.accept()
        head = answer(attempts.transport.value())
        attempts.protocol.dataReceived(re.sub(line, replacement, head))

    return act


def hang_up(attempts):
    attempts.accept()
    attempts.lose()


def fall_silent(attempts):
    attempts.accept()
    attempts.reactor.advance(10)


def no_address(attempts):
    attempts.resolver.receiver.resolutionComplete()


STATUSES = [
    *((f"{code}", "InvalidStatus", ENDS, [code]) for code in (200, 204)),
    ("301 without Location", "InvalidStatus", ENDS, [301]),
    *((f"{code}", "InvalidStatus", ENDS, [code]) for code in (304, 400, 401, 403, 404, 407)),
    ("408", "InvalidStatus", AGAIN, [408]),
    *((f"{code}", "InvalidStatus", ENDS, [code]) for code in (410, 421)),
    ("425", "InvalidStatus", AGAIN, [425]),
    ("426", "InvalidStatus", ENDS, [426]),
    *((f"{code}", "InvalidStatus", AGAIN, [code]) for code in (429, 500)),
    ("501", "InvalidStatus", ENDS, [501]),
    *((f"{code}", "InvalidStatus", AGAIN, [code]) for code in (502, 503, 504)),
    ("505", "InvalidStatus", ENDS, [505]),
    ("520 to 530", "InvalidStatus", AGAIN, range(520, 531)),
    ("599", "InvalidStatus", ENDS, [599]),
]
"""The answer of a server, the failure of connect, the next attempt; and the codes that show it."""

LEFT_ALONE = [
    ("429 with Retry-After: 120", 429, "Retry-After: 120"),
    ("503 with a Retry-After in 120 seconds", 503, f"Retry-After: {formatdate(120, usegmt=True)}"),
]

OTHERS = [
    ("101 without Upgrade", "InvalidUpgrade", ENDS, upgrade(rb"Upgrade: .*\r\n", b"")),
    (
        "101 with another Sec-WebSocket-Accept",
        "InvalidHeaderValue",
        ENDS,
        upgrade(rb"(Accept): .*\r\n", rb"\1: x\r\n"),
    ),
    ("an answer that isn't HTTP", "InvalidMessage", ENDS, lambda each: each.answer(b"SSH\r\n\r\n")),
    ("no answer within open_timeout", "OpeningTimeout", AGAIN, fall_silent),
    ("TCP connects, and is reset", "InvalidMessage", AGAIN, hang_up),
    ("TCP is refused", "ConnectionRefusedError", AGAIN, Attempts.refuse_tcp),
    ("the name has no address", "DNSLookupError", AGAIN, no_address),
]


class FailureTests(SynchronousTestCase):
    """Each row, by connect(), by its loop, and by the service."""

    def check(self, row, kind, follows, act, **options):
        """Let an attempt of each of the three fail, and check what follows."""
        for way in self.check_connect, self.check_loop, self.check_service:
            attempts = Attempts(**options)
            try:
                way(attempts, kind, follows, act)
            except BaseException as exc:
                exc.add_note(f"{row}, in {way.__name__}")
                raise

    def check_connect(self, attempts, kind, follows, act):
        connecting = connect(attempts.uri, **attempts.options)
        act(attempts)
        failure = self.failureResultOf(connecting)
        self.assertEqual(failure.type.__name__, kind)
        self.assertEqual(attempts.reactor.getDelayedCalls(), [])

    def check_loop(self, attempts, kind, follows, act):
        async def iterate():
            async for _ in connect(attempts.uri, backoff=BACKOFF, **attempts.options):
                self.fail("there is no connection")

        running = Deferred.fromCoroutine(iterate())
        act(attempts)
        if follows is ENDS:
            self.assertEqual(self.failureResultOf(running).type.__name__, kind)
            self.assertEqual(attempts.reactor.getDelayedCalls(), [])
        else:
            self.assertTriesAgain(attempts, follows)
            running.addErrback(lambda _: None).cancel()

    def check_service(self, attempts, kind, follows, act):
        service = WebSocketClientService(attempts.uri, backoff=BACKOFF, **attempts.options)
        service.startService()
        connected = service.whenConnected()
        act(attempts)
        if follows is ENDS:
            self.assertIs(service.state, ClientState.STOPPED)
            self.assertEqual(self.failureResultOf(connected).type.__name__, kind)
            errors = self.flushLoggedErrors(Exception)
            self.assertEqual([each.type.__name__ for each in errors], [kind])
            self.assertEqual(attempts.reactor.getDelayedCalls(), [])
        else:
            self.assertIs(service.state, ClientState.BACKING_OFF)
            self.assertTriesAgain(attempts, follows)
            self.assertIs(service.state, ClientState.CONNECTING)
            connected.addErrback(lambda _: None)
            service.stopService()
            attempts.reactor.advance(0)

    def assertTriesAgain(self, attempts, follows):
        reactor, made = attempts.reactor, attempts.made
        reactor.advance((120 if follows is LONG else FIRST_WAIT) - 0.01)
        self.assertEqual(attempts.made, made)
        reactor.advance(0.02)
        self.assertGreater(attempts.made, made)

    def test_after_each_status(self):
        for row, kind, follows, codes in STATUSES:
            for code in codes:
                self.check(row, kind, follows, status(code))

    def test_after_each_status_of_a_proxy(self):
        for row, _, follows, codes in STATUSES:
            for code in codes:
                # With 200 to 299 the tunnel is there.
                if code >= 300:
                    self.check(
                        row,
                        "InvalidProxyStatus",
                        follows,
                        status(code),
                        proxy="http://127.0.0.1:3128",
                    )

    def test_a_server_and_a_proxy_may_ask_to_be_left_alone(self):
        for row, code, header in LEFT_ALONE:
            self.check(row, "InvalidStatus", LONG, status(code, header))
            self.check(
                row,
                "InvalidProxyStatus",
                LONG,
                status(code, header),
                proxy="http://127.0.0.1:3128",
            )

    def test_after_whatever_else_happens(self):
        for row, kind, follows, act in OTHERS:
            uri = "ws://example.com/" if act is no_address else "ws://127.0.0.1:8000/"
            self.check(row, kind, follows, act, uri=uri)

    def test_after_whatever_else_happens_at_a_proxy(self):
        for host, kind, follows, act in (
            ("127.0.0.1", "ProxyError", ENDS, lambda each: each.answer(b"SSH\r\n\r\n")),
            ("127.0.0.1", "OpeningTimeout", AGAIN, fall_silent),
            ("127.0.0.1", "ProxyError", AGAIN, hang_up),
            ("127.0.0.1", "ProxyError", AGAIN, Attempts.refuse_tcp),
            ("proxy.example", "ProxyError", AGAIN, no_address),
        ):
            self.check(kind, kind, follows, act, proxy=f"http://{host}:3128")

    def test_the_page_has_this_table(self):
        rows = [(row, kind, follows) for row, kind, follows, _ in STATUSES]
        rows += [(row, "InvalidStatus", LONG) for row, _, _ in LEFT_ALONE]
        rows += [(row, kind, follows) for row, kind, follows, _ in OTHERS]
        self.assertEqual([tuple(map(plain, row)) for row in tables()[0]], rows)


def close(code):
    return lambda servers: servers.close(code)


def close_without_code(servers):
    servers.say(encode_frame(CLOSE, b"", masked=False))
    servers.peer.transport.loseConnection()
    servers.pump()


def drop(servers):
    servers.joined.drop()


def break_the_rules(servers):
    servers.say(encode_frame(0xB, b"", masked=False))
    servers.peer.transport.loseConnection()
    servers.pump()


def send_too_much(servers):
    servers.say(encode_frame(TEXT, b"too much", masked=False))
    servers.peer.transport.loseConnection()
    servers.pump()


def answer_no_ping(servers):
    while servers.protocol.state is not State.CLOSED:
        servers.clock.advance(0.1)
        servers.pump()


def close_here(servers):
    servers.protocol.close(4000)
    servers.close(4000)


OK, ERROR = "ConnectionClosedOK", "ConnectionClosedError"

ASKED, NOT_ASKED = "yes", "no"

AT_ONCE, AFTER_A_WAIT = "at once", "after a wait"

CLOSES = [
    ("1000", OK, NOT_ASKED, AT_ONCE, close(1000)),
    ("1001", OK, NOT_ASKED, AT_ONCE, close(1001)),
    ("1005: a close frame without a code", OK, NOT_ASKED, AT_ONCE, close_without_code),
    ("1006: no close frame, the connection was lost", ERROR, NOT_ASKED, AT_ONCE, drop),
    *(
        (f"{code}", ERROR, ASKED, AFTER_A_WAIT, close(code))
        for code in (1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014)
    ),
    ("3000 to 3999", ERROR, ASKED, AFTER_A_WAIT, close(3000)),
    ("4000 to 4999", ERROR, ASKED, AFTER_A_WAIT, close(4004)),
    ("1002, sent: the server broke the rules", ERROR, ASKED, AFTER_A_WAIT, break_the_rules),
    ("1009, sent: a message is over max_size", ERROR, ASKED, AFTER_A_WAIT, send_too_much),
    ("1011, sent: the keepalive had no answer", ERROR, NOT_ASKED, AT_ONCE, answer_no_ping),
    ("close(4000) was called here", ERROR, NOT_ASKED, AT_ONCE, close_here),
]
"""The columns: the end of a connection; the exception; a mark that says if process_exception is
asked; and the wait after a good connection."""


class CloseTests(QuietTestCase):
    """Each row, in the loop and in the service."""

    def open(self, way, verdict=None):
        """Open a connection of a client whose process_exception returns this."""
        self.asked = []
        self.servers = Servers(self.clock)

        def process_exception(exc):
            self.asked.append(exc)
            return verdict and exc

        way(
            endpoint=self.servers,
            reactor=self.clock,
            backoff=BACKOFF,
            process_exception=process_exception,
            ping_interval=1,
            ping_timeout=1,
            max_size=5,
            compression=None,
        )
        self.servers.open()

    def loop(self, **options):
        async def iterate():
            async for ws in connect(URI, **options):
                await ws.wait_closed()

        running = Deferred.fromCoroutine(iterate())
        given_up_for = []
        running.addErrback(lambda failure: given_up_for.append(failure.value))
        self.given_up_for = lambda: given_up_for and given_up_for[0]
        self.stop = running.cancel

    def service(self, **options):
        service = WebSocketClientService(URI, **options)
        service.startService()

        def given_up_for():
            if service.state is not ClientState.STOPPED:
                return None
            self.assertEqual(len(self.take_loud()), 1)
            return self.failureResultOf(service.whenConnected()).value

        self.given_up_for = given_up_for
        self.stop = service.stopService

    def last(self, seconds):
        """Let time pass, with a server that answers pings."""
        for _ in range(seconds):
            self.clock.advance(1)
            for opcode, payload in self.servers.heard():
                self.servers.say(encode_frame(opcode + 1, payload, masked=False))

    def each(self, check):
        """Check each row, in the loop and in the service."""
        for row in CLOSES:
            for way in self.loop, self.service:
                try:
                    check(way, *row[1:])
                    self.stop()
                    self.clock.advance(0)
                except BaseException as exc:
                    exc.add_note(f"{row[0]}, in the {way.__name__}")
                    raise

    def assertTriesAgain(self, follows):
        self.assertFalse(self.given_up_for())
        if follows is AFTER_A_WAIT:
            self.assertEqual(self.servers.attempts, 1)
            self.clock.advance(FIRST_WAIT - 0.01)
            self.assertEqual(self.servers.attempts, 1)
            self.clock.advance(0.02)
        self.assertEqual(self.servers.attempts, 2)

    def test_the_exception_tells_how_each_ended(self):
        def check(way, kind, asked, follows, act):
            self.open(way)
            act(self.servers)
            ending = self.failureResultOf(self.servers.protocol.recv()).value
            self.assertEqual(type(ending).__name__, kind)
            self.assertEqual(list(map(str, self.asked)), [str(ending)] if asked is ASKED else [])
            self.assertIsNone(process_exception(ending), "by default, none is the end")

        self.each(check)

    def test_after_a_good_connection(self):
        def check(way, kind, asked, follows, act):
            self.open(way)
            self.last(5)
            act(self.servers)
            self.assertTriesAgain(follows)

        self.each(check)

    def test_after_one_that_did_not_last_there_is_always_a_wait(self):
        def check(way, kind, asked, follows, act):
            self.open(way)
            act(self.servers)
            self.assertTriesAgain(AFTER_A_WAIT)

        self.each(check)

    def test_the_application_can_have_an_end_be_the_end(self):
        def check(way, kind, asked, follows, act):
            self.open(way, verdict=ENDS)
            self.last(5)
            act(self.servers)
            if asked is ASKED:
                self.assertIs(self.given_up_for(), self.asked[0])
                self.assertEqual(self.clock.getDelayedCalls(), [])
            else:
                self.assertTriesAgain(follows)

        self.each(check)

    def test_the_page_has_this_table(self):
        rows = [row[:-1] for row in CLOSES]
        self.assertEqual([tuple(map(plain, row)) for row in tables()[1]], rows)

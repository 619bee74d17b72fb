"""Limits on connections: of a server, of one host, and of clients behind a proxy."""

from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.logger import LogLevel

from tests.support.sides import REQUEST, Peer, QuietTestCase, RecordedServer
from tests.support.website import SiteTestCase, plus
from txws2._connection.handle import driver_of
from txws2.exceptions import OpeningTimeout, TooManyConnections, TooManyConnectionsFromHost
from txws2.server.factory import WebSocketServerFactory
from txws2.testing import Joined
from txws2.wire.connection import State

PROXY = "10.0.0.1"
UNIX = UNIXAddress(None)


def request(*lines):
    """Return a request with these additional header lines."""
    return REQUEST.replace(b"\r\n\r\n", "\r\n".join(["", *lines, "", ""]).encode())


class Visit:
    """A client that has connected.

    Attributes:
        ws: the server's connection.
    """

    def __init__(self, factory, clock, host):
        self.ws = factory.buildProtocol(None)
        self._peer = Peer()
        self._joined = Joined(self.ws, self._peer, clock)
        if isinstance(host, str):
            family = IPv6Address if ":" in host else IPv4Address
            host = family("TCP", host, 4711)
        self.ws.transport.getPeer = lambda: host

    def say(self, data):
        self._peer.transport.write(data)
        self._joined.pump()

    def said(self):
        """Return status, header lines and body of the response."""
        self._joined.pump()
        head, _, body = self._peer.take().partition(b"\r\n\r\n")
        status, *headers = head.decode().split("\r\n")
        return status.removeprefix("HTTP/1.1 "), headers, body.decode()

    def leave(self):
        self._peer.transport.loseConnection()
        self._joined.pump()


class AdmissionTestCase(QuietTestCase):
    def limit(self, **options):
        self.factory = WebSocketServerFactory(
            create_protocol=RecordedServer, reactor=self.clock, **options
        )

    def visit(self, host="192.0.2.1", data=REQUEST):
        """Connect a client that sends some bytes."""
        visit = Visit(self.factory, self.clock, host)
        visit.say(data)
        return visit

    def assertOpen(self, visit):
        self.assertIs(visit.ws.state, State.OPEN)
        self.assertEqual(visit.said()[0], "101 Switching Protocols")

    def assertFull(self, visit):
        """Assert that it was refused because there are too many connections."""
        status, headers, body = visit.said()
        self.assertEqual(status, "503 Service Unavailable")
        self.assertIn("Retry-After: 10", headers)
        self.assertIn("as many connections as it takes.", body)
        visit.leave()
        self.assertIsInstance(visit.ws.lost[0], TooManyConnections)

    def assertFullOfHost(self, visit):
        """Assert that it was refused because there are too many connections of its host."""
        status, headers, body = visit.said()
        self.assertEqual(status, "429 Too Many Requests")
        self.assertIn("Retry-After: 10", headers)
        self.assertIn("as many connections as it takes from one host.", body)
        visit.leave()
        self.assertIsInstance(visit.ws.lost[0], TooManyConnectionsFromHost)


class OptionTests(AdmissionTestCase):
    def test_by_default_there_are_no_limits_and_no_cost(self):
        self.limit()
        self.assertIsNone(self.factory.admission)
        for _ in range(10):
            self.assertOpen(self.visit())

    def test_a_limit_is_at_least_1(self):
        for name in "max_connections", "max_connections_per_host":
            error = self.assertRaises(ValueError, self.limit, **{name: 0})
            self.assertEqual(str(error), f"{name} must be at least 1, or None; it is 0")

    def test_proxies_are_a_list_of_networks(self):
        self.assertRaises(ValueError, self.limit, trusted_proxies=["example.com"])
        self.assertRaises(TypeError, self.limit, trusted_proxies="10.0.0.0/8")


class ConnectionsTests(AdmissionTestCase):
    """The option max_connections."""

    def setUp(self):
        super().setUp()
        self.limit(max_connections=2)
        self.first, self.second = (self.visit() for _ in range(2))

    def take_warning(self):
        [event] = [event for event in self.events if event["log_level"] is LogLevel.warn]
        self.events.remove(event)
        self.assertEqual((event["error"], event["status"]), ("TooManyConnections", 503))
        self.assertEqual(
            event["advice"], "max_connections=2 is reached; a larger number accepts more"
        )

    def test_those_who_are_too_many_are_refused(self):
        self.assertOpen(self.first)
        self.assertOpen(self.second)
        self.assertFull(self.visit())
        self.take_warning()

    def test_one_byte_of_their_request_is_enough(self):
        self.assertFull(self.visit(data=b"G"))
        self.take_warning()

    def test_before_the_request_there_is_no_answer_to_it(self):
        visit = self.visit(data=b"")
        self.assertEqual(visit.said()[0], "")
        visit.say(b"G")
        self.assertFull(visit)
        self.take_warning()

    def test_a_client_that_sends_nothing_takes_no_place(self):
        self.second.leave()
        silent = self.visit(data=b"")
        self.assertOpen(self.visit())
        self.clock.advance(10)
        silent.said()
        self.assertIsInstance(driver_of(silent.ws).ended_with(), OpeningTimeout)

    def test_the_bytes_after_their_first_one_are_not_kept(self):
        visit = self.visit()
        for _ in range(10):
            visit.say(bytes(2**16))
        self.assertIsNone(driver_of(visit.ws).handshake._reader)
        self.assertFull(visit)
        self.take_warning()

    def test_when_one_has_gone_there_is_room_again(self):
        self.assertFull(self.visit())
        self.first.leave()
        self.assertOpen(self.visit())
        self.take_warning()

    def test_a_refused_client_that_stays_takes_no_place(self):
        for _ in range(5):
            self.visit()
        self.first.leave()
        self.assertOpen(self.visit())
        self.take_warning()

    def test_the_log_warns_once_a_minute(self):
        for _ in range(3):
            self.visit()
        self.take_warning()
        self.clock.advance(59)
        self.visit()
        self.assertEqual([event for event in self.events if "unsaid" in event], [])
        self.clock.advance(1)
        self.visit()
        self.take_warning()

    def test_a_connection_that_is_opening_counts(self):
        self.first.leave()
        opening = self.visit(data=REQUEST[:30])
        self.assertFull(self.visit())
        opening.say(REQUEST[30:])
        self.assertOpen(opening)
        self.take_warning()

    def test_one_that_never_opens_counts_no_more(self):
        self.first.leave()
        for _ in range(3):
            self.visit(data=b"nonsense\r\n\r\n").leave()
        self.assertOpen(self.visit())


class HostTests(AdmissionTestCase):
    """The option max_connections_per_host."""

    def setUp(self):
        super().setUp()
        self.limit(max_connections_per_host=2)

    def fill(self, *hosts):
        for host in hosts:
            self.assertOpen(self.visit(host))

    def test_those_who_are_too_many_are_refused_and_others_are_not(self):
        self.fill("192.0.2.1", "192.0.2.1")
        self.assertFullOfHost(self.visit("192.0.2.1"))
        self.fill("192.0.2.2")

    def test_one_byte_of_their_request_is_enough(self):
        self.fill("192.0.2.1", "192.0.2.1")
        self.assertFullOfHost(self.visit("192.0.2.1", b"G"))

    def test_a_network_of_ipv6_is_one_host(self):
        self.fill("2001:db8::1", "2001:db8::2")
        self.assertFullOfHost(self.visit("2001:db8::3"))
        self.fill("2001:db8:0:1::1")

    def test_an_address_of_ipv4_is_one_host_however_it_is_written(self):
        self.fill("192.0.2.1", "::ffff:192.0.2.1")
        self.assertFullOfHost(self.visit("192.0.2.1"))
        self.fill("::ffff:192.0.2.2")

    def test_clients_of_unix_sockets_are_not_distinguished_and_not_counted(self):
        self.fill(*[UNIX] * 5)

    def test_clients_without_an_address_are_not_counted(self):
        self.fill(*[None] * 5)

    def test_when_one_has_gone_there_is_room_again(self):
        first, _ = self.visit(), self.visit()
        self.assertFullOfHost(self.visit())
        first.leave()
        self.fill("192.0.2.1")
        self.assertFullOfHost(self.visit())

    def test_nothing_is_left_of_those_who_have_gone(self):
        for host in "192.0.2.1", "192.0.2.2", "192.0.2.1", UNIX:
            self.visit(host).leave()
        admission = self.factory.admission
        self.assertEqual((admission._groups, dict(admission._sizes)), ({}, {}))

    def test_a_client_refused_for_its_host_takes_no_place(self):
        self.limit(max_connections=3, max_connections_per_host=2)
        self.fill("192.0.2.1", "192.0.2.1")
        for _ in range(3):
            self.visit("192.0.2.1")
        self.fill("192.0.2.2")

    def test_behind_a_proxy_the_client_is_counted(self):
        self.limit(max_connections_per_host=2, trusted_proxies=[PROXY, "unix"])
        for proxy in PROXY, UNIX:
            self.assertOpen(self.visit(proxy, request("X-Forwarded-For: 192.0.2.1")))
        refused = self.visit(PROXY, request("X-Forwarded-For: 192.0.2.1"))
        self.assertFullOfHost(refused)
        self.assertOpen(self.visit(PROXY, request("X-Forwarded-For: 192.0.2.2")))

    def test_a_proxy_that_names_no_client_is_counted_itself(self):
        self.limit(max_connections_per_host=2, trusted_proxies=[PROXY, "unix"])
        self.fill(PROXY, PROXY, UNIX, UNIX, UNIX)
        self.assertFullOfHost(self.visit(PROXY))

    def test_a_client_refused_behind_a_proxy_takes_no_place(self):
        self.limit(max_connections=3, max_connections_per_host=2, trusted_proxies=[PROXY])
        for _ in range(5):
            self.visit(PROXY, request("X-Forwarded-For: 192.0.2.1"))
        self.assertOpen(self.visit(PROXY, request("X-Forwarded-For: 192.0.2.2")))


class ProxyTests(AdmissionTestCase):
    """The option trusted_proxies."""

    def setUp(self):
        super().setUp()
        self.limit(trusted_proxies=["10.0.0.0/8", "::1", "unix"])

    def assertRemote(self, expected, host, *lines):
        visit = self.visit(host, request(*lines))
        self.assertOpen(visit)
        self.assertEqual(visit.ws.remote_address, expected)

    def test_their_word_is_taken(self):
        for proxy in PROXY, "::1", UNIX:
            self.assertRemote(("192.0.2.1", 0), proxy, "X-Forwarded-For: 192.0.2.1")
            self.assertRemote(("192.0.2.1", 80), proxy, 'Forwarded: for="192.0.2.1:80"')

    def test_the_word_of_other_clients_is_not_taken(self):
        for host, expected in {
            "192.0.2.9": ("192.0.2.9", 4711),
            "2001:db8::1": ("2001:db8::1", 4711),
            None: None,
        }.items():
            self.assertRemote(expected, host, "X-Forwarded-For: 10.0.0.1", "Forwarded: for=10.1")

    def test_by_default_nobody_s_is(self):
        self.limit(max_connections=100)
        self.assertRemote((PROXY, 4711), PROXY, "X-Forwarded-For: 192.0.2.1")
        self.limit()
        self.assertRemote((PROXY, 4711), PROXY, "X-Forwarded-For: 192.0.2.1")

    def test_a_proxy_that_tells_nothing_is_the_client(self):
        self.assertRemote((PROXY, 4711), PROXY)
        self.assertRemote((PROXY, 4711), PROXY, "X-Forwarded-For: unknown")

    def test_the_application_sees_it_before_it_decides(self):
        seen = []
        self.limit(
            trusted_proxies=[PROXY], process_request=lambda ws, _: seen.append(ws.remote_address)
        )
        self.visit(PROXY, request("X-Forwarded-For: 192.0.2.1"))
        self.assertEqual(seen, [("192.0.2.1", 0)])

    def test_a_request_that_contradicts_itself_is_refused(self):
        visit = self.visit(
            PROXY, request("X-Forwarded-For: 192.0.2.1", "Forwarded: for=127.0.0.1")
        )  # fmt: skip
        self.assertEqual(visit.said()[0], "400 Bad Request")

    def test_the_log_has_the_request_that_was_refused(self):
        self.limit(max_connections_per_host=1, trusted_proxies=[PROXY], debug=True)
        for _ in range(2):
            self.visit(PROXY, request("X-Forwarded-For: 192.0.2.1"))
        lines = [event.get("text") for event in self.events if event.get("sign") == "<"]
        self.assertEqual(lines.count("X-Forwarded-For: 192.0.2.1"), 2)

    def test_a_request_may_come_in_parts(self):
        data = request("X-Forwarded-For: 192.0.2.1")
        visit = self.visit(PROXY, data[:40])
        visit.say(data[40:])
        self.assertEqual(visit.ws.remote_address, ("192.0.2.1", 0))

    def test_they_tell_whether_the_client_came_with_tls(self):
        address = "X-Forwarded-For: 192.0.2.1"
        for host, lines, secure in (
            (PROXY, [address, "X-Forwarded-Proto: https"], True),
            (PROXY, [address, "X-Forwarded-Proto: http"], False),
            (PROXY, ["Forwarded: for=192.0.2.1;proto=https"], True),
            (PROXY, [address], False),
            ("192.0.2.9", [address, "X-Forwarded-Proto: https"], False),
        ):
            self.assertIs(self.visit(host, request(*lines)).ws.secure, secure)


class SiteTests(SiteTestCase):
    """The same limits in a site of twisted.web."""

    def test_those_who_are_too_many_are_refused_as_ever(self):
        self.serve(max_connections=1)
        self.open()
        self.connect()
        status, headers, _ = self.ask(REQUEST)
        self.assertEqual((status, headers["Retry-After"]), ("503 Service Unavailable", "10"))
        self.assertOver()
        text = "max_connections=1 is reached; a larger number accepts more"
        self.assertEqual(self.advice(), text)

    def test_those_of_one_host_too(self):
        self.serve(max_connections_per_host=1)
        self.open()
        self.connect()
        self.assertEqual(self.ask(REQUEST)[0], "429 Too Many Requests")
        self.assertIn("if this is the address of a proxy, name it in trusted_", self.advice())

    def advice(self):
        """Return the advice of the one warning so far."""
        [advice] = [event["advice"] for event in self.events if "advice" in event]
        return advice

    def test_a_proxy_before_the_site_is_believed(self):
        self.serve(trusted_proxies=["127.0.0.1"])
        self.open(plus(b"X-Forwarded-For: 192.0.2.1", b"X-Forwarded-Proto: https"))
        self.assertEqual(self.ws.remote_address, ("192.0.2.1", 0))
        self.assertTrue(self.ws.secure)

"""The status page and its WebSocket, `/healthz`, and `/metrics`."""

import builtins
import json
import sys
from base64 import b64encode
from unittest import mock

from twisted.internet.address import IPv6Address, UNIXAddress

from tests.pages.test_pages import PagesTestCase, visit
from tests.support.sides import REQUEST, TEXT, Peer, QuietTestCase, frames_in
from txws2._pages import snapshot as snapshots
from txws2._pages.access import Access
from txws2._pages.snapshot import memory, snapshot
from txws2.server.factory import WebSocketServerFactory
from txws2.testing import Joined


def asking(path, *lines):
    """Return a request for a WebSocket."""
    request = REQUEST.replace(b"/chat", path.encode()).replace(b"example.com", b"localhost")
    return request.replace(
        b"Upgrade: w", b"".join(f"{line}\r\n".encode() for line in lines) + b"Upgrade: w"
    )


def basic(password):
    return "Authorization: Basic " + b64encode(f"any:{password}".encode()).decode()


class StatusTestCase(PagesTestCase):
    def join(self, request):
        """Send a request; return the connection, and the head of the response."""
        peer = Peer()
        joined = Joined(self.reactor.tcpServers[0][1].buildProtocol(None), peer, self.reactor)
        peer.transport.write(request)
        joined.pump()
        head, _, rest = peer.take().partition(b"\r\n\r\n")
        joined.early = rest
        return joined, head.decode()

    def states(self, joined, data=None):
        joined.pump()
        data = joined.client.take() if data is None else data
        return [json.loads(payload) for opcode, payload in frames_in(data) if opcode == TEXT]


class LiveTests(StatusTestCase):
    def test_the_page_gets_the_state_at_once_and_each_second(self):
        self.start("--status")
        joined, head = self.join(asking("/status", "Origin: http://localhost"))
        self.assertIn("101 Switching", head)
        [state] = self.states(joined, joined.early)
        self.assertEqual((state["connections"], state["opened"]), (0, 0))
        self.join(asking("/x"))
        joined.advance(1)
        [state] = self.states(joined)
        self.assertEqual((state["connections"], state["opened"]), (1, 1))
        joined.advance(1)
        self.assertEqual(len(self.states(joined)), 1)

    def test_while_nobody_looks_no_timer_runs(self):
        self.start("--status", "--ping-interval=none")
        before = len(self.reactor.getDelayedCalls())
        joined, _ = self.join(asking("/status"))
        joined.client.transport.loseConnection()
        joined.pump()
        # Until then, a timer may wait for the first request of each connection.
        joined.advance(10)
        self.assertEqual(len(self.reactor.getDelayedCalls()), before)

    def test_it_asks_seldom_if_that_takes_long(self):
        self.start("--status")
        times = iter(number / 16 for number in range(1000))
        self.patch(sys.modules["txws2._pages.status"], "perf_counter", lambda: next(times))
        joined, _ = self.join(asking("/status"))
        joined.advance(1)
        self.assertEqual(len(self.states(joined)), 1)
        joined.advance(3)
        self.assertEqual(self.states(joined), [])
        joined.advance(0.125)
        self.assertEqual(len(self.states(joined)), 1)

    def test_a_program_gets_the_state_in_json(self):
        self.start("--status")
        self.browse("/x")
        status, headers, body = self.fetch("/status")
        self.assertEqual((status, headers["content-type"]), (200, "application/json"))
        self.assertEqual(headers["cache-control"], "no-store")
        self.assertEqual(json.loads(body)["refused"], {"InvalidUpgrade": 1})
        self.assertIn("txws2 ", json.loads(body)["version"])

    def test_there_is_an_echo_all_the_same(self):
        self.start("--status", "--healthz=/h")
        self.assertOpens("/", "/x", "/h")
        self.assertEqual(self.fetch("/h")[2], "ok\n")

    def test_it_may_have_another_path_and_a_site_beside_it(self):
        self.start("--status=/a/b", f"--static={self.directory}")
        self.assertIn("<title>Status", self.browse("/a/b")[2])
        self.assertEqual(self.browse("/status")[0], 404)
        self.assertIn("101 Switching", self.join(asking("/a/b"))[1])

    def test_a_connection_of_the_site_that_was_kept_may_open_the_websocket(self):
        self.start("--status", "--web=tests.pages.test_pages:ROOT")
        first = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
        joined, head = self.join(first)
        self.assertIn("200 OK", head)
        for lines, status in (["Via: x"], b"403 "), ([], b"101 "):
            joined, _ = self.join(first)
            joined.client.transport.write(asking("/status", *lines))
            joined.pump()
            self.assertIn(b"HTTP/1.1 " + status, joined.client.take())

    def test_a_page_of_another_site_is_refused(self):
        """A page that somebody on this machine visits could read the status."""
        self.start("--status", "--origin=any")
        self.assertIn("403 ", self.join(asking("/status", "Origin: http://evil.example"))[1])

    def test_a_path_that_is_taken_is_refused(self):
        for taken in "--echo=/status", f"--static=/status={self.directory}", "--healthz=/status":
            name = taken.partition("=")[0]
            first, second = sorted(
                [name, "--status"], key=["--echo", "--static", "--status", "--healthz"].index
            )
            self.assertCannotStart(
                f"{first} and {second} are both at '/status'; give one of them another path, as "
                f"{second} /other",
                taken,
                "--status",
            )

    def test_limits_of_the_server_do_not_hold_for_it(self):
        self.start("--status", "--max-connections=1")
        self.assertOpens("/")
        self.assertIn("101 Switching", self.join(asking("/status"))[1])
        self.assertIn("101 Switching", self.join(asking("/status"))[1])

    def test_an_application_with_its_own_options_may_have_it(self):
        app = "--app=tests.test_tap:FACTORY"
        self.assertCannotStart(
            "tests.test_tap:FACTORY is a factory, and has its own options; --origin would have "
            "no effect on it, so give it to the factory in your code",
            *(app, "--status", "--origin=any"),
        )


class AccessTests(StatusTestCase):
    def test_this_machine_only(self):
        access = Access(None)
        for host in "localhost:8000", "127.0.0.1", "[::1]:8000", "localhost":
            self.assertIsNone(access.refuse(visit(Host=host)))
        for peer in "192.0.2.1", "10.0.0.1", "::ffff:192.0.2.1":
            self.assertEqual(access.refuse(visit(peer=peer)).status_code, 403)
        self.assertIsNone(access.refuse(visit(peer="::ffff:127.0.0.1")))
        six = visit()._replace(peer=IPv6Address("TCP", "::1", 1))
        self.assertIsNone(access.refuse(six))

    def test_not_through_a_proxy_on_this_machine(self):
        """Attack 35: a proxy on the loopback has clients from anywhere."""
        access = Access(None)
        for name in "Forwarded", "X_Forwarded_For", "X_Forwarded_Host", "X_Real_IP", "Via":
            self.assertEqual(access.refuse(visit(**{name: "x"})).status_code, 403, name)
        for host in "example.com", "192.0.2.1", "", "localhost.example.com":
            self.assertEqual(access.refuse(visit(Host=host)).status_code, 403, host)
        # A Unix socket is mostly that of a proxy.
        local = visit()._replace(peer=UNIXAddress(None))
        self.assertEqual(access.refuse(local).status_code, 403)

    def test_that_holds_for_the_page_and_for_the_websocket(self):
        self.start("--status", "--listen=tcp:81")
        self.assertEqual(self.browse("/status", "X-Forwarded-For: 192.0.2.1")[0], 403)
        self.assertIn("403 ", self.join(asking("/status", "X-Forwarded-For: 192.0.2.1"))[1])
        self.assertIn("403 ", self.join(asking("/status").replace(b"localhost", b"a.example"))[1])

    def test_behind_a_trusted_proxy_a_password_is_needed(self):
        self.assertCannotStart(
            "--status behind a --trusted-proxy needs --status-password, as all clients come from "
            "the proxy",
            *("--status", "--trusted-proxy=127.0.0.1"),
        )


class PasswordTests(StatusTestCase):
    def begin(self, mark=""):
        path = self.directory / "secret"
        path.write_text(f"{mark}pass:wörd\nanother line\n")
        self.start("--status", f"--status-password={path}", "--trusted-proxy=127.0.0.1")

    def test_its_file_may_begin_with_a_byte_order_mark_as_on_windows(self):
        self.begin("\ufeff")
        self.assertEqual(self.browse("/status", basic("pass:wörd"))[0], 200)

    def test_who_knows_it_sees_the_status(self):
        self.begin()
        for given in (
            [],
            [basic("wrong")],
            [basic("")],
            ["Authorization: Bearer x"],
            ["Cookie: txws2-status="],
        ):
            status, headers, body = self.browse("/status", *given)
            self.assertEqual((status, headers["www-authenticate"][:5]), (401, "Basic"))
            self.assertNotIn("wörd", body)
            self.assertIn("401 ", self.join(asking("/status", *given))[1])
        # Through a proxy, and for any host.
        given = basic("pass:wörd"), "X-Forwarded-For: 192.0.2.1"
        self.assertEqual(self.browse("/status", *given, host="a.example")[0], 200)
        self.assertIn("101 ", self.join(asking("/status", *given))[1])

    def test_the_page_may_open_the_websocket_without_the_password(self):
        self.begin()
        cookie = self.browse("/status", basic("pass:wörd"))[1]["set-cookie"]
        self.assertIn("; HttpOnly", cookie)
        self.assertIn("; SameSite=Strict", cookie)
        given = f"Cookie: {cookie.partition(';')[0]}"
        self.assertIn("101 ", self.join(asking("/status", given))[1])
        self.assertIn("401 ", self.join(asking("/status", given[:-1]))[1])

    def test_over_tls_the_cookie_is_secure(self):
        access, response = Access("x"), Access(None).refuse(visit(peer="192.0.2.1"))
        for found in visit(secure=True), visit(X_Forwarded_Proto="https"):
            response.headers.removeHeader("Set-Cookie")
            access.remember(found, response)
            self.assertIn("; Secure", response.headers.get("Set-Cookie"))

    def test_a_file_without_a_password_is_refused(self):
        (self.directory / "empty").write_text("\n")
        (self.directory / "bytes").write_bytes(b"\xff\n")
        for name, problem in {
            "empty": "has no password in its first line",
            "bytes": "can't be read: it isn't UTF-8",
            "none": "can't be read: No such file or directory",
        }.items():
            path = str(self.directory / name)
            self.assertCannotStart(
                f"--status-password {path!r} {problem}", "--status", f"--status-password={path}"
            )


class Rooms:
    async def __call__(self, ws):
        pass

    def room_numbers(self):
        return {"lobby": 2, "hall": 7}


class SnapshotTests(QuietTestCase):
    def make(self, handler=None):
        return {"/": WebSocketServerFactory(handler, reactor=self.clock)}

    def setUp(self):
        super().setUp()
        from twisted.internet.task import Clock

        self.clock = Clock()

    def test_the_largest_rooms_come_first(self):
        state = snapshot(self.make(Rooms()), 1)
        self.assertEqual(state["rooms"], [("hall", 7), ("lobby", 2)])
        self.assertIsNone(snapshot(self.make(), 1)["rooms"])

    def test_latencies_are_those_that_are_known(self):
        self.assertIsNone(snapshots._latency([0.0, 0.0]))
        known = [0.0, *(number / 1000 for number in range(100, 0, -1))]
        self.assertEqual(snapshots._latency(known), [0.05, 0.095, 0.1])

    def test_memory(self):
        self.assertGreater(memory(), 2**20)

        def missing(*_):
            raise FileNotFoundError

        self.patch(builtins, "open", missing)
        self.assertGreater(memory(), 2**20)


class SlowTests(StatusTestCase):
    def test_those_for_whom_bytes_wait_are_told(self):
        factory = self.start("--status", "--app=/push=tests.pages.test_status:push")
        self.join(asking("/push"))
        server = next(iter(self.service.factory.connections))
        server.sendMessage("x" * 100)
        state = snapshot({"/push": factory.factories[0]}, 1)
        self.assertEqual(state["slow"], [])
        server.transport.producer.pauseProducing()
        server.sendMessage("x" * 1000)
        [slow] = snapshot({"/push": factory.factories[0]}, 1)["slow"]
        self.assertEqual((slow["waiting"], slow["id"]), (1004, server.id))
        self.assertRegex(slow["peer"], r"^127\.0\.0\.1:\d+$")


async def push(ws):
    await ws.wait_closed()


class HealthTests(StatusTestCase):
    def test_it_is_well_until_the_server_stops(self):
        self.start("--healthz", "--drain=10")
        self.assertEqual(self.fetch("/healthz")[::2], (200, "ok\n"))
        self.assertEqual(self.fetch("/healthz", protocol="HTTP/1.0")[::2], (200, "ok\n"))
        self.assertEqual(self.fetch("/healthz", method="HEAD")[::2], (200, ""))
        peer = self.join(asking("/"))[0]
        self.service.stopService()
        self.assertEqual(self.fetch("/healthz")[0], 503)
        peer.client.transport.loseConnection()

    def test_on_a_connection_of_the_site_that_was_kept_it_is_the_same(self):
        self.start("--healthz", f"--static={self.directory}", "--echo", "--drain=10")
        self.assertEqual(self.fetch("/healthz")[::2], (200, "ok\n"))

    def test_it_is_there_only_if_it_was_asked_for(self):
        self.start("--echo=/x")
        for path in "/healthz", "/metrics", "/status":
            self.assertEqual(self.fetch(path)[0], 404)


class MetricsTests(StatusTestCase):
    def test_prometheus_reads_the_counters(self):
        self.start("--metrics", "--echo=/a")
        self.assertOpens("/a")
        status, headers, body = self.fetch("/metrics")
        self.assertEqual(status, 200)
        self.assertIn("text/plain; version=", headers["content-type"])
        self.assertIn('txws2_connections_opened_total{factory="/a"} 1.0', body)
        self.assertIn("process_resident_memory_bytes", body)

    def test_without_its_package_it_says_so(self):
        with mock.patch.dict(sys.modules, {"prometheus_client": None}):
            self.assertCannotStart(
                "--metrics: the package prometheus-client isn't installed; txws2[metrics] has it",
                "--metrics",
            )

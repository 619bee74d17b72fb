"""`twistd ws`: its service, and its errors if it can't start."""

import os
import signal
import sys
from errno import EACCES, EADDRINUSE, EADDRNOTAVAIL
from io import StringIO
from pathlib import Path
from traceback import format_exception_only

from twisted.internet.defer import Deferred, fail
from twisted.internet.error import CannotListenError
from twisted.internet.task import Clock
from twisted.logger import capturedLogs, formatEvent
from twisted.scripts.twistd import ServerOptions

from tests.client.test_insecure import self_signed
from tests.support.sides import QuietTestCase
from tests.support.tap import TapTestCase
from txws2 import __version__
from txws2._accelerator import about
from txws2._command import signals
from txws2._command.services import TwistdService
from txws2.server.factory import WebSocketServerFactory
from txws2.tap import CannotStart, Echo

FACTORY = WebSocketServerFactory(None, reactor=Clock())


class EchoTests(QuietTestCase):
    def test_every_message_comes_back(self):
        both = self.join(Echo)
        for message in "hello", b"\x00\xff", "":
            both.client.send(message)
            both.pump()
            self.assertEqual(self.successResultOf(both.client.recv()), message)

    def test_it_reads_no_more_than_it_can_send(self):
        """Attack 12: a peer that reads nothing while we send."""
        both = self.join(Echo, max_queue=None, compression=None)
        both.client.transport.pauseProducing()
        messages = [bytes([number]) * 10_000 for number in range(100)]
        for message in messages:
            both.client.send(message)
        both.pump()
        self.assertTrue(both.server.transport.paused)
        both.client.transport.resumeProducing()
        both.pump()
        self.assertFalse(both.server.transport.paused)
        for message in messages:
            self.assertEqual(self.successResultOf(both.client.recv()), message)

    def test_a_client_that_goes_is_no_failure(self):
        both = self.join(Echo)
        both.drop()
        self.assertEqual(both.server.factory.connections, set())


class ServiceTests(TapTestCase):
    def test_stopping_closes_the_connections_with_1001_and_waits_for_them(self):
        both = self.join_client(self.start())
        stopping = self.service.stopService()
        self.assertNoResult(stopping)
        both.pump()
        self.successResultOf(stopping)
        self.assertEqual(both.client.close_code, 1001)

    def test_it_has_the_name_of_its_command(self):
        self.assertEqual(self.make().name, "ws")

    def test_twist_starts_it_without_privileges(self):
        self.make("--listen", "tcp:81").startService()
        self.assertEqual(len(self.reactor.tcpServers), 1)

    def test_it_can_be_stopped_before_it_was_started(self):
        self.successResultOf(self.make().stopService())

    def test_a_signal_stops_it_without_failure(self):
        for number in signal.SIGTERM, signal.SIGINT:
            self.reactor.hasStopped = False
            self.start()
            self.handlers[number](number, None)
            self.assertTrue(self.reactor.hasStopped)

    def test_an_impatient_second_signal_does_no_harm(self):
        self.start()
        self.handlers[signal.SIGINT](signal.SIGINT, None)
        self.handlers[signal.SIGINT](signal.SIGINT, None)
        self.assertTrue(self.reactor.hasStopped)

    def test_another_signal_ends_the_process_if_the_reactor_hangs(self):
        now, statuses, said = [0.0], [], StringIO()
        self.patch(signals, "monotonic", lambda: now[0])
        self.patch(os, "_exit", statuses.append)
        self.patch(sys, "__stderr__", said)
        self.start()
        self.reactor.callFromThread = lambda *_: None
        for now[0] in 0.0, 0.9:
            self.handlers[signal.SIGTERM](signal.SIGTERM, None)
        self.assertEqual(statuses, [])
        now[0] = 1.0
        self.handlers[signal.SIGTERM](signal.SIGTERM, None)
        self.assertEqual(statuses, [1])
        self.assertEqual(said.getvalue(), f"{signals._HANGING}\n")


class AddressTests(TapTestCase):
    def logged(self, *arguments):
        with capturedLogs() as events:
            service = self.make(*arguments)
            service.privilegedStartService()
        return [formatEvent(event) for event in events if event["log_namespace"] == "txws2.server"]

    def assertLogged(self, endpoint, address, page=None):
        first, second, *more = self.logged("--listen", endpoint)
        self.assertEqual(first, f"txws2 {__version__} {about()}")
        self.assertEqual(second, f"listening on {address}")
        ways = f"open {page} in a browser to try it, or connect a program to {{}}"
        socket = (page or "").replace("http", "ws")
        self.assertEqual(more, [ways.format(socket)] if page else [])

    def test_ipv4(self):
        self.assertLogged("tcp:81", "ws://0.0.0.0:81/", "http://localhost:81/")

    def test_ipv6(self):
        self.assertLogged(r"tcp6:82:interface=\:\:1", "ws://[::1]:82/", "http://[::1]:82/")

    def test_behind_a_proxy_that_speaks_its_own_protocol_no_browser_comes(self):
        self.assertLogged("haproxy:tcp:81", "ws://0.0.0.0:81/")

    def test_where_there_is_no_console_no_line_speaks_of_it(self):
        directory = Path(self.mktemp())
        directory.mkdir()
        lines = self.logged("--listen=tcp:81", f"--static={directory}")
        self.assertEqual(lines[1:], ["listening on http://0.0.0.0:81/"])

    def test_the_paths_of_websockets_are_named_if_there_is_none_at_the_root(self):
        directory = Path(self.mktemp())
        directory.mkdir()
        program = "connect a program to ws://127.0.0.1:81"
        for paths, shown in {
            ("/a/",): "/a/",
            ("/a", "/b"): "/a, /b",
            tuple(f"/{n}" for n in range(8)): "/0, /1, /2, /3, /4 and 3 more",
            ("/", "/a"): "/",
        }.items():
            options = [f"--echo={path}" for path in paths]
            _, listening, ways = self.logged("--listen=81", *options)
            self.assertEqual(listening, f"listening on ws://127.0.0.1:81{shown}")
            self.assertTrue(ways.endswith(f"{program}{shown}"), ways)
            _, listening, ways = self.logged(
                "--listen=81", f"--static=/files={directory}", *options
            )
            self.assertEqual(listening, "listening on http://127.0.0.1:81/")
            self.assertTrue(ways.endswith(f"{program}{shown}"), ways)

    def test_ssl(self):
        path = Path(self.mktemp())
        path.write_bytes(self_signed("example.com"))
        self.assertLogged(
            f"ssl:83:privateKey={path}:certKey={path}", "wss://0.0.0.0:83/", "https://localhost:83/"
        )

    def test_unix(self):
        self.assertLogged("unix:/run/chat.sock", "unix:/run/chat.sock")


class CannotStartTests(TapTestCase):
    def setUp(self):
        super().setUp()
        self.terminal = StringIO()
        self.patch(sys, "__stderr__", self.terminal)

    def assertCannotStart(self, text, *arguments):
        error = self.assertRaises(CannotStart, self.start, *arguments)
        self.assertEqual(str(error), f"twistd ws: {text}")

    def test_it_ends_the_process_with_its_text(self):
        error = CannotStart("no reason")
        self.assertIsInstance(error, SystemExit)
        self.assertEqual(error.code, "twistd ws: no reason")

    def test_it_is_an_exception_for_those_who_clean_up(self):
        self.assertIsInstance(CannotStart("no reason"), Exception)

    def test_an_endpoint_of_no_kind(self):
        self.assertCannotStart(
            "'nope:1' isn't an endpoint: Unknown endpoint type: 'nope'", "--listen", "nope:1"
        )

    def test_an_endpoint_with_a_mistake(self):
        for endpoint in "tcp:x", "ssl:1:privateKey=/nowhere", "tcp:1:nope=2":
            error = self.assertRaises(CannotStart, self.make, "--listen", endpoint)
            self.assertIn(f"twistd ws: {endpoint!r} isn't an endpoint: ", str(error))

    def test_a_socket_that_systemd_has_not_passed(self):
        for endpoint in "systemd:domain=INET:index=0", "systemd:domain=UNIX:name=chat":
            self.assertCannotStart(
                f"{endpoint!r} isn't an endpoint: systemd has passed no such socket; start its "
                ".socket unit",
                *("--listen", endpoint),
            )

    def test_a_word_that_is_no_endpoint(self):
        for endpoint, port in {"8000x": "8000", "tcp": "8000", "port80": "80"}.items():
            self.assertCannotStart(
                f"{endpoint!r} isn't an endpoint; write {port} or tcp:{port}", "--listen", endpoint
            )

    def test_websocket_within_websocket(self):
        for endpoint, instead in {
            "ws:8812": "tcp:8812",
            "wss:443:privateKey=k": "ssl:443:privateKey=k",
            "haproxy:ws:1": "haproxy:tcp:1",
        }.items():
            self.assertCannotStart(
                f"{endpoint!r} would carry WebSocket within WebSocket, which clients don't speak; "
                f"write {instead!r}",
                "--listen",
                endpoint,
            )

    def test_options_that_have_no_effect_beside_a_factory(self):
        name = f"{__name__}:FACTORY"
        self.assertCannotStart(
            f"{name} is a factory, and has its own options; --max-size, --origin would have no "
            "effect on it, so give it to the factory in your code",
            f"--app={name}",
            "--drain=3",
            f"--max-size={2**20}",
            "--origin=https://a",
            "--origin=https://b",
        )
        self.make(f"--app={name}", "--drain=3", "--listen=tcp:0")

    def test_no_such_application(self):
        self.assertCannotStart("'os' has no 'nobody'", "--app", "os:nobody")

    def test_an_option_of_twistd_itself(self):
        for option, right in {
            "-n": "twistd -n ws ...",
            "--nodaemon": "twistd --nodaemon ws ...",
            "--pidfile=": "twistd --pidfile ... ws ...",
            "-y": "twistd -y ... ws ...",
        }.items():
            given = option.rstrip("=")
            error = self.assertRaises(
                CannotStart, ServerOptions().parseOptions, ["ws", "--echo", option]
            )
            self.assertEqual(
                str(error),
                f"twistd ws: option {given} not recognized; {given} belongs before ws: {right}",
            )

    def test_an_option_of_nobody(self):
        error = self.assertRaises(CannotStart, ServerOptions().parseOptions, ["ws", "--nope"])
        self.assertIn("not recognized; twistd ws --help shows all", str(error))

    def test_a_number_out_of_range(self):
        self.assertCannotStart(
            "--ping-interval must be a number of seconds, more than 0, as 10, 10s, 500ms or 2m, or "
            "none; it is '0'",
            "--ping-interval=0",
        )

    def test_an_origin_that_is_none(self):
        self.assertCannotStart(
            "'example.com' isn't an origin: that is a scheme, a host and perhaps a port, without a "
            "path, as 'https://example.com'",
            "--origin=example.com",
        )
        self.assertCannotStart(
            "'https://*.example.com' isn't an origin: that is a scheme, a host and perhaps a port, "
            "without a path, as 'https://example.com'",
            "--origin=https://*.example.com",
        )

    def test_a_host_that_is_none(self):
        self.assertCannotStart(
            "'http://a' isn't a host: that is a name, an address or a network, without scheme, "
            "port and path, as 'example.com' or '127.0.0.0/8'",
            "--host=http://a",
        )

    def test_a_limit_of_nothing(self):
        expected = "--max-line-size must be a number of bytes, at least 1, as 65536, 64KiB or 1MB"
        self.assertCannotStart(f"{expected}; it is '0'", "--max-line-size=0")

    def test_a_subprotocol_that_is_none(self):
        self.assertCannotStart("invalid subprotocol: 'a,b' isn't a token", "--subprotocol", "a,b")

    def test_a_port_in_use(self):
        for error, why in {
            OSError(EADDRINUSE, "Address already in use"): "port 81 is in use",
            OSError(EACCES, "Permission denied"): "port 81 is for root, or forbidden",
            OSError(EADDRNOTAVAIL, "No"): "this machine doesn't have the address",
            OSError(5, "Input/output {error}"): "[Errno 5] Input/output {error}",
        }.items():
            self.refuse(error)
            self.assertCannotStart(f"{why}; can't listen on tcp:81", "--listen", "tcp:81")

    def refuse(self, error):
        def listenTCP(port, factory, backlog, interface):
            raise CannotListenError(interface, port, error)

        self.reactor.listenTCP = listenTCP

    def test_a_daemon_reports_the_whole_reason_in_the_bytes_that_twistd_has_for_it(self):
        self.refuse(OSError(EADDRINUSE, "Address already in use"))
        where = "tcp:65535:interface=127.0.0.1"
        error = self.assertRaises(CannotStart, self.start, "--listen", where)
        [line] = format_exception_only(error)
        reason = "twistd ws: port 65535 is in use; can't listen on tcp:65535"
        self.assertIn(reason, f"1 {line}"[:100])

    def test_a_unix_socket_in_use(self):
        service = self.with_endpoint(
            fail(CannotListenError(None, "/run/a", OSError(EADDRINUSE, "")))
        )
        error = self.assertRaises(CannotStart, service.privilegedStartService)
        self.assertIn("ws: /run/a is in use; can't listen", str(error))

    def test_an_endpoint_that_fails_in_another_way(self):
        service = self.with_endpoint(fail(ValueError("no luck")))
        error = self.assertRaises(CannotStart, service.privilegedStartService)
        self.assertEqual(str(error), "twistd ws: no luck; can't listen on there")

    def test_it_is_said_where_twistd_has_its_log_in_the_place_of_stderr(self):
        self.patch(sys, "stderr", StringIO())
        service = self.with_endpoint(fail(ValueError("no luck")))
        error = self.assertRaises(CannotStart, service.privilegedStartService)
        self.assertEqual(self.terminal.getvalue(), f"{error}\n")

    def test_otherwise_it_is_left_to_python_to_say_it(self):
        self.patch(sys, "stderr", self.terminal)
        service = self.with_endpoint(fail(ValueError("no luck")))
        self.assertRaises(CannotStart, service.privilegedStartService)
        self.assertEqual(self.terminal.getvalue(), "")

    def test_an_endpoint_that_fails_later_stops_it_and_says_why(self):
        listening = Deferred()
        self.with_endpoint(listening).privilegedStartService()
        self.assertFalse(self.reactor.hasStopped)
        listening.errback(ValueError("no luck"))
        self.assertTrue(self.reactor.hasStopped)
        said = "\n".join(formatEvent(event) for event in self.take_loud())
        self.assertIn("no luck; can't listen on there", said)

    def test_the_process_then_ends_with_status_1(self):
        listening = Deferred()
        self.with_endpoint(listening).privilegedStartService()
        self.assertEqual(self.at_exit, [])
        listening.errback(ValueError("no luck"))
        statuses = []
        self.patch(os, "_exit", statuses.append)
        for leave in self.at_exit:
            leave()
        self.assertEqual(statuses, [1])
        self.take_loud()

    def with_endpoint(self, listening):
        """Make a service whose endpoint, named "there", listens when the Deferred says so."""

        class Endpoint:
            def listen(self, factory):
                return listening

            def __repr__(self):
                return "there"

        factory = WebSocketServerFactory(None, create_protocol=Echo, reactor=self.reactor)
        return TwistdService(Endpoint(), factory)

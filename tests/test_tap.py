"""`twistd ws`: its options, its service, and its errors if it can't start."""

import atexit
import os
import signal
import sys
from errno import EACCES, EADDRINUSE, EADDRNOTAVAIL
from io import StringIO
from pathlib import Path
from traceback import format_exception_only

import twisted.internet.reactor
from twisted.application.service import IServiceMaker
from twisted.internet.abstract import isIPAddress, isIPv6Address
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred, fail
from twisted.internet.error import CannotListenError, ReactorNotRunning
from twisted.internet.task import Clock
from twisted.internet.testing import MemoryReactorClock
from twisted.logger import capturedLogs, formatEvent
from twisted.plugin import getPlugins
from twisted.scripts.twistd import ServerOptions

from tests.client.test_insecure import self_signed
from tests.support.sides import QuietTestCase, RecordedClient
from txws2 import __version__
from txws2._accelerator import about
from txws2._command import signals
from txws2._command.services import TwistdService
from txws2.exceptions import InvalidStatus
from txws2.server.factory import WebSocketServerFactory
from txws2.tap import CannotStart, Echo, Options, makeService
from txws2.testing import joined

FACTORY = WebSocketServerFactory(reactor=Clock())


FACTORY = WebSocketServerFactory(None, reactor=Clock())


class Reactor(MemoryReactorClock):
    """Runs at once, so it calls functions of callWhenRunning at once; it stops only once."""

    def __init__(self):
        super().__init__()
        self.hasStopped = False

    def listenTCP(self, port, factory, backlog=50, interface=""):
        """Listen on these endpoints; names are the host names of the loopback."""
        made = super().listenTCP(port, factory, backlog, interface)
        if not isIPv6Address(interface):
            host = interface or "0.0.0.0"
            made._hostAddress = IPv4Address("TCP", host if isIPAddress(host) else "127.0.1.1", port)
        return made

    def callWhenRunning(self, function, *arguments):
        function(*arguments)

    def callFromThread(self, function, *arguments):
        function(*arguments)

    def stop(self):
        if self.hasStopped:
            raise ReactorNotRunning()
        super().stop()


class TapTestCase(QuietTestCase):
    def setUp(self):
        super().setUp()
        self.clock = self.reactor = Reactor()
        self.patch(twisted.internet, "reactor", self.reactor)
        self.at_exit = []
        self.patch(atexit, "register", self.at_exit.append)
        self.handlers = {}
        self.patch(signal, "signal", self.handlers.__setitem__)

    def make(self, *arguments):
        options = Options()
        options.parseOptions(arguments)
        return makeService(options)

    def start(self, *arguments):
        """Start the service; return the factory that listens."""
        self.service = self.make(*arguments)
        self.service.privilegedStartService()
        self.service.startService()
        return self.reactor.tcpServers[0][1]

    def join_client(self, factory):
        return joined(factory, client=RecordedClient, uri="ws://localhost:8000/")


class OptionTests(TapTestCase):
    def test_the_defaults_are_those_of_the_library(self):
        factory, default = self.start(), WebSocketServerFactory(reactor=self.reactor)
        for name in "open_timeout", "close_timeout", "max_size", "head_limits":
            self.assertEqual(getattr(factory, name), getattr(default, name))
        self.assertEqual(list(factory.subprotocols), [])
        self.assertEqual(vars(Options())["opts"]["ping-interval"], 20)
        self.assertEqual(vars(Options())["opts"]["ping-timeout"], 20)

    def test_by_default_it_listens_on_port_8000_of_this_machine_only(self):
        self.start()
        [(port, _, _, interface)] = self.reactor.tcpServers
        self.assertEqual((port, interface), (8000, "127.0.0.1"))

    def test_it_can_listen_in_many_places_and_then_not_by_default(self):
        self.start("--listen", "tcp:81", "-l", r"tcp6:82:interface=\:\:1")
        places = [(port, interface) for port, _, _, interface in self.reactor.tcpServers]
        self.assertEqual(places, [(81, ""), (82, "::1")])

    def test_as_many_may_wait_to_be_accepted_as_with_serve(self):
        self.start("--listen", "tcp:81", "--listen", "tcp:82:backlog=7")
        self.assertEqual([backlog for _, _, backlog, _ in self.reactor.tcpServers], [1024, 7])

    def test_one_factory_serves_all_places(self):
        self.start("--listen", "tcp:81", "--listen", "tcp:82")
        self.assertEqual(len({factory for _, factory, _, _ in self.reactor.tcpServers}), 1)

    def test_timeouts_and_sizes(self):
        factory = self.start("--open-timeout=1.5", "--close-timeout=2", "--max-size=3")
        self.assertEqual(factory.open_timeout, 1.5)
        self.assertEqual(factory.close_timeout, 2)
        self.assertEqual(factory.max_size, 3)

    def test_limits_of_requests(self):
        factory = self.start("--max-line-size=65536", "--max-headers", "200")
        self.assertEqual(factory.head_limits, (65536, 200))

    def test_the_memory_of_compression(self):
        self.assertEqual(self.start("--compression-memory=1G").compression_budget.limit, 2**30)

    def test_the_memory_of_compression_may_have_no_limit(self):
        self.assertIsNone(self.start("--compression-memory=none").compression_budget.limit)

    def test_the_memory_of_compression_is_limited_by_default(self):
        self.assertEqual(self.start().compression_budget.limit, 64 * 2**20)

    def test_connections_are_logged_if_they_are_to_be(self):
        self.assertIs(self.start().log_connections, False)

    def test_the_option_log_connections_reaches_the_factory(self):
        self.assertIs(self.start("--log-connections").log_connections, True)

    def test_none_is_no_limit(self):
        factory = self.start("--open-timeout=none", "--close-timeout=None", "--max-size=NONE")
        self.assertIsNone(factory.open_timeout)
        self.assertIsNone(factory.close_timeout)
        self.assertIsNone(factory.max_size)

    def test_pings(self):
        both = self.join_client(self.start("--ping-interval=5", "--ping-timeout=2"))
        both.advance(5)
        self.assertEqual(len(both.client.pinged), 1)
        both.vanish()
        both.advance(7)
        self.assertEqual(both.server.close_code, 1006)

    def test_no_pings(self):
        self.assertIsNone(self.start("--ping-interval=none").keepalive)

    def test_an_application_gets_the_options_too(self):
        factory = self.start("--app", "txws2:WebSocketServerProtocol", "--max-size", "3")
        self.assertEqual((factory.handler, factory.max_size), (None, 3))
        self.assertEqual(factory.origins, ["same-origin", None])

    def test_subprotocols(self):
        factory = self.start("--subprotocol", "v2.chat", "--subprotocol", "v1.chat")
        self.assertEqual(factory.subprotocols, ["v2.chat", "v1.chat"])

    def test_sizes_and_times_may_have_a_unit(self):
        factory = self.start("--open-timeout=500ms", "--max-size=2M", "--max-line-size", "64KiB")
        self.assertEqual(factory.open_timeout, 0.5)
        self.assertEqual(factory.max_size, 2**21)
        self.assertEqual(factory.head_limits[0], 65536)

    def test_the_error_for_a_wrong_number_names_the_option_and_an_example(self):
        for option, given in (
            *(("ping-interval", given) for given in ("x", "0", "-1", "nan", "inf")),
            *(("max-size", given) for given in ("1.5", "-1", "nan", "1XB")),
            ("compression-memory", "-1"),
            ("close-timeout", ""),
            *(("max-headers", given) for given in ("none", "0", "-1")),
            *(("max-line-size", given) for given in ("x", "none", "0")),
            *(("max-connections", given) for given in ("0", "1.5")),
            ("max-connections-per-host", "-1"),
            ("drain", "-1s"),
        ):
            stopped = self.assertRaises(
                CannotStart, Options().parseOptions, [f"--{option}={given}"]
            )
            self.assertRegex(
                str(stopped),
                rf"^twistd ws: --{option} must be a number of .*, as [16].*; it is '{given}'$",
            )

    def test_each_error_of_the_command_line_names_the_option(self):
        for argument in "--nonsense", "word", "--host=*":
            stopped = self.assertRaises(CannotStart, Options().parseOptions, [argument])
            self.assertRegex(
                str(stopped), "^twistd ws: .*[^.]; twistd ws --help shows all options$"
            )

    def test_without_arguments_they_are_those_of_the_process(self):
        self.patch(sys, "argv", ["ws", "--echo", "--max-size=3"])
        options = Options()
        options.parseOptions()
        self.assertEqual((options["echo"], options["max-size"]), ([("/", "")], 3))

    def test_two_sets_of_options_share_nothing(self):
        Options().parseOptions(["--listen=tcp:81"])
        self.assertEqual(Options()["listen"], [])

    def test_the_help_has_no_gaps_in_its_sentences(self):
        for line in Options().getUsage().splitlines():
            self.assertNotIn("  ", line[32:].strip())
            self.assertNotIn("..", line.replace("...", ""))

    def test_twistd_knows_it_as_ws(self):
        [plugin] = [plugin for plugin in getPlugins(IServiceMaker) if plugin.tapname == "ws"]
        self.assertEqual(plugin.module, "txws2.tap")


class OriginTests(TapTestCase):
    """Attack 10."""

    ours, https, foreign = "http://a.example:81", "https://a.example:81", "http://b.example"

    def accepted(self, *arguments, host="a.example:81"):
        """Return those of these origins that can connect."""
        factory = self.make(*arguments).factory
        return [
            origin
            for origin in (self.ours, self.https, self.foreign, None)
            if self.opens(factory, origin, host)
        ]

    def opens(self, factory, origin, host):
        try:
            joined(factory, uri=f"ws://{host}/", client=RecordedClient, origin=origin)
        except InvalidStatus as exc:
            self.assertEqual(exc.response.status_code, 403)
            return False
        return True

    def test_by_default_pages_of_other_hosts_are_refused(self):
        self.assertEqual(self.accepted(), [self.ours, self.https, None])
        self.assertEqual(self.accepted(host="c.example"), [None])
        self.assertEqual(self.accepted(host="a.example"), [None])

    def test_only_named_origins_are_accepted(self):
        self.assertEqual(self.accepted("--origin", "HTTP://b.example"), [self.foreign])
        self.assertEqual(
            self.accepted("--origin", "http://b.example", "--origin", "None"), [self.foreign, None]
        )
        self.assertEqual(
            self.accepted("--origin", "http://b.example", "--origin", "same-origin"),
            [self.ours, self.https, self.foreign],
        )

    def test_any_is_all_of_them(self):
        everybody = [self.ours, self.https, self.foreign, None]
        self.assertEqual(self.accepted("--origin", "any"), everybody)
        self.assertEqual(self.accepted("--origin=http://b.example", "--origin=ANY"), everybody)

    def test_an_application_s_own_factory_has_its_own(self):
        factory = self.make("--app", "tests.test_tap:FACTORY").factory
        self.assertIs(factory, FACTORY)
        self.assertTrue(self.opens(factory, self.foreign, "a.example"))


class HostTests(TapTestCase):
    """Attack 30: dNS rebinding."""

    asked = (
        *("localhost", "LOCALHOST:8000", "127.0.0.1:8000", "127.1.2.3", "[::1]:8000"),
        *("evil.example", "localhost.evil.example", "192.0.2.1", "[2001:db8::1]"),
    )
    of_loopback = [*asked[:5]]

    def accepted(self, *arguments, asked=asked):
        """Return those of these hosts that the server answers for."""
        factory = self.start(*arguments)
        return [host for host in asked if self.opens(factory, host)]

    def opens(self, factory, host):
        try:
            joined(factory, uri=f"ws://{host}/", client=RecordedClient)
        except InvalidStatus as exc:
            self.assertEqual(exc.response.status_code, 421)
            return False
        return True

    def test_on_the_loopback_it_answers_for_that_only(self):
        self.assertEqual(self.accepted(), self.of_loopback)

    def test_each_way_to_listen_on_the_loopback_answers_for_that_only(self):
        for places in (
            ["tcp:81:interface=127.0.0.1"],
            ["tcp:81:127.0.0.2"],
            [r"tcp6:81:interface=\:\:1"],
            ["tcp:81:interface=127.0.0.1", r"tcp6:81:interface=\:\:1"],
        ):
            self.reactor.tcpServers.clear()
            arguments = [f"--listen={place}" for place in places]
            self.assertEqual(self.accepted(*arguments), self.of_loopback, places)

    def test_a_page_of_the_same_origin_is_refused_if_its_name_was_made_to_lead_here(self):
        factory = self.start()
        with self.assertRaises(InvalidStatus) as refused:
            joined(factory, uri="ws://evil.example:8000/", origin="http://evil.example:8000")
        response = refused.exception.response
        self.assertEqual(response.status_code, 421)
        self.assertIn(b"'evil.example:8000': that isn't among its hosts (--host of", response.body)

    def test_an_interface_that_is_named_is_answered_for(self):
        asked = "my-machine:81", "my-machine", "localhost", "evil.example"
        accepted = self.accepted("--listen", "tcp:81:interface=my-machine", asked=asked)
        self.assertEqual(accepted, [*asked[:3]])

    def test_the_host_of_a_named_origin_is_answered_for(self):
        """A proxy on this machine that doesn't change Host sends it."""
        asked = "chat.example", "localhost", "evil.example"
        arguments = "--origin=https://chat.example:8443", "--origin=none", "--origin=null"
        self.assertEqual(self.accepted(*arguments, asked=asked), [*asked[:2]])

    def test_a_server_that_others_reach_does_not_know_its_names(self):
        for places in (
            ["tcp:81"],
            ["tcp:81:interface=192.0.2.1"],
            [r"tcp6:81:interface=\:\:"],
            ["tcp:81:interface=127.0.0.1", "tcp:82"],
            ["tcp:82", "tcp:81:interface=127.0.0.1"],
            ["tcp:81:interface=127.0.0.1", "unix:/run/chat.sock"],
            ["haproxy:tcp:81:interface=127.0.0.1"],
        ):
            arguments = [f"--listen={place}" for place in places]
            self.start(*arguments)
            self.assertIsNone(self.service.factory.hosts, places)

    def test_behind_a_proxy_neither(self):
        self.assertEqual(self.accepted("--trusted-proxy=127.0.0.1"), [*self.asked])

    def test_those_that_are_named_are_all_that_it_answers_for(self):
        named = "--host=evil.example", "--host", "192.0.2.0/24", "--host=2001:db8::1"
        self.assertEqual(self.accepted(*named), ["evil.example", "192.0.2.1", "[2001:db8::1]"])
        self.reactor.tcpServers.clear()
        self.assertEqual(self.accepted("--listen=tcp:81", *named[:1]), ["evil.example"])

    def test_any_is_all_of_them(self):
        self.assertEqual(self.accepted("--host=any"), [*self.asked])
        self.assertEqual(self.accepted("--host=localhost", "--host=any"), [*self.asked])

    def test_an_application_s_own_factory_has_its_own(self):
        service = self.make("--app", "tests.test_tap:FACTORY")
        self.assertIs(service.factory, FACTORY)
        self.assertIsNone(service.hosts_of_loopback)

    def test_other_applications_have_those_of_the_command(self):
        arguments = "--app", "txws2:WebSocketServerProtocol"
        self.assertEqual(self.accepted(*arguments), self.of_loopback)

    def test_it_is_no_place_to_listen(self):
        for place in "0.0.0.0", "::", "*":
            error = self.assertRaises(CannotStart, Options().parseOptions, [f"--host={place}"])
            self.assertIn("--listen has the address to listen on", str(error))


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

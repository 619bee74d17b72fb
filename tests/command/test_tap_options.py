"""The options of `twistd ws`, and the origins and hosts that it accepts."""

import sys

from twisted.application.service import IServiceMaker
from twisted.internet.task import Clock
from twisted.plugin import getPlugins

from tests.support.sides import RecordedClient
from tests.support.tap import TapTestCase
from txws2.exceptions import InvalidStatus
from txws2.server.factory import WebSocketServerFactory
from txws2.tap import CannotStart, Options
from txws2.testing import joined

FACTORY = WebSocketServerFactory(None, reactor=Clock())


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
        factory = self.make("--app", f"{__name__}:FACTORY").factory
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
        service = self.make("--app", f"{__name__}:FACTORY")
        self.assertIs(service.factory, FACTORY)
        self.assertIsNone(service.hosts_of_loopback)

    def test_other_applications_have_those_of_the_command(self):
        arguments = "--app", "txws2:WebSocketServerProtocol"
        self.assertEqual(self.accepted(*arguments), self.of_loopback)

    def test_it_is_no_place_to_listen(self):
        for place in "0.0.0.0", "::", "*":
            error = self.assertRaises(CannotStart, Options().parseOptions, [f"--host={place}"])
            self.assertIn("--listen has the address to listen on", str(error))

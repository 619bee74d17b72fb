"""The configuration file of `twistd ws`: all options, several servers, and each error."""

import re
import sys
import tomllib
from pathlib import Path
from textwrap import dedent

from tests.support.sides import RecordedClient
from tests.test_tap import TapTestCase
from txws2._command.option import CannotStart
from txws2._command.option_groups import GROUPS, OF_THE_FILE
from txws2.server.factory import WebSocketServerFactory
from txws2.server.mounts import factories_of
from txws2.tap import Options, TwistdService, TwistdServices
from txws2.testing import joined

OPTIONS = [each for group in GROUPS for each in group.options if each.name not in OF_THE_FILE]

# A value of each option, as in a file, and the value that it stands for.
SAMPLES = {
    "app": ('"/a=chat:handler"', [("/a", "chat:handler")]),
    "echo": ("true", [("/", "")]),
    "static": ('["public", "/a=/srv/www"]', [("/", "public"), ("/a", "/srv/www")]),
    "wsgi": ('"site:app"', [("/", "site:app")]),
    "web": ('["site:root"]', [("/", "site:root")]),
    "forward": (
        '["localhost:5900", "/x=ws://localhost:81/y?z=1", "/vnc"]',
        [("/", "localhost:5900"), ("/x", "ws://localhost:81/y?z=1"), ("/vnc", "")],
    ),
    "exec": ('"/count=./count.sh --to=9"', [("/count", "./count.sh --to=9")]),
    "exec-binary": ("'/=/bin/cat a=b'", [("/", "/bin/cat a=b")]),
    "exec-shared": ('["tail -F log", "/b=top -b"]', [("/", "tail -F log"), ("/b", "top -b")]),
    "relay": ('["/", "/chat"]', [("/", ""), ("/chat", "")]),
    "history": ('"10,1m"', (10, 60)),
    "presence": ("true", 1),
    "publish": ('"nobody"', "nobody"),
    "publish-tokens": ('"tokens"', "tokens"),
    "publish-rate": ("50", 50),
    "targets": ('"/etc/vnc-targets"', "/etc/vnc-targets"),
    "jwt-key": ('"key.pem"', "key.pem"),
    "record": ('"recordings"', "recordings"),
    "max-programs": ('"none"', None),
    "pass-environment": ('["HOME", "LANG"]', ["HOME", "LANG"]),
    "term-after": ("0", 0),
    "kill-after": ('"2m"', 120),
    "shared-history": ("20", 20),
    "shared-input": ("true", 1),
    "status": ("true", [("/status", "")]),
    "healthz": ('"/health"', [("/health", "")]),
    "metrics": ("true", [("/metrics", "")]),
    "status-password": ('"secret"', "secret"),
    "listen": ('[8000, ":80"]', ["tcp:8000:interface=127.0.0.1", "tcp:80"]),
    "origin": ('"HTTPS://a.example"', ["https://a.example"]),
    "host": ('["a.example", "::1"]', ["a.example", "::1"]),
    "subprotocol": ('["v2", "v1"]', ["v2", "v1"]),
    "trusted-proxy": ('"10.0.0.0/8"', ["10.0.0.0/8"]),
    "certificate": ('"cert.pem"', "cert.pem"),
    "private-key": ('"key.pem"', "key.pem"),
    "client-ca": ('"ca.pem"', "ca.pem"),
    "redirect-http": ('":80"', ["tcp:80"]),
    "user-file": ('"users"', "users"),
    "bearer-tokens": ('"tokens"', "tokens"),
    "query-tokens": ("true", 1),
    "authorize": ('"http://a.example/"', "http://a.example/"),
    "authorize-name": ('"X-User"', "X-User"),
    "max-size": ('"10M"', 10 * 2**20),
    "max-connections": ("1_000", 1000),
    "max-connections-per-host": ('"none"', None),
    "compression-memory": ('"1GB"', 10**9),
    "max-line-size": ("65536", 65536),
    "max-headers": ("0x10", 16),
    "ping-interval": ("2.5", 2.5),
    "ping-timeout": ('"1m"', 60),
    "open-timeout": ('"500ms"', 0.5),
    "close-timeout": ("1e1", 10),
    "drain": ('"none"', None),
    "idle-exit": ('"10m"', 600),
    "log-connections": ("true", 1),
    "access-log": ('"-"', "-"),
    "json-log": ("true", 1),
}


class FileTestCase(TapTestCase):
    def setUp(self):
        super().setUp()
        self.path = Path(self.mktemp())
        self.path.mkdir()
        self.path /= "ws.toml"

    def write(self, text):
        self.path.write_text(dedent(text))
        return f"--config={self.path}"

    def parse(self, text, *arguments):
        """Return the options of each server."""
        options = Options()
        options.parseOptions([*arguments, self.write(text)])
        return options.services()

    def assertRefused(self, expected, text, *arguments):
        """Assert that these are all errors; {file} stands for the file in them."""
        error = self.assertRaises(CannotStart, self.make, self.write(text), *arguments)
        said = str(error).replace(str(self.path), "ws.toml")
        self.assertEqual(said.removeprefix("twistd ws: ").split("\ntwistd ws: "), expected)


class OptionsTests(FileTestCase):
    def test_it_can_have_every_option(self):
        self.assertEqual(set(SAMPLES), {option.name for option in OPTIONS})
        for name, (written, value) in SAMPLES.items():
            [options] = self.parse(f"{name} = {written}\n")
            self.assertEqual(options[name], value, name)
            self.assertEqual(options.given.count(name), len(value) if options_many(name) else 1)

    def test_options_without_a_value_there_have_their_defaults(self):
        [options] = self.parse("")
        default = Options()
        for option in OPTIONS:
            self.assertEqual(options[option.name], default[option.name])
        [options] = self.parse("log-connections = false\n")
        self.assertEqual((options["log-connections"], options.given), (0, []))
        [options] = self.parse("echo = false\nstatus = false\n")
        self.assertEqual(options.given, [])

    def test_the_command_line_wins(self):
        [options] = self.parse(
            """
            max-size = 3
            max-headers = 5
            origin = ["https://a.example", "https://b.example"]
            """,
            "--max-size=4",
            "--origin=https://c.example",
        )
        self.assertEqual((options["max-size"], options["max-headers"]), (4, 5))
        self.assertEqual(options["origin"], ["https://c.example"])

    def test_even_with_a_default(self):
        [options] = self.parse("ping-interval = 5", "--ping-interval=20")
        self.assertEqual(options["ping-interval"], 20)

    def test_the_service_has_them(self):
        service = self.make(self.write("max-size = '3K'\nlisten = 81\ndrain = 60\n"))
        self.assertIs(type(service), TwistdService)
        self.assertEqual(service.factory.max_size, 3 * 1024)
        service.privilegedStartService()
        [(port, _, _, interface)] = self.reactor.tcpServers
        self.assertEqual((port, interface), (81, "127.0.0.1"))

    def test_it_may_begin_with_a_byte_order_mark_as_on_windows(self):
        self.path.write_bytes(b"\xef\xbb\xbfmax-size = 3\n")
        self.assertEqual(self.make(f"--config={self.path}").factory.max_size, 3)

    def test_lines_may_end_as_on_windows(self):
        self.path.write_bytes(b"max-size = 3\r\nmax-headers = 4\r\n")
        options = Options()
        options.parseOptions([f"--config={self.path}"])
        self.assertEqual(options.services()[0]["max-headers"], 4)

    def test_applications_may_be_quoted_in_any_way_of_toml(self):
        [options] = self.parse(
            """
            'max-size' = '''3'''
            "max-headers" = 4
            """
        )
        self.assertEqual((options["max-size"], options["max-headers"]), (3, 4))


def options_many(name):
    return next(option for option in OPTIONS if option.name == name).many


class ServicesTests(FileTestCase):
    TWO = """
        max-size = 3
        close-timeout = 7

        [[service]]
        listen = 81
        echo = "/a"

        [[service]]
        listen = [82, 83]
        max-size = 4
        """

    def test_each_has_its_own_options_and_those_above_all(self):
        first, second = self.parse(self.TWO)
        self.assertEqual((first["max-size"], second["max-size"]), (3, 4))
        self.assertEqual((first["close-timeout"], second["close-timeout"]), (7, 7))
        self.assertEqual((len(first["listen"]), len(second["listen"])), (1, 2))

    def test_a_service_can_go_without_what_stands_above_all(self):
        first, second = self.parse(
            """
            log-connections = true
            origin = "https://a.example"
            [[service]]
            listen = 80
            log-connections = false
            origin = []
            [[service]]
            listen = 81
            """
        )
        self.assertEqual((first["log-connections"], first["origin"]), (0, []))
        self.assertEqual((second["log-connections"], second["origin"]), (1, ["https://a.example"]))

    def test_the_command_line_wins_over_all(self):
        both = self.parse(self.TWO, "--max-size=5")
        self.assertEqual([options["max-size"] for options in both], [5, 5])

    def test_they_listen_and_stop_together(self):
        service = self.make(self.write(self.TWO))
        self.assertIsInstance(service, TwistdServices)
        self.assertEqual(service.name, "ws")
        service.privilegedStartService()
        service.startService()
        self.assertEqual([port for port, *_ in self.reactor.tcpServers], [81, 82, 83])
        clients = [
            joined(factory, client=RecordedClient, uri="ws://localhost/a")
            for server in service._servers
            for factory in factories_of(server.factory)[:1]
        ]
        stopping = service.stopService()
        for each in clients:
            each.pump()
        self.successResultOf(stopping)
        self.assertEqual([each.client.close_code for each in clients], [1001] * 2)

    def test_twist_starts_them_without_privileges(self):
        self.make(self.write(self.TWO)).startService()
        self.assertEqual(len(self.reactor.tcpServers), 3)

    def test_the_version_is_logged_once(self):
        self.make(self.write(self.TWO)).privilegedStartService()
        lines = [event["log_format"] for event in self.events]
        self.assertEqual(sum(line.startswith("txws2 {version}") for line in lines), 1)

    def test_a_second_signal_ends_all_of_them(self):
        service = self.make(self.write(self.TWO))
        service.privilegedStartService()
        service.startService()
        stopped = []
        for each in service._servers:
            each.stopNow = lambda: stopped.append(True)
        [handler] = set(self.handlers.values())
        handler(15, None)
        self.assertEqual(stopped, [])
        handler(15, None)
        self.assertEqual(stopped, [True, True])

    def test_one_table_is_one_server(self):
        service = self.make(self.write("[[service]]\nlisten = 81\n"))
        self.assertIs(type(service), TwistdService)


class ErrorTests(FileTestCase):
    def test_a_file_that_is_not_there(self):
        error = self.assertRaises(CannotStart, Options().parseOptions, ["--config=/nowhere/x"])
        self.assertEqual(str(error), "twistd ws: can't read /nowhere/x: No such file or directory")

    def test_a_file_that_is_too_large(self):
        self.assertRefused(
            ["ws.toml is larger than 1 MiB, so it isn't a file of options"], "#" * (2**20 + 1)
        )

    def test_a_file_that_is_not_utf_8(self):
        self.path.write_bytes(b"max-size = 3\n# caf\xe9\n")
        error = self.assertRaises(CannotStart, self.make, f"--config={self.path}")
        self.assertEqual(str(error), f"twistd ws: {self.path}:2: expected UTF-8, as TOML is")

    def test_a_mistake_in_toml(self):
        for text, place in {
            "max-size = 3\nmax-headers = x\n": "2:15",
            "max-size 3\n": "1:10",
            "max-size = 3\nmax-size = 4\n": "2:13",
            "max-size = 3\nx = '''\n\n": "2",
        }.items():
            error = self.assertRaises(CannotStart, self.make, self.write(text))
            pattern = f"twistd ws: {re.escape(str(self.path))}:{place}: [A-Z].*[^)]"
            self.assertRegex(str(error), f"^{pattern}$")

    def test_what_is_no_option(self):
        self.assertRefused(
            [
                "ws.toml:2: max-sizes isn't an option; twistd ws --help shows all options",
                "ws.toml:4: max_headers isn't an option; max-headers is one",
                "ws.toml:5: server isn't an option; twistd ws --help shows all options",
            ],
            "\nmax-sizes = 3\n\nmax_headers = 4\n[server]\nlisten = 80\n",
        )

    def test_what_is_for_the_command_line_only(self):
        self.assertRefused(
            [
                "ws.toml:1: config is for the command line only",
                "ws.toml:2: check-config is for the command line only",
            ],
            "config = 'x'\ncheck-config = true\n",
        )

    def test_a_value_of_the_wrong_kind(self):
        self.assertRefused(
            [
                "ws.toml:1: max-size must be a text, or a number; it is true",
                "ws.toml:2: max-headers must be a text, or a number; it is an array",
                "ws.toml:3: origin must be a text, or an array of texts; it is an array",
                "ws.toml:4: host must be a text, or an array of texts; it is a table",
                "ws.toml:5: drain must be a text, or a number; it is a date",
                "ws.toml:6: open-timeout must be a text, or a number; it is a time",
                "ws.toml:7: log-connections must be true or false; it is 1",
                "ws.toml:8: echo must be a text, or an array of texts; it is a table",
                "ws.toml:9: static must be a text, or an array of texts; it is false",
            ],
            """\
            max-size = true
            max-headers = [1]
            origin = [["a"]]
            host = {a = 1}
            drain = 2026-01-01
            open-timeout = 07:32:00
            log-connections = 1
            echo = {}
            static = false
            """,
        )

    def test_a_value_that_the_command_line_would_refuse_too(self):
        self.assertRefused(
            [
                "ws.toml:1: ping-interval must be a number of seconds, more than 0, as 10, 10s, "
                "500ms or 2m, or none; it is 'soon'",
                "ws.toml:2: host must be a host that clients request, and no client requests *; "
                "--listen has the address to listen on, as tcp:8000",
                "ws.toml:3: listen must have a port from 0 to 65535, as 8000, :8000, 0.0.0.0:80 "
                "or [::]:443; it is '70000'",
                "ws.toml:4: echo must have a path: a path begins with a slash, as '/chat'; it is "
                "'x'",
            ],
            "ping-interval = 'soon'\nhost = '*'\nlisten = 70000\necho = ['/a', 'x']\n",
        )

    def test_applications_and_places_that_are_not_there(self):
        self.assertRefused(
            [
                "ws.toml:5: listen: 'nope:1' isn't an endpoint: Unknown endpoint type: 'nope'",
                "ws.toml:6: redirect-http: 'x:2' isn't an endpoint: Unknown endpoint type: 'x'",
                "ws.toml:4: origin: 'foo' isn't an origin: that is a scheme, a host and perhaps a "
                "port, without a path, as 'https://example.com'",
                "ws.toml:1: app: 'os' has no 'nobody'",
                "ws.toml:2: static: there is no directory 'nowhere'",
                "ws.toml:6: --redirect-http has no effect without --certificate; give both",
            ],
            """\
            app = "/a=os:nobody"
            static = "nowhere"

            origin = "foo"
            listen = ["nope:1"]
            redirect-http = "x:2"
            """,
        )

    def test_places_that_are_taken(self):
        self.assertRefused(
            [
                "ws.toml:1: --echo is at '/a/' twice; give one of them another path, as "
                "--echo /other"
            ],
            'echo = ["/a", "/a/"]\n',
        )

    def test_options_without_effect(self):
        self.patch(sys.modules[__name__], "OWN", WebSocketServerFactory(reactor=self.reactor))
        name = f"{__name__}:OWN"
        self.assertRefused(
            [
                f"ws.toml:2: {name} is a factory, and has its own options; --max-size would have "
                "no effect on it, so give it to the factory in your code"
            ],
            f'app = "{name}"\nmax-size = 3\n',
        )

    def test_each_server_has_its_own_places(self):
        self.assertRefused(
            [
                "ws.toml:1: listen stands above [[service]]; each [[service]] must have its own",
                "ws.toml:2: echo stands above [[service]]; each [[service]] must have its own",
            ],
            "listen = 80\necho = true\n[[service]]\nmax-size = 3\n",
        )

    def test_two_servers_can_t_listen_at_one_place(self):
        self.assertRefused(
            ["ws.toml:5: --listen has 'tcp:80' twice; only one server can listen there"],
            '[[service]]\nlisten = ":80"\n[[service]]\n\nlisten = "tcp:80"\n',
        )

    def test_the_place_of_a_default_is_that_of_its_table(self):
        self.assertRefused(
            [
                "ws.toml:4: --listen has 'tcp:8000:interface=127.0.0.1' twice; only one server "
                "can listen there"
            ],
            "[[service]]\necho = true\n\n[[service]]\necho = true\n",
        )

    def test_the_redirect_can_t_be_where_a_server_is(self):
        self.assertRefused(
            [
                "ws.toml:4: --redirect-http has 'tcp:80', too; only one server can listen there",
                "ws.toml:4: --redirect-http has no effect without --certificate; give both",
            ],
            """[[service]]\nlisten = ":80"\n[[service]]\nredirect-http = ":80"\nlisten = 1\n""",
        )

    def test_what_is_for_the_whole_process_stands_above_the_services(self):
        self.assertRefused(
            [
                "ws.toml:2: idle-exit is for the whole process, so it stands above [[service]]",
                "ws.toml:4: json-log is for the whole process, so it stands above [[service]]",
            ],
            "[[service]]\nidle-exit = 3\n[[service]]\njson-log = true\nlisten = 81\n",
        )

    def test_a_table_in_a_service_is_told_at_its_own_line(self):
        self.assertRefused(
            ["ws.toml:3: tls isn't an option; twistd ws --help shows all options"],
            "[[service]]\nlisten = 81\n[service.tls]\nport = 3\n",
        )

    def test_an_odd_key_is_shown_in_quotation_marks(self):
        text = "isn't an option; twistd ws --help shows all options"
        self.assertRefused(
            [f"ws.toml:1: 'a\\n\\x1b' {text}", f"ws.toml:2: '' {text}", f"ws.toml:3: 'ü' {text}"],
            '"a\\n\\u001b" = 1\n"" = 2\n"ü" = 3\n',
        )

    def test_the_command_line_can_t_say_where_several_listen(self):
        for argument in "--listen=80", "--echo", "--forward=localhost:1", "--exec-shared=top":
            self.assertRefused(
                [
                    "ws.toml has several services, so "
                    f"{argument.partition('=')[0]} must be in the file"
                ],
                "[[service]]\nlisten = 81\n[[service]]\nlisten = 82\n",
                argument,
            )

    def test_services_that_are_no_array_of_tables(self):
        text = "service must be an array of tables: write [[service]] above the options"
        self.assertRefused([f"ws.toml:2: {text}"], "\n[service]\nlisten = 80\n")
        self.assertRefused([f"ws.toml:1: {text}"], "service = 3\n")
        self.assertRefused([f"ws.toml:1: {text}"], "service = [3]\n")

    def test_the_line_is_that_of_the_right_table(self):
        self.assertRefused(
            [
                "ws.toml:9: max-size must be a number of bytes, as 65536, 64KiB or 1MB, or none; "
                "it is '-1'",
                "ws.toml:14: max-sizes isn't an option; twistd ws --help shows all options",
            ],
            """\
            # max-sizes = 1
            max-size = 3

            [[service]]
            listen = 8000
            max-headers = 3

            [[service]]
            max-size = -1
            listen = 81
            subprotocol = ["max-sizes = 1",
              "[[service]]"]
            # [[service]]
              max-sizes = 1
            """,
        )

    def test_finding_the_lines_of_a_large_file_takes_no_longer_than_reading_it(self):
        parsed = []
        loads = tomllib.loads
        self.patch(tomllib, "loads", lambda text: parsed.append(len(text)) or loads(text))
        text = "[[service]]\nmax-size = 3\nmax-headers = 4\n" * 300
        self.parse(text)
        self.assertLess(sum(parsed), 3 * len(text))

    def test_a_line_within_a_text_is_none(self):
        self.assertRefused(
            ["ws.toml:4: max-sizes isn't an option; twistd ws --help shows all options"],
            'subprotocol = """\\\n  max-sizes = 1\\\n  """\nmax-sizes = 3\n',
        )

    def test_a_table_in_a_line_has_the_place_of_all_tables(self):
        self.assertRefused(
            ["ws.toml:1: x isn't an option; twistd ws --help shows all options"],
            "service = [{x = 3}]\n",
        )


OWN = None


class CheckTests(FileTestCase):
    def check(self, *arguments):
        """Return the exit status, and the text on stdout."""
        said = []
        self.patch(sys, "stdout", Out(said))
        exited = self.assertRaises(SystemExit, Options().parseOptions, arguments)
        return exited.code, "".join(said).replace(str(self.path), "ws.toml")

    def test_a_file_that_is_right(self):
        code, text = self.check(self.write("max-size = 3"), "--check-config")
        self.assertEqual((code, text), (0, "ws.toml is right, and has one server.\n"))

    def test_it_says_how_many_servers_there_are(self):
        file = self.write("[[service]]\nlisten = 81\n[[service]]\nlisten = 82\n")
        _, text = self.check("--check-config", file)
        self.assertEqual(text, "ws.toml is right, and has 2 servers.\n")

    def test_the_command_line_can_be_checked_alone(self):
        code, text = self.check("--check-config", "--echo", "/x")
        self.assertEqual((code, text), (0, "The command line is right, and has one server.\n"))

    def test_nothing_listens(self):
        self.check(self.write("listen = 81"), "--check-config")
        self.assertEqual(self.reactor.tcpServers, [])

    def test_all_that_is_wrong_is_told(self):
        code, text = self.check(
            "--check-config",
            self.write(
                "[[service]]\napp = 'os:nobody'\n[[service]]\nlisten = 82\nstatic = 'nowhere'\n"
            ),
        )
        self.assertEqual(text, "")
        self.assertEqual(
            code.replace(str(self.path), "ws.toml"),
            "twistd ws: ws.toml:2: app: 'os' has no 'nobody'\n"
            "twistd ws: ws.toml:5: static: there is no directory 'nowhere'",
        )

    def test_no_file_is_left_behind(self):
        # A service with another user couldn't write to the file of whoever has checked the options.
        log = self.path.with_name("access.log")
        code, _ = self.check(self.write(f"access-log = {str(log)!r}\n"), "--check-config")
        self.assertEqual((code, log.exists()), (0, False))
        self.check("--access-log", str(log), "--check-config")
        self.assertFalse(log.exists())
        log.write_text("a line\n")
        self.check("--access-log", str(log), "--check-config")
        self.assertEqual(log.read_text(), "a line\n")


class Out:
    def __init__(self, said):
        self.write = said.append

    def flush(self):
        pass

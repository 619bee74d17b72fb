"""The configuration file of `twistd ws`: all options, and several servers."""

from pathlib import Path
from textwrap import dedent

from tests.support.sides import RecordedClient
from tests.test_tap import TapTestCase
from txws2._command.option import CannotStart
from txws2._command.option_groups import GROUPS, OF_THE_FILE
from txws2._command.services import TwistdService, TwistdServices
from txws2.server.mounts import factories_of
from txws2.tap import Options
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
    "forward-ca": ('"ca.pem"', "ca.pem"),
    "record": ('"recordings"', "recordings"),
    "record-limit": ('"10MB"', 10**7),
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

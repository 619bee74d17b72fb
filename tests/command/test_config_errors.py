"""Each error of the configuration file of `twistd ws`."""

import re
import sys
import tomllib

from tests.command.test_config_file import OPTIONS, FileTestCase
from txws2._command.option import CannotStart
from txws2.server.factory import WebSocketServerFactory
from txws2.tap import Options

# A mistake with each option, and what the file needs beside it.
MISTAKES = {
    "app": ("'x'", ""),
    "echo": ("'x'", ""),
    "static": ("'/nowhere'", ""),
    "wsgi": ("'os:nobody'", ""),
    "web": ("'os:path'", ""),
    "forward": ("'nowhere'", ""),
    "exec": ("'/nowhere/x'", ""),
    "exec-binary": ('"\'x"', ""),
    "exec-shared": ("'/nowhere/x'", ""),
    "relay": ("'x'", ""),
    "history": ("'some'", "relay = true"),
    "presence": ("true", ""),
    "publish": ("'friends'", "relay = true"),
    "publish-tokens": ("'/nowhere/x'", "relay = true"),
    "publish-rate": ("'often'", "relay = true"),
    "targets": ("'/nowhere/x'", "forward = '/'"),
    "jwt-key": ("'/nowhere/x'", "forward = '/'"),
    "record": ("'/nowhere/x'", "forward = 'localhost:1'"),
    "record-limit": ("0", "forward = 'localhost:1'"),
    "forward-ca": ("'/nowhere/x'", "forward = 'wss://localhost'"),
    "max-programs": ("0", "exec = 'cat'"),
    "pass-environment": ("'A=B'", "exec = 'cat'"),
    "term-after": ("'soon'", "exec = 'cat'"),
    "kill-after": ("-1", "exec = 'cat'"),
    "shared-history": ("-1", "exec-shared = 'cat'"),
    "shared-input": ("true", ""),
    "status": ("'x'", ""),
    "healthz": ("'x'", ""),
    "metrics": ("'x'", ""),
    "status-password": ("'/nowhere/x'", "status = true"),
    "listen": ("'x'", ""),
    "origin": ("'https://*.example'", ""),
    "host": ("'a b'", ""),
    "subprotocol": ("'a b'", ""),
    "trusted-proxy": ("'a'", ""),
    "certificate": ("'/nowhere/x'", ""),
    "private-key": ("'/nowhere/x'", ""),
    "client-ca": ("'/nowhere/x'", ""),
    "redirect-http": ("'x'", ""),
    "user-file": ("'/nowhere/x'", ""),
    "bearer-tokens": ("'/nowhere/x'", ""),
    "query-tokens": ("true", ""),
    "authorize": ("'x'", ""),
    "authorize-name": ("'a b'", ""),
    "max-size": ("-1", ""),
    "max-connections": ("0", ""),
    "max-connections-per-host": ("0", ""),
    "compression-memory": ("-1", ""),
    "max-line-size": ("0", ""),
    "max-headers": ("'none'", ""),
    "ping-interval": ("0", ""),
    "ping-timeout": ("nan", ""),
    "open-timeout": ("inf", ""),
    "close-timeout": ("0", ""),
    "drain": ("-1", ""),
    "idle-exit": ("0", ""),
    "log-connections": ("'yes'", ""),
    "access-log": ("'/nowhere/x'", ""),
    "json-log": ("1", ""),
}


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

    def test_a_mistake_with_any_option_names_the_file_the_line_and_the_key(self):
        self.assertEqual(set(MISTAKES), {option.name for option in OPTIONS})
        for name, (value, others) in MISTAKES.items():
            text = f"\n{name} = {value}\n{others}\n"
            error = self.assertRaises(CannotStart, self.make, self.write(text))
            first, *_ = str(error).removeprefix("twistd ws: ").split("\ntwistd ws: ")
            place = re.escape(f"{self.path}:2: ")
            self.assertRegex(first, rf"^{place}(.* )?(--)?{name}(?![\w-])", name)

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

"""`twistd ws --check-config`: all that is wrong is told, and nothing is started."""

import sys

from tests.command.test_config_file import FileTestCase
from txws2.tap import Options


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

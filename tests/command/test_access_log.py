"""The access log of `twistd ws`, and its log in JSON."""

import json
import os
import re
import signal
import sys
from io import StringIO
from pathlib import Path

from twisted.logger import LogLevel, formatEvent
from twisted.python.failure import Failure
from twisted.python.logfile import LogFile

from tests.command.test_authentication import TOKEN, AuthenticationTestCase
from tests.support.sides import REQUEST, Peer, QuietTestCase
from tests.support.tap import TapTestCase
from txws2._command import json_log
from txws2._command.json_log import json_line, log_as_json
from txws2.tap import CannotStart, Options
from txws2.testing import Joined
from txws2.wire.frames import encode_frame

TIME = r" \[\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d \+0000\] "


class AccessLogTests(AuthenticationTestCase):
    def setUp(self):
        super().setUp()
        self.path = self.directory / "access.log"

    def start_logged(self, *arguments):
        self.start("--access-log", str(self.path), *arguments)

    def lines(self):
        return [re.sub(TIME, " TIME ", line) for line in self.path.read_text().splitlines()]

    def talk(self, *lines, path=b"/chat?access_token=s3cret"):
        """Open a WebSocket, get an echo, and close it."""
        peer = Peer()
        joined = Joined(self.reactor.tcpServers[0][1].buildProtocol(None), peer, self.reactor)
        more = b"".join(line.encode() + b"\r\n" for line in lines)
        request = REQUEST.replace(b"/chat", path).replace(b"example.com", b"localhost")
        peer.transport.write(request[:-2] + more + b"\r\n")
        joined.pump()
        peer.transport.write(encode_frame(1, b"hello", masked=True))
        peer.transport.write(encode_frame(8, b"\x03\xe8", masked=True))
        joined.pump()
        peer.transport.loseConnection()
        joined.pump()

    def test_a_websocket_has_a_line_when_it_has_ended(self):
        self.start_logged("--bearer-tokens", self.tokens)
        self.talk(TOKEN)
        [line] = self.lines()
        self.assertRegex(line, r'^\S+ - ann TIME "GET /chat HTTP/1.1" 101 11\Z')

    def test_so_has_one_that_is_refused(self):
        self.start_logged("--bearer-tokens", self.tokens)
        self.status("/x")
        [line] = self.lines()
        self.assertRegex(line, r'^\S+ - - TIME "GET /x HTTP/1.1" 401 -\Z')

    def test_pages_and_websockets_of_a_site_have_one_line_each(self):
        self.start_logged("--web", "tests.command.test_modes:ROOT", "--echo")
        self.status("/?token=s3cret", page=True)
        self.talk()
        # A connection that was the site's before.
        page = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
        self.ask(page + REQUEST.replace(b"example.com", b"localhost").replace(b"13", b"12"))
        lines = [line.split("TIME ")[1] for line in self.lines()]
        self.assertEqual(
            lines,
            [
                '"GET / HTTP/1.1" 200 8',
                '"GET /chat HTTP/1.1" 101 11',
                '"GET / HTTP/1.1" 200 8',
                *lines[3:],
            ],
        )
        self.assertEqual(len(lines), 4)
        self.assertNotIn("s3cret", self.path.read_text())

    def test_nothing_of_a_client_ends_a_line_or_a_field(self):
        self.start_logged("--web", "tests.command.test_modes:ROOT", "--echo")
        self.ask(b'GET /"\\\xff\x1b[1m HTTP/1.1\r\nHost: localhost\r\n\r\n')
        self.talk(path=b'/a"b')
        text = self.path.read_text()
        self.assertNotIn("\x1b", text)
        for line in text.splitlines():
            self.assertEqual(line.count('"'), 2, line)

    def test_a_name_with_a_space_is_one_field(self):
        tokens = self.file("named", "abc Ann Bee")
        self.start_logged("--bearer-tokens", tokens)
        self.talk(TOKEN)
        self.assertRegex(self.lines()[0], r"^\S+ - Ann%20Bee TIME ")

    def test_a_long_line_is_cut(self):
        self.start_logged()
        self.talk(path=b"/" + b"a" * 5000)
        self.assertLess(len(self.lines()[0]), 2100)

    def test_a_factory_with_options_of_its_own_is_logged_too(self):
        service = self.make(
            *("--access-log", str(self.path), "--app", "tests.command.test_authentication:FACTORY")
        )
        self.assertIsNotNone(service.factory.access_log)
        self.make("--app", "tests.command.test_authentication:FACTORY")
        self.assertIsNone(service.factory.access_log)

    def test_sighup_opens_the_file_again(self):
        self.start_logged()
        self.path.rename(self.directory / "old")
        self.handlers[signal.SIGHUP](signal.SIGHUP, None)
        self.talk()
        self.assertEqual(len(self.lines()), 1)
        self.assertEqual((self.directory / "old").read_text(), "")

    def test_it_is_found_again_when_twistd_has_changed_the_current_directory(self):
        self.addCleanup(os.chdir, os.getcwd())
        path = self.path.absolute()
        self.start("--access-log", os.path.relpath(path))
        path.unlink()
        os.chdir("/")
        self.handlers[signal.SIGHUP](signal.SIGHUP, None)
        self.assertEqual(path.read_text(), "")

    def test_a_file_that_can_t_be_written_is_told(self):
        self.assertCannotStart(
            "--access-log: can't write '/none/x': No such file or directory",
            *("--access-log", "/none/x"),
        )

    def test_a_full_disk_is_logged_once_and_ends_no_connection(self):
        if not Path("/dev/full").exists():
            self.skipTest("there is no /dev/full")
        self.start("--access-log", "/dev/full")
        self.talk()
        self.talk()
        [event] = self.take_loud()
        self.assertIn("can't write the access log: No space left", formatEvent(event))


class LineTests(QuietTestCase):
    def test_an_event_is_one_line(self):
        event = {
            "log_time": 0.5,
            "log_level": LogLevel.warn,
            "log_namespace": "txws2.server",
            "log_format": "{x}\nand \x1b more",
            "x": "ä",
        }
        line = json_line(event)
        self.assertEqual(line.count("\n"), 1)
        self.assertTrue(line.isascii())
        self.assertEqual(
            json.loads(line),
            {
                "time": "1970-01-01T00:00:00.500+00:00",
                "level": "warn",
                "namespace": "txws2.server",
                "text": "ä\nand \x1b more",
            },
        )

    def test_a_failure_has_its_traceback(self):
        found = json.loads(json_line({"log_format": "x", "log_failure": Failure(ValueError("y"))}))
        self.assertIn("ValueError: y", found["traceback"])

    def test_an_odd_event_is_a_line_too(self):
        self.assertEqual(json.loads(json_line({}))["level"], "info")


class JSONLogTests(TapTestCase):
    def parse(self, *more, **twistd):
        options = Options()
        options.parent = {"logger": None, "logfile": None, "nodaemon": 1, **twistd}
        options.parseOptions(["--json-log", *more])
        return options.parent

    def test_twistd_makes_the_observer_by_its_name(self):
        self.assertEqual(self.parse()["logger"], "txws2._command.json_log.observer")
        self.assertEqual(json_log._path, ["-"])

    def test_it_goes_where_the_log_would_go(self):
        for twistd, path in (
            ({"logfile": "x.log"}, "x.log"),
            ({"nodaemon": 0}, "twistd.log"),
            ({"logfile": "-"}, "-"),
        ):
            self.parse(**twistd)
            self.assertEqual(json_log._path, [path])
        path = self.mktemp()
        log_as_json({"logfile": path})
        json_log.observer()({"log_format": "hello"})
        self.assertEqual(json.loads(Path(path).read_text())["text"], "hello")

    def test_an_access_log_on_the_same_stdout_is_refused(self):
        for twistd in {}, {"logfile": "-"}:
            error = self.assertRaises(CannotStart, self.parse, "--access-log=-", **twistd)
            self.assertIn("would mix two formats on standard output", str(error))
        self.parse("--access-log=-", logfile="x.log")
        self.parse("--access-log=-", nodaemon=0)
        self.parse("--access-log=x.log")

    def test_another_logger_is_refused(self):
        error = self.assertRaises(CannotStart, self.parse, syslog=True)
        self.assertIn("--json-log has no effect with --logger or --syslog", str(error))


class DeviceTests(TapTestCase):
    """twistd renames its log file for a new one, whatever it is."""

    def setUp(self):
        super().setUp()
        self.patch(sys, "stderr", StringIO())
        self.directory = Path(self.mktemp()).absolute()
        self.directory.mkdir()
        self.pipe = self.directory / "pipe"
        os.mkfifo(self.pipe)

    def said(self, logfile, *arguments, **twistd):
        """Return the words on stderr if twistd has these options."""
        sys.stderr.truncate(0)
        options = Options()
        options.parent = {"logger": None, "syslog": 0, "logfile": str(logfile), **twistd}
        options.parseOptions(arguments)
        return sys.stderr.getvalue()

    def test_what_is_no_file_would_be_renamed_and_stderr_says_so(self):
        self.assertIn(
            f"--logfile={self.pipe} isn't a regular file, and twist", self.said(self.pipe)
        )

    def test_a_file_may_be_renamed(self):
        self.assertEqual(self.said(self.directory / "new.log"), "")
        self.assertEqual(self.said("-"), "")
        self.assertEqual(self.said("twistd.log"), "")

    def test_without_the_right_to_rename_nothing_happens(self):
        self.patch(os, "access", lambda path, mode: path != str(self.directory))
        self.assertEqual(self.said(self.pipe), "")
        self.assertEqual(self.said("/dev/null", uid=1000), "")

    def test_others_write_the_log(self):
        for twistd in {"syslog": 1}, {"logger": "a.logger"}:
            self.assertEqual(self.said(self.pipe, **twistd), "")

    def test_the_log_in_json_renames_none(self):
        self.assertEqual(self.said("/dev/null", "--json-log"), "")
        file = json_log.observer()._outFile
        self.addCleanup(file.close)
        self.assertNotIsInstance(file, LogFile)

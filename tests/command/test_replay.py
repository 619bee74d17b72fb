"""`python -m txws2 replay`: what a client has sent in a recording is played to a server."""

import json
import sys
from io import StringIO
from math import inf
from pathlib import Path

from twisted.internet.defer import Deferred

import txws2.__main__
from tests.support.sides import QuietTestCase
from txws2._command.arguments import parse_replay
from txws2._command.playing import Playing
from txws2.testing import Open, Refuse, ScriptedServer, Silence

HEAD = {"format": "txws2 recording", "version": 1, "began": 0, "path": "/", "subprotocol": "binary"}
LINES = [
    {"time": 0.5, "from": "client", "text": "a text"},
    {"time": 1, "from": "server", "text": "not for the server"},
    {"time": 1.5, "from": "client", "data": "AP8="},
    {"time": 4.5, "from": "client", "text": ""},
    {"time": 9, "close": 1000, "reason": ""},
]
MESSAGES = ["a text", b"\x00\xff", ""]
DONE = "sent 1000 (OK); then received 1000 (OK)"


class ReplayTestCase(QuietTestCase):
    """Has a server in memory, and a recording."""

    def setUp(self):
        super().setUp()
        self.heard = []
        self.server = ScriptedServer(self.listen, at="ws://server/", subprotocols=["binary", "x"])
        self.reactor = self.server.reactor
        self.triggers = []
        self.reactor.addSystemEventTrigger = lambda *given: self.triggers.append(given[-1])
        self.patch(sys, "stderr", StringIO())
        self.file = Path(self.mktemp())
        self.write(HEAD, *LINES)

    async def listen(self, ws):
        async for message in ws:
            self.heard.append((self.reactor.seconds(), message))
            await ws.send("a reply")

    def write(self, *lines, end=""):
        self.file.write_text("".join(json.dumps(line) + "\n" for line in lines) + end)

    def play(self, *arguments, uri="ws://server/"):
        """Begin to play; return a Deferred of the exit status."""
        options = parse_replay([str(self.file), uri, "--proxy", "none", *arguments])
        return self.reactor.start(Playing(self.reactor, options).run())

    def ended(self, playing):
        """Return the exit status, and the lines that were said."""
        self.reactor.pump()
        return self.successResultOf(playing), sys.stderr.getvalue().splitlines()

    def messages(self):
        return [message for _, message in self.heard]


class PlayedTests(ReplayTestCase):
    def test_each_message_of_the_client_is_sent_at_its_time(self):
        playing = self.play()
        for _ in range(10):
            self.reactor.advance(0.5)
        self.assertEqual(list(zip([0.5, 1.5, 4.5], MESSAGES, strict=True)), self.heard)
        status, said = self.ended(playing)
        self.assertEqual(
            said,
            [
                "connected to ws://server/; 3 messages to send",
                f"sent 3 of 3 messages in 4.5 seconds, received 3; closed: {DONE}",
            ],
        )
        self.assertEqual(status, 0)
        self.assertEqual(self.server.connection.server.close_code, 1000)

    def test_speed_divides_the_times(self):
        for speed, times in ("2", [0.25, 0.75, 2.25]), ("inf", [0, 0, 0]), ("0.5", [1, 3, 9]):
            self.heard.clear()
            begun = self.reactor.seconds()
            playing = self.play("--speed", speed)
            for _ in range(40):
                self.reactor.advance(0.25)
            self.assertEqual([time - begun for time, _ in self.heard], times)
            self.assertEqual(self.ended(playing)[0], 0)

    def test_the_subprotocol_of_the_recording_is_offered_unless_another_is_given(self):
        for arguments, offered in ([], ["binary"]), (["-s", "x"], ["x"]):
            playing = self.play("--speed=inf", *arguments)
            self.assertEqual(self.server.attempts[-1].subprotocols, offered)
            self.assertEqual(self.ended(playing)[0], 0)

    def test_a_recording_that_was_cut_is_played_up_to_there(self):
        self.write(HEAD, *LINES[:3], end='{"time":5,"fro')
        self.assertEqual(self.ended(self.play("--speed=inf"))[0], 0)
        self.assertEqual(self.messages(), MESSAGES[:2])

    def test_a_server_that_closes_before_the_end_is_a_failure(self):
        async def leave(ws):
            await ws.recv()

        self.server.script(Open(leave))
        playing = self.play()
        for _ in range(10):
            self.reactor.advance(0.5)
        status, said = self.ended(playing)
        self.assertEqual(status, 1)
        self.assertIn("sent 1 of 3 messages in 0.5 seconds, received 0; closed: ", said[-1])

    def test_a_signal_closes_the_connection(self):
        playing = self.play()
        self.reactor.advance(1)
        [stop] = self.triggers
        stopping = stop()
        status, said = self.ended(playing)
        self.successResultOf(stopping)
        self.assertEqual(status, 1)
        self.assertEqual(
            said[-1], f"stopped; sent 1 of 3 messages in 1.0 seconds, received 1; closed: {DONE}"
        )

    def test_a_signal_while_it_connects_ends_it(self):
        self.server.script(Silence())
        playing = self.play()
        self.reactor.pump()
        [stop] = self.triggers
        stopping = stop()
        status, said = self.ended(playing)
        self.successResultOf(stopping)
        self.assertEqual((status, said), (1, ["stopped while connecting to ws://server/"]))

    def test_a_refusal_is_explained_as_for_the_console(self):
        self.server.script(Refuse(404, body="no such room"))
        status, said = self.ended(self.play())
        self.assertEqual(status, 1)
        self.assertIn("can't connect to ws://server/: ", said[0])
        self.assertEqual(
            said[1:], ["no such room", "there is a server, but no WebSocket at this path"]
        )


class DamagedTests(ReplayTestCase):
    def assertDamaged(self, problem):
        status, said = self.ended(self.play())
        self.assertEqual((status, len(said)), (1, 1))
        self.assertEqual(said[0].replace(str(self.file), "FILE"), problem)
        self.assertEqual(self.server.attempts, [])
        sys.stderr.truncate(0)
        sys.stderr.seek(0)

    def test_a_damaged_line_is_told_before_anything_is_sent(self):
        for line in (
            {},
            [],
            "text",
            None,
            {"time": -1, "from": "client", "text": ""},
            {"time": inf, "from": "client", "text": ""},
            {"time": float("nan"), "from": "client", "text": ""},
            {"time": 1, "from": "client", "text": "\ud800"},
            {"time": 1, "from": "client", "data": "A"},
            {"time": 1, "from": "both", "text": ""},
        ):
            self.write(HEAD, *LINES, line)
            self.assertDamaged("can't play FILE, line 7: this is no message")

    def test_so_is_one_that_no_parser_can_read(self):
        self.write(HEAD, end="[" * 100_000 + "\n")
        self.assertDamaged("can't play FILE, line 2: this is no message")

    def test_another_file_is_told(self):
        for data in b"", b"GIF89a\n", b"\xff\xfe" * 100, b"[" * 200_000, b"{}\n":
            self.file.write_bytes(data)
            self.assertDamaged("can't play FILE is no recording of txws2")

    def test_a_recording_of_another_version_is_told(self):
        self.write({**HEAD, "version": 2}, *LINES)
        self.assertDamaged(
            "can't play FILE is a recording of version 2; this txws2 reads version 1"
        )

    def test_one_in_which_no_client_says_anything_is_told(self):
        self.write(HEAD, LINES[1], LINES[-1])
        self.assertDamaged("can't play FILE: no client has sent anything in it")

    def test_a_file_that_is_not_there_is_told(self):
        self.file.unlink()
        self.assertDamaged("can't read FILE: No such file or directory")


class ArgumentsTests(QuietTestCase):
    def refused(self, *arguments):
        self.patch(sys, "stderr", StringIO())
        self.assertEqual(self.assertRaises(SystemExit, parse_replay, arguments).code, 2)
        return sys.stderr.getvalue()

    def test_a_speed_that_is_none_is_refused(self):
        for text in "0", "-1", "fast", "nan", "":
            self.assertIn(
                f"argument --speed: {text!r} isn't a number over 0, as 2, 0.5 or inf",
                self.refused("file", "ws://server/", f"--speed={text}"),
            )

    def test_file_and_uri_are_needed(self):
        self.assertIn("the following arguments are required: URI", self.refused("file"))

    def test_options_that_exclude_each_other_are_refused(self):
        arguments = "file", "wss://server/", "--insecure", "--cacert=x"
        self.assertIn("--insecure excludes --cacert and --cert", self.refused(*arguments))

    def test_the_word_replay_stands_before_them(self):
        runs = []
        self.patch(txws2.__main__, "react", runs.append)
        txws2.__main__.main(["replay", "file", "ws://server/"])
        self.patch(sys, "stderr", StringIO())
        [run] = runs
        reactor = ScriptedServer().reactor
        reactor.addSystemEventTrigger = lambda *given: None
        done = Deferred.fromCoroutine(run(reactor))
        self.assertEqual(self.failureResultOf(done, SystemExit).value.code, 1)
        self.assertEqual(sys.stderr.getvalue(), "can't read file: No such file or directory\n")

"""`--relay` of `twistd ws`, and each mistake in it."""

import json
from unittest.mock import patch

from tests.command.test_modes import ModesTestCase
from txws2._command.option import CannotStart
from txws2.relay import Relay


class RelayModeTests(ModesTestCase):
    def setUp(self):
        super().setUp()
        self.directory = self.directory.resolve()
        self.tokens = self.directory / "tokens"
        self.tokens.write_text("s3cret\n")

    def relay_of(self, *arguments):
        """Make the relay of a command line; return what it was made with."""
        with patch("txws2.relay.Relay", wraps=Relay) as made:
            self.make("--relay", *arguments)
        return made.call_args.args, made.call_args.kwargs

    def refused(self, *arguments):
        return str(self.assertRaises(CannotStart, self.make, *arguments))

    def test_rooms_are_below_its_path(self):
        self.start("--relay=/chat", "--echo=/")
        self.assertOpens("/chat/room/lobby", "/elsewhere")
        self.assertIn(b"404", self.open_at("/chat/other"))

    def test_without_a_path_it_is_at_the_root(self):
        self.start("--relay")
        self.assertOpens("/room/lobby")

    def test_http_clients_publish_with_a_token(self):
        self.start("--relay", "/chat", "--publish-tokens", str(self.tokens))
        head = "POST /chat/room/lobby HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n"
        self.assertIn(b" 401 ", self.ask(f"{head}\r\nhi".encode()))
        answer = self.ask(f"{head}Authorization: Bearer s3cret\r\n\r\nhi".encode())
        self.assertIn(b" 200 ", answer.split(b"\r\n")[0])
        body = answer.partition(b"\r\n\r\n")[2]
        self.assertEqual(json.loads(body[body.index(b"{") : body.index(b"}") + 1])["offset"], 1)

    def test_by_default_everybody_publishes_and_a_hundred_messages_are_kept(self):
        expected = {
            "history": 100,
            "history_seconds": None,
            "presence": False,
            "publish": "everybody",
            "tokens": None,
            "reactor": self.reactor,
        }
        self.assertEqual(self.relay_of(), (("/",), expected))

    def test_the_history_has_a_number_and_perhaps_a_time(self):
        for given, messages, seconds in (
            ("7", 7, None),
            ("0", 0, None),
            ("10,1m", 10, 60),
            ("last", 1, None),
        ):
            found = self.relay_of("--history", given)[1]
            self.assertEqual((found["history"], found["history_seconds"]), (messages, seconds))

    def test_presence_and_publishers_are_settings(self):
        found = self.relay_of("--presence", "--publish=nobody")[1]
        self.assertEqual((found["presence"], found["publish"]), (True, "nobody"))

    def test_a_wrong_history_is_refused(self):
        for given in "many", "-1", "10,", "10,soon", "":
            self.assertCannotStart(
                "--history must be a number of messages, perhaps with a time, as 100 or 100,1h, or "
                f"last; it is {given!r}",
                "--relay",
                "--history",
                given,
            )

    def test_a_wrong_word_for_the_publishers_is_refused(self):
        self.assertCannotStart(
            "--publish must be everybody or nobody; it is 'me'", "--relay", "--publish=me"
        )

    def test_a_file_of_tokens_that_cannot_be_read_is_refused(self):
        missing = self.directory / "missing"
        self.assertCannotStart(
            f"can't read --publish-tokens {missing}: No such file or directory",
            "--relay",
            f"--publish-tokens={missing}",
        )

    def test_a_file_of_wrong_tokens_is_refused(self):
        self.tokens.write_text("two words\n")
        said = self.refused("--relay", f"--publish-tokens={self.tokens}")
        self.assertIn("line 1: a token has letters, digits", said)
        self.assertNotIn("two words", said)

    def test_tokens_beside_passwords_are_refused(self):
        said = self.refused(
            "--relay", f"--publish-tokens={self.tokens}", f"--bearer-tokens={self.tokens}"
        )
        self.assertIn("--publish-tokens and --bearer-tokens both need the Authorization", said)

    def test_a_site_at_the_same_path_is_refused(self):
        said = self.refused("--relay", f"--static={self.directory}")
        self.assertIn("--relay and --static are both at '/'", said)

    def test_its_settings_need_it(self):
        self.assertIn("--relay", self.refused("--history=5"))

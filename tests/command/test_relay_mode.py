"""`--relay` of `twistd ws`, and each mistake in it."""

import json
from unittest.mock import patch

from tests.command.test_authentication import PASSWORD, TOKEN, AuthenticationTestCase
from tests.command.test_modes import ModesTestCase
from tests.pages.test_pages import PagesTestCase
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
            "publish_rate": 1000,
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

    def test_the_rate_of_publishing_is_a_number_or_none(self):
        for given, rate in (("50", 50), ("none", None)):
            self.assertEqual(self.relay_of("--publish-rate", given)[1]["publish_rate"], rate)
        self.assertIn("--publish-rate must be", self.refused("--relay", "--publish-rate=0"))

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
            f"--publish-tokens: can't read {str(missing)!r}: No such file or directory",
            "--relay",
            f"--publish-tokens={missing}",
        )

    def test_a_file_of_wrong_tokens_is_refused(self):
        self.tokens.write_text("w%rong\n")
        said = self.refused("--relay", f"--publish-tokens={self.tokens}")
        self.assertIn(f"--publish-tokens: {self.tokens}:1: a token must have letters", said)
        self.assertNotIn("w%rong", said)

    def test_a_site_at_the_same_path_is_refused(self):
        said = self.refused("--relay", f"--static={self.directory}")
        self.assertIn("--relay and --static are both at '/'", said)

    def test_its_settings_need_it(self):
        self.assertIn("--relay", self.refused("--history=5"))


class HintTests(PagesTestCase):
    def test_curl_is_told_how_to_hear_and_to_publish(self):
        tokens = self.directory / "tokens"
        tokens.write_text("s3cret\n")
        self.start("--relay=/chat", f"--publish-tokens={tokens}", "--echo=/echo")
        status, _, body = self.fetch("/")
        self.assertEqual(status, 200)
        self.assertIn("connect to ws://localhost/echo by", body)
        for line in (
            "There are rooms here. Their addresses are http://localhost/chat/room/NAME. ",
            "  hear and publish  python -m txws2 ws://localhost/chat/room/lobby\n",
            "  hear              curl -N -H 'Accept: text/event-stream' "
            "http://localhost/chat/room/lobby\n",
            "  publish           curl -d hello -H 'Authorization: Bearer TOKEN' "
            "http://localhost/chat/room/lobby\n",
        ):
            self.assertIn(line, body)

    def test_the_path_of_a_room_names_that_room(self):
        self.start("--relay=/chat", "--publish=nobody")
        for path, room in (
            ("/chat", "lobby"),
            ("/chat/", "lobby"),
            ("/chat/room/caf%C3%A9", "caf%C3%A9"),
        ):
            status, headers, body = self.fetch(path)
            self.assertEqual((status, headers["upgrade"]), (426, "websocket"), path)
            self.assertIn(f"  hear  python -m txws2 ws://localhost/chat/room/{room}\n", body)
            self.assertNotIn("publish  ", body)

    def test_a_browser_gets_a_page(self):
        self.start("--relay=/")
        status, _, body = self.browse("/room/a%22b")
        self.assertEqual(status, 426)
        self.assertIn("python -m txws2 ws://localhost/room/a%22b", body)
        self.assertIn("import {Relay} from &quot;http://localhost/relay.js&quot;;", body)
        self.assertIn("relay.publish(&quot;a\\&quot;b&quot;, &quot;hello&quot;);", body)
        self.assertIn('href="../?uri=ws%3A%2F%2Flocalhost%2Froom%2Fa%2522b"', body)
        self.assertIn("<title>WebSocket console</title>", self.browse("/")[2])


class PublishersBesideGuardsTests(AuthenticationTestCase):
    """Rules for those who enter and those who publish."""

    def setUp(self):
        super().setUp()
        self.publishers = self.file("publishers", "pub billing\n")

    def post(self, *lines, path="/chat/room/lobby"):
        head = [f"POST {path} HTTP/1.1", "Host: localhost", "Content-Length: 2", *lines]
        self.answer = self.ask("\r\n".join([*head, "", "hi"]).encode())
        return int(self.answer.split(b" ")[1])

    def start_guarded(self, *more):
        guards = "--user-file", self.users, "--bearer-tokens", self.tokens
        self.start("--relay=/chat", "--publish-tokens", self.publishers, *guards, *more)

    def test_a_token_for_publishing_is_enough_to_publish_and_for_nothing_else(self):
        self.start_guarded("--web=/chat/room/web=tests.command.test_modes:ROOT")
        publisher = "Authorization: Bearer pub"
        self.assertEqual(self.post(publisher), 200)
        self.assertEqual(self.post("Publish-Token: pub"), 200)
        for path in "/chat/room/web", "/chat/other", "/chat/room/%0a", "/", "/elsewhere":
            self.assertEqual(self.post(publisher, path=path), 401, path)
        events = "Accept: text/event-stream"
        self.assertEqual(self.status("/chat/room/lobby", publisher, events, page=True), 401)
        self.assertEqual(self.status("/chat/room/lobby", publisher), 401)

    def test_who_may_enter_may_hear_but_needs_a_token_to_publish(self):
        self.start_guarded()
        for proof in PASSWORD, TOKEN:
            self.assertEqual(self.status("/chat/room/lobby", proof), 101)
            self.assertEqual(self.post(proof), 403 if proof is TOKEN else 401)
            self.assertIn(b"ublish", self.answer)
            self.assertEqual(self.post(proof, "Publish-Token: pub"), 200)
            self.assertEqual(self.post(proof, "Publish-Token: wrong"), 403)
        self.assertEqual(self.post(), 401)
        self.assertEqual(self.answer.count(b"WWW-Authenticate"), 2)

    def test_one_token_may_be_in_both_files(self):
        self.file("publishers", "abc\n")
        self.start_guarded()
        self.assertEqual(self.post(TOKEN), 200)
        self.assertEqual(self.status("/chat/room/lobby", TOKEN), 101)

    def test_without_guards_a_token_is_needed_to_publish_only(self):
        self.start("--relay=/chat", "--publish-tokens", self.publishers)
        self.assertEqual(self.post("Authorization: Bearer pub"), 200)
        self.assertEqual(self.post(), 401)
        self.assertEqual(self.status("/chat/room/lobby"), 101)

"""`bearer_auth` and `TokenFile`: clients with a token."""

from pathlib import Path

from twisted.internet.defer import Deferred, succeed
from twisted.logger import capturedLogs, formatEvent

from tests.server.test_authentication import AuthenticationTestCase, basic
from tests.support.sides import REQUEST, QuietTestCase
from txws2.server.alternatives import any_of
from txws2.server.authentication import basic_auth
from txws2.server.bearer import TokenFile, bearer_auth

REALM = 'Bearer realm="the club"'
OPEN = "HTTP/1.1 101 Switching Protocols"


class BearerTestCase(AuthenticationTestCase):
    def ask_for(self, hook, path, *values):
        request = REQUEST.replace(b"/chat", path.encode())
        self.patch(self.module(), "REQUEST", request)
        return self.ask(hook, *values)

    def module(self):
        from tests.server import test_authentication

        return test_authentication

    def assertEnters(self, hook, token, name=None):
        self.assertEqual(self.ask(hook, f"Bearer {token}")[0], OPEN)
        self.assertEqual(self.ws.username, name)

    def assertRefused(self, hook, *values, status="401 Unauthorized", error="", path="/chat"):
        first, *headers = self.ask_for(hook, path, *values)
        self.assertEqual(first, f"HTTP/1.1 {status}", values)
        self.assertIn(f"WWW-Authenticate: {REALM}{error}", headers)
        self.assertIsNone(self.ws.username)


class TokensTests(BearerTestCase):
    def test_a_client_with_a_token_gets_in(self):
        for tokens in ["abc", "d-._~+/="], ("abc", "d-._~+/="), iter(["abc", "d-._~+/="]):
            hook = bearer_auth("the club", tokens=tokens)
            self.assertEnters(hook, "abc")
            self.assertEnters(hook, "d-._~+/=")

    def test_a_token_may_have_a_name(self):
        self.assertEnters(bearer_auth("the club", tokens={"abc": "ann"}), "abc", "ann")

    def test_a_client_without_a_token_is_asked(self):
        hook = bearer_auth("the club", tokens=["abc"])
        for values in [], ["Bearer"], ["Bearer a b"], [basic("a", "b")], ["Bearer \xe4"], [""]:
            self.assertRefused(hook, *values)

    def test_a_wrong_token_is_called_invalid(self):
        hook = bearer_auth("the club", tokens=["abc"])
        for token in "ABC", "abcd", "ab", "abc=":
            self.assertRefused(hook, f"Bearer {token}", error=', error="invalid_token"')

    def test_the_scheme_is_read_in_any_case(self):
        hook = bearer_auth("the club", tokens=["abc"])
        self.assertEqual(self.ask(hook, "bEARER   abc")[0], OPEN)

    def test_two_tokens_are_a_bad_request(self):
        hook = bearer_auth("the club", tokens=["abc"], in_query=True)
        refused = {"status": "400 Bad Request", "error": ', error="invalid_request"'}
        self.assertRefused(hook, "Bearer abc", "Bearer abc", **refused)
        self.assertRefused(hook, "Bearer abc", path="/?access_token=abc", **refused)
        self.assertRefused(hook, path="/?access_token=abc&access_token=x", **refused)

    def test_a_query_counts_only_where_that_is_permitted(self):
        path = "/?room=1&access_token=abc"
        self.assertRefused(bearer_auth("the club", tokens=["abc"]), path=path)
        hook = bearer_auth("the club", tokens={"abc": "ann"}, in_query=True)
        self.assertEqual(self.ask_for(hook, path)[0], OPEN)
        self.assertEqual(self.ws.username, "ann")
        self.assertRefused(hook, path="/?access_token=")
        self.assertRefused(hook, path="/?access_token=x", error=', error="invalid_token"')

    def test_a_function_may_check(self):
        for answer, name in (("ann", "ann"), (True, None), (succeed("ann"), "ann")):
            hook = bearer_auth("the club", check_token=lambda token, answer=answer: answer)
            self.assertEnters(hook, "abc", name)
        for answer in None, False, succeed(None):
            hook = bearer_auth("the club", check_token=lambda token, answer=answer: answer)
            self.assertRefused(hook, "Bearer abc", error=', error="invalid_token"')

    def test_a_check_that_waits_is_waited_for(self):
        waiting = Deferred()
        hook = bearer_auth("the club", check_token=lambda token: waiting)
        self.assertEqual(self.ask(hook, "Bearer abc"), [""])
        waiting.callback("ann")
        self.joined.pump()
        self.assertEqual(self.ws.username, "ann")

    def test_no_token_is_logged(self):
        hook = bearer_auth("the club", tokens=["s3cret"], in_query=True)
        with capturedLogs() as logged:
            self.ask_for(hook, "/?access_token=wr0ng")
            self.ask_for(hook, "/?access_token=s3cret")
        for event in logged:
            self.assertNotIn("s3cret", formatEvent(event) or "")
            self.assertNotIn("wr0ng", formatEvent(event) or "")

    def test_mistakes_are_told(self):
        for wrong, options in (
            (TypeError, {}),
            (TypeError, {"tokens": ["a"], "check_token": bool}),
            (TypeError, {"tokens": "abc"}),
            (TypeError, {"tokens": [b"abc"]}),
            (ValueError, {"tokens": ["a b"]}),
            (ValueError, {"tokens": [""]}),
        ):
            error = self.assertRaises(wrong, bearer_auth, "the club", **options)
            self.assertNotIn("a b", str(error))
        self.assertRaises(ValueError, bearer_auth, "\xe4", tokens=["a"])


class AlternativesTests(BearerTestCase):
    def setUp(self):
        super().setUp()
        self.hook = any_of(
            bearer_auth("the club", tokens={"abc": "ann"}),
            basic_auth("the club", credentials=("bob", "secret")),
        )

    def test_one_proof_is_enough(self):
        self.assertEnters(self.hook, "abc", "ann")
        self.assertGetsIn(self.hook, "bob", "secret")

    def test_others_get_all_challenges(self):
        for values in [], ["Bearer x"], [basic("bob", "x")]:
            status, *headers = self.ask(self.hook, *values)
            self.assertEqual(status, "HTTP/1.1 401 Unauthorized")
            asked = [each for each in headers if each.startswith("WWW-Authenticate")]
            self.assertEqual(len(asked), 2)
            self.assertIsNone(self.ws.username)


class TokenFileTests(QuietTestCase):
    def setUp(self):
        super().setUp()
        self.path = Path(self.mktemp())

    def write(self, text):
        self.path.write_bytes(text if isinstance(text, bytes) else text.encode())

    def test_each_line_has_a_token_and_perhaps_a_name(self):
        self.write("# tokens\n\nabc ann\r\ndef\nghi  Bob and all others \n")
        check = TokenFile(self.path)
        self.assertEqual(check("abc"), "ann")
        self.assertIs(check("def"), True)
        self.assertEqual(check("ghi"), "Bob and all others")
        for wrong in "#", "ann", "", "ABC":
            self.assertIs(check(wrong), False)

    def test_it_is_read_again_when_it_has_changed(self):
        self.write("abc\n")
        check = TokenFile(self.path)
        self.write("other\n")
        self.assertFalse(check("abc"))
        self.assertTrue(check("other"))

    def test_a_file_that_has_become_wrong_is_logged_once_and_the_old_tokens_count(self):
        self.write("abc\n")
        check = TokenFile(self.path)
        self.write("abc\ns3cret! token\n")
        self.assertTrue(check("abc"))
        self.assertTrue(check("abc"))
        [event] = self.take_loud()
        text = formatEvent(event)
        self.assertIn(f"{self.path}:2: a token must have letters, digits", text)
        self.assertIn("what was read before still counts", text)
        self.assertNotIn("s3cret", text)
        self.path.unlink()
        self.assertTrue(check("abc"))
        [event] = self.take_loud()
        self.assertIn("can't read", formatEvent(event))

    def test_wrong_files_are_told(self):
        for text, problem in (
            (None, "can't read"),
            ("", "has no token"),
            ("# x\n", "has no token"),
            ("tok\ntok ann\n", ":2: the token stands in a line before"),
            ("tök\n", ":1: a token must have letters, digits"),
            (b"\xff\n", "isn't UTF-8"),
        ):
            if text is not None:
                self.write(text)
            error = self.assertRaises(ValueError, TokenFile, self.path)
            self.assertIn(problem, str(error))
            self.assertNotIn("tok ann", str(error))

    def test_a_file_that_is_too_large_is_refused(self):
        with self.path.open("wb") as file:
            file.truncate(2**24 + 1)
        error = self.assertRaises(ValueError, TokenFile, self.path)
        self.assertIn("is larger than 16 MiB", str(error))

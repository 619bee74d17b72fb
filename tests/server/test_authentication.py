"""`basic_auth`: clients with a name and a password."""

import hmac
from base64 import b64encode
from unittest import mock

from twisted.internet.defer import Deferred, succeed

from tests.support.sides import REQUEST, ServerSide
from txws2.server.authentication import basic_auth


def basic(username, password):
    return "Basic " + b64encode(f"{username}:{password}".encode()).decode()


class AuthenticationTestCase(ServerSide):
    def ask(self, hook, *values):
        """Send a request with these Authorization headers; return the head of the response."""
        self.connect(process_request=hook)
        lines = b"".join(b"\r\nAuthorization: " + value.encode() for value in values)
        self.receive(REQUEST.replace(b"\r\n\r\n", lines + b"\r\n\r\n"))
        self.joined.pump()
        return self.peer.take().decode().partition("\r\n\r\n")[0].split("\r\n")

    def assertGetsIn(self, hook, username, password):
        self.assertEqual(
            self.ask(hook, basic(username, password))[0], "HTTP/1.1 101 Switching Protocols"
        )
        self.assertEqual(self.ws.username, username)

    def assertOut(self, hook, *values):
        status, *headers = self.ask(hook, *values)
        self.assertEqual(status, "HTTP/1.1 401 Unauthorized", values)
        self.assertIn('WWW-Authenticate: Basic realm="the club", charset="UTF-8"', headers)
        self.assertIsNone(self.ws.username)


class CredentialsTests(AuthenticationTestCase):
    def hook(self, credentials=("me", "secret")):
        return basic_auth("the club", credentials=credentials)

    def test_a_client_with_the_password_gets_in(self):
        self.assertGetsIn(self.hook(), "me", "secret")

    def test_there_may_be_several_users(self):
        for kind in (list, tuple, set, iter):
            hook = self.hook(kind([("me", "secret"), ("you", "other")]))
            self.assertGetsIn(hook, "me", "secret")
            self.assertGetsIn(hook, "you", "other")
            self.assertOut(hook, basic("me", "other"))
            self.assertOut(hook, basic("you", "secret"))

    def test_a_user_may_have_several_passwords(self):
        hook = self.hook([("me", "old"), ("me", "new")])
        self.assertGetsIn(hook, "me", "old")
        self.assertGetsIn(hook, "me", "new")

    def test_others_do_not(self):
        hook = self.hook()
        for username, password in (
            ("me", "guess"),
            ("me", ""),
            ("", "secret"),
            ("you", "secret"),
            ("me", "secret "),
            ("ME", "secret"),
            ("me:secret", ""),
        ):
            self.assertOut(hook, basic(username, password))

    def test_a_client_without_credentials_is_asked(self):
        self.assertOut(self.hook())

    def test_malformed_credentials_are_401(self):
        for value in ("", "Basic", "Basic x", "Bearer abc", "Basic " + b64encode(b"me").decode()):
            self.assertOut(self.hook(), value)

    def test_two_headers_are_401(self):
        self.assertOut(self.hook(), basic("me", "secret"), basic("me", "secret"))

    def test_names_and_passwords_are_any_text(self):
        self.assertGetsIn(self.hook(("Zoë", "пароль:🎉")), "Zoë", "пароль:🎉")

    def test_nobody_gets_in_where_nobody_is_known(self):
        self.assertOut(self.hook([]), basic("", ""))

    def test_a_name_that_is_not_known_takes_as_long_as_one_that_is(self):
        """Attack 11."""
        hook = self.hook([("me", "secret"), ("you", "secret")])
        with mock.patch("hmac.compare_digest", wraps=hmac.compare_digest) as compare:
            for username, password in (("me", "secret"), ("me", "s"), ("nobody", "secret" * 9)):
                compare.reset_mock()
                self.ask(hook, basic(username, password))
                compared = [call.args for call in compare.call_args_list]
                self.assertEqual(len(compared), 2)
                self.assertEqual({len(each) for pair in compared for each in pair}, {32})


class CheckTests(AuthenticationTestCase):
    def hook(self, check):
        return basic_auth("the club", check_credentials=check)

    @staticmethod
    def check(username, password):
        return (username, password) == ("me", "secret")

    def test_it_says_who_gets_in(self):
        async def later(*arguments):
            return await succeed(self.check(*arguments))

        for check in (self.check, later, lambda *arguments: succeed(self.check(*arguments))):
            self.assertGetsIn(self.hook(check), "me", "secret")
            self.assertOut(self.hook(check), basic("me", "guess"))

    def test_it_may_take_its_time(self):
        deciding = Deferred()
        self.assertEqual(self.ask(self.hook(lambda *_: deciding), basic("a", "b")), [""])
        deciding.callback(True)
        self.joined.pump()
        self.assertEqual((self.ws.opened, self.ws.username), (1, "a"))

    def test_the_check_is_not_asked_about_malformed_credentials(self):
        self.assertOut(self.hook(lambda *_: self.fail("asked")), "Basic x")

    def test_a_check_that_raises_lets_nobody_in(self):
        [status, *_] = self.ask(self.hook(lambda *_: 1 // 0), basic("me", "secret"))
        self.assertEqual(status, "HTTP/1.1 500 Internal Server Error")
        self.assertEqual(len(self.take_loud()), 1)


class ArgumentsTests(AuthenticationTestCase):
    def complaint(self, kind, *arguments, **options):
        return str(self.assertRaises(kind, basic_auth, *arguments, **options))

    def test_there_is_one_way_to_tell(self):
        text = "basic_auth takes credentials or check_credentials; it was given "
        both = {"credentials": ("me", "secret"), "check_credentials": lambda *_: True}
        self.assertEqual(self.complaint(TypeError, "x"), f"{text}neither")
        self.assertEqual(self.complaint(TypeError, "x", **both), f"{text}both")

    def test_credentials_are_pairs_and_are_not_repeated(self):
        for credentials in (
            ["me", "secret"],
            [("me", "secret", "x")],
            [("me", b"secret")],
            "me:secret",
            {"me": "secret"},
        ):
            self.assertEqual(
                self.complaint(TypeError, "x", credentials=credentials),
                "credentials must be pairs of strings, as ('ann', 'her password')",
            )

    def test_a_name_has_no_colon(self):
        self.assertEqual(
            self.complaint(ValueError, "x", credentials=("a:b", "c")),
            "a user's name must have no colon (RFC 7617); it is 'a:b'",
        )

    def test_a_realm_is_printable_ascii(self):
        self.assertEqual(
            self.complaint(ValueError, "é", credentials=("a", "b")),
            "realm must be printable ASCII; it is 'é'",
        )

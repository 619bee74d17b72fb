"""Targets by token: files, directories, and signed tokens."""

import os
from base64 import b64encode, urlsafe_b64encode
from pathlib import Path
from unittest.mock import patch

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from tests.support.sides import QuietTestCase
from tests.support.targets import ForwardTestCase
from txws2 import Request
from txws2.forward import Forward, JWTTargets, Targets
from txws2.forward.addresses import parse_address
from txws2.forward.targets import short, token_of


def asking(token):
    return Request(f"/websockify?token={token}")


class TokenTests(QuietTestCase):
    def test_it_is_in_the_query_or_else_the_last_part_of_the_path(self):
        for path, token in {
            "/websockify?token=a": "a",
            "/a?token=b&token=c": "b",
            "/vnc/a%20b": "a b",
            "/vnc/a?x=1": "a",
            "/vnc/a?token=": "",
            "/": "",
            "/vnc/": "",
        }.items():
            self.assertEqual(token_of(Request(path)), token)

    def test_a_log_shows_a_quarter_of_it_at_most(self):
        self.assertEqual(short("0123456789abcdef0123"), "0123...")
        self.assertEqual(short("secret"), "s...")
        self.assertEqual(short("abc"), "...")


class AddressTests(QuietTestCase):
    def test_an_address_without_host_port_or_path_is_refused(self):
        for address, why in {
            "unix:": "it has no path",
            "unix:path=:timeout=5": "it has no path",
            "unix_socket:": "it has no path",
            "tcp:localhost": "it has no port",
            "tcp:localhost:": "it has no port",
            "tcp::80": "it has no host",
            "TCP:host=:port=80": "it has no host",
            "ssl::443": "it has no host",
            "tls:localhost": "it has no port",
            "tcp:localhost:0": "there is no port 0",
            "tcp:localhost:65536": "there is no port 65536",
            "tcp:localhost:http": "there is no port http",
            "localhost:0": "there is no port 0",
        }.items():
            exc = self.assertRaises(ValueError, parse_address, address, self.clock)
            self.assertRegex(str(exc), f"it is {address!r}: {why}$")

    def test_fields_may_be_named(self):
        for address in (
            "tcp:port=80:host=localhost",
            "tcp:localhost:port=80",
            r"tcp:fe80\:\:1:80",
            "unix:path=/x",
            "unix:/a\\=b",
        ):
            parse_address(address, self.clock)


class FileTests(QuietTestCase):
    def setUp(self):
        super().setUp()
        self.path = Path(self.mktemp())

    def write(self, text, path=None, at=1):
        path = path or self.path
        path.write_text(text)
        # Each writing has another time, however fast the test is.
        os.utime(path, (at, at))

    def targets(self, text):
        self.write(text)
        return Targets(self.path, reactor=self.clock)

    def test_a_line_is_a_token_and_host_and_port(self):
        targets = self.targets("# a comment\n\na: localhost:5901\nb:  [::1]:5902  \n")
        self.assertEqual(targets(asking("a")), "localhost:5901")
        self.assertEqual(targets(asking("b")), "[::1]:5902")

    def test_a_target_may_be_an_endpoint_string_or_a_uri(self):
        targets = self.targets(
            "a: unix:/run/a.sock\nb: unix_socket:/run/b.sock\nc: tcp:host:5900\n"
            "d: ws://localhost:1/x\n"
        )
        found = [targets(asking(token)) for token in "abcd"]
        self.assertEqual(
            found,
            ["unix:/run/a.sock", "unix_socket:/run/b.sock", "tcp:host:5900", "ws://localhost:1/x"],
        )

    def test_a_token_may_be_long(self):
        token = "a" * 5000
        self.assertIsNotNone(self.targets(f"{token}: localhost:1\n")(asking(token)))

    def test_a_token_may_have_colons(self):
        self.assertIsNotNone(self.targets("a:b:c: localhost:1\n")(asking("a:b:c")))

    def test_an_unknown_token_has_no_target(self):
        targets = self.targets("secret: localhost:5901\n")
        for path in "/?token=secre", "/?token=secret2", "/?token=", "/", "/secret/x", "/#":
            self.assertIsNone(targets(Request(path)))
        self.assertIsNone(targets(asking("x" * 5000)))

    def test_mistakes_are_told_at_once_without_the_token(self):
        for line in "secret", "secret: ", "secret localhost:1", "secret: nowhere", "secret: a:0":
            self.write(f"\nb: localhost:1\n{line}\n")
            error = self.assertRaises(ValueError, Targets, self.path, reactor=self.clock)
            self.assertIn(f"{self.path}, line 3: ", str(error))
            self.assertNotIn("secret", str(error))

    def test_a_token_that_is_there_twice_is_a_mistake(self):
        self.write("a: localhost:1\na: localhost:2\n")
        self.assertRaises(ValueError, Targets, self.path, reactor=self.clock)

    def test_a_file_that_is_not_there_is_told_at_once(self):
        self.assertRaises(OSError, Targets, self.path, reactor=self.clock)

    def test_a_file_that_is_no_text_is_told_by_its_name(self):
        self.path.mkdir()
        (self.path / "picture").write_bytes(b"\xff\xff: x\n")
        error = self.assertRaises(ValueError, Targets, self.path, reactor=self.clock)
        self.assertEqual(
            str(error), f"{self.path / 'picture'} isn't UTF-8, as a file of targets is"
        )

    def test_it_may_begin_with_a_byte_order_mark_as_on_windows(self):
        self.assertIsNotNone(self.targets("\ufeffa: localhost:1\n")(asking("a")))

    def test_it_is_read_again_when_it_has_changed(self):
        targets = self.targets("a: localhost:1\n")
        self.write("b: localhost:2\n", at=2)
        self.assertIsNone(targets(asking("a")))
        self.assertIsNotNone(targets(asking("b")))

    def test_it_is_not_read_again_when_it_has_not(self):
        targets = self.targets("a: localhost:1\n")
        with patch.object(targets, "_read") as read:
            targets(asking("a"))
        self.assertEqual(read.call_count, 0)

    def test_a_line_with_a_mistake_is_skipped_when_it_is_read_again(self):
        targets = self.targets("a: localhost:1\n")
        self.write("nonsense\nb: localhost:2\n", at=2)
        self.assertIsNotNone(targets(asking("b")))
        [event] = self.take_loud()
        self.assertIn("line 1", event["mistake"])

    def test_targets_stay_while_the_file_cannot_be_read(self):
        targets = self.targets("a: localhost:1\n")
        self.path.unlink()
        for _ in range(3):
            self.assertIsNotNone(targets(asking("a")))
        [event] = self.take_loud()
        self.assertIn("they stay", event["log_format"])
        self.write("b: localhost:2\n", at=2)
        self.assertIsNone(targets(asking("a")))

    def test_targets_stay_while_the_file_is_no_text(self):
        targets = self.targets("a: localhost:1\n")
        self.path.write_bytes(b"\xff\xff: x\n")
        self.assertIsNotNone(targets(asking("a")))
        self.assertEqual(len(self.take_loud()), 1)

    def test_a_directory_has_the_lines_of_all_its_files(self):
        self.path.mkdir()
        self.write("a: localhost:1\n", self.path / "one")
        self.write("b: localhost:2\n", self.path / "two.cfg")
        self.write("c: localhost:3\n", self.path / ".hidden")
        (self.path / "directory").mkdir()
        targets = Targets(self.path, reactor=self.clock)
        found = [targets(asking(token)) is not None for token in "abc"]
        self.assertEqual(found, [True, True, False])
        self.write("d: localhost:4\n", self.path / "three")
        self.assertIsNotNone(targets(asking("d")))
        (self.path / "one").unlink()
        self.assertIsNone(targets(asking("a")))


class ForwardingTests(ForwardTestCase):
    def open_for(self, find, uri="ws://example.com/vnc?token=abcdefghijkl", **options):
        self.begin(Forward(targets=find, reactor=self.clock), uri, **options)

    def test_the_target_of_the_token_is_connected(self):
        asked = []

        def find(request):
            asked.append(token_of(request))
            return self.target

        self.open_for(find)
        self.successResultOf(self.opening)
        self.assertEqual((asked, self.target.attempts), (["abcdefghijkl"], 1))

    def test_a_coroutine_function_may_find_it(self):
        async def find(request):
            return self.target

        self.open_for(find)
        self.successResultOf(self.opening)

    def test_an_unknown_token_is_a_404_and_the_log_has_only_its_beginning(self):
        self.open_for(lambda request: None)
        response = self.failureResultOf(self.opening).value.response
        self.assertEqual(response.status_code, 404)
        self.assertNotIn(b"abc", response.body)
        shown = [event["token"] for event in self.events if "token" in event]
        self.assertEqual(shown, ["'abc...'"])
        self.assertNotIn("abcdefghijkl", repr(self.events))

    def test_the_answer_is_the_same_without_a_token(self):
        self.open_for(lambda request: None)
        one = self.failureResultOf(self.opening).value.response
        self.open_for(lambda request: None, "ws://example.com/")
        other = self.failureResultOf(self.opening).value.response
        self.assertEqual((one.status_code, one.body), (other.status_code, other.body))

    def test_a_function_that_raises_is_a_502_and_a_word_in_the_log(self):
        def find(request):
            raise LookupError("no database")

        self.open_for(find)
        self.assertEqual(self.failureResultOf(self.opening).value.response.status_code, 502)

    def test_a_handler_that_calls_it_closes_with_1008_if_there_is_no_target(self):
        forward = Forward(targets=lambda request: None, reactor=self.clock)

        async def handler(ws):
            await forward(ws)

        self.open(handler)
        self.assertEqual(self.client.close_code, 1008)


class SignedTests(QuietTestCase):
    secret = b"0123456789abcdef0123456789abcdef-more"

    def setUp(self):
        super().setUp()
        self.path = Path(self.mktemp())

    def shared(self, data=None):
        self.path.write_bytes(urlsafe_b64encode(self.secret) if data is None else data)
        return JWTTargets(self.path, reactor=self.clock)

    def token(self, key=None, algorithm="HS256", **claims):
        claims = {"host": "localhost", "port": 5901} | claims
        return jwt.encode(claims, key or self.secret, algorithm=algorithm)

    def assertTarget(self, targets, token, expected="localhost:5901"):
        self.assertEqual(targets(asking(token)), expected)

    def test_host_and_port_are_those_of_the_claims(self):
        targets = self.shared()
        self.assertTarget(targets, self.token())
        self.assertTarget(targets, self.token(port="5901", exp=2**33, nbf=0))
        self.assertTarget(targets, self.token(host="::1"), "[::1]:5901")

    def test_a_secret_may_be_in_base64_of_either_kind(self):
        for data in b64encode(self.secret) + b"\n", urlsafe_b64encode(self.secret).rstrip(b"="):
            self.assertTarget(self.shared(data), self.token())

    def test_a_token_that_has_expired_has_no_target(self):
        self.assertIsNone(self.shared()(asking(self.token(exp=1))))

    def test_a_token_that_is_not_valid_yet_has_no_target(self):
        self.assertIsNone(self.shared()(asking(self.token(nbf=2**33))))

    def test_an_unsigned_token_has_no_target(self):
        token = jwt.encode({"host": "localhost", "port": 1}, None, algorithm="none")
        self.assertIsNone(self.shared()(asking(token)))

    def test_a_token_with_another_signature_has_no_target(self):
        targets = self.shared()
        for token in self.token(key=b"x" * 32), self.token()[:-2], "nonsense", "", "a.b.c":
            self.assertIsNone(targets(asking(token)))

    def test_a_token_without_a_usable_address_has_no_target(self):
        targets = self.shared()
        for claims in {"port": 0}, {"port": "x"}, {"host": ""}, {"host": "a:b]"}, {"port": None}:
            self.assertIsNone(targets(asking(self.token(**claims))))
        token = jwt.encode({"host": "localhost"}, self.secret, algorithm="HS256")
        self.assertIsNone(targets(asking(token)))

    def test_with_a_public_key_only_rs256_counts(self):
        private = rsa.generate_private_key(65537, 2048)
        public = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        targets = self.shared(public)
        self.assertTarget(targets, self.token(private, "RS256"))
        # The attack of 2015: the public key, which everybody has, as a secret.
        with patch("jwt.algorithms.is_pem_format", return_value=False):
            forged = self.token(public, "HS256")
        self.assertIsNone(targets(asking(forged)))

    def test_what_is_no_key_is_told_at_once(self):
        curve = ec.generate_private_key(ec.SECP256R1())
        private = rsa.generate_private_key(65537, 2048)
        for data in (
            b"",
            b"short",
            b64encode(b"31 bytes are less than are safe"),
            b"-----BEGIN PUBLIC KEY-----\nx\n-----END PUBLIC KEY-----\n",
            curve.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
            private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
        ):
            error = self.assertRaises(ValueError, self.shared, data)
            self.assertIn(str(self.path), str(error))

    def test_without_pyjwt_it_says_what_to_install(self):
        with patch.dict("sys.modules", {"jwt": None}):
            error = self.assertRaises(ImportError, self.shared)
        self.assertIn("pip install pyjwt", str(error))

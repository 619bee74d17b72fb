"""`UserFile`: the users of a file of htpasswd, whose passwords are checked in threads."""

import sys
from pathlib import Path
from unittest import mock

import bcrypt
from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import formatEvent

from tests.server.test_authentication import AuthenticationTestCase, basic
from tests.support.sides import QuietTestCase
from txws2.server import user_file
from txws2.server.authentication import basic_auth
from txws2.server.password_hashes import check_hash, matches
from txws2.server.sha_crypt import sha_crypt
from txws2.server.user_file import TooManyChecks, UserFile

# "Hello world!", hashed by `openssl passwd -5` and `-6`, and by libcrypt.
SHA = (
    "$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5",
    "$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoE"
    "OfaS35inz1",
    "$5$rounds=10000$saltstringsaltst$3xv.VbSHBb41AL9AvLeujZkZRBAwqFMz2.opqey6IcA",
    "$6$rounds=10000$saltstringsaltst$OW1/O6BYHV6BcXZu8QVeXbDWra3Oeqh0sbHbbMCVNSnCM/UrjmM0Dp8vOu"
    "ZeHBy/YTBmSK6H9qs/y3RnOaw5v.",
)


def hashed(password, prefix=b"2b"):
    return bcrypt.hashpw(password.encode(), bcrypt.gensalt(4, prefix)).decode()


class Pool:
    """Threads that work when they are told."""

    def __init__(self):
        self.waiting = []

    def callInThreadWithCallback(self, done, function, *arguments, **options):
        self.waiting.append((done, function, arguments, options))

    def work(self):
        while self.waiting:
            done, function, arguments, options = self.waiting.pop(0)
            done(True, function(*arguments, **options))


class Threads:
    """A reactor that has threads only."""

    def __init__(self):
        self.pool = Pool()

    def getThreadPool(self):
        return self.pool

    def callFromThread(self, function, *arguments):
        function(*arguments)


class FileTestCase(QuietTestCase):
    def setUp(self):
        super().setUp()
        self.path = Path(self.mktemp())
        self.reactor = Threads()
        self.pool = self.reactor.pool

    def write(self, **users):
        self.path.write_text("".join(f"{name}:{value}\n" for name, value in users.items()))

    def make(self, **users):
        self.write(**users)
        self.file = UserFile(self.path, reactor=self.reactor)

    def begin(self, name, password):
        return Deferred.fromCoroutine(self.file(name, password))

    def check(self, name, password):
        checking = self.begin(name, password)
        self.pool.work()
        return self.successResultOf(checking)


class HashesTests(QuietTestCase):
    def test_bcrypt_as_htpasswd_and_others_write_it(self):
        for prefix in b"2a", b"2b":
            value = hashed("secret", prefix)
            check_hash(value)
            self.assertTrue(matches("secret", value))
            self.assertFalse(matches("Secret", value))
        value = "$2y$" + hashed("secret")[4:]
        check_hash(value)
        self.assertTrue(matches("secret", value))

    def test_bcrypt_reads_72_bytes_of_a_password(self):
        value = hashed("x" * 72)
        self.assertTrue(matches("x" * 72 + "more", value))
        self.assertFalse(matches("x" * 71, value))

    def test_sha_crypt_is_that_of_its_description(self):
        for value in SHA:
            check_hash(value)
            self.assertTrue(matches("Hello world!", value))
            self.assertFalse(matches("hello world!", value))

    def test_long_passwords_of_sha_crypt_take_no_time(self):
        value = "$6$salt$" + sha_crypt("6", b"x" * 600, b"salt")
        self.assertFalse(matches("x" * 600, value))

    def test_kinds_that_are_not_safe_are_named(self):
        for value, kind in {
            "$apr1$salt$NuSL8xX9o0n.i4GaJ0P3u1": "apr1, which is MD5",
            "$1$salt$qJH7.N4xYta3aEG/dfqo/0": "MD5, which is too fast",
            "{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=": "SHA-1 without a salt",
            "$y$j9T$x$y": "yescrypt",
            "$argon2id$v=19": "Argon2",
            "$6$rounds=999999999$salt$" + "x" * 86: "more than 100000 rounds",
            "secret": "no hash of a known kind",
            "": "no hash of a known kind",
            "$2y$05$short": "no hash of a known kind",
            "$6$salt$" + "x" * 43: "no hash of a known kind",
            "rqXexS6ZhobKA": "no hash of a known kind",
        }.items():
            error = str(self.assertRaises(ValueError, check_hash, value))
            self.assertIn(kind, error)
            self.assertIn("htpasswd -B", error)
            if value:
                self.assertNotIn(value, error)

    def test_without_the_package_bcrypt_its_hashes_are_refused(self):
        value = hashed("secret")
        with mock.patch.dict(sys.modules, bcrypt=None):
            error = self.assertRaises(ValueError, check_hash, value)
        self.assertIn("install it, or txws2[passwords]", str(error))


class UserFileTests(FileTestCase):
    def test_a_user_with_the_password_is_right(self):
        self.make(ann=hashed("secret"), bob="$6$salt$" + sha_crypt("6", b"other", b"salt"))
        self.assertTrue(self.check("ann", "secret"))
        self.assertTrue(self.check("bob", "other"))
        for name, password in ("ann", "other"), ("bob", "secret"), ("eve", "secret"), ("", ""):
            self.assertFalse(self.check(name, password))

    def test_an_unknown_name_takes_a_thread_as_a_known_one_does(self):
        self.make(ann=hashed("secret"))
        checking = self.begin("eve", "secret")
        self.assertEqual(len(self.pool.waiting), 1)
        self.pool.work()
        self.assertFalse(self.successResultOf(checking))

    def test_a_right_answer_is_remembered_and_a_wrong_one_is_not(self):
        self.make(ann=hashed("secret"))
        self.check("ann", "secret")
        self.assertTrue(self.successResultOf(self.begin("ann", "secret")))
        self.check("ann", "wrong")
        self.assertNoResult(self.begin("ann", "wrong"))
        self.assertNotIn("secret", repr(vars(self.file)))

    def test_it_is_forgotten_when_the_password_changes(self):
        self.make(ann=hashed("secret"))
        self.check("ann", "secret")
        self.write(ann=hashed("changed"))
        self.assertFalse(self.check("ann", "secret"))
        self.assertTrue(self.check("ann", "changed"))

    def test_no_more_than_so_many_are_remembered(self):
        self.patch(user_file, "_REMEMBERED", 2)
        self.make(**{name: hashed(name) for name in "abc"})
        for name in "abac":
            self.assertTrue(self.check(name, name))
        self.assertTrue(self.successResultOf(self.begin("c", "c")))
        self.assertNoResult(self.begin("b", "b"))

    def test_two_are_checked_at_once_and_some_wait(self):
        self.patch(user_file, "_WAITING", 3)
        self.make(ann=hashed("secret"))
        checking = [self.begin("ann", "secret") for _ in range(5)]
        self.assertEqual(len(self.pool.waiting), 2)
        self.failureResultOf(self.begin("ann", "secret"), TooManyChecks)
        self.pool.work()
        self.assertTrue(all(self.successResultOf(each) for each in checking))

    def test_a_client_that_leaves_frees_no_thread_before_it_is_done(self):
        self.make(ann=hashed("secret"))
        first, second, third = (self.begin("ann", "secret") for _ in range(3))
        for each in first, second, third:
            each.cancel()
            self.failureResultOf(each, CancelledError)
        later = self.begin("ann", "secret")
        self.assertEqual(len(self.pool.waiting), 2)
        self.pool.work()
        self.assertTrue(self.successResultOf(later))

    def test_wrong_files_are_told(self):
        for text, problem in {
            "": "has no users; make some by `htpasswd -B",
            "ann": ":1: a line must have a name, a colon and a hash",
            ":x": ":1: a line must have a name, a colon and a hash",
            "# all\nann:secret": ":2: 'ann' has no hash of a known kind",
            "ann:$apr1$salt$x": ":1: 'ann' has a hash of the kind apr1",
            f"ann:{hashed('x')}\nann:{hashed('y')}": ":2: 'ann' stands in a line before",
        }.items():
            self.path.write_text(text)
            error = str(self.assertRaises(ValueError, UserFile, self.path))
            self.assertIn(problem, error)
            self.assertNotIn("secret", error)

    def test_a_file_that_has_become_wrong_changes_nothing(self):
        self.make(ann=hashed("secret"))
        self.path.write_text("ann:s3cret\n")
        self.assertTrue(self.check("ann", "secret"))
        [event] = self.take_loud()
        self.assertNotIn("s3cret", formatEvent(event))


class HookTests(AuthenticationTestCase):
    def test_too_many_that_wait_get_503(self):
        async def check(name, password):
            raise TooManyChecks

        hook = basic_auth("the club", check_credentials=check)
        status, *headers = self.ask(hook, basic("ann", "secret"))
        self.assertEqual(status, "HTTP/1.1 503 Service Unavailable")
        self.assertIn("Retry-After: 5", headers)

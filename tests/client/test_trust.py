"""The authorities that a client trusts: what was read is kept as long as the files are the same."""

import os
import time
from pathlib import Path
from types import SimpleNamespace

from OpenSSL import SSL
from twisted.trial.unittest import SynchronousTestCase

from tests.support.certificates import certify
from txws2._private_names import Names
from txws2.client import trust
from txws2.client.tls import ClientTLS


class TrustTestCase(SynchronousTestCase):
    def setUp(self):
        self.patch(trust, "_kept", trust.OrderedDict())
        self.let_time_pass(10)
        self.path = Path(self.mktemp())

    def let_time_pass(self, seconds):
        """Let the files have been changed as long ago."""
        self.patch(trust, "time", SimpleNamespace(time=lambda: time.time() + seconds))

    def context(self, tls):
        """Return the context of a new client, as each connect() has one."""
        return ClientTLS(tls)._shared_context()

    def certify(self, path):
        path.write_bytes(certify("localhost")[1])


class FileTests(TrustTestCase):
    def test_a_file_that_is_the_same_is_read_once(self):
        self.certify(self.path)
        first = self.context(self.path)
        self.assertIs(self.context(str(self.path)), first)

    def test_a_file_that_was_changed_is_read_again(self):
        self.certify(self.path)
        first = self.context(self.path)
        changed = self.path.stat().st_mtime_ns
        self.certify(self.path)
        os.utime(self.path, ns=(changed, changed + 1))
        self.assertIsNot(self.context(self.path), first)

    def test_a_file_that_was_replaced_is_read_again(self):
        self.certify(self.path)
        first, before = self.context(self.path), self.path.stat()
        other = Path(self.mktemp())
        self.certify(other)
        os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
        other.rename(self.path)
        self.assertIsNot(self.context(self.path), first)

    def test_a_file_that_may_still_be_changing_is_read_each_time(self):
        self.let_time_pass(0)
        self.certify(self.path)
        self.assertIsNot(self.context(self.path), self.context(self.path))

    def test_a_file_that_is_gone_is_not_trusted_any_more(self):
        self.certify(self.path)
        self.context(self.path)
        self.path.unlink()
        self.assertRaises(FileNotFoundError, ClientTLS, self.path)

    def test_a_damaged_file_is_reported_each_time(self):
        self.path.write_bytes(b"nonsense")
        for _ in range(2):
            self.assertRaises(ValueError, ClientTLS, self.path)

    def test_something_other_than_a_file_is_read_each_time(self):
        os.mkfifo(self.path)
        self.assertIsNone(trust._stamp_of([self.path]))

    def test_a_directory_is_read_again_if_one_of_its_files_changes(self):
        self.path.mkdir()
        self.certify(self.path / "a.pem")
        first = self.context(self.path)
        self.assertIs(self.context(self.path), first)
        self.certify(self.path / "b.pem")
        second = self.context(self.path)
        self.assertIsNot(second, first)
        before = (self.path / "a.pem").stat().st_mtime_ns
        self.certify(self.path / "a.pem")
        os.utime(self.path / "a.pem", ns=(before, before + 1))
        self.assertIsNot(self.context(self.path), second)

    def test_few_are_kept(self):
        self.certify(self.path)
        pem = self.path.read_bytes()
        for number in range(20):
            path = Path(f"{self.path}{number}")
            path.write_bytes(pem)
            self.context(path)
        self.assertEqual(len(trust._kept), 16)
        last = self.context(path)
        self.assertIs(self.context(path), last)

    def test_a_context_with_a_private_key_is_not_kept(self):
        certificate = certify("localhost")[0]
        first = ClientTLS(None, certificate)._shared_context()
        self.assertIsNot(ClientTLS(None, certificate)._shared_context(), first)
        self.assertEqual(len(trust._kept), 0)


class MachineTests(TrustTestCase):
    def test_its_authorities_are_read_once(self):
        self.assertIs(self.context(None), self.context(None))

    def test_another_file_in_the_environment_counts(self):
        first = self.context(None)
        self.certify(self.path)
        self.patch(os, "environ", {**os.environ, "SSL_CERT_FILE": str(self.path)})
        second = self.context(None)
        self.assertIsNot(second, first)
        self.assertIs(self.context(None), second)
        before = self.path.stat().st_mtime_ns
        os.utime(self.path, ns=(before, before + 1))
        self.assertIsNot(self.context(None), second)

    def test_each_directory_in_the_environment_counts(self):
        directories = [Path(self.mktemp()) for _ in range(2)]
        for each in directories:
            each.mkdir()
        self.patch(os, "environ", {"SSL_CERT_DIR": os.pathsep.join(map(str, directories))})
        first = self.context(None)
        self.assertIs(self.context(None), first)
        self.certify(directories[1] / "a.pem")
        self.assertIsNot(self.context(None), first)

    def test_where_its_files_are_unknown_they_are_read_each_time(self):
        missing = Names("it takes more time", "_no_such_name", package="pyOpenSSL")
        missing._found = False
        self.patch(trust, "PLATFORM_TRUST", missing)
        self.assertIsNot(self.context(None), self.context(None))

    def test_the_names_are_there(self):
        self.assertTrue(trust.PLATFORM_TRUST.are_in(SSL))

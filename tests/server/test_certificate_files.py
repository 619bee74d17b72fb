"""`CertificateFiles`: a certificate whose files are read again."""

import contextlib
import os
from pathlib import Path

from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)
from OpenSSL import SSL
from twisted.logger import formatEvent

from tests.support.certificates import Authority, make_pems
from tests.support.sides import QuietTestCase
from txws2.server import certificate_files
from txws2.server.certificate_files import CertificateFiles

PEM, KEY = make_pems("a.example")
OTHER_PEM, OTHER_KEY = make_pems("b.example")


def handshake(context, client=None):
    """Open TLS in memory; return the name in the server's certificate, and both ends."""
    if client is None:
        client = SSL.Context(SSL.TLS_METHOD)
    ends = SSL.Connection(context, None), SSL.Connection(client, None)
    ends[0].set_accept_state()
    ends[1].set_connect_state()
    for _ in range(6):
        for end, other in ends, ends[::-1]:
            with contextlib.suppress(SSL.WantReadError):
                end.do_handshake()
            with contextlib.suppress(SSL.WantReadError):
                other.bio_write(end.bio_read(2**16))
    certificate = ends[1].get_peer_certificate()
    return certificate.get_subject().CN, *ends


class FilesTestCase(QuietTestCase):
    def setUp(self):
        super().setUp()
        self.directory = Path(self.mktemp())
        self.directory.mkdir()
        self.now = 0.0
        self.patch(certificate_files, "monotonic", lambda: self.now)
        self.certificate = self.write("cert.pem", PEM)
        self.key = self.write("key.pem", KEY)

    def write(self, name, data):
        path = self.directory / name
        path.write_bytes(data)
        return path

    def make(self, **options):
        return CertificateFiles(self.certificate, self.key, **options)

    def name(self, files):
        return handshake(files.getContext())[0]


class ReadTests(FilesTestCase):
    def test_the_certificate_is_shown(self):
        self.assertEqual(self.name(self.make()), "a.example")

    def test_one_file_may_have_both_in_any_order(self):
        for data in PEM + KEY, KEY + PEM, b"# text\r\n" + KEY + b"\n" + PEM + OTHER_PEM:
            self.assertEqual(self.name(CertificateFiles(self.write("both", data))), "a.example")

    def test_it_speaks_tls_1_2_and_later(self):
        client = SSL.Context(SSL.TLS_METHOD)
        client.set_max_proto_version(SSL.TLS1_1_VERSION)
        self.assertRaises(SSL.Error, handshake, self.make().getContext(), client)

    def test_clients_must_have_a_certificate_of_the_authority(self):
        authority = Authority()
        context = self.make(client_ca=self.write("ca.pem", authority.pem)).getContext()
        self.assertRaises(SSL.Error, handshake, context)
        for name, signer in ("ann", authority), ("eve", Authority("another")):
            mine = signer.certify(common_name=name)
            client = mine.options().getContext()
            client.set_verify(SSL.VERIFY_NONE, lambda *_: True)
            if name == "eve":
                self.assertRaises(SSL.Error, handshake, context, client)
            else:
                _, server, client_end = handshake(context, client)
                # Browsers offer the certificates of these authorities only.
                [known] = client_end.get_client_ca_list()
                self.assertEqual(known, server.get_peer_certificate().get_issuer())
                self.assertEqual(server.get_peer_certificate().get_subject().CN, "ann")


class ChangesTests(FilesTestCase):
    def test_files_that_have_changed_are_read_again_for_the_next_connection(self):
        files = self.make()
        _, server, client = handshake(files.getContext())
        self.write("cert.pem", OTHER_PEM)
        self.write("key.pem", OTHER_KEY)
        self.assertEqual(self.name(files), "a.example")
        self.now = 1.0
        self.assertEqual(self.name(files), "b.example")
        # The connection that was open before goes on.
        client.write(b"hello")
        server.bio_write(client.bio_read(2**16))
        self.assertEqual(server.read(9), b"hello")

    def test_wrong_files_change_nothing_and_are_logged_once(self):
        files = self.make()
        self.write("cert.pem", OTHER_PEM)
        for self.now in 1.0, 2.0:
            self.assertEqual(self.name(files), "a.example")
        [event] = self.take_loud()
        text = formatEvent(event)
        self.assertIn("isn't that of the first certificate", text)
        self.assertIn("the server goes on with the certificate that it has", text)
        # The other half of the new pair comes.
        self.write("key.pem", OTHER_KEY)
        self.now = 3.0
        self.assertEqual(self.name(files), "b.example")

    def test_missing_files_change_nothing_either(self):
        files = self.make()
        self.certificate.unlink()
        self.now = 1.0
        self.assertEqual(self.name(files), "a.example")
        self.assertIn("can't read", formatEvent(self.take_loud()[0]))

    def test_they_are_found_again_when_the_current_directory_has_changed(self):
        # twistd changes it (--rundir) after it has read its options.
        self.addCleanup(os.chdir, os.getcwd())
        self.certificate, self.key = map(os.path.relpath, (self.certificate, self.key))
        files = self.make(client_ca=self.certificate)
        self.write("cert.pem", OTHER_PEM)
        self.write("key.pem", OTHER_KEY)
        os.chdir("/")
        self.assertTrue(files.reload())

    def test_reload_reads_at_once(self):
        files = self.make()
        self.write("cert.pem", OTHER_PEM + OTHER_KEY)
        self.assertFalse(files.reload())
        self.take_loud()
        self.write("key.pem", OTHER_KEY)
        self.assertTrue(files.reload())
        self.assertEqual(self.name(files), "b.example")


class MistakesTests(FilesTestCase):
    def assertWrong(self, problem, *paths, **options):
        error = str(self.assertRaises(ValueError, CertificateFiles, *paths, **options))
        self.assertIn(problem, error)
        self.assertNotIn(KEY.split(b"\n")[1].decode(), error)

    def test_wrong_files_are_told(self):
        none = self.directory / "none"
        encrypted = load_pem_private_key(KEY, None).private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"x")
        )
        cut = PEM.split(b"\n")
        self.assertWrong("No such file", none)
        self.assertWrong("No such file", self.certificate, none)
        self.assertWrong("has no private key in it", self.certificate)
        self.assertWrong("has no certificate in it", self.key)
        self.assertWrong("has no private key in it", self.certificate, self.write("e", b""))
        self.assertWrong("is encrypted", self.certificate, self.write("x", encrypted))
        damaged = self.write("d", b"\n".join([*cut[:3], *cut[4:]]))
        self.assertWrong("is damaged", damaged, self.key)
        key = KEY.split(b"\n")
        self.assertWrong(
            "is damaged, or of", self.certificate, self.write("k", b"\n".join([key[0], *key[2:]]))
        )
        self.assertWrong("isn't that of", self.certificate, self.write("o", OTHER_KEY))
        self.assertWrong("has no certificate", self.certificate, self.key, client_ca=self.key)
        self.assertWrong("larger than a mebibyte", self.write("big", b"x" * (2**20 + 1)))

    def test_a_certificate_behind_its_issuer_is_told(self):
        self.assertWrong("must come first", self.write("w", OTHER_PEM + PEM), self.key)

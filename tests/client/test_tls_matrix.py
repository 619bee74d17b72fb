"""The TLS of a server that is wrong in each way, in memory; nothing is sent to such a server."""

import re

from OpenSSL import SSL
from twisted.internet.ssl import Certificate, optionsForClientTLS, trustRootFromCertificates

from tests.client.test_tls import TLSTestCase
from tests.support.tls_matrix import ACCEPTED, ROWS, pattern_of, trusted
from txws2.client.tls import ClientTLS
from txws2.exceptions import SecurityError


class MatrixTests(TLSTestCase):
    """Attack 31."""

    def setUp(self):
        super().setUp()
        self.trusted = self.write("trusted.pem", trusted())

    def test_each_wrong_certificate_is_refused_and_reported(self):
        for row in ROWS:
            client, server = self.meet(ClientTLS(self.trusted), row.name or row.host, row.serve())
            self.assertEqual((client.heard, server.heard), (b"", b""), row.title)
            self.assertIsInstance(client.failure, SecurityError, row.title)
            self.assertRegex(str(client.failure), pattern_of(row), row.title)

    def test_it_is_refused_with_tls_1_2_before_anything_is_sent(self):
        for row in ROWS:
            contexts = row.serve()
            contexts.getContext().set_max_proto_version(SSL.TLS1_2_VERSION)
            client, server = self.meet(ClientTLS(self.trusted), row.name or row.host, contexts)
            self.assertEqual((client.heard, server.heard), (b"", b""), row.title)
            self.assertIsInstance(client.failure, SecurityError, row.title)

    def test_it_is_refused_where_twisted_is_to_verify(self):
        pems = re.findall(rb"(?s)-----BEGIN.+?-----END CERTIFICATE-----", trusted())
        trust = trustRootFromCertificates([Certificate.loadPEM(pem) for pem in pems])
        for row in ROWS:
            host = row.name or row.host
            tls = ClientTLS(optionsForClientTLS(host, trustRoot=trust))
            client, server = self.meet(tls, "whatever", row.serve())
            self.assertEqual((client.heard, server.heard), (b"", b""), row.title)
            self.assertRegex(str(client.failure), pattern_of(row), row.title)
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_each_right_certificate_is_accepted(self):
        for row in ACCEPTED:
            client, server = self.meet(ClientTLS(self.trusted), row.name or row.host, row.serve())
            self.assertEqual((client.heard, server.heard), (b"hello", b"hello"), row.title)

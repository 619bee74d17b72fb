"""TLS of `twistd ws`: --certificate, --private-key, --client-ca, --redirect-http."""

import signal
from pathlib import Path

from twisted.internet import _producer_helpers
from twisted.internet.task import Cooperator
from twisted.logger import capturedLogs, formatEvent
from twisted.protocols.tls import TLSMemoryBIOFactory

from tests.command.test_authentication import FACTORY, AuthenticationTestCase
from tests.support.certificates import Authority, make_pems
from tests.support.sides import REQUEST, Peer
from txws2.server.mounts import Mounts
from txws2.testing import Joined

PEM, KEY = make_pems("localhost")
OTHER_PEM, OTHER_KEY = make_pems("b.example")


class TLSTestCase(AuthenticationTestCase):
    def setUp(self):
        super().setUp()
        self.certificate = self.file("cert.pem", PEM.decode())
        self.key = self.file("key.pem", KEY.decode())
        self.both = "--certificate", self.certificate, "--private-key", self.key

    def listeners(self):
        return {port: factory for port, factory, _, _ in self.reactor.tcpServers}


class CertificateTests(TLSTestCase):
    def test_ports_speak_tls(self):
        with capturedLogs() as logged:
            self.start(*self.both, "-l", "8443", "-l", "tcp6:8444")
        for factory in self.listeners().values():
            self.assertIsInstance(factory, TLSMemoryBIOFactory)
        texts = [formatEvent(event) for event in logged]
        self.assertIn("listening on wss://127.0.0.1:8443/", texts)

    def test_one_file_may_have_both(self):
        path = self.file("both.pem", (PEM + KEY).decode())
        self.assertIsInstance(self.start("--certificate", path), TLSMemoryBIOFactory)

    def test_unix_and_ssl_stay_as_they_are(self):
        ssl = f"ssl:8444:privateKey={self.key}:certKey={self.certificate}"
        self.start(*self.both, "-l", ":8443", "-l", "unix:/x", "-l", ssl)
        self.assertNotIsInstance(self.reactor.unixServers[0][1], TLSMemoryBIOFactory)
        self.assertEqual(len(self.reactor.sslServers), 1)

    def test_the_loopback_is_still_known(self):
        self.start(*self.both)
        self.assertIsNotNone(self.service.factory.hosts)
        self.reactor.tcpServers.clear()
        self.start(*self.both, "-l", ":8443")
        self.assertIsNone(self.service.factory.hosts)

    def test_sighup_reads_the_files_again(self):
        self.start(*self.both)
        Path(self.certificate).write_bytes(OTHER_PEM)
        Path(self.key).write_bytes(OTHER_KEY)
        with capturedLogs() as logged:
            self.handlers[signal.SIGHUP](signal.SIGHUP, None)
        self.assertIn("was read again", formatEvent(logged[0]))

    def test_without_files_sighup_ends_the_process(self):
        self.start()
        self.assertNotIn(signal.SIGHUP, self.handlers)

    def test_a_factory_with_options_of_its_own_may_have_it(self):
        made = self.make(*self.both, "--app", "tests.command.test_authentication:FACTORY")
        self.assertIs(made.factory, FACTORY)

    def test_clients_may_need_a_certificate(self):
        path = self.file("ca.pem", Authority().pem.decode())
        self.start(*self.both, "--client-ca", path)
        [hook] = self.service.factory.hooks.process_request
        self.assertIn("certificate_auth", hook.__qualname__)


class RedirectTests(TLSTestCase):
    def redirect(self, *arguments, listen=":8443"):
        self.start(*self.both, "-l", listen, "--redirect-http", ":80", *arguments)
        factory = self.listeners()[80]
        self.assertIsInstance(factory, Mounts)
        # The requests of these tests go to the first port.
        self.reactor.tcpServers.sort(key=lambda server: server[0])

    def location(self, path="/", host="a.example"):
        answer = self.ask(f"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        lines = answer.decode().split("\r\n")
        found = [line.split(": ", 1)[1] for line in lines if line.startswith("Location")]
        return lines[0].removeprefix("HTTP/1.1 "), *found

    def get_file(self, path):
        # twisted.web reads a file in turns of the global reactor.
        cooperator = Cooperator(scheduler=lambda call: self.reactor.callLater(0, call))
        self.patch(_producer_helpers, "cooperate", cooperator.cooperate)
        peer = Peer()
        joined = Joined(self.reactor.tcpServers[0][1].buildProtocol(None), peer, self.reactor)
        peer.transport.write(f"GET {path} HTTP/1.1\r\nHost: a.example\r\n\r\n".encode())
        for _ in range(5):
            joined.pump()
            self.reactor.advance(0)
        return peer.take()

    def test_browsers_are_sent_to_https(self):
        self.redirect()
        moved = "308 Permanent Redirect"
        self.assertEqual(self.location("/x?y=%20"), (moved, "https://a.example:8443/x?y=%20"))
        self.assertEqual(self.location("/", "[::1]:80"), (moved, "https://[::1]:8443/"))

    def test_port_443_is_left_out(self):
        self.redirect(listen=":443")
        self.assertEqual(self.location()[1], "https://a.example/")

    def test_it_sends_nobody_elsewhere(self):
        self.redirect()
        for host in "a.example/x", "a@b.example", "", "a b", "a.example\\", "[x]":
            self.assertEqual(self.location(host=host)[0][:3], "400", host)
        self.assertEqual(self.location("//b.example/")[1], "https://a.example:8443//b.example/")
        self.assertEqual(self.location("http://b.example/")[0][:3], "400")

    def test_hosts_are_checked(self):
        self.redirect("--host", "a.example")
        self.assertEqual(self.location()[0][:3], "308")
        self.assertEqual(self.location(host="b.example")[0][:3], "421")

    def test_websockets_are_sent_there_too(self):
        self.redirect()
        self.assertIn(b"308 Permanent", self.ask(REQUEST))

    def test_a_proof_of_certbot_is_not_and_needs_no_password(self):
        (self.directory / ".well-known" / "acme-challenge").mkdir(parents=True)
        (self.directory / ".well-known" / "acme-challenge" / "t").write_text("proof")
        self.redirect("--static", str(self.directory), "--bearer-tokens", self.tokens)
        path = "/.well-known/acme-challenge/"
        self.assertIn(b"200 OK", self.get_file(f"{path}t"))
        self.assertEqual(self.location(f"{path}none")[0], "404 Not Found")
        for other in "/tokens", "/.well-known/x", "/.well-known/acme-challenge":
            self.assertEqual(self.location(other)[0][:3], "308")
        for around in "../../tokens", "%2e%2e/%2e%2e/tokens", "..%2f..%2ftokens":
            self.assertNotIn(b"abc ann", self.ask(f"GET {path}{around} HTTP/1.1\r\n\r\n".encode()))

    def test_without_static_it_is(self):
        self.redirect()
        self.assertEqual(self.location("/.well-known/acme-challenge/t")[0][:3], "308")

    def test_a_place_that_cannot_be_listened_at_is_told(self):
        self.assertCannotStart(
            "--redirect-http has 'tcp:80', too; only one server can listen there",
            *(*self.both, "-l", ":80", "--redirect-http", ":80"),
        )


class MistakesTests(TLSTestCase):
    def test_wrong_files_are_told(self):
        self.assertCannotStart(
            "--certificate: can't read '/none': No such file or directory",
            *("--certificate", "/none"),
        )
        self.assertCannotStart(
            f"--certificate: {self.certificate!r} has no private key in it; it must be a PEM file",
            *("--certificate", self.certificate),
        )
        self.assertCannotStart(
            f"--client-ca: {self.key!r} has no certificate in it; it must be a PEM file",
            *(*self.both, "--client-ca", self.key),
        )
        self.assertCannotStart(
            "--private-key: can't read '/none': No such file or directory",
            *("--certificate", self.certificate, "--private-key", "/none"),
        )

    def test_so_are_options_without_effect(self):
        for name in "private-key", "client-ca", "redirect-http":
            self.assertCannotStart(
                f"--{name} has no effect without --certificate; give both", f"--{name}", ":80"
            )
        self.assertCannotStart(
            "--certificate has no effect on unix: and ssl:; give a port to --listen, as :443",
            *(*self.both, "-l", "unix:/x"),
        )
        self.assertCannotStart(
            "--client-ca has no effect on 'unix:/x'; leave one of them out",
            *(*self.both, "--client-ca", self.certificate, "-l", "unix:/x", "-l", ":443"),
        )

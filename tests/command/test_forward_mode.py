"""`--forward` of `twistd ws`: targets, tokens, recordings, and each mistake in them."""

import sys
from base64 import b64encode
from unittest.mock import patch

import jwt
from twisted.logger import formatEvent

from tests.command.test_modes import ModesTestCase
from tests.support.certificates import make_pems
from tests.support.sides import BINARY, REQUEST, Peer
from txws2._command.option import CannotStart
from txws2.server.factory import WebSocketServerFactory
from txws2.testing import Joined
from txws2.wire.frames import encode_frame

SECRET = b"0123456789abcdef0123456789abcdef"


OWN = None


class ForwardTestCase(ModesTestCase):
    def setUp(self):
        super().setUp()
        self.directory = self.directory.resolve()

    def write(self, name, data):
        """Write a file; return its path."""
        path = self.directory / name
        path.write_bytes(data)
        return path

    def request(self, path):
        return REQUEST.replace(b"/chat", path.encode()).replace(b"example.com", b"localhost")

    def assertForwards(self, path, port):
        """Assert that a request for a path makes a connection to a port."""
        self.reactor.tcpClients.clear()
        self.ask(self.request(path))
        self.assertEqual([each[:2] for each in self.reactor.tcpClients], [("127.0.0.1", port)])

    def refused(self, *arguments):
        return str(self.assertRaises(CannotStart, self.make, *arguments))

    def assertOneProblem(self, text, *arguments):
        self.assertCannotStart(text.replace("{dir}", str(self.directory)), *arguments)


class TargetTests(ForwardTestCase):
    def test_each_websocket_becomes_a_connection_to_the_target(self):
        self.start("--forward=127.0.0.1:5900")
        self.assertForwards("/websockify", 5900)

    def test_targets_may_have_paths(self):
        self.start("--forward=/a=tcp:127.0.0.1:5901", "--forward", "/b=127.0.0.1:5902", "--echo")
        self.assertForwards("/a/x", 5901)
        self.assertForwards("/b", 5902)
        self.assertOpens("/")

    def test_a_target_may_be_a_unix_socket(self):
        self.start("--forward=/a=unix:/run/x.sock")
        self.ask(self.request("/a"))
        self.assertEqual(self.reactor.unixClients[0][0], "/run/x.sock")

    def test_the_path_below_that_of_the_forward_is_appended_to_a_uri(self):
        self.start("--forward=/live=ws://127.0.0.1:8001/chat")
        self.assertForwards("/live/room?x=1", 8001)
        factory = self.reactor.tcpClients[0][2]
        other = Peer()
        Joined(other, factory.buildProtocol(None), self.reactor).pump()
        self.assertTrue(other.take().startswith(b"GET /chat/room?x=1 HTTP/1.1\r\n"))

    def test_messages_are_not_compressed(self):
        self.assertIsNone(self.start("--forward=localhost:5900").compression)

    def test_the_target_has_as_long_as_the_opening_handshake_has(self):
        for option, seconds in ("20s", 18), ("2s", 1.8), ("none", 10):
            self.reactor.tcpServers.clear()
            self.reactor.tcpClients.clear()
            self.start("--forward=127.0.0.1:5900", f"--open-timeout={option}")
            peer = self.send(self.request("/"))
            self.reactor.advance(seconds - 0.01)
            self.assertEqual(peer.take(), b"")
            self.reactor.advance(0.02)
            self.joined.pump()
            self.assertIn(b" 504 ", peer.take().split(b"\r\n")[0])
            self.take_loud()

    def test_a_target_that_is_none_is_refused(self):
        for text in "nonsense", "localhost:99999", "nope:x", "tcp:localhost", "":
            error = self.refused(f"--forward=/a={text}" if text else "--forward=")
            self.assertRegex(error, "the address of a target is an endpoint string|must have a val")
        self.assertIn("isn't a WebSocket URI", self.refused("--forward=ws://"))

    def test_a_path_that_is_none_is_refused(self):
        self.assertIn("--forward must have a path: ", self.refused("--forward=/x?y"))

    def test_two_at_one_path_are_refused(self):
        self.assertOneProblem(
            "--echo and --forward are both at '/'; give one of them another path, as "
            "--forward /other=...",
            "--echo",
            "--forward=localhost:1",
        )

    def test_subprotocols_are_for_others(self):
        self.assertOneProblem(
            "--subprotocol has no effect: the target of a --forward chooses the subprotocol",
            "--forward=localhost:5900",
            "--subprotocol=binary",
        )
        factory = self.start("--forward=/a=localhost:1", "--echo", "--subprotocol=x")
        self.assertEqual([list(each.subprotocols) for each in factory.factories[:2]], [["x"], []])

    def test_so_they_are_beside_a_factory_with_options_of_its_own(self):
        self.patch(sys.modules[__name__], "OWN", WebSocketServerFactory(reactor=self.reactor))
        self.assertIn(
            "--subprotocol has no effect",
            self.refused("--forward=/a=localhost:1", f"--app={__name__}:OWN", "--subprotocol=x"),
        )


class TokenTests(ForwardTestCase):
    def test_a_file_has_the_target_of_each_token(self):
        targets = self.write("targets", b"one: 127.0.0.1:5901\ntwo: 127.0.0.1:5902\n")
        self.start("--forward", "/vnc", f"--targets={targets}")
        self.assertForwards("/vnc?token=one", 5901)
        self.assertForwards("/vnc/two", 5902)
        self.assertEqual(self.open_at("/vnc?token=three"), b"HTTP/1.1 404 Not Found")

    def test_so_has_a_directory_of_files(self):
        self.write("targets", b"one: 127.0.0.1:5901\n")
        self.start("--forward=/", f"--targets={self.directory}")
        self.assertForwards("/?token=one", 5901)

    def test_targets_by_token_and_others_have_paths_of_their_own(self):
        targets = self.write("targets", b"one: 127.0.0.1:5901\n")
        self.start("--forward=/a", "--forward=/b=127.0.0.1:5902", f"--targets={targets}")
        self.assertForwards("/a?token=one", 5901)
        self.assertForwards("/b?token=one", 5902)

    def test_a_signed_token_has_its_target_in_it(self):
        key = self.write("key", b64encode(SECRET))
        self.start("--forward=/", f"--jwt-key={key}")
        token = jwt.encode({"host": "127.0.0.1", "port": 5903}, SECRET, algorithm="HS256")
        self.assertForwards(f"/?token={token}", 5903)

    def test_a_path_without_a_target_is_refused(self):
        self.assertOneProblem(
            "--forward /vnc has no target; write --forward /vnc=localhost:5900, or --forward "
            "unix:/vnc for a Unix socket, or add --targets FILE",
            "--forward=/vnc",
        )

    def test_targets_without_a_path_are_refused(self):
        for option in "targets", "jwt-key":
            for arguments in [], ["--forward=localhost:5900"]:
                self.assertOneProblem(
                    f"--{option} has no effect without a --forward that has only a path, as "
                    "--forward /",
                    f"--{option}={self.directory}",
                    *arguments,
                )

    def test_two_kinds_of_targets_are_refused(self):
        self.assertOneProblem(
            "--targets and --jwt-key both say where to forward; give only one",
            "--forward=/",
            "--targets=x",
            "--jwt-key=y",
        )

    def test_a_file_that_is_not_there_is_refused_once(self):
        for option in "targets", "jwt-key":
            self.assertOneProblem(
                f"can't read --{option} {{dir}}/none: No such file or directory",
                *("--forward=/a", "--forward=/b"),
                f"--{option}={self.directory}/none",
            )

    def test_a_mistake_in_a_file_is_refused_with_its_line(self):
        targets = self.write("targets", b"one: localhost:5901\ntwo\n")
        self.assertOneProblem(
            "{dir}/targets, line 2: a line is 'token: host:port'",
            "--forward=/",
            f"--targets={targets}",
        )
        self.write("targets", b"one: localhost:5901\n\xff: localhost:1\n")
        self.assertIn("UTF-8", self.refused("--forward=/", f"--targets={targets}"))

    def test_a_key_that_is_none_is_refused(self):
        key = self.write("key", b"short")
        self.assertOneProblem(
            "{dir}/key must have a public key in PEM, or a secret of at least 32 bytes in Base64; "
            "`openssl rand -base64 32` makes one",
            "--forward=/",
            f"--jwt-key={key}",
        )

    def test_without_pyjwt_it_says_what_to_install(self):
        with patch.dict("sys.modules", {"jwt": None}):
            self.assertOneProblem(
                "JWTTargets needs PyJWT: pip install pyjwt", "--forward=/", "--jwt-key=key"
            )


class AuthorityTests(ForwardTestCase):
    def setUp(self):
        super().setUp()
        self.pem = self.write("ca.pem", make_pems("example.com")[0])

    def test_a_file_has_the_authorities_for_servers_with_tls(self):
        for targets in ["--forward=wss://example.com"], ["--forward=/a=WSS://x", "--forward=/=x:1"]:
            self.make(*targets, f"--forward-ca={self.pem}")
        targets = self.write("targets", b"one: wss://example.com\n")
        self.make("--forward=/", f"--targets={targets}", f"--forward-ca={self.pem}")

    def test_without_such_a_server_it_is_refused(self):
        for arguments in [], ["--forward=ws://example.com"], ["--forward=tls:example.com:443"]:
            self.assertOneProblem(
                "--forward-ca has no effect without a --forward to a wss URI, as --forward "
                "wss://example.com",
                *(f"--forward-ca={self.pem}", *arguments),
            )

    def test_a_file_that_has_none_is_refused_once(self):
        arguments = ("--forward=wss://example.com", "--forward=/b=wss://example.com")
        self.assertOneProblem(
            "can't read --forward-ca {dir}/none: No such file or directory",
            *(*arguments, f"--forward-ca={self.directory}/none"),
        )
        self.pem.write_bytes(b"")
        error = self.refused(*arguments, f"--forward-ca={self.pem}")
        self.assertEqual(error.count("--forward-ca: "), 1)
        self.assertIn("must have a certificate in PEM format; it has none", error)


class RecordTests(ForwardTestCase):
    def test_a_recording_ends_at_its_limit_and_the_connection_goes_on(self):
        peer, service = self.record("--record-limit=300")
        [file] = self.directory.iterdir()
        for _ in range(10):
            peer.transport.write(encode_frame(BINARY, bytes(50), masked=True))
            self.joined.pump()
        service.pump()
        self.assertEqual(service.client.take(), bytes(500))
        self.assertLessEqual(file.stat().st_size, 300)
        [event] = self.take_loud()
        self.assertIn("records no more of its connection: it has reached", formatEvent(event))

    def test_a_limit_without_recordings_is_refused(self):
        for arguments in [], ["--forward=localhost:1"]:
            self.assertOneProblem(
                "--record-limit has no effect without --record", "--record-limit=1K", *arguments
            )

    def record(self, *arguments):
        """Record a connection; return the client, and the connection to the service."""
        self.start("--forward=127.0.0.1:5900", f"--record={self.directory}", *arguments)
        peer = self.send(self.request("/"))
        service = self.reactor.tcpClients[0][2].buildProtocol(None)
        target = Joined(service, Peer(), self.reactor)
        target.pump()
        self.joined.pump()
        peer.take()
        return peer, target

    def test_each_connection_is_recorded(self):
        self.start("--forward=127.0.0.1:5900", f"--record={self.directory}")
        peer = self.send(self.request("/"))
        service = self.reactor.tcpClients[0][2].buildProtocol(None)
        Joined(service, Peer(), self.reactor).pump()
        self.joined.pump()
        self.assertIn(b" 101 ", peer.take())
        [file] = self.directory.iterdir()
        self.assertEqual(file.stat().st_mode & 0o777, 0o600)

    def test_a_directory_that_is_not_there_is_refused_once(self):
        self.assertOneProblem(
            "there is no directory 'nowhere' for recordings; make one that only its user may "
            "read, as by mkdir -m 700 nowhere",
            *("--forward=localhost:1", "--forward=/b=localhost:2", "--record=nowhere"),
        )

    def test_without_forwarding_it_is_refused(self):
        self.assertOneProblem(
            "--record has no effect without --forward", f"--record={self.directory}", "--echo"
        )

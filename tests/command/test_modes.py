"""The modes of `twistd ws`: several services on different paths of one port."""

import sys
from pathlib import Path
from queue import Queue
from threading import current_thread

from twisted.internet.interfaces import IReactorThreads
from twisted.web.resource import Resource
from twisted.web.server import Site
from twisted.web.static import Data
from twisted.web.wsgi import WSGIResource

from tests.support.certificates import make_pems
from tests.support.sides import REQUEST, Peer, QuietTestCase
from tests.support.tap import TapTestCase
from txws2._command.modes.mode import Making, Place, place, place_alone
from txws2._command.modes.table import MODES
from txws2._command.option import CannotStart
from txws2.server.factory import WebSocketServerFactory
from txws2.server.mounts import Mounts
from txws2.tap import Echo
from txws2.testing import Joined

ROOT = Resource()
ROOT.putChild(b"", Data(b"the root", "text/plain"))
SITE = Site(ROOT)
OWN = None


async def chat(ws):
    pass


def wsgi(environ, start_response):
    pass


class PlaceTests(QuietTestCase):
    def test_a_path_ends_at_the_first_equals_sign(self):
        for text, expected in {
            "chat:handler": ("/", "chat:handler"),
            "/chat=chat:handler": ("/chat", "chat:handler"),
            "/=public": ("/", "public"),
            "/a/b=/srv/c=d": ("/a/b", "/srv/c=d"),
            "unix:/run/x=y": ("/", "unix:/run/x=y"),
        }.items():
            self.assertEqual(place(text), Place(*expected))

    def test_a_directory_or_a_program_needs_no_path(self):
        for text in "/srv/www", "/usr/bin/tail -n=5 /var/log/x", "/usr/bin/env A=b program":
            self.assertEqual(place(text), Place("/", text))

    def test_a_path_alone(self):
        self.assertEqual(place_alone("/chat"), Place("/chat", ""))

    def test_a_path_that_is_none_is_refused(self):
        for text in "/{room}=x", "/x?y=z", "/%41=x":
            self.assertIn("must have a path: ", str(self.assertRaises(ValueError, place, text)))
        self.assertRaises(ValueError, place_alone, "chat")

    def test_so_is_a_path_without_anything(self):
        for text in "/chat=", "":
            error = self.assertRaises(ValueError, place, text)
            self.assertIn("must have a value, perhaps with a path", str(error))


class ModesTestCase(TapTestCase):
    def setUp(self):
        super().setUp()
        self.directory = Path(self.mktemp())
        self.directory.mkdir()

    def open_at(self, path):
        """Send a request for a WebSocket to the service; return the first line of the answer."""
        request = REQUEST.replace(b"/chat", path.encode()).replace(b"example.com", b"localhost")
        return self.ask(request).split(b"\r\n")[0]

    def get(self, path, host=b"localhost"):
        return self.ask(b"GET " + path.encode() + b" HTTP/1.1\r\nHost: " + host + b"\r\n\r\n")

    def ask(self, request):
        return self.send(request).take()

    def send(self, request):
        """Send a request; return the client."""
        peer = Peer()
        self.joined = Joined(self.reactor.tcpServers[0][1].buildProtocol(None), peer, self.reactor)
        peer.transport.write(request)
        self.joined.pump()
        return peer

    def assertOpens(self, *paths):
        for path in paths:
            self.assertEqual(self.open_at(path), b"HTTP/1.1 101 Switching Protocols", path)

    def assertCannotStart(self, text, *arguments):
        error = self.assertRaises(CannotStart, self.make, *arguments)
        self.assertEqual(str(error), f"twistd ws: {text}")


class SocketTests(ModesTestCase):
    def test_without_any_mode_there_is_an_echo(self):
        factory = self.start()
        self.assertIs(type(factory), WebSocketServerFactory)
        self.assertIs(factory.create_protocol, Echo)
        self.assertOpens("/", "/x")

    def test_one_at_the_root_needs_no_mounts(self):
        for arguments in ["--echo"], ["--echo=/"], ["--app", "tests.command.test_modes:chat"]:
            self.reactor.tcpServers.clear()
            self.assertIs(type(self.start(*arguments)), WebSocketServerFactory)

    def test_an_echo_may_have_a_path(self):
        for arguments in ["--echo", "/echo"], ["--echo=/echo"]:
            self.reactor.tcpServers.clear()
            self.assertIsInstance(self.start(*arguments), Mounts)
            self.assertOpens("/echo", "/echo/x")
            self.assertEqual(self.open_at("/"), b"HTTP/1.1 404 Not Found")

    def test_an_echo_without_a_path_may_stand_before_any_other_option(self):
        self.start("--echo", "--max-size", "3", "--echo", "/x", "--echo=/y")
        self.assertOpens("/", "/x", "/y")

    def test_several_have_paths_of_their_own(self):
        self.start("--app=/chat=tests.command.test_modes:chat", "-a", "/b=txws2.tap:Echo", "--echo")
        self.assertOpens("/chat", "/b", "/")
        counted = [factory.counters.opened for factory in self.service.factory.factories]
        self.assertEqual(counted, [1, 1, 1, 0])

    def test_all_have_the_options_of_the_command_line(self):
        self.start("--echo=/a", "--echo=/b", "--max-size=3", "--origin=https://a.example")
        for factory in self.service.factory.factories[:2]:
            self.assertEqual((factory.max_size, factory.origins), (3, ["https://a.example"]))
            spelled = factory._warnings.spelling.set("max_size", 4)
            self.assertEqual(spelled, "--max-size 4")

    def test_limits_are_those_of_all_together(self):
        self.start("--echo=/a", "--echo=/b", "--max-connections=1")
        self.assertOpens("/a")
        self.assertIn(b"503", self.open_at("/b"))
        first, second, _ = self.service.factory.factories
        self.assertIs(first.compression_budget, second.compression_budget)

    def test_on_the_loopback_all_answer_for_that_only(self):
        self.start("--echo=/a", "--echo=/b")
        for path in b"/a", b"/b":
            self.assertIn(b" 421 ", self.ask(REQUEST.replace(b"/chat", path)))

    def test_a_factory_with_options_of_its_own_keeps_them_beside_others(self):
        self.start("--app=/a=tests.command.test_modes:FACTORY", "--echo=/b", "--max-size=3")
        own, echo, _ = self.service.factory.factories
        self.assertEqual((own.max_size, echo.max_size), (2**20, 3))
        self.assertIn(b" 101 ", self.ask(REQUEST.replace(b"/chat", b"/a")))
        self.assertIn(b" 421 ", self.ask(REQUEST.replace(b"/chat", b"/b")))

    def setUp(self):
        super().setUp()
        module = sys.modules[__name__]
        module.FACTORY = WebSocketServerFactory(chat, reactor=self.reactor)
        self.addCleanup(delattr, module, "FACTORY")


class SiteTests(ModesTestCase):
    def test_files_of_a_directory_are_served(self):
        (self.directory / "sub").mkdir()
        self.start("--static", str(self.directory))
        self.assertIn(b"302 Found", self.get("/sub"))
        self.assertIn(b"404 Not Found", self.get("/y.txt"))

    def test_a_site_alone_has_no_echo(self):
        self.start("--static", str(self.directory))
        self.assertEqual(self.open_at("/x"), b"HTTP/1.1 404 Not Found")

    def test_a_resource_is_served_beside_websockets(self):
        self.start("--web=tests.command.test_modes:ROOT", "--echo=/echo")
        self.assertTrue(self.get("/").endswith(b"the root"))
        self.assertOpens("/echo")

    def test_http_and_websockets_may_have_the_same_path(self):
        self.start("--web=tests.command.test_modes:ROOT", "--echo")
        self.assertTrue(self.get("/").endswith(b"the root"))
        self.assertOpens("/")

    def test_several_have_paths_of_their_own(self):
        self.start("--web=/a=tests.command.test_modes:ROOT", f"--static={self.directory}")
        self.assertTrue(self.get("/a/").endswith(b"the root"))
        self.assertIn(b"404 Not Found", self.get("/"))

    def test_an_application_of_wsgi_has_threads_of_its_own_that_end_with_the_process(self):
        modes = {mode.option.name: mode for mode in MODES}
        making = Making({}, {}, self.reactor, str(self.directory))
        resource = modes["wsgi"].make("tests.command.test_modes:wsgi", making)
        self.assertIsInstance(resource, WSGIResource)
        self.assertFalse(IReactorThreads.providedBy(self.reactor))
        threads, found = resource._threadpool, Queue()
        self.addCleanup(threads.stop)
        # A thread from before the fork wouldn't be in the daemon.
        self.assertEqual(threads.threads, [])
        threads.callInThread(lambda: found.put(current_thread().daemon))
        self.assertTrue(found.get())

    def test_the_limits_of_the_command_line_hold_for_it_too(self):
        # Neither a factory with options of its own nor the status page decides about them.
        own = WebSocketServerFactory(chat, reactor=self.reactor)
        self.patch(sys.modules[__name__], "OWN", own)
        for others in (), ("--status",), (f"--app=/a={__name__}:OWN", "--echo=/b"):
            self.assertLimited("--static", str(self.directory), *others)

    def test_and_for_the_redirect_from_http(self):
        path = self.directory / "both.pem"
        path.write_bytes(b"".join(make_pems("localhost")))
        self.assertLimited("--certificate", str(path), "--listen=:443", "--redirect-http=:80")

    def assertLimited(self, *arguments):
        service = self.make("--open-timeout=3", "--close-timeout=4", *arguments)
        factory = service._servers[-1].factory
        self.assertEqual(factory.factories[-1].close_timeout, 4, arguments)
        peer = Peer()
        self.joined = Joined(factory.buildProtocol(None), peer, self.reactor)
        self.reactor.advance(2.9)
        self.joined.pump()
        self.assertEqual(peer.take(), b"", arguments)
        self.reactor.advance(0.2)
        self.joined.pump()
        self.assertIn(b" 408 ", peer.take(), arguments)

    def test_on_the_loopback_it_answers_for_that_only(self):
        """Attack 30: DNS rebinding."""
        self.start("--web=tests.command.test_modes:ROOT")
        self.assertIn(b" 421 ", self.get("/", b"evil.example"))

    def test_elsewhere_it_answers_for_all(self):
        self.start("--web=tests.command.test_modes:ROOT", "-l", ":80")
        self.assertIn(b"200 OK", self.get("/", b"any.example"))

    def test_hosts_that_are_named_are_all_that_it_answers_for(self):
        self.start("--web=tests.command.test_modes:ROOT", "-l", ":80", "--host=a.example")
        self.assertIn(b"200 OK", self.get("/", b"a.example"))
        self.assertIn(b" 421 ", self.get("/", b"b.example"))

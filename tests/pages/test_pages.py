"""The pages of `twistd ws` for requests that aren't for a WebSocket."""

import re
from pathlib import Path

from twisted.internet.address import IPv4Address
from twisted.web.resource import Resource
from twisted.web.static import Data

from tests.command.test_modes import ModesTestCase
from tests.support.sides import REQUEST, Peer, QuietTestCase
from txws2._pages import documents
from txws2._pages.visit import Visit
from txws2.server.mounts import Mounts
from txws2.testing import Joined
from txws2.wire.http.fields import Headers
from txws2.wire.http.heads import Request

BROWSER = "text/html,application/xhtml+xml;q=0.9"


def visit(path="/", peer="127.0.0.1", secure=False, **headers):
    """Return a visit; "Host" is localhost unless the headers have another."""
    given = {"Host": "localhost:8000"}
    given.update((name.replace("_", "-"), value) for name, value in headers.items())
    request = Request(path, Headers({name: [value] for name, value in given.items()}))
    return Visit(request, IPv4Address("TCP", peer, 1234), secure)


class PagesTestCase(ModesTestCase):
    def fetch(self, path, *headers, method="GET", host="localhost", protocol="HTTP/1.1"):
        """Return the status, the headers in lower case, and the body of a response."""
        lines = [f"{method} {path} {protocol}", f"Host: {host}", *headers, "", ""]
        peer = Peer()
        joined = Joined(self.reactor.tcpServers[0][1].buildProtocol(None), peer, self.reactor)
        peer.transport.write("\r\n".join(lines).encode())
        joined.pump()
        head, _, body = peer.take().partition(b"\r\n\r\n")
        peer.transport.loseConnection()
        joined.pump()
        first, *fields = head.decode().split("\r\n")
        named = dict(field.split(": ", 1) for field in fields)
        return int(first.split()[1]), {name.lower(): named[name] for name in named}, body.decode()

    def browse(self, path, *headers, **options):
        return self.fetch(path, f"Accept: {BROWSER}", *headers, **options)


class ConsoleTests(PagesTestCase):
    def test_a_browser_gets_the_console(self):
        self.start()
        status, headers, body = self.browse("/")
        self.assertEqual((status, headers["content-type"]), (200, "text/html; charset=utf-8"))
        self.assertIn("<title>WebSocket console</title>", body)
        self.assertIn('data-path="/" data-paths="/"', body)
        self.assertEqual(self.service.factory.counters.answered, 1)
        self.assertEqual(dict(self.service.factory.counters.refused), {})

    def test_it_knows_the_paths_of_websockets(self):
        self.start("--echo=/a", "--echo=/b/c")
        body = self.browse("/")[2]
        self.assertIn('data-path="/a" data-paths="/a\n/b/c"', body)

    def test_a_program_gets_a_sentence(self):
        self.start()
        status, headers, body = self.fetch("/")
        self.assertEqual((status, headers["upgrade"]), (426, "websocket"))
        self.assertEqual(
            body,
            "This is a WebSocket: connect to ws://localhost/ by a WebSocket client, as python -m "
            "txws2 ws://localhost/, or open http://localhost/ in a browser.\n",
        )

    def test_the_sentence_has_the_places_if_there_is_no_websocket(self):
        self.start("--echo=/a", "--echo=/b")
        status, _, body = self.fetch("/")
        self.assertEqual(status, 200)
        self.assertIn("connect to ws://localhost/a, or ws://localhost/b by", body)

    def test_a_site_at_the_root_has_that(self):
        self.start("--web=tests.pages.test_pages:ROOT", "--echo")
        self.assertEqual(self.browse("/")[2], "mine")
        self.assertEqual(self.browse("/x")[0], 404)
        # The files of the pages are there all the same, for the status.
        self.assertEqual(self.fetch("/.txws2/pages.css")[0], 200)

    def test_beside_a_site_at_another_path_it_is_there(self):
        self.start(f"--static=/files={self.directory}", "--echo")
        self.assertIn("<title>WebSocket console</title>", self.browse("/")[2])
        self.assertEqual(self.fetch("/x")[0], 426)
        self.assertEqual(self.fetch("/files/none")[0], 404)

    def test_that_holds_for_all_methods(self):
        self.start(f"--static=/files={self.directory}", "--echo")
        self.assertEqual(self.fetch("/", method="POST")[0], 404)

    def test_a_client_whose_upgrade_got_lost_hears_of_that(self):
        self.start()
        answer = self.ask(
            REQUEST.replace(b"Upgrade: websocket\r\n", b"").replace(b"example.com", b"localhost")
        )
        self.assertIn(b"426 Upgrade Required", answer)
        self.assertIn(b"The handshake failed: missing Upgrade header", answer)

    def test_other_methods_are_refused_as_before(self):
        self.start()
        self.assertEqual(self.fetch("/", method="POST")[0], 405)

    def test_head_has_no_body(self):
        self.start()
        status, headers, body = self.browse("/", method="HEAD")
        self.assertEqual((status, body), (200, ""))
        self.assertGreater(int(headers["content-length"]), 100)

    def test_other_hosts_are_refused(self):
        """Attack 30: the name of a hostile page resolves to this server."""
        self.start()
        self.assertEqual(self.browse("/", host="evil.example")[0], 421)
        self.reactor.tcpServers.clear()
        self.start("--echo=/a")
        self.assertEqual(self.browse("/nothing", host="evil.example")[0], 421)

    def test_an_application_answers_first(self):
        self.start("--app=tests.pages.test_pages:Answering")
        self.assertEqual(self.browse("/")[2], "mine")


class Answering:
    """A handler that answers requests for pages itself."""

    async def __call__(self, ws):
        pass

    def process_request(self, ws, request):
        return ws.respond(200, "mine")


Answering = Answering()
ROOT = Resource()
ROOT.putChild(b"", Data(b"mine", "text/plain"))


class HintTests(PagesTestCase):
    def test_a_browser_learns_how_to_connect(self):
        self.start()
        status, headers, body = self.browse("/a/b")
        self.assertEqual((status, headers["upgrade"]), (426, "websocket"))
        self.assertIn("upgrade", headers["connection"].lower())
        self.assertIn("python -m txws2 ws://localhost/a/b<", body)
        self.assertIn('href="../?uri=ws%3A%2F%2Flocalhost%2Fa%2Fb"', body)
        self.assertEqual(dict(self.service.factory.counters.refused), {"InvalidUpgrade": 1})

    def test_where_there_is_no_console_the_link_to_it_is_hidden(self):
        self.start("--echo=/a", "--status=/")
        self.assertIn('<section aria-labelledby="try" hidden>', self.browse("/a")[2])
        self.assertIn("<title>Status", self.browse("/")[2])

    def test_elsewhere_there_is_nothing(self):
        self.start("--echo=/a")
        self.assertEqual(self.browse("/b")[0], 404)
        self.assertEqual(self.browse("/a/x")[0], 426)

    def test_a_proxy_may_tell_that_its_clients_use_tls(self):
        self.start()
        self.assertIn("wss://localhost/x", self.fetch("/x", "X-Forwarded-Proto: https")[2])

    def test_whatever_is_asked_for_it_is_shown_as_text(self):
        """A link may have HTML, or a command of the shell, in its path."""
        self.start()
        path = "/<script>alert(1)</script>&$(reboot);'\"`x`"
        for found in self.browse(path), self.fetch(path):
            self.assertEqual(found[0], 426)
            for part in "<script", "$(", "`", ";'", '"`':
                self.assertNotIn(part, found[2].replace("<!doctype", ""))

    def test_a_host_that_is_none_is_not_shown(self):
        for host in "a b", "<b>", "a/b", "x" * 300, "a:b", "[::1", "a\u00e9":
            self.assertEqual(visit(Host=host).uri("/x"), "ws://localhost/x")
        for host in "a.example:1", "[::1]:8000", "127.0.0.1":
            self.assertEqual(visit(Host=host).uri("/x"), f"ws://{host}/x")


class FilesTests(PagesTestCase):
    def test_only_the_files_of_pages_are_there(self):
        self.start()
        for path in "console.html", "../pages.py", "..%2fpages.py", "%2e%2e/pages.py", "", "x":
            self.assertIn(self.fetch(f"/.txws2/{path}")[0], (400, 404, 426), path)

    def test_pages_load_only_what_is_there(self):
        self.start("--status")
        for path in "/", "/chat", "/status", "/a/b/c":
            body = self.browse(path)[2]
            loaded = re.findall(r'(?:src|href)="([^"]*\.txws2/[^"]*)"', body)
            self.assertGreater(len(loaded), 1)
            for reference in loaded:
                up, _, name = reference.partition(".txws2/")
                self.assertEqual(up.count("../"), path.count("/") - 1)
                self.assertEqual(self.fetch(f"/.txws2/{name}")[0], 200, name)

    def test_nothing_comes_from_elsewhere_and_nothing_is_inline(self):
        for path in Path(documents.__file__).with_name("files").iterdir():
            text = path.read_text("utf-8").replace("http://www.w3.org/2000/svg", "")
            self.assertNotRegex(text, r"https?://[a-z]", path.name)
            self.assertNotRegex(text, r"<style|<script>|\son[a-z]+=\"|\sstyle=", path.name)
            self.assertNotRegex(text, r"innerHTML|\beval\b|document\.write", path.name)

    def test_browsers_are_told_to_be_strict(self):
        self.start("--status")
        for path in "/", "/x", "/status":
            headers = self.browse(path)[1]
            policy = headers["content-security-policy"]
            self.assertTrue(policy.startswith("default-src 'none'; script-src 'self'; "))
            self.assertIn("frame-ancestors 'none'", policy)
            self.assertNotIn("unsafe", policy)
            self.assertEqual(headers["x-content-type-options"], "nosniff")
            self.assertEqual(headers["referrer-policy"], "no-referrer")

    def test_every_control_has_a_label(self):
        for path in Path(documents.__file__).with_name("files").glob("*.html"):
            text = path.read_text("utf-8")
            for tag in re.findall(r"<(?:input|select|textarea)[^>]*>", text):
                name = re.search(r' id="(\w+)"', tag)[1]
                labelled = f'for="{name}"' in text or f'<label class="check">{tag}' in text
                self.assertTrue(labelled, tag)

    def test_a_file_is_read_once(self):
        self.assertIs(documents._read("pages.css"), documents._read("pages.css"))


class VisitTests(QuietTestCase):
    def test_a_visit_over_tls_is_for_wss(self):
        self.assertEqual(visit(secure=True).uri("/"), "wss://localhost:8000/")

    def test_the_way_up(self):
        for path, up in {"/": "./", "/a": "./", "/a/": "../", "/a/b?c=/d/e": "../"}.items():
            self.assertEqual(visit(path).up, up)


class CostTests(PagesTestCase):
    def test_pages_need_no_mounts_and_no_hooks(self):
        factory = self.start("--healthz", "--metrics")
        self.assertNotIsInstance(factory, Mounts)
        self.assertIsNone(factory.hooks)
        self.assertIsNone(factory.admission)
        self.assertOpens("/")

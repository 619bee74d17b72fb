"""The site of `twistd ws`: files, several resources, hosts."""

import os
from pathlib import Path

from twisted.internet import _producer_helpers
from twisted.internet.task import Cooperator
from twisted.web.resource import Resource
from twisted.web.server import Site
from twisted.web.static import Data

from tests.support.website import PAGE, SiteTestCase
from txws2._command.site_resources import HostCheck, PublicFiles, Tree
from txws2.wire.http.hosts import Hosts


class ResourceTestCase(SiteTestCase):
    def serve(self, resource):
        self.site = Site(resource, reactor=self.clock)
        self.connect()

    def get(self, path, host="example.com"):
        """Return the status and the body of a page."""
        self.connect()
        request = PAGE.replace(b"/page", path.encode()).replace(b"example.com", host.encode())
        status, self.headers, body = self.ask(request)
        return status[:3], body


class FilesTests(ResourceTestCase):
    def setUp(self):
        super().setUp()
        self.directory = Path(self.mktemp())
        for name in "index.html", "x.txt", "plain", ".htpasswd", "sub/y.txt":
            self.write(name)
        self.write(".well-known/acme-challenge/token")
        self.write(".git/config")
        self.write("sub/.hidden/x")
        # twisted.web reads a file in turns of the global reactor.
        cooperator = Cooperator(scheduler=lambda call: self.clock.callLater(0, call))
        self.patch(_producer_helpers, "cooperate", cooperator.cooperate)
        self.serve(PublicFiles(str(self.directory)))

    def answer(self):
        for _ in range(5):
            self.clock.advance(0)
            self.joined.pump()
        return super().answer()

    def write(self, name):
        path = self.directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"<{name}>")

    def test_files_are_served(self):
        for path in "/x.txt", "/sub/y.txt", "/.well-known/acme-challenge/token":
            self.assertEqual(self.get(path), ("200", f"<{path[1:]}>".encode()))

    def test_a_directory_has_its_index(self):
        self.assertEqual(self.get("/"), ("200", b"<index.html>"))
        self.assertIn("text/html", self.headers["Content-Type"])

    def test_a_directory_without_one_is_not_listed(self):
        status, body = self.get("/sub/")
        self.assertEqual(status, "404")
        self.assertNotIn(b"y.txt", body)

    def test_hidden_names_are_not_there(self):
        for path in "/.htpasswd", "/.git/config", "/sub/.hidden/x", "/.%67it/config":
            self.assertEqual(self.get(path)[0], "404", path)

    def test_nobody_gets_out_of_the_directory(self):
        (self.directory.parent / "secret").write_text("secret")
        for path in "/../secret", "/sub/../../secret", "/%2e%2e/secret", "/..%2fsecret":
            self.assertEqual(self.get(path)[0], "404", path)

    def test_a_file_of_unknown_type_is_no_page(self):
        self.get("/plain")
        self.assertEqual(self.headers["Content-Type"], "application/octet-stream")

    def test_a_pipe_holds_nobody_up(self):
        # The attempt to read a pipe without a writer would never end.
        os.mkfifo(self.directory / "pipe")
        os.mkfifo(self.directory / "sub" / "index.html")
        for path in "/pipe", "/sub/":
            self.assertEqual(self.get(path)[0], "404")

    def test_a_name_that_no_file_can_have_is_not_there(self):
        # Without a failure in the log, which QuietTestCase would find.
        for path in "/%00", "/x.txt%00", "/%ff", "/sub/%C3", "/" + 300 * "x":
            self.assertEqual(self.get(path)[0], "404", path)

    def test_a_part_of_a_file_can_be_asked_for(self):
        self.assertEqual(self.part("bytes=1-3"), ("206", b"x.t"))
        self.assertEqual(self.part("bytes=-2"), ("206", b"t>"))
        self.assertEqual(self.part("bytes=100-")[0], "416")

    def test_several_parts_are_answered_with_the_whole_file(self):
        for ranges in "bytes=0-0,2-3", "bytes=" + ",".join(1000 * ["0-"]):
            self.assertEqual(self.part(ranges), ("200", b"<x.txt>"))

    def part(self, ranges):
        return self.get("/x.txt", f"example.com\r\nRange: {ranges}")


class Leaf(Resource):
    isLeaf = True

    def __init__(self, name):
        super().__init__()
        self.name = name

    def render_GET(self, request):
        below = b"/".join(request.postpath)
        return self.name + b" " + b"/".join(request.prepath) + b" " + below


class TreeTests(ResourceTestCase):
    def test_the_longest_path_has_a_request(self):
        self.serve(Tree({"/": Leaf(b"root"), "/a": Leaf(b"a"), "/a/b": Leaf(b"b")}))
        for path, body in {
            "/": b"root  ",
            "/x/y": b"root  x/y",
            "/a": b"a a ",
            "/a/": b"a a ",
            "/a/x": b"a a x",
            "/a/b/x/y": b"b a/b x/y",
            "/ab": b"root  ab",
        }.items():
            self.assertEqual(self.get(path), ("200", body))

    def test_without_one_at_the_root_other_paths_are_not_found(self):
        self.serve(Tree({"/a/b": Leaf(b"b")}))
        for path in "/", "/x", "/a", "/a/x/y":
            self.assertEqual(self.get(path)[0], "404")
        self.assertEqual(self.get("/a/b/c"), ("200", b"b a/b c"))

    def test_resources_have_children_of_their_own(self):
        root, below = Resource(), Resource()
        root.putChild(b"x", Data(b"x", "text/plain"))
        below.putChild(b"y", Data(b"y", "text/plain"))
        self.serve(Tree({"/": root, "/below": below}))
        self.assertEqual(self.get("/x"), ("200", b"x"))
        self.assertEqual(self.get("/below/y"), ("200", b"y"))
        self.assertEqual(self.get("/below/x")[0], "404")


class HostTests(ResourceTestCase):
    """Attack 30: DNS rebinding."""

    def test_other_hosts_are_refused(self):
        self.serve(HostCheck(self.root, lambda: Hosts(["localhost"])))
        self.assertEqual(self.get("/page", "localhost:80"), ("200", b"a page"))
        status, body = self.get("/page", "evil.example")
        self.assertEqual(status, "421")
        self.assertIn(b"doesn't answer for the host 'evil.example'", body)

    def test_without_hosts_all_are_answered(self):
        self.serve(HostCheck(self.root, lambda: None))
        self.assertEqual(self.get("/page", "evil.example"), ("200", b"a page"))

    def test_a_host_of_any_bytes_is_refused_without_an_error(self):
        self.serve(HostCheck(self.root, lambda: Hosts(["localhost"])))
        self.receive(b"GET /page HTTP/1.1\r\nHost: \xff\x80\r\n\r\n")
        self.assertIn(b"421 Misdirected Request", self.peer.take())

    def test_a_program_may_leave_the_host_out(self):
        self.serve(HostCheck(self.root, lambda: Hosts(["localhost"])))
        self.receive(b"GET /page HTTP/1.0\r\n\r\n")
        self.assertIn(b"200 OK", self.peer.take())

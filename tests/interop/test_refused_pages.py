"""The owner of a server gets advice on a page whose browser can't connect."""

import json
import sys
from pathlib import Path
from urllib.parse import urlencode

from twisted.internet import reactor
from twisted.internet.defer import DeferredQueue
from twisted.web.resource import Resource
from twisted.web.server import Site
from twisted.web.static import File

from tests.command.test_commands import TWISTD, CommandTestCase
from tests.interop.chromium import open_page, see
from tests.support.examples import free_port

PAGES = Path(__file__).parent / "pages"

SERVER = """
import txws2

async def handler(ws):
    await ws.wait_closed()

txws2.run(handler, "localhost", {port}, {options})
"""


class RefusedPageTests(CommandTestCase):
    async def run_server(self, options=""):
        """Run a server with these options; return the process and the server's URI."""
        path, port = self.make_directory() / "server.py", free_port()
        path.write_text(SERVER.format(port=port, options=options))
        process = self.start(sys.executable, str(path))
        await process.shown("listening on")
        return process, f"ws://localhost:{port}/"

    async def run_twistd(self):
        arguments = "-n", "--pidfile=", "ws", "--listen", "tcp:0:interface=127.0.0.1"
        process = self.start(TWISTD, *arguments)
        return process, (await process.shown(r"listening on (ws://127\.0\.0\.1:\d+/)"))[1]

    def serve_pages(self):
        """Serve the pages from another port; return their origin."""
        root, self.reports = File(str(PAGES)), DeferredQueue()
        root.putChild(b"report", _Report(self.reports))
        port = reactor.listenTCP(0, Site(root), interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        return f"http://localhost:{port.getHost().port}"

    def visit_file(self, uri):
        open_page(self, f"{(PAGES / 'origins.html').as_uri()}?{urlencode({'it': uri})}")

    async def visit(self, page, origin, **query):
        return await see(self, f"{origin}/{page}?{urlencode(query)}", self.reports.get())

    async def test_a_page_that_was_opened_from_a_file(self):
        for running, told in (
            (self.run_server("origins=[txws2.SAME_ORIGIN]"), r'origins=\[\.\.\., "null"\] will do'),
            (self.run_twistd(), "--origin same-origin --origin none --origin null will do"),
        ):
            process, uri = await running
            self.visit_file(uri)
            [line] = (await process.shown(rf".*{told}.*"))[0].splitlines()
            self.assertIn("refused with 403", line)
            self.assertIn("python -m http.server", line)

    async def test_a_page_from_another_port_gets_in_with_the_origin_of_the_warning(self):
        process, uri = await self.run_server("origins=[txws2.SAME_ORIGIN]")
        origin = self.serve_pages()
        seen = await self.visit("origins.html", origin, it=uri)
        self.assertEqual(seen, {"it": False})
        told = await process.shown(r"refused with 403: .* origins=\[\.\.\., (\S+)\]")
        self.assertEqual(told[1], f'"{origin}"')
        process, uri = await self.run_server(f"origins=[txws2.SAME_ORIGIN, {told[1]}]")
        seen = await self.visit("origins.html", origin, it=uri)
        self.assertEqual(seen, {"it": True})

    async def test_a_page_that_asks_for_a_subprotocol_of_a_server_that_has_none(self):
        process, uri = await self.run_server()
        origin = self.serve_pages()
        seen = await self.visit("subprotocol.html", origin, uri=uri)
        self.assertEqual(seen, {"opened": False})
        await process.shown("will fail: .* browsers end the connection; subprotocols lists ")


class _Report(Resource):
    """Keeps the report of a page."""

    def __init__(self, reports):
        super().__init__()
        self.reports = reports

    def render_POST(self, request):
        self.reports.put(json.load(request.content))
        return b""

"""The upload example and a real browser: the bytes, the bar, and broken connections."""

from hashlib import sha256
from os import urandom
from pathlib import Path

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import TestCase
from twisted.web.resource import Resource
from twisted.web.server import Site
from twisted.web.static import Data

from tests.docs.test_howto_uploads import HOWTO, example
from tests.interop.devtools import inspect
from tests.support.examples import blocks
from txws2 import WebSocketResource

MIB = 2**20
LAST = "document.querySelector('li:last-child')"
STATE = f"{LAST}?.querySelector('.state').textContent"
SHOWN = f"[{STATE}, {LAST}.querySelector('progress').value]"


class UploadTests(TestCase):
    timeout = 120

    def setUp(self):
        self.example = example()
        self.folder = Path(self.mktemp()).absolute()
        self.sources = Path(self.mktemp()).absolute()
        self.sources.mkdir()

    async def open(self, **limits):
        """Serve the example, and open its page; return the page."""
        self.uploads = self.example.Uploads(self.folder, **limits)
        site = Site(self.example.site(self.uploads))
        port = reactor.listenTCP(0, site, interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        return await inspect(self, f"http://127.0.0.1:{port.getHost().port}/")

    def source(self, name, size):
        path = self.sources / name
        path.write_bytes(urandom(size))
        return path

    def saved(self):
        return sorted(path.name for path in self.folder.iterdir() if path.is_file())

    def assertWhole(self, source, name=None):
        """Assert that the server has the same bytes as a file, and no partial file."""
        saved = self.folder / (name or source.name)
        digests = [sha256(path.read_bytes()).hexdigest() for path in (source, saved)]
        self.assertEqual(*digests)
        self.assertEqual(list((self.folder / ".parts").iterdir()), [])

    async def assertSaved(self, page, text):
        await page.until(f"{STATE}?.startsWith('Saved')")
        self.assertEqual(await page.evaluate(SHOWN), [text, 1])

    async def test_the_bytes_are_on_the_disk_and_the_bar_is_at_its_end(self):
        page = await self.open()
        source = self.source("holiday.bin", 5 * MIB + 7)
        await page.choose("input", source)
        await self.assertSaved(page, "Saved as holiday.bin, 5.2 MB")
        self.assertWhole(source)

    async def test_several_at_once_and_an_empty_one_and_a_name_that_is_taken(self):
        page = await self.open()
        sources = [self.source(f"{number}.bin", number * MIB) for number in (3, 2, 1, 0)]
        await page.choose("input", *sources)
        await page.until("document.querySelectorAll('.saved').length === 4")
        for source in sources:
            self.assertWhole(source)
        await page.choose("input", sources[0])
        await self.assertSaved(page, "Saved as 3 (2).bin, 3.1 MB")
        self.assertWhole(sources[0], "3 (2).bin")

    async def test_a_connection_that_is_cut_in_the_middle_goes_on_from_there(self):
        page = await self.open()
        written, fifth, go_on = [], Deferred(), Deferred()

        async def wait_once(function, *arguments):
            if function is self.example.write:
                written.append(arguments[1])
                if len(written) == 5:
                    fifth.callback(None)
                    await go_on
            return await deferToThread(function, *arguments)

        self.patch(self.example, "deferToThread", wait_once)
        source = self.source("long.bin", 4 * MIB)
        await page.choose("input", source)
        await fifth
        # An answer that is still under way would be lost with the connection.
        await page.until(f"{SHOWN}[1] >= 4 / 16")
        [ws] = self.uploads.running.values()
        ws.transport.abortConnection()
        go_on.callback(None)
        await page.until(f"{STATE}.includes('connection is lost')")
        await self.assertSaved(page, "Saved as long.bin, 4.2 MB")
        self.assertWhole(source)
        # Nothing was sent twice.
        self.assertEqual(b"".join(written), source.read_bytes())

    async def test_a_file_that_is_dropped_is_taken_likewise(self):
        page = await self.open()
        await page.evaluate(
            """{
                const dataTransfer = new DataTransfer();
                dataTransfer.items.add(new File([new Uint8Array(1e6).fill(7)], "dropped.bin"));
                dispatchEvent(new DragEvent("drop", {dataTransfer, cancelable: true}));
            }"""
        )
        await self.assertSaved(page, "Saved as dropped.bin, 1.0 MB")
        self.assertEqual((self.folder / "dropped.bin").read_bytes(), b"\7" * 1_000_000)

    async def test_the_page_is_never_more_than_two_mib_ahead_of_the_disk(self):
        page = await self.open()
        writing, go_on = Deferred(), Deferred()

        async def wait(function, *arguments):
            if function is self.example.write and not writing.called:
                writing.callback(None)
                await go_on
            return await deferToThread(function, *arguments)

        self.patch(self.example, "deferToThread", wait)
        await page.evaluate(
            """{
                const send = WebSocket.prototype.send;
                document.body.dataset.sent = 0;
                WebSocket.prototype.send = function (data) {
                    document.body.dataset.sent -= -(data.byteLength || 0);
                    send.call(this, data);
                };
            }"""
        )
        source = self.source("long.bin", 8 * MIB)
        await page.choose("input", source)
        await writing
        sent = "Number(document.body.dataset.sent)"
        await page.until(f"{sent} >= {2 * MIB}")
        self.assertEqual(await page.evaluate(sent), 2 * MIB)
        go_on.callback(None)
        await self.assertSaved(page, "Saved as long.bin, 8.4 MB")
        self.assertWhole(source)
        self.assertEqual(await page.evaluate(sent), 8 * MIB)

    async def test_a_refusal_is_shown_and_is_not_tried_again(self):
        page = await self.open(max_file=MIB)
        await page.choose("input", self.source("large.bin", MIB + 1))
        await page.until(f"{LAST}?.className === 'failed'")
        self.assertEqual(await page.evaluate(STATE), "A file may have 1.0 MB at most.")
        self.assertEqual(
            await page.evaluate("document.getElementById('news').textContent"),
            "large.bin: A file may have 1.0 MB at most.",
        )
        self.assertEqual(self.saved(), [])

    async def test_to_cancel_leaves_nothing(self):
        page = await self.open()
        writing, go_on, ended = Deferred(), Deferred(), Deferred()

        async def wait(function, *arguments):
            if function is self.example.write and not writing.called:
                writing.callback(None)
                await go_on
            return await deferToThread(function, *arguments)

        async def receive(ws):
            try:
                await self.example.Uploads.receive(self.uploads, ws)
            finally:
                ended.callback(None)

        self.patch(self.example, "deferToThread", wait)
        self.patch(self.uploads, "receive", receive)
        await page.choose("input", self.source("long.bin", 4 * MIB))
        await writing
        await page.evaluate(f"{LAST}.querySelector('button').click()")
        go_on.callback(None)
        await page.until(f"{LAST}.className === 'failed'")
        self.assertEqual(await page.evaluate(STATE), "Cancelled.")
        await ended
        self.assertEqual((self.saved(), self.uploads.running), ([], {}))
        self.assertEqual(list((self.folder / ".parts").iterdir()), [])


class DownloadTests(TestCase):
    timeout = 60

    async def test_the_page_has_the_bytes_and_its_bar_is_at_its_end(self):
        names = {}
        howto = HOWTO.read_text()
        exec(blocks(howto, "python")[0], names)
        film = Path(self.mktemp()).absolute()
        film.write_bytes(urandom(5 * MIB + 7))
        names["Path"] = lambda name: film
        root = Resource()
        root.putChild(b"", Data(b"<progress></progress>", "text/html"))
        root.putChild(b"download", WebSocketResource(names["download"]))
        port = reactor.listenTCP(0, Site(root), interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        page = await inspect(self, f"http://127.0.0.1:{port.getHost().port}/")
        await page.evaluate(blocks(howto, "javascript")[0])
        digest = await page.evaluate(
            """new Promise(resolve => {
                HTMLAnchorElement.prototype.click = async function () {
                    const bytes = await (await fetch(this.href)).arrayBuffer();
                    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
                    const hex = byte => byte.toString(16).padStart(2, "0");
                    resolve(Array.from(digest, hex).join(""));
                };
                download("/download", document.querySelector("progress"));
            })"""
        )
        self.assertEqual(digest, sha256(film.read_bytes()).hexdigest())
        self.assertEqual(await page.evaluate("document.querySelector('progress').position"), 1)

"""The pages of the gallery in a real browser: one browser, and a site for each example."""

from hashlib import sha256
from os import urandom
from pathlib import Path

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.trial.unittest import TestCase
from twisted.web.server import Site

from tests.interop.devtools import inspect
from tests.support.gallery import example, forget

PHONE = {"width": 360, "height": 740, "deviceScaleFactor": 1, "mobile": True}
DARK = [{"name": "prefers-color-scheme", "value": "dark"}]
# The test decides when the page has waited long enough to connect again.
NO_WAITING = "setTimeout = (call, _, ...args) => { comeBack = () => call(...args); }; 0"
TEXT_COLOR = "getComputedStyle(document.body).color"


class GalleryTests(TestCase):
    timeout = 120

    async def open(self, site):
        """Serve a site, and open its page in a tab."""
        port = reactor.listenTCP(0, Site(site), interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        return await self.open_uri(f"http://127.0.0.1:{port.getHost().port}/")

    async def open_uri(self, uri):
        page = await self.browser.another(uri)
        await page.evaluate(NO_WAITING)
        return page

    def break_connections(self, site, path):
        for ws in list(site.children[path].factory.connections):
            ws.transport.abortConnection()

    async def assertReadable(self, page):
        """Assert that a phone shows all of the page's width, and that dark mode is dark."""
        self.assertEqual(await page.evaluate(TEXT_COLOR), "rgb(0, 0, 0)")
        await page.call("Emulation.setEmulatedMedia", features=DARK)
        self.assertEqual(await page.evaluate(TEXT_COLOR), "rgb(255, 255, 255)")
        await page.call("Emulation.setEmulatedMedia", features=[])
        await page.call("Emulation.setDeviceMetricsOverride", **PHONE)
        self.assertEqual(await page.evaluate("document.documentElement.scrollWidth"), 360)
        await page.call("Emulation.clearDeviceMetricsOverride")

    async def test_all_pages_do_what_they_show(self):
        self.browser = await inspect(self, "data:text/html,")
        await self.see_chat()
        await self.see_dashboard()
        await self.see_market()
        await self.see_tokens()
        await self.see_upload()

    async def see_chat(self):
        chat = example(self, "chat")
        here = "Array.from(document.querySelectorAll('#here li'), line => line.textContent).join()"
        lines = "Array.from(document.querySelectorAll('#log p'), line => line.textContent).join()"

        async def enter(page, name):
            await page.evaluate(f"of('join').person.value = {name!r}; of('join').requestSubmit()")

        async def say(page, text):
            await page.evaluate(f"of('say').text.value = {text!r}; of('say').requestSubmit()")

        site = chat.site()
        ann = await self.open(site)
        bob = await self.open_uri(await ann.evaluate("location.href"))
        await self.assertReadable(ann)
        await enter(ann, "Ann")
        await ann.until(f"{here} === 'Ann'")
        shown = "Array.from(document.forms, form => form.offsetHeight > 0)"
        self.assertEqual(await ann.evaluate(shown), [False, True])
        await enter(bob, "<b>Bob")
        await ann.until(f"{here} === '<b>Bob,Ann'")
        await say(ann, "hello")
        await bob.until(f"{lines} === 'Ann hello'")
        await say(bob, "<img src=x>")
        await ann.until(f"{lines} === 'Ann hello,<b>Bob <img src=x>'")
        self.break_connections(site, b"chat")
        for page in ann, bob:
            await page.until("of('state').textContent.includes('lost')")
            await page.evaluate("comeBack()")
        await ann.until(f"{here} === '<b>Bob,Ann'")
        await bob.until(f"{here} === '<b>Bob,Ann'")
        await bob.call("Page.close")
        await ann.until(f"{here} === 'Ann'")

    async def see_dashboard(self):
        dashboard = example(self, "dashboard").Dashboard()
        for _ in range(10):
            dashboard.measure()
        site = example(self, "dashboard").site(dashboard)
        page = await self.open(site)
        outputs = "Array.from(document.querySelectorAll('output'), each => each.textContent)"
        points = "document.querySelector('polyline').getAttribute('points').split(' ').length"
        await page.until("document.querySelector('output').textContent")
        await self.assertReadable(page)
        self.assertEqual(await page.evaluate(points), 10)
        dashboard.measure()
        await page.until(f"{outputs}[2] === '1'")
        self.assertEqual(await page.evaluate(points), 11)
        cpu, memory, _ = await page.evaluate(outputs)
        self.assertRegex(cpu, r"^[\d.]+%$")
        self.assertRegex(memory, r"^[\d.]+ MiB$")
        # After a break, the page has the whole course again.
        self.break_connections(site, b"samples")
        await page.until("document.getElementById('state').textContent.includes('lost')")
        await page.evaluate("comeBack()")
        await page.until("document.getElementById('state').textContent.includes('Measured')")
        self.assertEqual(await page.evaluate(points), 11)

    async def see_market(self):
        market = example(self, "market").Market()
        for price in 4.2, 4.3, 4.4:
            market.quote("TEA", price)
        page = await self.open(example(self, "market").site(market))
        cells = "Array.from(document.querySelectorAll('tbody td'), cell => cell.textContent.trim())"
        await page.until(f"{cells}.length === 4")
        await self.assertReadable(page)
        self.assertEqual(await page.evaluate(cells), ["TEA", "4.40", "+0.00 %", ""])
        market.quote("TEA", 4.18)
        await page.until(f"{cells}[1] === '4.18'")
        self.assertEqual(await page.evaluate(f"{cells}[2]"), "\N{MINUS SIGN}5.00 %")
        market.quote("SALT", 1)
        await page.until(f"{cells}.length === 8")

    async def see_tokens(self):
        tokens = example(self, "tokens")
        breaking = Deferred()

        async def model(prompt, reactor):
            yield f"{prompt} "
            for number in range(20):
                if number == 10:
                    await breaking
                yield f"{number} "

        answers = tokens.Answers(model)
        self.addCleanup(forget, answers)
        page = await self.open(tokens.site(answers))
        await self.assertReadable(page)
        shown = "document.getElementById('answer').textContent"
        await page.evaluate("form.prompt.value = '<b>Count!'; form.requestSubmit()")
        await page.until(f"{shown}.endsWith('9 ')")
        await page.evaluate("of('break').click()")
        await page.until("of('state').textContent.startsWith('the connection is lost')")
        breaking.callback(None)
        await page.evaluate("comeBack()")
        await page.until("of('state').textContent === 'complete; tokens: 21, breaks: 1'")
        numbers = " ".join(map(str, range(20)))
        self.assertEqual(await page.evaluate(shown), f"<b>Count! {numbers} ")
        self.assertEqual(await page.evaluate("of('answer').querySelector('mark').textContent"),
                         "10 ")  # fmt: skip

    async def see_upload(self):
        upload = example(self, "upload")
        folder = Path(self.mktemp()).absolute()
        uploads = upload.Uploads(folder, largest=4 * 10**6)
        site = upload.site(uploads)
        page = await self.open(site)
        await self.assertReadable(page)
        state = "document.querySelector('li:last-child small')?.textContent"
        fifth, go_on, to_thread, pieces = Deferred(), Deferred(), upload.deferToThread, []

        async def wait_once(function, *arguments):
            if function is upload.append:
                pieces.append(arguments[1])
                if len(pieces) == 5:
                    fifth.callback(None)
                    await go_on
            return await to_thread(function, *arguments)

        self.patch(upload, "deferToThread", wait_once)
        source = Path(self.mktemp()).absolute()
        source.write_bytes(urandom(3 * 10**6 + 7))
        await page.choose("input", source)
        await fifth
        # An answer that is still under way would be lost with the connection.
        await page.until("document.querySelector('progress').value >= 4 * 2 ** 18 / 3000007")
        self.break_connections(site, b"upload")
        go_on.callback(None)
        await page.until(f"{state}.includes('connection is lost')")
        await page.evaluate("comeBack()")
        await page.until(f"{state}?.startsWith('Saved as')")
        [saved] = folder.iterdir()
        digests = [sha256(path.read_bytes()).digest() for path in (source, saved)]
        self.assertEqual(*digests)
        # Nothing was sent twice.
        self.assertEqual(b"".join(pieces), source.read_bytes())
        self.assertEqual(await page.evaluate("document.querySelector('progress').value"), 1)
        source.write_bytes(bytes(5 * 10**6))
        await page.choose("input", source)
        await page.until(f"{state}.startsWith('Refused')")
        self.assertEqual(await page.evaluate(state), "Refused: expected a file of 4.0 MB at most.")

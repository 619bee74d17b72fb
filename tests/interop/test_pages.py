"""The pages of `twistd ws` in a real browser: the console, the hint, and the status."""

import json

from twisted.internet import reactor

import txws2
from tests.command.test_commands import TWISTD
from tests.interop.devtools import inspect
from tests.interop.test_stopping import ProcessTestCase
from tests.support.certificates import make_pems

# The browser keeps what the policy of a page has refused, from the beginning of the page on.
VIOLATIONS = """new Promise((resolve) => {
    const seen = [];
    new ReportingObserver((reports) => seen.push(...reports), {
        types: ["csp-violation"], buffered: true,
    }).observe();
    setTimeout(() => resolve(JSON.stringify(seen)), 0);
})"""

LINES = "Array.from(document.querySelectorAll('#frames .data'), (line) => line.textContent)"

# The word in a chart that has just begun, and whether it is hidden after each value.
YOUNG = """(() => {
    const section = make("section");
    section.append(make("h2"));
    const chart = new Chart(section, count);
    const seen = [chart.collecting.textContent];
    for (const value of [1, 2, 3]) {
        chart.add({x: value});
        seen.push(chart.collecting.hidden);
    }
    return seen;
})()"""

APPLICATION = """
async def closing(ws):
    async for message in ws:
        if message == "slow":
            await ws.send(b"\\\\x00\\\\xffA" * 1000)
        else:
            await ws.close(4001, "as you wish")
"""


class PagesTestCase(ProcessTestCase):
    timeout = 120

    async def serve(self, *options):
        """Start a server with some options; return the end of its URIs."""
        directory = self.make_directory()
        (directory / "served.py").write_text(APPLICATION)
        listen = "--listen=tcp:0:interface=127.0.0.1"
        command = TWISTD, "-n", "--pidfile=", "ws", listen, *options
        self.process = self.start(*command, path=directory)
        return (await self.process.shown(r"listening on \w+(://127\.0\.0\.1:\d+)/"))[1]

    async def press(self, page, key, **more):
        """Press a key: a letter, or a key with a name."""
        text = {"text": key} if len(key) == 1 else more
        await page.call("Input.dispatchKeyEvent", type="keyDown", key=key, **text)
        await page.call("Input.dispatchKeyEvent", type="keyUp", key=key)

    async def assertStrict(self, page):
        self.assertEqual(await page.evaluate(VIOLATIONS), "[]")


class ConsoleTests(PagesTestCase):
    async def open(self, uri, query=""):
        page = await inspect(self, f"http{uri}/{query}")
        await page.until("document.activeElement.id === 'connect'")
        return page

    async def send(self, page, text):
        said = json.dumps(text)
        await page.evaluate(f"here('message').value = {said}; here('sending').requestSubmit()")

    async def test_the_keyboard_alone_connects_and_sends(self):
        page = await self.open(await self.serve())
        await self.press(page, "Enter", code="Enter", windowsVirtualKeyCode=13, text="\r")
        await page.until("here('state').className === 'open'")
        await page.until("document.activeElement.id === 'message'")
        for letter in "hello":
            await self.press(page, letter)
        await self.press(page, "Enter", code="Enter", windowsVirtualKeyCode=13, text="\r")
        await page.until(f"{LINES}.length === 3")
        connected, sent, received = await page.evaluate(LINES)
        self.assertIn("connected to ws://127.0.0.1:", connected)
        self.assertEqual(sent, "hello")
        self.assertRegex(received, r"^echo after \d.*ms.*hello$")
        await page.until("here('news').textContent.endsWith('Received: hello')")
        await self.assertStrict(page)

    async def test_binary_messages_and_files_are_shown_in_hex_up_to_a_bound(self):
        path = self.make_directory() / "file"
        path.write_bytes(bytes(range(256)) * 2)
        page = await self.open(await self.serve())
        await page.evaluate("here('connection').requestSubmit()")
        await page.until("here('state').className === 'open'")
        await page.choose("#files", path)
        await page.until(f"{LINES}.length === 3")
        _, sent, received = await page.evaluate(LINES)
        self.assertIn("00 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f", sent)
        self.assertIn("0123456789:;<=>?", sent)
        for line in sent, received:
            self.assertTrue(line.endswith(" … the rest isn't shown"))
        self.assertLess(len(sent), 2000)
        await self.assertStrict(page)

    async def test_a_close_code_is_explained_and_it_comes_back(self):
        uri = await self.serve("--app=/closing=served:closing", "--echo")
        page = await self.open(uri, f"?uri=ws{uri}/closing")
        self.assertEqual(await page.evaluate("here('uri').value"), f"ws{uri}/closing")
        await page.evaluate("here('reconnect').checked = true; here('connection').requestSubmit()")
        await page.until("here('state').className === 'open'")
        await self.send(page, "close")
        await page.until("document.querySelector('#frames .failed')")
        said = await page.evaluate("document.querySelector('#frames .failed .data').textContent")
        self.assertEqual(
            said,
            "closed with 4001 (private use: the application defines it): as you wish",
        )
        await page.until(f"{LINES}.filter((line) => line.startsWith('connected')).length === 2")
        await page.evaluate("here('connection').requestSubmit()")
        await page.until("here('state').className === 'closed'")
        await self.assertStrict(page)

    async def test_a_server_that_is_away_is_told(self):
        page = await self.open(await self.serve(), "?uri=ws://127.0.0.1:1/")
        await page.evaluate("here('connection').requestSubmit()")
        await page.until("here('state').textContent.includes('closed with 1006')")
        self.assertEqual(await page.evaluate("here('connect').textContent"), "Connect")
        await page.evaluate("here('uri').value = 'nonsense:'; here('connection').requestSubmit()")
        await page.until(f'{LINES}.some((line) => line.startsWith("can\'t connect: "))')

    async def test_a_link_cannot_give_an_address_that_is_a_script(self):
        uri = await self.serve()
        page = await self.open(uri, "?uri=javascript:alert(1)")
        self.assertEqual(await page.evaluate("here('uri').value"), f"ws{uri}/")

    async def test_messages_are_text_whatever_they_have_in_them(self):
        page = await self.open(await self.serve())
        await page.evaluate("here('connection').requestSubmit()")
        await page.until("here('state').className === 'open'")
        await self.send(page, "<img src=x onerror=alert(1)>")
        await page.until(f"{LINES}.length === 3")
        self.assertEqual(await page.evaluate("document.querySelectorAll('#frames img').length"), 0)
        await self.assertStrict(page)

    async def test_lines_can_be_filtered_paused_and_cleared_and_are_bounded(self):
        page = await self.open(await self.serve())
        await page.evaluate("here('connection').requestSubmit()")
        await page.until("here('state').className === 'open'")
        await page.evaluate("for (let n = 0; n < 1500; n += 1) send(`message ${n}`)")
        await page.until("here('numbers').textContent === '1500 sent, 1500 received'")
        self.assertEqual(
            await page.evaluate("[lines.length, here('frames').children.length]"), [1000, 1000]
        )
        await page.evaluate("here('filter').value = 'MESSAGE 1499'; drawAll()")
        self.assertEqual(await page.evaluate(f"{LINES}.length"), 1)
        await page.evaluate("here('filter').value = 'nothing'; drawAll()")
        self.assertTrue(await page.evaluate("here('frames').hidden"))
        await page.evaluate("here('filter').value = ''; here('way').value = 'out'; drawAll()")
        self.assertEqual(await page.evaluate("document.querySelectorAll('#frames .in').length"), 0)
        await page.evaluate("here('way').value = ''; here('clear').click(); here('pause').click()")
        await self.send(page, "unseen")
        await page.until("here('numbers').textContent === '1 sent, 1 received, paused'")
        self.assertEqual(await page.evaluate(f"{LINES}.length"), 0)
        await page.evaluate("here('pause').click()")
        self.assertEqual(await page.evaluate(f"{LINES}.length"), 2)

    async def test_over_tls_it_connects_over_tls(self):
        path = self.make_directory() / "pem"
        path.write_bytes(b"".join(make_pems("localhost")))
        ssl = f"ssl:0:interface=127.0.0.1:privateKey={path}:certKey={path}"
        process = self.start(
            *(TWISTD, "-n", "--pidfile=", "ws", "--listen", ssl), path=self.make_directory()
        )
        uri = (await process.shown(r"listening on wss://127\.0\.0\.1(:\d+)/"))[1]
        page = await inspect(self, f"https://localhost{uri}/")
        await page.until("document.activeElement.id === 'connect'")
        self.assertEqual(await page.evaluate("here('uri').value"), f"wss://localhost{uri}/")
        await page.evaluate("here('connection').requestSubmit()")
        await page.until("here('state').className === 'open'")
        await self.assertStrict(page)


class HintTests(PagesTestCase):
    async def test_it_leads_to_the_console(self):
        uri = await self.serve("--echo=/deep/chat")
        page = await inspect(self, f"http{uri}/deep/chat")
        self.assertIn("python -m txws2 ws" + uri, await page.evaluate("document.body.textContent"))
        await self.assertStrict(page)
        await page.evaluate("document.querySelector('a').click()")
        await page.until("document.title === 'WebSocket console'")


class StatusTests(PagesTestCase):
    async def test_it_moves_under_load(self):
        uri = await self.serve("--status", "--ping-interval=0.2")
        page = await inspect(self, f"http{uri}/status")
        await page.until("here('state').className === 'open'")
        clients = [await txws2.connect(f"ws{uri}/", reactor=reactor) for _ in range(5)]
        for client in clients:
            self.addCleanup(client.close)
            for _ in range(100):
                await client.send("x")
                await client.recv()
        await page.until("here('tiles').textContent.includes('Connections5')")
        await page.until("document.querySelector('#connections svg').ariaLabel.endsWith('open 5')")
        charts = "Array.from(document.querySelectorAll('.collecting'))"
        await page.until(f"{charts}.every((each) => each.hidden)")
        self.assertEqual(await page.evaluate(YOUNG), ["collecting…", False, False, True])
        # Two values, at least, make a line.
        for name in "connections", "messages", "latency", "memory":
            points = f"document.querySelector('#{name} polyline')?.getAttribute('points')"
            await page.until(f"({points} || '').includes(' ')")
        await clients[0].close(4000)
        await page.until("here('codes').textContent.includes('4000private use')")
        await page.until("here('refusals').textContent === 'none'")
        await self.assertStrict(page)
        # The page tells that the server has gone.
        self.process.transport.signalProcess("TERM")
        await page.until("here('state').className === 'closed'")

    async def test_beside_a_site_it_is_the_same(self):
        uri = await self.serve("--status", "--static=.", "--echo")
        page = await inspect(self, f"http{uri}/status")
        await page.until("here('state').className === 'open'")
        await page.until("here('tiles').textContent.includes('Memory')")
        await self.assertStrict(page)

    async def test_a_password_opens_it(self):
        path = self.make_directory() / "secret"
        path.write_text("open sesame\n")
        uri = await self.serve("--status", f"--status-password={path}")
        page = await inspect(self, f"http://me:open%20sesame@{uri[3:]}/status")
        await page.until("here('state').className === 'open'")
        await page.until("here('tiles').textContent.includes('Memory')")
        await self.assertStrict(page)

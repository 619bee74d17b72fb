"""Tabs of a real browser in a room of `twistd ws`, whose connections and whose server are lost."""

import json
from pathlib import Path

from twisted.internet import reactor
from twisted.internet.task import LoopingCall
from twisted.protocols.portforward import ProxyFactory, ProxyServer

import txws2
from tests.command.test_commands import ROOT
from tests.interop.devtools import inspect
from tests.interop.test_pages import PagesTestCase

EXAMPLE = Path(ROOT, "docs", "examples", "room")
GONE = "Some messages before this are gone."


def texts(selector):
    return f"Array.from(document.querySelectorAll('{selector}'), each => each.textContent)"


class Way(ProxyFactory):
    """The way from the browser to the server, which may be cut, and lead to another server."""

    noisy = False

    class protocol(ProxyServer):
        noisy = False

        def connectionMade(self):
            super().connectionMade()
            self.factory.ends.add(self)
            if self.factory.blocked:
                self.transport.abortConnection()

        def connectionLost(self, reason):
            self.factory.ends.discard(self)
            super().connectionLost(reason)

    def __init__(self, uri):
        super().__init__("127.0.0.1", int(uri.rpartition(":")[2]))
        self.ends = set()
        self.blocked = False

    def block(self):
        self.blocked = True
        for end in list(self.ends):
            end.transport.abortConnection()

    def open(self, uri):
        self.port = int(uri.rpartition(":")[2])
        self.blocked = False


class Listener(txws2.WebSocketClientProtocol):
    """A client that reads all."""

    def messageReceived(self, message):
        pass


class RoomsTestCase(PagesTestCase):
    async def start_relay(self):
        """Start a relay with the example, and the way to it."""
        self.uri = await self.serve(*self.OPTIONS)
        self.way = Way(self.uri)
        port = reactor.listenTCP(0, self.way, interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        self.addCleanup(self.way.block)
        self.site = f"http://127.0.0.1:{port.getHost().port}"

    OPTIONS = (
        "--relay=/chat",
        "--presence",
        "--history=20",
        "--publish-rate=none",
        f"--static={EXAMPLE}",
        "--status",
    )

    async def join(self, name):
        """Open the example in a tab, under a name."""
        uri = f"{self.site}/?name={name}"
        page = await (self.first.another(uri) if hasattr(self, "first") else inspect(self, uri))
        self.first = getattr(self, "first", page)
        await page.until("document.getElementById('state').textContent === 'open'")
        return page

    async def say(self, page, text):
        await page.evaluate(
            f"document.getElementById('text').value = {json.dumps(text)};"
            "document.getElementById('form').requestSubmit()"
        )

    async def publish(self, *messages):
        """Publish without the way."""
        client = await txws2.connect(f"ws{self.uri}/chat/room/lobby", reactor=reactor)
        self.addCleanup(client.close)
        for text in messages:
            await client.send(json.dumps({"name": "Cy", "text": text}))
            # It hears the messages before, too.
            while json.loads(await client.recv())["text"] != text:
                pass
        await client.close()

    async def assertShows(self, page, *lines):
        await page.until(f"{texts('#heard li')}.length >= {len(lines)}")
        self.assertEqual(await page.evaluate(texts("#heard li")), list(lines))

    async def assertHere(self, page, *names):
        await page.until(f"{texts('#here li')}.join() === {json.dumps(','.join(names))}")


class RoomTests(RoomsTestCase):
    timeout = 120

    async def test_all_is_heard_once_across_lost_connections_and_a_lost_server_is_told(self):
        await self.start_relay()
        ann = await self.join("Ann")
        ben = await self.join("Ben")
        await self.assertHere(ann, "Ann", "Ben")
        await self.assertHere(ben, "Ann", "Ben")
        await self.say(ann, "hello <b>Ben</b>")
        await self.say(ben, "hello Ann")
        lines = ["Annhello <b>Ben</b>", "Benhello Ann"]
        await self.assertShows(ann, *lines)
        await self.assertShows(ben, *lines)
        # Ben leaves the page, which the browser keeps, and comes back to it.
        await ben.call("Page.navigate", url=f"{self.site}/room.js")
        await self.assertHere(ann, "Ann")
        await self.say(ann, "is he gone?")
        lines.append("Annis he gone?")
        await self.assertShows(ann, *lines)
        await ben.go_back()
        await self.assertShows(ben, *lines)
        await self.assertHere(ann, "Ann", "Ben")
        # The connections are lost, and the server lives.
        self.way.block()
        await ann.until("document.getElementById('state').textContent === 'waiting'")
        await self.publish("one", "two")
        await self.say(ben, "said meanwhile")
        self.way.open(self.uri)
        lines += ["Cyone", "Cytwo", "Bensaid meanwhile"]
        await self.assertShows(ben, *lines)
        await self.say(ann, "back")
        lines.append("Annback")
        await self.assertShows(ann, *lines)
        await self.assertShows(ben, *lines)
        # The server is lost, and its history with it.
        self.process.transport.signalProcess("KILL")
        await self.process.ended
        self.uri = await self.serve(*self.OPTIONS)
        await self.publish("of another history")
        self.way.open(self.uri)
        lines += [GONE, "Cyof another history"]
        await self.assertShows(ann, *lines)
        await self.assertShows(ben, *lines)
        await self.say(ben, "still here")
        await self.assertShows(ann, *lines, "Benstill here")
        await ben.call("Page.close")
        await self.assertHere(ann, "Ann")
        await self.watch_status(ann)

    async def watch_status(self, page):
        """Look at the status while some hundred messages a second are published in two rooms."""
        clients = [
            await txws2.connect(
                f"ws{self.uri}/chat/room/{room}", reactor=reactor, create_protocol=Listener
            )
            for room in ("prices", "prices", "prices", "alarms")
        ]
        sent = 0

        def publish():
            nonlocal sent
            for client in clients:
                client.sendMessage("x" * 20)
            sent += len(clients)

        for client in clients:
            self.addCleanup(client.close)
        status = await page.another(f"{self.site}/status")
        await status.until("here('state').className === 'open'")
        load = LoopingCall(publish)
        load.start(0.01)
        self.addCleanup(lambda: load.running and load.stop())
        await status.until(
            "(document.querySelector('#messages polyline')?.getAttribute('points') || '')"
            ".split(' ').length >= 3"
        )
        load.stop()
        self.assertEqual(
            await status.evaluate(texts("#rooms td")),
            ["prices", "3", "lobby", "1", "alarms", "1"],
        )
        rates = await status.evaluate("here('tiles').textContent")
        self.assertRegex(rates, r"Messages a second[1-9][\d,]* in, [1-9][\d,]* out")
        self.assertGreater(sent, 100)
        await self.assertStrict(status)

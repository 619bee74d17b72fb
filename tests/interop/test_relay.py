"""A relay in a real browser: its script across lost connections, and EventSource."""

from twisted.internet import reactor
from twisted.trial.unittest import TestCase
from twisted.web.resource import Resource
from twisted.web.server import Site
from twisted.web.static import Data

from tests.interop.devtools import inspect
from txws2.relay import Relay

PAGE = b"""<!DOCTYPE html>
<meta charset="utf-8">
<title>relay</title>
<ol id="heard"></ol>
<ol id="events"></ol>
<p id="state"></p>
<script type="module">
import {Relay} from "/chat/relay.js";
const add = (list, text) => {
    const item = document.createElement("li");
    item.textContent = text;
    document.getElementById(list).append(item);
};
window.relay = new Relay(`ws://${location.host}/chat/`, {
    minimum: 10,
    onstate: (name, error) => document.getElementById("state").textContent = name,
});
relay.subscribe("a", (data, at) => add("heard", data.length === 2 ? String(data) : data), {
    onGap: () => add("heard", "a gap"),
    onPresence: said => window.presence = said,
});
const events = new EventSource("/chat/room/a");
events.onmessage = event => add("events", event.data);
events.addEventListener("gap", () => add("events", "a gap"));
</script>
"""


def texts(selector):
    return f"Array.from(document.querySelectorAll('{selector} li'), each => each.textContent)"


class RelayTests(TestCase):
    timeout = 60

    async def assertShows(self, page, selector, *lines):
        await page.until(f"{texts(selector)}.length >= {len(lines)}")
        self.assertEqual(await page.evaluate(texts(selector)), list(lines))

    async def test_a_page_hears_all_across_a_lost_connection_as_events_and_as_messages(self):
        relay = Relay("/chat", history=3, presence=True)
        root, site = Resource(), None
        root.putChild(b"", Data(PAGE, "text/html"))
        chat = relay.resource()
        root.putChild(b"chat", chat)
        site = Site(root)
        port = reactor.listenTCP(0, site, interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        await relay.publish("a", "one")
        page = await inspect(self, f"http://127.0.0.1:{port.getHost().port}/")
        await self.assertShows(page, "#heard", "one")
        await self.assertShows(page, "#events", "one")
        position = await page.evaluate("relay.publish('a', 'two <b>')")
        self.assertTrue(position.endswith(":2"))
        self.assertEqual(len(await page.evaluate("presence.here")), 1)
        for connection in list(chat.websockets.factory.connections):
            connection.transport.abortConnection()
        publishing = page.evaluate("relay.publish('a', new Uint8Array([0, 255]))")
        await relay.publish("a", "three")
        self.assertTrue((await publishing).endswith(":4"))
        await self.assertShows(page, "#heard", "one", "two <b>", "three", "0,255")
        await self.assertShows(page, "#events", "one", "two <b>", "three")

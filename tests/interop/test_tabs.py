"""The chat example, in two tabs of a real browser."""

from twisted.internet import reactor
from twisted.trial.unittest import TestCase
from twisted.web.server import Site

from tests.docs.test_howto_reconnecting import example
from tests.interop.devtools import inspect

LINES = "Array.from(document.querySelectorAll('#log p'), line => line.textContent)"


class TabsTests(TestCase):
    timeout = 60

    async def say(self, page, text):
        """Type the text, and press the button."""
        await page.evaluate(
            f"input.value = {text!r}; document.querySelector('form').requestSubmit(button)"
        )

    async def assertShows(self, page, *lines):
        await page.until(f"{LINES}.length >= {len(lines)}")
        self.assertEqual(await page.evaluate(LINES), list(lines))

    async def test_both_tabs_read_all_messages_and_see_who_comes_and_goes(self):
        port = reactor.listenTCP(0, Site(example("tabs").site()), interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        uri = f"http://127.0.0.1:{port.getHost().port}/"
        alice = await inspect(self, uri)
        await self.say(alice, "Alice")
        await self.assertShows(alice, "Alice is here.")
        bob = await alice.another(uri)
        await self.say(bob, "<b>Bob")
        await self.assertShows(bob, "<b>Bob is here.")
        await self.say(alice, "hello")
        await self.assertShows(bob, "<b>Bob is here.", "Alice hello")
        await self.say(bob, "<img src=x>")
        seen = ["<b>Bob is here.", "Alice hello", "<b>Bob <img src=x>"]
        await self.assertShows(bob, *seen)
        await self.assertShows(alice, "Alice is here.", *seen)
        await bob.call("Page.close")
        await alice.until(f"{LINES}.includes('<b>Bob has left.')")

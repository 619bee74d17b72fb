"""A page in a real browser, controlled by its developer tools, which speak WebSocket, too."""

import json
import re
from base64 import b64decode
from itertools import count

from twisted.internet.defer import Deferred

from tests.interop.chromium import open_page
from tests.interop.peer_process import ProcessLines
from txws2 import connect

__all__ = ["Page", "inspect"]


# The answers of the developer tools if a page is left while an expression is evaluated.
_LEFT = "Inspected target navigated or closed", "Execution context was destroyed"


class Inspected(ProcessLines):
    """A browser that prints the address of its developer tools on its standard error."""

    def __init__(self):
        super().__init__()
        self.tools = Deferred()

    def errReceived(self, data):
        super().errReceived(data)
        found = re.search(rb"DevTools listening on (ws://\S+)\n", self.errors)
        if found and not self.tools.called:
            self.tools.callback(found[1].decode())


async def inspect(test, uri):
    """Let Chromium open a page; return the page."""
    browser = open_page(test, "about:blank", "--remote-debugging-port=0", process=Inspected)
    ws = await connect(await browser.tools, max_size=None, origin=None, proxy=None)
    test.addCleanup(ws.close)
    return await Page(ws, count()).another(uri)


class Page:
    """An open page; all pages of a browser share one call at a time."""

    def __init__(self, ws, numbers, **session):
        self._ws = ws
        self._numbers = numbers
        self._session = session

    async def another(self, uri):
        """Open a page in another tab; return it."""
        target = (await self.call("Target.createTarget", url="about:blank"))["targetId"]
        attached = await self.call("Target.attachToTarget", targetId=target, flatten=True)
        page = Page(self._ws, self._numbers, sessionId=attached["sessionId"])
        await page.call("Page.navigate", url=uri)
        await page.until("document.readyState === 'complete' && location.href !== 'about:blank'")
        return page

    async def call(self, method, **params):
        """Call the developer tools; return the result."""
        number = next(self._numbers)
        call = {"id": number, "method": method, "params": params, **self._session}
        await self._ws.send(json.dumps(call))
        async for message in self._ws:
            said = json.loads(message)
            if said.get("id") == number:
                if "error" in said:
                    raise AssertionError(f"{method}: {said['error']}")
                return said["result"]
        raise AssertionError(f"{method}: the browser has closed the connection")

    async def evaluate(self, expression):
        """Return the value of an expression in JavaScript, or of its promise."""
        said = await self.call(
            "Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True
        )
        if "exceptionDetails" in said:
            raise AssertionError(f"{expression}: {said['exceptionDetails']}")
        return said["result"].get("value")

    async def until(self, condition):
        """Wait until a condition holds; only the page itself, or the next one, may change it."""
        looking = f"""new Promise(resolve => {{
            const look = () => {{ if ({condition}) resolve(); }};
            new MutationObserver(look).observe(document,
                {{subtree: true, childList: true, attributes: true, characterData: true}});
            addEventListener("load", look);
            look();
        }})"""
        while True:
            try:
                await self.evaluate(looking)
                return
            except AssertionError as exc:
                # A link has led to another page meanwhile.
                if not any(words in str(exc) for words in _LEFT):
                    raise

    async def choose(self, selector, *paths):
        """Choose files in an input of the page."""
        root = (await self.call("DOM.getDocument"))["root"]["nodeId"]
        node = (await self.call("DOM.querySelector", nodeId=root, selector=selector))["nodeId"]
        await self.call("DOM.setFileInputFiles", nodeId=node, files=[str(path) for path in paths])

    async def go_back(self):
        """Go back to the page before this one."""
        history = await self.call("Page.getNavigationHistory")
        before = history["entries"][history["currentIndex"] - 1]
        await self.call("Page.navigateToHistoryEntry", entryId=before["id"])
        while True:
            try:
                if await self.evaluate("location.href") == before["url"]:
                    return
            except AssertionError:
                # The page that is left has no answer any more.
                pass

    async def picture(self):
        """Return a picture of the page, as the bytes of a PNG."""
        return b64decode((await self.call("Page.captureScreenshot"))["data"])

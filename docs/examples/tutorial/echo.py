"""An echo with its page: python echo.py, then http://localhost:8000/ in a browser."""

from twisted.web.resource import Resource
from twisted.web.static import Data

import txws2

PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Echo</title>
<link rel="icon" href="data:,">
<style>
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 32rem; margin: 2rem auto; padding: 0 1rem }
input, button { font: inherit; padding: .3rem .6rem }
</style>
<h1>Echo</h1>
<form><input aria-label="Message" placeholder="Say something" autofocus autocomplete="off">
<button>Send</button></form>
<ul id="log" aria-live="polite"></ul>
<script>
const ws = new WebSocket(location.origin.replace("http", "ws") + "/ws");
const [input] = document.forms[0];

function show(text) {
  const line = document.createElement("li");
  line.textContent = text;
  document.getElementById("log").append(line);
}

ws.onopen = () => show("connected");
ws.onmessage = event => show("came back: " + event.data);
ws.onclose = event => show("closed with code " + event.code);
document.forms[0].onsubmit = event => {
  event.preventDefault();
  ws.send(input.value);
  input.value = "";
};
</script>
"""


async def echo(ws):
    async for message in ws:
        await ws.send(message)


def page():
    root = Resource()
    root.putChild(b"", Data(PAGE.encode(), "text/html; charset=utf-8"))
    return root


if __name__ == "__main__":
    mounts = txws2.Mounts({"/ws": txws2.WebSocketServerFactory(echo)}, site=page())
    txws2.run(mounts, "localhost", 8000)

"""A chat between browser tabs: python tabs.py, then http://localhost:8000/ in two of them."""

import json

from twisted.web.resource import Resource
from twisted.web.static import Data

from txws2 import SAME_ORIGIN, Rooms, WebSocketResource, run

rooms = Rooms()


async def chat(ws):
    """Send each message to everybody in the room, and tell them who comes and goes."""
    name = (await ws.recv())[:40]
    await rooms.join("tabs", ws, name)
    await rooms.broadcast("tabs", json.dumps({"text": f"{name} is here."}))
    try:
        async for text in ws:
            await rooms.broadcast("tabs", json.dumps({"from": name, "text": text}))
    finally:
        await rooms.leave("tabs", ws)
        await rooms.broadcast("tabs", json.dumps({"text": f"{name} has left."}))


def site():
    root = Resource()
    root.putChild(b"", Data(PAGE.encode(), "text/html; charset=utf-8"))
    root.putChild(b"chat", WebSocketResource(chat, origins=[SAME_ORIGIN], max_size=10_000))
    return root


PAGE = r"""<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Chat</title>
<link rel="icon" href="data:,">
<style>
:root { color-scheme: light dark }
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 40rem; margin: 0 auto; padding: 1rem;
       height: 100vh; box-sizing: border-box; display: flex; flex-direction: column; gap: .75rem }
#log { flex: 1; overflow-y: auto; border: 1px solid GrayText;
       border-radius: .5rem; padding: .75rem }
#log p { margin: 0; overflow-wrap: anywhere }
.note { opacity: .7; font-style: italic }
form { display: flex; gap: .5rem }
input, button { font: inherit; padding: .4rem .8rem }
input { flex: 1; min-width: 0 }
</style>
<div id="log" role="log" aria-label="Chat"></div>
<form><input aria-label="Your name" placeholder="Your name" maxlength="40" required autofocus
  autocomplete="off"><button>Join</button></form>
<script>
"use strict";
const log = document.getElementById("log"), form = document.querySelector("form");
const [input, button] = form;

function show(from, text) {
  const line = document.createElement("p");
  if (from) {
    line.append(Object.assign(document.createElement("b"), {textContent: from}), ` ${text}`);
  } else {
    line.className = "note";
    line.textContent = text;
  }
  log.append(line);
  line.scrollIntoView();
}

function join(name) {
  const ws = new WebSocket(`${location.origin.replace("http", "ws")}/chat`);
  button.disabled = true;
  ws.onopen = () => { ws.send(name); button.disabled = false; };
  ws.onmessage = ({data}) => { const said = JSON.parse(data); show(said.from, said.text); };
  ws.onclose = () => {
    if (!button.disabled) show("", "The connection is lost; trying again …");
    button.disabled = true;
    setTimeout(join, 2000, name);
  };
  form.onsubmit = event => {
    event.preventDefault();
    if (button.disabled) return;
    ws.send(input.value);
    input.value = "";
  };
}

form.onsubmit = event => {
  event.preventDefault();
  const name = input.value;
  input.value = "";
  input.placeholder = "Say something";
  input.setAttribute("aria-label", "Say something");
  input.removeAttribute("maxlength");
  button.textContent = "Send";
  join(name);
};
</script>
"""

if __name__ == "__main__":
    run(site(), "localhost", 8000)

"""Takes files from a page that shows their progress: python upload.py, then http://localhost:8000/"""

import json
import re
from pathlib import Path
from time import time

from twisted.internet.defer import TimeoutError
from twisted.internet.threads import deferToThread
from twisted.web.resource import Resource
from twisted.web.static import Data

from txws2 import SAME_ORIGIN, CloseCode, ConnectionClosed, WebSocketResource, run

REFUSED = 4000  # tells the page not to try again
CANCELLED = 4001  # tells the server that the page won't try again


class Refused(Exception):
    """An upload that the server refuses, with a sentence for the page."""


class Uploads:
    """Writes files into a folder: a connection for each, and a message for each piece.

    Args:
        folder: the folder for the files.
        max_file: bytes that a file may have.
        max_total: bytes that the folder may have, including incomplete uploads.
    """

    def __init__(self, folder, max_file=2**30, max_total=10 * 2**30):
        self.folder = Path(folder)
        self.parts = self.folder / ".parts"
        self.parts.mkdir(parents=True, exist_ok=True)
        for part in self.parts.iterdir():
            if part.stat().st_mtime < time() - 86400:
                part.unlink()  # nobody has gone on with it for a day
        self.max_file = max_file
        self.free = max_total - sum(size_of(path) for path in self.folder.rglob("*"))
        self.running, self.saved = {}, {}

    async def handler(self, ws):
        try:
            await self.receive(ws)
        except Refused as refusal:
            await ws.close(REFUSED, str(refusal))
        except TimeoutError:
            await ws.close(REFUSED, "Nothing has come for a minute.")
        except ConnectionClosed:
            pass  # the pieces stay in .parts, and the page goes on from there

    async def receive(self, ws):
        name, size, key = self.announced(await next_message(ws))
        if key in self.running:
            # The page is back before we have seen that its last connection is broken.
            self.running[key].transport.abortConnection()
            await ws.close(CloseCode.TRY_AGAIN_LATER)
            return
        self.running[key] = ws
        try:
            if key not in self.saved:
                part = self.parts / key
                await self.fill(part, size, ws)
                self.saved[key] = await deferToThread(keep, part, self.folder, name)
            await ws.send(json.dumps({"saved": self.saved[key]}))
            await ws.close()
            if ws.close_code == CloseCode.NORMAL_CLOSURE:
                del self.saved[key]  # the page has read the name, and won't ask for it again
        finally:
            del self.running[key]

    def announced(self, message):
        """Return the name, the size and the key of the file that this message announces."""
        try:
            file = json.loads(message)
            name, size, key = file["name"], file["size"], file["key"]
            if type(size) is not int or size < 0 or not re.fullmatch("[0-9a-f]{32}", key):
                raise ValueError(message)
            name = safe(name)
        except (AttributeError, KeyError, TypeError, ValueError):
            raise Refused("This announces no file.") from None
        if size > self.max_file:
            raise Refused(f"A file may have {self.max_file / 1e6:,.1f} MB at most.")
        return name, size, key

    async def fill(self, part, size, ws):
        """Write the missing part of a file, and tell the page its progress after each piece."""
        file = await deferToThread(open, part, "ab")
        missing = size - file.tell()
        if missing > self.free:
            file.close()
            raise Refused("The server has no room for it.")
        self.free -= missing
        try:
            with file:
                while True:
                    # The page sends no more than a few pieces ahead of this.
                    await ws.send(json.dumps({"written": size - missing}))
                    if not missing:
                        break
                    piece = await next_message(ws)
                    if isinstance(piece, str) or len(piece) > missing:
                        raise Refused("That is no piece of the file.")
                    # Disks can be slow, and other connections shouldn't wait for this one.
                    await deferToThread(write, file, piece)
                    missing -= len(piece)
        except ConnectionClosed as closed:
            if closed.rcvd and closed.rcvd.code == CANCELLED:
                part.unlink()
            raise
        finally:
            self.free += size - size_of(part)


def next_message(ws):
    return ws.recv().addTimeout(60, ws.factory.reactor)


def safe(name):
    """Make a safe name for a file in one folder from the name that the peer gave."""
    name = re.split(r"[/\\]", name)[-1]
    # A name may have 255 bytes: 60 characters take 240 at most, and a number the rest.
    return re.sub(r"[^\w .()-]", "_", name)[-60:].strip(". ") or "file"


def write(file, piece):
    file.write(piece)
    file.flush()


def size_of(path):
    return path.stat().st_size if path.is_file() else 0


def keep(part, folder, name):
    """Give a complete file its name, with a number if that is taken; return the name."""
    path, number = folder / name, 1
    while not claim(path):
        number += 1
        path = folder / f"{Path(name).stem} ({number}){Path(name).suffix}"
    part.replace(path)
    return path.name


def claim(path):
    """Make an empty file, unless one has this name; return whether it was made."""
    try:
        path.touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


def site(uploads):
    root = Resource()
    root.putChild(b"", Data(PAGE.encode(), "text/html; charset=utf-8"))
    # Pages of other sites may not upload; files rarely get smaller when they are compressed.
    upload = WebSocketResource(uploads.handler, origins=[SAME_ORIGIN], compression=None)
    root.putChild(b"upload", upload)
    return root


PAGE = r"""<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Upload</title>
<link rel="icon" href="data:,">
<style>
:root { color-scheme: light dark; --page: #f6f7f9; --card: #fff; --text: #1c2430; --soft: #5b6675;
        --line: #c9d0d9; --accent: #1d5fd1; --good: #15803d; --bad: #b42318 }
@media (prefers-color-scheme: dark) {
  :root { --page: #12161c; --card: #1c222b; --text: #e6eaf0; --soft: #9aa6b5;
          --line: #3b4654; --accent: #7fb0ff; --good: #5fd08a; --bad: #ff8f85 } }
* { box-sizing: border-box }
body { font: 1rem/1.5 system-ui, sans-serif; color: var(--text); background: var(--page);
       max-width: 40rem; margin: 0 auto; padding: 2rem 1rem }
h1 { font-size: 1.5rem; margin: 0 0 1rem }
label { display: block; padding: 2.5rem 1rem; text-align: center; cursor: pointer;
        background: var(--card); border: 2px dashed var(--line); border-radius: .75rem }
label b { color: var(--accent) }
label:hover, label.over { border-color: var(--accent) }
label:focus-within { outline: 3px solid var(--accent); outline-offset: 2px }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%) }
ul { list-style: none; margin: 1rem 0; padding: 0 }
li { background: var(--card); border: 1px solid var(--line); border-radius: .75rem;
     padding: .75rem 1rem; margin-top: .75rem; display: grid; gap: .25rem 1rem;
     grid-template-columns: 1fr auto; align-items: center }
.name { font-weight: 600; overflow-wrap: anywhere }
.state { grid-column: 1 / -1; color: var(--soft); font-size: .9rem;
         font-variant-numeric: tabular-nums }
progress { grid-column: 1 / -1; width: 100%; height: .5rem; appearance: none; border: 0;
           border-radius: 1rem; overflow: hidden; background: var(--line); color: var(--accent) }
progress::-webkit-progress-bar { background: var(--line) }
progress::-webkit-progress-value { background: currentColor }
progress::-moz-progress-bar { background: currentColor }
.saved progress { color: var(--good) } .saved .state { color: var(--good) }
.failed progress { color: var(--bad) } .failed .state { color: var(--bad) }
button { font: inherit; font-size: .9rem; padding: .2rem .8rem; color: var(--text); cursor: pointer;
         background: transparent; border: 1px solid var(--line); border-radius: .5rem }
button[hidden] { display: block; visibility: hidden }
button:hover { border-color: var(--accent) }
button:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px }
</style>
<h1>Upload</h1>
<label id="drop"><input id="choose" type="file" multiple class="unseen">
Drop files here, or <b>choose</b> them.</label>
<ul id="files" aria-label="Files"></ul>
<p id="news" role="status" class="unseen"></p>
<template><li><span class="name"></span><button type="button">Cancel</button>
<progress value="0" max="1"></progress><span class="state">Waiting …</span></li></template>
<script>
"use strict";
const PIECE = 2 ** 18, AHEAD = 8 * PIECE, PATIENCE = 16, AT_ONCE = 3, CANCELLED = 4001;
const FAILURES = {1011: "The server has failed; its log says why.", 4000: "The server refuses it."};
const of = id => document.getElementById(id);
const size = bytes =>
  bytes < 1e6 ? `${Math.ceil(bytes / 1e3)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;

/** A line of the list. */
function addLine(file) {
  const line = document.querySelector("template").content.cloneNode(true).firstElementChild;
  const [name, button, bar, state] = line.children;
  name.textContent = file.name;
  bar.setAttribute("aria-label", file.name);
  of("files").append(line);
  return {
    button,
    say(text, kind = "") {
      line.className = kind;
      state.textContent = text;
      of("news").textContent = `${file.name}: ${text}`;
    },
    progress(written) {
      line.className = "";
      bar.value = file.size ? written / file.size : 1;
      const percent = Math.floor(100 * bar.value);
      state.textContent = `${size(written)} of ${size(file.size)}, ${percent} %`;
    },
    finish(text, kind, again) {
      this.say(text, kind);
      button.textContent = "Try again";
      button.hidden = !again;
      button.onclick = again;
    },
  };
}

/** One connection; resolves with its result. */
function attempt(upload, line) {
  return new Promise(resolve => {
    const {file, key} = upload;
    const ws = new WebSocket(`${location.origin.replace("http", "ws")}/upload`);
    let sent = null, reading = false, end = {};
    line.button.onclick = () => {
      end = {failure: "Cancelled."};
      ws.close(CANCELLED);
    };
    async function sendMore() {
      if (reading) return;
      reading = true;
      const open = () => ws.readyState === WebSocket.OPEN;
      while (open() && sent < file.size && sent - upload.written < AHEAD) {
        const piece = await file.slice(sent, sent + PIECE).arrayBuffer();
        ws.send(piece);
        sent += piece.byteLength;
      }
      reading = false;
    }
    ws.onopen = () => ws.send(JSON.stringify({name: file.name, size: file.size, key}));
    ws.onmessage = ({data}) => {
      const {written, saved} = JSON.parse(data);
      if (saved) { end = {saved}; return; }
      upload.written = written;
      sent ??= written;
      line.progress(written);
      sendMore().catch(error => {
        end = {failure: `The file can't be read: ${error.message}`};
        ws.close();
      });
    };
    ws.onclose = ({code, reason}) =>
      resolve({failure: FAILURES[code] && (reason || FAILURES[code]), ...end});
  });
}

/** Connects until the file is saved or refused, or the server can't be reached. */
async function send(upload, line) {
  line.button.textContent = "Cancel";
  line.say("Connecting …");
  for (let wait = 1; ; wait *= 2) {
    const before = upload.written;
    const {saved, failure} = await attempt(upload, line);
    const again = () => queue(upload, line);
    if (saved) return line.finish(`Saved as ${saved}, ${size(upload.file.size)}`, "saved");
    if (failure) return line.finish(failure, "failed");
    if (upload.written > before) wait = 1;
    if (wait > PATIENCE) return line.finish("The server can't be reached.", "failed", again);
    line.say(`The connection is lost. It goes on in ${wait} s …`, "failed");
    const cancelled = await new Promise(resolve => {
      setTimeout(resolve, 1000 * wait, false);
      line.button.onclick = () => resolve(true);
    });
    if (cancelled) return line.finish("Cancelled.", "failed");
  }
}

const waiting = [];
let running = 0;

function queue(upload, line) {
  line.button.textContent = "Cancel";
  line.button.onclick = () => {
    waiting.splice(waiting.findIndex(entry => entry[0] === upload), 1);
    line.finish("Cancelled.", "failed");
  };
  waiting.push([upload, line]);
  sendNext();
}

function sendNext() {
  while (running < AT_ONCE && waiting.length) {
    running += 1;
    send(...waiting.shift()).finally(() => { running -= 1; sendNext(); });
  }
}

function take(files) {
  for (const file of files) {
    const bytes = crypto.getRandomValues(new Uint8Array(16));
    const key = Array.from(bytes, byte => byte.toString(16).padStart(2, "0")).join("");
    queue({file, key, written: 0}, addLine(file));
  }
}

of("choose").onchange = event => { take(event.target.files); event.target.value = ""; };
ondragover = event => { event.preventDefault(); of("drop").className = "over"; };
ondragleave = () => { of("drop").className = ""; };
ondrop = event => { event.preventDefault(); ondragleave(); take(event.dataTransfer.files); };
onbeforeunload = event => { if (running) event.preventDefault(); };
</script>
"""

if __name__ == "__main__":
    run(site(Uploads("uploads")), "localhost", 8000)

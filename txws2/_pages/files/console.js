"use strict";

// So many lines are kept, and so much is shown of a message.
const MOST_LINES = 1000;
const MOST_TEXT = 4096;
const MOST_HEX = 256;
const MOST_PENDING = 100;

// Milliseconds: between drawings, between news for screen readers, and before reconnecting.
const DRAWING = 50;
const NEWS = 2000;
const FIRST_DELAY = 1000;
const LONGEST_DELAY = 30000;

const here = (id) => document.getElementById(id);

let ws = null;
let wanted = false;
let delay = FIRST_DELAY;
let retrying = null;
let paused = false;
let lines = [];
let fresh = [];
let drawing = null;
let pending = [];
let sent = 0;
let received = 0;
let latest = "";
let unheard = 0;

// The address

function socketAt(path) {
  const uri = new URL(`.${path}`, new URL("./", location.href));
  uri.protocol = uri.protocol === "https:" ? "wss:" : "ws:";
  return uri.href;
}

function begin() {
  const asked = new URLSearchParams(location.search).get("uri");
  here("uri").value = asked && /^wss?:\/\//i.test(asked) ? asked : socketAt(document.body.dataset.path);
  for (const path of document.body.dataset.paths.split("\n").filter(Boolean)) {
    here("known").append(new Option("", socketAt(path)));
  }
  here("connect").focus();
}

// The connection

function connect() {
  clearTimeout(retrying);
  const protocols = here("protocols").value.split(",").map((name) => name.trim()).filter(Boolean);
  const uri = here("uri").value.trim();
  let opening;
  try {
    opening = new WebSocket(uri, protocols);
  } catch (error) {
    wanted = false;
    note(`can't connect: ${error.message}`, "failed");
    show("closed", "Not connected", "");
    return;
  }
  ws = opening;
  pending = [];
  ws.binaryType = "arraybuffer";
  show("waiting", "Connecting", `to ${uri}`);
  ws.onopen = () => {
    if (ws !== opening) return;
    delay = FIRST_DELAY;
    const protocol = opening.protocol ? `, subprotocol ${opening.protocol}` : "";
    const compressed = opening.extensions ? `, ${opening.extensions.split(";")[0]}` : "";
    show("open", "Connected", `to ${uri}${protocol}${compressed}`);
    note(`connected to ${uri}${protocol}`);
    here("message").focus();
  };
  ws.onmessage = ({data}) => receive(data);
  ws.onclose = (event) => closed(opening, event);
}

function closed(gone, {code, reason}) {
  if (ws !== gone) return;
  ws = null;
  const said = `closed with ${code} (${closeWords(code)})${reason ? `: ${reason}` : ""}`;
  note(said, code === 1000 ? "note" : "failed");
  if (!wanted || !here("reconnect").checked) {
    wanted = false;
    show("closed", "Not connected", `(${said})`);
    return;
  }
  // Not all clients of a server that was down must come back in the same moment.
  const wait = delay * (0.75 + Math.random() / 2);
  delay = Math.min(delay * 2, LONGEST_DELAY);
  retrying = setTimeout(connect, wait);
  show("waiting", "Reconnecting", `in ${(wait / 1000).toFixed(1)} s (${said})`);
}

function disconnect() {
  wanted = false;
  clearTimeout(retrying);
  if (ws) {
    ws.close(1000);
    show("waiting", "Closing", "");
  } else {
    show("closed", "Not connected", "");
  }
}

function show(kind, word, details) {
  const state = here("state");
  state.className = kind;
  state.querySelector("strong").textContent = word;
  state.querySelector("span").textContent = details;
  here("connect").textContent = wanted ? "Disconnect" : "Connect";
  here("send").disabled = here("files").disabled = kind !== "open";
}

// Messages

function receive(data) {
  received += 1;
  const now = performance.now();
  let took = "";
  // A browser has no pings. The answer to a message tells as much: an echo has the same content.
  const [first] = pending;
  if (first && first.data !== null && first.data === data) {
    took = `echo after ${milliseconds(now - first.time)}`;
    pending.shift();
  } else if (first) {
    took = `${milliseconds(now - pending[pending.length - 1].time)} after sending`;
    pending = [];
  }
  add("in", data, took);
}

function send(data) {
  ws.send(data);
  sent += 1;
  if (pending.length === MOST_PENDING) pending.shift();
  pending.push({data: typeof data === "string" ? data : null, time: performance.now()});
  add("out", data, "");
}

function add(way, data, took) {
  const size = typeof data === "string" ? new TextEncoder().encode(data).length : data.byteLength;
  const text = typeof data === "string" ? data.slice(0, MOST_TEXT) : hex(new Uint8Array(data, 0, Math.min(size, MOST_HEX)));
  const shown = typeof data === "string" ? text.length === data.length : size <= MOST_HEX;
  push({way, size, text, took, more: shown ? "" : " … the rest isn't shown", kind: typeof data === "string" ? "text" : "binary"});
  unheard += 1;
  latest = `${way === "in" ? "Received" : "Sent"}: ${typeof data === "string" ? text.slice(0, 200) : `${size} bytes`}`;
}

function hex(data) {
  const rows = [];
  for (let start = 0; start < data.length; start += 16) {
    const row = Array.from(data.subarray(start, start + 16));
    const codes = row.map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
    const letters = row.map((byte) => (byte > 31 && byte < 127 ? String.fromCharCode(byte) : "·")).join("");
    rows.push(`${codes.padEnd(47)}  ${letters}`);
  }
  return rows.join("\n");
}

function note(text, kind = "note") {
  // The state of the connection is heard already.
  push({way: kind, size: null, text, took: "", more: "", kind: ""});
}

function push(line) {
  line.at = new Date();
  lines.push(line);
  if (lines.length > MOST_LINES) lines = lines.slice(-MOST_LINES);
  fresh.push(line);
  if (fresh.length > MOST_LINES) fresh = fresh.slice(-MOST_LINES);
  if (drawing === null) drawing = setTimeout(draw, DRAWING);
}

// The list

function isShown(line) {
  const text = here("filter").value.toLowerCase();
  const way = here("way").value;
  return (!way || line.way === way) && (!text || line.text.toLowerCase().includes(text));
}

function draw() {
  drawing = null;
  const waiting = ws && ws.bufferedAmount ? `, ${bytes(ws.bufferedAmount)} wait to be sent` : "";
  const kept = paused ? ", paused" : "";
  here("numbers").textContent = `${sent} sent, ${received} received${waiting}${kept}`;
  if (paused) return;
  const list = here("frames");
  // The list follows the latest line, unless its reader has scrolled back.
  const follows = list.scrollHeight - list.scrollTop - list.clientHeight < 40;
  list.append(...fresh.filter(isShown).map(row));
  fresh = [];
  while (list.childElementCount > MOST_LINES) list.firstElementChild.remove();
  list.hidden = !list.childElementCount;
  here("empty").hidden = !list.hidden;
  here("empty").textContent = lines.length ? "No message matches." : "Nothing yet. Connect, then send a message.";
  if (follows) list.scrollTop = list.scrollHeight;
}

function drawAll() {
  here("frames").replaceChildren();
  fresh = lines.slice();
  draw();
}

const WAYS = {in: ["↓", "received"], out: ["↑", "sent"], note: ["·", ""], failed: ["!", ""]};

function row(line) {
  const item = make("li", line.way);
  const [sign, word] = WAYS[line.way];
  const way = make("span", "way");
  const arrow = make("span", "", sign);
  arrow.setAttribute("aria-hidden", "true");
  way.append(arrow, make("span", "unseen", word));
  const time = make("time", "", line.at.toTimeString().slice(0, 8) + "." + String(line.at.getMilliseconds()).padStart(3, "0"));
  time.dateTime = line.at.toISOString();
  const data = make("span", "data");
  if (line.took) data.append(make("span", "took", line.took));
  data.append(line.text);
  if (line.more) data.append(make("span", "more", line.more));
  item.append(way, time, make("span", "size", line.size === null ? "" : bytes(line.size)), data);
  if (line.kind === "binary") item.title = "binary";
  return item;
}

// A screen reader hears a summary: a busy connection would never let it finish a sentence.
function tell() {
  if (!unheard) return;
  here("news").textContent = unheard === 1 ? latest : `${unheard} new lines. ${latest}`;
  unheard = 0;
}

// The controls

here("connection").addEventListener("submit", (event) => {
  event.preventDefault();
  if (wanted) {
    disconnect();
    return;
  }
  wanted = true;
  delay = FIRST_DELAY;
  connect();
});

here("sending").addEventListener("submit", (event) => {
  event.preventDefault();
  if (!ws || ws.readyState !== WebSocket.OPEN) return;
  const text = here("message").value;
  send(here("binary").checked ? new TextEncoder().encode(text).buffer : text);
  here("message").value = "";
});

here("message").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    here("sending").requestSubmit();
  }
});

here("files").addEventListener("change", async (event) => {
  for (const file of Array.from(event.target.files)) {
    const data = await file.arrayBuffer();
    if (!ws || ws.readyState !== WebSocket.OPEN) break;
    send(data);
  }
  event.target.value = "";
});

here("pause").addEventListener("click", () => {
  paused = !paused;
  here("pause").setAttribute("aria-pressed", String(paused));
  draw();
});

here("clear").addEventListener("click", () => {
  lines = [];
  sent = received = 0;
  drawAll();
});

here("filter").addEventListener("input", drawAll);
here("way").addEventListener("change", drawAll);
setInterval(tell, NEWS);
begin();

"use strict";

const RETRY = 2000;

const here = (id) => document.getElementById(id);
const whole = new Intl.NumberFormat("en", {maximumFractionDigits: 0});
const count = (number) => (number > 0 && number < 10 && number % 1 ? number.toFixed(1) : whole.format(number));
const seconds = (number) => milliseconds(number * 1000);

const charts = {
  connections: new Chart(here("connections"), count),
  messages: new Chart(here("messages"), count),
  bytes: new Chart(here("bytes"), bytes, roundUpBytes),
  latency: new Chart(here("latency"), seconds),
  closed: new Chart(here("closed"), count),
  memory: new Chart(here("memory"), bytes, roundUpBytes),
};

let before = null;

function connect() {
  const uri = new URL(location.href);
  uri.protocol = uri.protocol === "https:" ? "wss:" : "ws:";
  uri.search = uri.hash = "";
  const ws = new WebSocket(uri);
  ws.onopen = () => show("open", "Live", "");
  ws.onmessage = ({data}) => take(JSON.parse(data));
  ws.onclose = ({code, reason}) => {
    before = null;
    show("closed", "Not connected", `(${code}, ${closeWords(code)}${reason ? `: ${reason}` : ""}); trying again`);
    setTimeout(connect, RETRY);
  };
}

function show(kind, word, details) {
  const state = here("state");
  state.className = kind;
  state.querySelector("strong").textContent = word;
  state.querySelector("span").textContent = details;
}

function take(now) {
  // A server that was started anew counts from zero.
  const past = before && now.uptime > before.uptime ? before : null;
  before = now;
  const rate = (get) => (past ? Math.max(0, get(now) - get(past)) / (now.uptime - past.uptime) : null);
  const rates = {
    messagesIn: rate((state) => state.messages[0]),
    messagesOut: rate((state) => state.messages[1]),
    bytesIn: rate((state) => state.bytes[0]),
    bytesOut: rate((state) => state.bytes[1]),
  };
  tiles(now, rates);
  charts.connections.add({open: now.connections});
  charts.messages.add({received: rates.messagesIn, sent: rates.messagesOut});
  charts.bytes.add({received: rates.bytesIn, sent: rates.bytesOut});
  const [median, high, most] = now.latency || [null, null, null];
  charts.latency.add({median, "95 %": high, largest: most});
  const closed = {};
  for (const code of Object.keys(now.closed)) closed[code] = rate((state) => state.closed[code] || 0);
  charts.closed.add(closed);
  charts.memory.add({resident: now.memory});
  table("codes", ["Code", "Meaning", "Number"], Object.entries(now.closed).map(([code, number]) => [code, closeWords(Number(code)), count(number)]));
  table("refusals", ["Reason", "Number"], Object.entries(now.refused).map(([name, number]) => [words(name), count(number)]));
  table("slow", ["Client", "Connection", "Waiting"], now.slow.map(({peer, id, waiting}) => [peer, id, bytes(waiting)]));
  here("rooms-section").hidden = !now.rooms;
  if (now.rooms) table("rooms", ["Room", "Members"], now.rooms.map(([name, members]) => [name, count(members)]));
}

function tiles(now, rates) {
  const ways = (first, second, format) => (first === null ? "collecting…" : `${format(first)} in, ${format(second)} out`);
  const values = {
    "Connections": count(now.connections),
    "Opened so far": count(now.opened),
    "Messages a second": ways(rates.messagesIn, rates.messagesOut, count),
    "Bytes a second": ways(rates.bytesIn, rates.bytesOut, bytes),
    "Latency, median": now.latency ? seconds(now.latency[0]) : "no pings yet",
    "Bytes that wait": bytes(now.waiting[1]),
    "Memory": bytes(now.memory),
    "Uptime": duration(now.uptime),
    "Version": now.version,
  };
  const list = here("tiles");
  if (!list.childElementCount) {
    for (const name of Object.keys(values)) {
      const tile = make("div", name === "Version" ? "wide" : "");
      tile.append(make("dt", "", name), make("dd", name === "Version" || name.endsWith("second") ? "small" : ""));
      list.append(tile);
    }
  }
  Object.values(values).forEach((value, index) => {
    list.children[index].lastElementChild.textContent = value;
  });
}

function table(id, heads, rows) {
  const line = (tag, cells) => {
    const element = make("tr");
    element.append(...cells.map((cell) => make(tag, "", cell)));
    return element;
  };
  const shown = rows.length ? rows.map((cells) => line("td", cells)) : [line("td", ["none"])];
  const head = line("th", heads);
  for (const cell of head.children) cell.scope = "col";
  here(id).replaceChildren(...(rows.length ? [head, ...shown] : shown));
}

// "InvalidOrigin" becomes "invalid origin".
function words(name) {
  return name.replace(/(?!^)([A-Z])/g, " $1").toLowerCase();
}

function duration(total) {
  const units = [["d", 86400], ["h", 3600], ["min", 60], ["s", 1]];
  const first = units.findIndex(([, size]) => total >= size);
  if (first < 0) return "0 s";
  return units.slice(first, first + 2).map(([unit, size]) => {
    const number = Math.floor(total / size);
    total -= number * size;
    return `${number} ${unit}`;
  }).join(" ");
}

connect();

'use strict';

// The behaviour of the peer made with Node's ws on a connection, the same on both sides.

function observe(what) {
  console.log(JSON.stringify(what));
}

const ACTIONS = {
  fill: (ws, size) => ws.send(Buffer.alloc(size)),
  plain: (ws, size) => ws.send(Buffer.alloc(size), { compress: false }),
  ping: (ws, payload) => ws.ping(payload),
  fragments: (ws, parts) => {
    let sent = 0;
    const sendNext = () => {
      const fin = sent === parts.length - 1;
      ws.send(parts[sent++], { fin });
      // The next fragment leaves once the pong to this ping has come.
      if (!fin) ws.ping(`amid ${sent}`);
    };
    ws.on('pong', () => sent < parts.length && sendNext());
    sendNext();
  },
  close: (ws, code, reason) => ws.close(code, reason),
  drop: (ws) => ws.terminate(),
};

const OPTIONS = {
  server_no_context_takeover: 'serverNoContextTakeover',
  client_no_context_takeover: 'clientNoContextTakeover',
  server_max_window_bits: 'serverMaxWindowBits',
  client_max_window_bits: 'clientMaxWindowBits',
};

// The option perMessageDeflate for what the settings say of compression.
function compression({ deflate }, defaults) {
  if (deflate === undefined) return true;
  if (deflate === null) return false;
  const options = { threshold: 0, ...defaults };
  for (const [name, value] of Object.entries(deflate)) options[OPTIONS[name]] = value;
  return options;
}

// Does what is asked for, and echoes every message until the connection is closed.
function play(ws, actions) {
  observe({ open: ws.protocol || null });
  ws.on('message', (data, isBinary) => ws.send(data, { binary: isBinary }));
  ws.on('pong', (payload) => observe({ pong: payload.toString() }));
  ws.on('close', (code, reason) => observe({ closed: [code, reason.toString()] }));
  for (const [name, ...args] of actions) ACTIONS[name](ws, ...args);
}

module.exports = { compression, observe, play };

'use strict';

// A client made with Node's ws.

const WebSocket = require('ws');
const { compression, observe, play } = require('./ws_play.js');

function connect([uri, json, ...others]) {
  const settings = JSON.parse(json);
  const ws = new WebSocket(uri, settings.subprotocols, {
    // ws offers this parameter by default.
    perMessageDeflate: compression(settings, { clientMaxWindowBits: false }),
  });
  ws.on('open', () => play(ws, settings.actions));
  ws.on('error', (error) => observe({ failed: error.message }));
  ws.on('unexpected-response', (request, response) => {
    observe({ refused: response.statusCode });
    request.destroy();
  });
  ws.on('close', () => others.length && connect(others));
}

connect(process.argv.slice(2));

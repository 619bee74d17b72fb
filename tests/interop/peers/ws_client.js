'use strict';

// A client made with Node's ws.

const WebSocket = require('ws');
const { observe, play } = require('./ws_play.js');

const [uri, json] = process.argv.slice(2);
const settings = JSON.parse(json);

const ws = new WebSocket(uri, settings.subprotocols);
ws.on('open', () => play(ws, settings.actions));
ws.on('error', (error) => observe({ failed: error.message }));
ws.on('unexpected-response', (request, response) => {
  observe({ refused: response.statusCode });
  request.destroy();
});

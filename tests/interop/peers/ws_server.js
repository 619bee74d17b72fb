'use strict';

// A server made with Node's ws.

const { WebSocketServer } = require('ws');
const { observe, play } = require('./ws_play.js');

const settings = JSON.parse(process.argv[2]);

const server = new WebSocketServer({
  host: '127.0.0.1',
  port: 0,
  perMessageDeflate: true,
  handleProtocols: (offered) =>
    [...offered].find((name) => settings.subprotocols.includes(name)) || false,
  verifyClient: ({ req }, decide) => decide(req.url === '/', 404, 'nothing here'),
});
server.on('listening', () => observe({ port: server.address().port }));
server.on('connection', (ws) => {
  ws.on('error', (error) => console.error(error));
  play(ws, settings.actions);
});

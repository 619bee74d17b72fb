'use strict';

// A server made with Node's ws.

const { WebSocketServer } = require('ws');
const { compression, observe, play } = require('./ws_play.js');

function serve([json, ...others]) {
  const settings = JSON.parse(json);
  const server = new WebSocketServer({
    host: '127.0.0.1',
    port: 0,
    perMessageDeflate: compression(settings),
    handleProtocols: (offered) =>
      [...offered].find((name) => settings.subprotocols.includes(name)) || false,
    verifyClient: ({ req }, decide) => decide(req.url === '/', 404, 'nothing here'),
  });
  server.on('listening', () => {
    observe({ port: server.address().port });
    if (others.length) serve(others);
  });
  server.on('connection', (ws) => {
    ws.on('error', (error) => console.error(error));
    play(ws, settings.actions);
  });
}

serve(process.argv.slice(2));

'use strict';

// An echo made with Node's ws: ws_server.js PORT [deflate] [broadcast] [tls=PEM]

const { readFileSync } = require('fs');
const http = require('http');
const https = require('https');
const { WebSocketServer } = require('ws');

const [port, ...options] = process.argv.slice(2);
const pem = options.find((option) => option.startsWith('tls='))?.slice(4);
const files = pem && { key: readFileSync(pem), cert: readFileSync(pem) };
const listener = pem ? https.createServer(files) : http.createServer();
const server = new WebSocketServer({
  server: listener,
  perMessageDeflate: options.includes('deflate'),
});

server.on('connection', (ws) => {
  ws.on('message', (data, binary) => {
    if (options.includes('broadcast')) {
      for (const client of server.clients) client.send(data, { binary });
    } else {
      ws.send(data, { binary });
    }
  });
});

listener.listen({ port: Number(port), host: '127.0.0.1', backlog: 1024 });

'use strict';

// An echo made with uWebSockets.js: uws_server.js PORT [deflate] [broadcast] [tls=PEM]

const uws = require('uwebsockets');

const [port, ...options] = process.argv.slice(2);
const deflate = options.includes('deflate');
const relay = options.includes('broadcast');
const pem = options.find((option) => option.startsWith('tls='))?.slice(4);
const app = pem ? uws.SSLApp({ key_file_name: pem, cert_file_name: pem }) : uws.App();

app.ws('/*', {
  compression: deflate ? uws.SHARED_COMPRESSOR : uws.DISABLED,
  maxPayloadLength: 2 ** 26,
  maxBackpressure: 2 ** 28,
  open: (ws) => {
    if (relay) ws.subscribe('everybody');
  },
  message: (ws, message, binary) => {
    if (relay) app.publish('everybody', message, binary);
    else ws.send(message, binary, deflate);
  },
});

app.listen('127.0.0.1', Number(port), () => {});

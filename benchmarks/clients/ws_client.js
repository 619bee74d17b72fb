'use strict';

// A client made with Node's ws; stopwatch.py describes its command line and its figures.

const WebSocket = require('ws');

const [uri, kind, size, seconds, warmup, ...options] = process.argv.slice(2);
const SECONDS_OF_A_LAP = 0.01;
const text = 'x'.repeat(Number(size));
const now = () => Number(process.hrtime.bigint()) / 1e9;

let lap = 1;
let left = 1;
let messages = 0;
let beganCounting = null;
let cpu = null;
const began = now();
let beganLap = began;

function end(time) {
  const used = process.cpuUsage(cpu);
  const us = used.user + used.system;
  const elapsed = time - beganCounting;
  const figures = {
    count: messages,
    per_second: messages / elapsed,
    cpu_us: us / messages,
    busy: us / 1e6 / elapsed,
  };
  process.stdout.write(JSON.stringify(figures), () => process.exit(0));
}

function nextLap() {
  const time = now();
  if (beganCounting === null) {
    if (time - began >= Number(warmup)) {
      beganCounting = time;
      cpu = process.cpuUsage();
    }
  } else {
    messages += lap;
    if (time - beganCounting >= Number(seconds)) {
      end(time);
      return Infinity;
    }
  }
  if (time - beganLap < SECONDS_OF_A_LAP) lap *= 2;
  beganLap = time;
  return lap;
}

const ws = new WebSocket(uri, { perMessageDeflate: options.includes('deflate') });
ws.on('open', () => {
  if (kind === 'ask') ws.send(text);
});
ws.on('message', (data) => {
  data.toString();
  if (kind === 'ask') ws.send(text);
  left -= 1;
  if (left === 0) left = nextLap();
});

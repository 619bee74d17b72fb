"use strict";

// RFC 6455 section 7.4, and the registry of IANA.
const CLOSE_CODES = {
  1000: "normal end",
  1001: "going away: the server stops, or the page is left",
  1002: "protocol error",
  1003: "unsupported kind of data",
  1005: "closed without a code",
  1006: "ended without a closing handshake: refused, unreachable, or cut off",
  1007: "invalid data, as text that isn't UTF-8",
  1008: "policy violation",
  1009: "message too big",
  1010: "an extension is missing",
  1011: "internal error of the server",
  1012: "the service restarts",
  1013: "try again later",
  1014: "bad gateway",
  1015: "TLS handshake failed",
};

function closeWords(code) {
  if (CLOSE_CODES[code]) return CLOSE_CODES[code];
  if (code >= 4000) return "private use: the application defines it";
  if (code >= 3000) return "registered by a library or framework";
  return "unknown";
}

function bytes(number) {
  for (const unit of ["B", "KiB", "MiB", "GiB"]) {
    if (number < 1024 || unit === "GiB") {
      return `${unit === "B" || number >= 100 ? Math.round(number) : number.toFixed(1)} ${unit}`;
    }
    number /= 1024;
  }
}

function milliseconds(number) {
  if (number >= 10000) return `${(number / 1000).toFixed(1)} s`;
  return `${number < 10 ? number.toFixed(1) : Math.round(number)} ms`;
}

function make(tag, classes, text) {
  const element = document.createElement(tag);
  if (classes) element.className = classes;
  if (text !== undefined) element.textContent = text;
  return element;
}

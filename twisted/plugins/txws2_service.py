"""Registers `twistd ws`; all other code is imported when it is used."""

from twisted.application.service import ServiceMaker

websocket = ServiceMaker(
    "WebSocket server",
    "txws2.tap",
    "A WebSocket server: an echo, or an application of yours.",
    "ws",
)

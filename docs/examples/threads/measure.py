"""A server that sends the machine's load each second, from a thread."""

import os
import time

from twisted.internet import reactor
from twisted.internet.threads import blockingCallFromThread, deferToThread

import txws2


def measure(ws):
    try:
        while True:
            blockingCallFromThread(reactor, ws.send, str(os.getloadavg()[0]))
            time.sleep(1)
    except txws2.ConnectionClosed:
        print("nobody listens any more")


async def handler(ws):
    measuring = deferToThread(measure, ws)
    async for message in ws:
        print(message)
    await measuring


txws2.run(handler, "localhost", 8000)

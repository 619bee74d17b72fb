"""Autobahn's broadcast/client.py on txws2: python broadcast_client.py ws://127.0.0.1:9000"""

import sys

from twisted.internet.task import LoopingCall, react

from txws2 import connect


async def main(reactor, uri):
    """Say hello every two seconds, and print each message, until the server closes."""
    async with connect(uri, reactor=reactor) as ws:
        LoopingCall(ws.sendMessage, "Hello from Python!").start(2)
        async for message in ws:
            if isinstance(message, str):
                print("received:", message)


react(main, sys.argv[1:])

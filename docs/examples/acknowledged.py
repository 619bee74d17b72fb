"""A client that loses no message, and a server that handles none twice."""

from contextlib import suppress

from txws2 import ConnectionClosed, connect


class Sender:
    """Sends each message until the server acknowledges it."""

    def __init__(self, messages):
        self.unacknowledged = dict(enumerate(messages))

    async def run(self, uri, **options):
        async for ws in connect(uri, **options):
            try:
                for number, message in list(self.unacknowledged.items()):
                    await ws.send(f"{number} {message}")
                    self.unacknowledged.pop(int(await ws.recv()))
                return
            except ConnectionClosed:
                continue


class Receiver:
    """Handles each message once."""

    def __init__(self):
        self.handled = {}

    async def handler(self, ws):
        with suppress(ConnectionClosed):
            async for line in ws:
                number, _, message = line.partition(" ")
                self.handled.setdefault(int(number), message)
                await ws.send(number)

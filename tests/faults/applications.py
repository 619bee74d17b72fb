"""The application of the servers that are attacked: `twistd ws --app` names `application`.

The path of the request selects the handler; any other path echoes.
"""

import os
import time

from twisted.internet import reactor
from twisted.internet.defer import Deferred

# The number of messages that the streams have sent.
total = 0


async def stream(ws):
    """Read the number and the size of messages from the first message, and send those."""
    global total
    messages, size = map(int, (await ws.recv()).split())
    padding = bytes(size - 8)
    for number in range(messages):
        await ws.send(number.to_bytes(8, "big") + padding)
        total += 1


async def progress(ws):
    """Answer each message with the number of messages that the streams have sent."""
    async for _ in ws:
        await ws.send(str(total))


async def unreceiving(ws):
    """Never read."""
    await Deferred()


async def failing(ws):
    """Fail on the first message."""
    raise RuntimeError(await ws.recv())


async def leaving(ws):
    """Return when the first message comes."""
    await ws.recv()


async def blocking(ws):
    """Block the reactor for the seconds that each message says; then send the message back."""
    async for message in ws:
        time.sleep(float(message))
        await ws.send(message)


async def setting(ws):
    """Set the reactor's clock ahead by the seconds that each message says."""
    seconds = reactor.seconds
    ahead = 0.0
    reactor.seconds = lambda: seconds() + ahead
    async for message in ws:
        ahead += float(message)
        await ws.send(message)


async def ledger(ws):
    """Write each message to the file that the first one names, then acknowledge it."""
    file = os.open(await ws.recv(), os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    try:
        async for message in ws:
            os.write(file, f"{message}\n".encode())
            await ws.send(message)
    finally:
        os.close(file)


async def echo(ws):
    """Send each message back."""
    async for message in ws:
        await ws.send(message)


_PATHS = {
    "/stream": stream,
    "/progress": progress,
    "/unreceiving": unreceiving,
    "/failing": failing,
    "/leaving": leaving,
    "/blocking": blocking,
    "/setting": setting,
    "/ledger": ledger,
}


async def application(ws):
    """Run the handler for the path."""
    await _PATHS.get(ws.request.path, echo)(ws)

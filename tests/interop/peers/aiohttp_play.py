"""The `aiohttp` peer's actions on a connection, on either side."""

from aiohttp import WSMsgType
from observations import observe


async def fill(ws, transport, size):
    await ws.send_bytes(bytes(size))


async def plain(ws, transport, size):
    """Send an uncompressed message; aiohttp has no option for that."""
    ws._writer._write_websocket_frame(bytes(size), WSMsgType.BINARY, 0)


async def ping(ws, transport, payload):
    await ws.ping(payload.encode())


async def close(ws, transport, code=None, reason=""):
    if code is None:
        # aiohttp's close() always sends a code.
        await ws.send_frame(b"", WSMsgType.CLOSE)
    else:
        await ws.close(code=code, message=reason.encode())


async def drop(ws, transport):
    transport.abort()


ACTIONS = {"fill": fill, "plain": plain, "ping": ping, "close": close, "drop": drop}


def by_itself(actions):
    """Return True if aiohttp may answer pings itself; then it doesn't show pongs."""
    return all(name != "ping" for name, *_ in actions)


async def echo(ws):
    """Echo until the connection is closed; return the last message, which reports the end."""
    while True:
        message = await ws.receive()
        if message.type is WSMsgType.TEXT:
            await ws.send_str(message.data)
        elif message.type is WSMsgType.BINARY:
            await ws.send_bytes(message.data)
        elif message.type is WSMsgType.PING:
            await ws.pong(message.data)
        elif message.type is WSMsgType.PONG:
            observe(pong=message.data.decode())
        else:
            return message


async def play(ws, transport, actions):
    """Play the actions, then echo every message until the connection is closed."""
    try:
        for name, *arguments in actions:
            await ACTIONS[name](ws, transport, *arguments)
    except ConnectionResetError:
        pass
    last = await echo(ws)
    code = last.data if last.type is WSMsgType.CLOSE else ws.close_code
    # aiohttp has 0 for a close frame without a code.
    observe(closed=[code or 1005, last.extra or ""])

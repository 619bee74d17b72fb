"""The `websockets` peer's actions on a connection, on either side."""

from observations import observe
from websockets.exceptions import ConnectionClosed


async def fill(ws, size):
    await ws.send(bytes(size))


async def plain(ws, size):
    """Send an uncompressed message; `websockets` has no option for that."""
    extensions, ws.protocol.extensions = ws.protocol.extensions, []
    await ws.send(bytes(size))
    ws.protocol.extensions = extensions


async def ping(ws, payload):
    await (await ws.ping(payload))
    observe(pong=payload)


async def fragments(ws, parts):
    async def with_pings_between():
        yield parts[0]
        for number, part in enumerate(parts[1:], 1):
            await ping(ws, f"amid {number}")
            yield part

    await ws.send(with_pings_between())


async def close(ws, code=None, reason=""):
    if code is None:
        # The close() of `websockets` always sends a code.
        async with ws.send_context():
            ws.protocol.send_close()
    else:
        await ws.close(code, reason)


async def drop(ws):
    ws.transport.abort()


ACTIONS = {
    "fill": fill,
    "plain": plain,
    "ping": ping,
    "fragments": fragments,
    "close": close,
    "drop": drop,
}


def compression(settings, factory):
    """Return the options of connect() or serve() for the settings of compression."""
    if "deflate" not in settings:
        return {}
    if settings["deflate"] is None:
        return {"compression": None}
    # The default has this parameter.
    parameters = {"client_max_window_bits": None, **settings["deflate"]}
    return {"compression": None, "extensions": [factory(**parameters)]}


async def play(ws, actions):
    """Play the actions, then echo every message until the connection is closed."""
    observe(open=ws.subprotocol)
    try:
        for name, *arguments in actions:
            await ACTIONS[name](ws, *arguments)
        async for message in ws:
            await ws.send(message)
    except ConnectionClosed:
        pass
    await ws.wait_closed()
    observe(closed=[ws.close_code, ws.close_reason])

"""Methods that anybody may call: python jsonrpc_server.py"""

from jsonrpc import Peer, RPCError

from txws2 import run


def divide(a, b):
    if b == 0:
        raise RPCError(1, "division by zero")
    return a / b


def greet(name):
    return f"Hello, {name}!"


async def handler(ws):
    await Peer(ws, {"divide": divide, "greet": greet}).run()


if __name__ == "__main__":
    # Programs may call; pages, which browsers would send an Origin for, may not.
    run(handler, "localhost", 8000, origins=[None])

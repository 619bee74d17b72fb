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
    run(handler, "localhost", 8000)

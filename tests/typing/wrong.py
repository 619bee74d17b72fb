"""Mistakes that mypy has to find: each line with a mark at its end has an error with that text."""

import txws2
import txws2.server
import txws2.wire
from txws2 import sevre  # E: Module "txws2" has no attribute "sevre"
from txws2.testing import ScriptedServer, Silence, joined, opened


async def handler(ws: txws2.WebSocketServerProtocol) -> None:
    text: str = await ws.recv()  # E: expression has type "str | bytes", variable has type "str"
    await ws.send(1)  # E: Argument 1 to "send" of "Handle" has incompatible type "int"
    await ws.send(text, compressed=True)  # E: Unexpected keyword argument "compressed"
    await ws.close("done")  # E: Argument 1 to "close" of "WebSocketProtocol" has incompatible type
    await ws.sendMessage(text)  # E: does not return a value
    ws.request.pth  # E: "Request" has no attribute "pth"
    data: bytes = await ws.recv(decode=True)  # E: expression has type "str", variable has type
    async for piece in ws.recv_streaming(decode=False):
        piece.upper() + ""  # E: Unsupported operand types for + ("bytes" and "str")
    print(data)
    ws.close_code + 1  # E: Unsupported operand types for + ("None" and "int")
    for message in ws:  # E: "WebSocketServerProtocol" has no attribute "__iter__"
        print(message)


def plain(ws: txws2.WebSocketServerProtocol) -> None: ...


txws2.cancelled_on_close(plain)  # E: Argument 1 to "cancelled_on_close" has incompatible type


@txws2.cancelled_on_close
async def ticking(ws: txws2.WebSocketServerProtocol, room: str) -> int:
    await ws.recv(timeout="10")  # E: No overload variant of "recv"
    await ws.recv(None, 10)  # E: No overload variant of "recv"
    return 1


ticking(1, "lobby")  # E: Argument 1 to "ticking" has incompatible type "int"


async def two(ws: txws2.WebSocketServerProtocol, room: str) -> None: ...


class Push(txws2.WebSocketServerProtocol):
    def messageReceived(self, message: str) -> None:  # E: incompatible with supertype
        self.sendMessage(message)


class Client(txws2.WebSocketClientProtocol): ...


class Mine(txws2.WebSocketServerProtocol): ...


class Other(txws2.WebSocketServerProtocol): ...


async def mine(ws: Mine) -> None: ...


def heard(ws: Client) -> None: ...


class Feed(txws2.WebSocketClientProtocol): ...


async def own() -> None:
    (await txws2.connect("ws://a/", create_protocol=Client)).nme  # E: "Client" has no attribute
    async for ws in txws2.connect("ws://a/", create_protocol=Client):
        ws.nme  # E: "Client" has no attribute "nme"


txws2.serve(handler, "localhost", "8000")  # E: Argument 3 to "serve" has incompatible type "str"
txws2.serve(handler, port=8000, max_sise=1)  # E: Unexpected keyword argument "max_sise"
txws2.serve(two, port=8000)  # E: Argument 1 to "serve" has incompatible type
txws2.serve(handler, endpoint=8000)  # E: Argument "endpoint" to "serve" has incompatible type
txws2.serve(None, port=8000, create_protocol=Client)  # E: Value of type variable "S" of "serve"
txws2.connect(b"ws://localhost/")  # E: Argument 1 to "connect" has incompatible type "bytes"
txws2.connect("localhost", 8000)  # E: Argument 2 to "connect" has incompatible type "int"
txws2.connect("ws://localhost/", origins=[])  # E: Unexpected keyword argument "origins"
txws2.unix_connect("/run/x.sock", endpoint=None)  # E: Unexpected keyword argument "endpoint"
txws2.connect("ws://localhost/").recv()  # E: has no attribute "recv"
txws2.broadcast([], "hello", slow="wait")  # E: Argument "slow" to "broadcast" has incompatible type
txws2.Rooms().join("lobby", "Alice")  # E: Argument 2 to "join" of "Rooms" has incompatible type
txws2.serve(handler, port=8000, trace=print, log=True)  # E: Unexpected keyword argument "log"
txws2.WebSocketService(8000, handler)  # E: Argument 1 to "WebSocketService" has incompatible type
txws2.WebSocketService("tcp:80", two)  # E: Argument 2 to "WebSocketService" has incompatible type
txws2.WebSocketService("tcp:80", handler, orgin=None)  # E: Unexpected keyword argument "orgin"
joined(handler).server.said  # E: "WebSocketServerProtocol" has no attribute "said"
joined(server=Client)  # E: Value of type variable "WS" of "joined" cannot be "Client"
joined(handler, max_sise=1)  # E: Unexpected keyword argument "max_sise"
opened(handler)  # E: Argument 1 to "opened" has incompatible type
ScriptedServer().script(503)  # E: Argument 1 to "script" of "ScriptedServer" has incompatible type
ScriptedServer(handler, max_sise=1)  # E: Unexpected keyword argument "max_sise"
Silence("http")  # E: Argument 1 to "Silence" has incompatible type
txws2.serve(mine, port=80, create_protocol=Other)  # E: Cannot infer value of type parameter "S"
txws2.connect("ws://a/", create_protocol=Mine)  # E: Value of type variable "C" of "connect"
txws2.WebSocketClientService("ws://a/", on_connect=heard, create_protocol=Feed)  # E: Cannot infer
txws2.conect("ws://a/")  # E: Module has no attribute "conect"
txws2.server.WebSocketResorce(plain)  # E: Module has no attribute "WebSocketResorce"
txws2.wire.conection  # E: Module has no attribute "conection"
sevre(plain)

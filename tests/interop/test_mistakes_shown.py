"""Mistakes of a newcomer: the process ends with the error text, and the wrong line."""

import sys

from tests.support.examples import ExampleTestCase

PROGRAM = """import txws2

async def echo(ws):
    async for message in ws:
        await ws.send(message)

async def old(ws, path):
    await ws.send(path)

async def stream(ws):
    yield await ws.recv()

class Echo(txws2.WebSocketServerProtocol):
    def messageReceived(self, message):
        self.sendMessage(message)

class Ported(txws2.WebSocketServerProtocol):
    def onMessage(self, payload, isBinary):
        self.sendMessage(payload)

"""

REACT = """
from twisted.internet.task import react

async def main(reactor):
    {}

react(main)
"""

MISTAKES = (
    (
        'txws2.run(old, "localhost", 8765)',
        "TypeError: handler old(ws, path) can't be called with connection: missing a required "
        "argument: 'path'; the path is ws.request.path, so write: async def old(ws)",
    ),
    (
        "txws2.run(echo)",
        "TypeError: run(echo) needs a port to serve at, as run(echo, 'localhost', 8765); without "
        "one, it calls the main function of a program, with the reactor; this one takes 'ws', a "
        "connection",
    ),
    (
        'txws2.run(Echo, "localhost", 8765)',
        "TypeError: handler must be a function that is called with each connection; it is the "
        "class Echo: give it as create_protocol=Echo, with None for the handler",
    ),
    (
        'txws2.run(None, "localhost", 8765, create_protocol=Ported)',
        "TypeError: Ported has hooks of another library, which are never called; here, onMessage() "
        "is messageReceived()",
    ),
    (
        'txws2.run(echo, "localhost", 8765, ping_intervall=5)',
        "TypeError: run() has no option 'ping_intervall'; is ping_interval meant?",
    ),
    (
        'txws2.run(echo, 8765, "localhost")',
        "TypeError: run() takes the host first, and then the port, as run(handler, 'localhost', "
        "8765); the host is 8765, of type int",
    ),
    (
        'txws2.run(echo, "localhost", "8765")',
        "TypeError: port must be an int, from 0 to 65535; it is '8765', of type str",
    ),
    (
        'txws2.run(echo, "localhost", 8765, max_queue=0)',
        "ValueError: max_queue must be at least 1, or None; it is 0",
    ),
    (
        'txws2.run(stream, "localhost", 8765)',
        "TypeError: handler: stream() is an asynchronous generator function, so its body never "
        "runs: send what it yields, with `await connection.send(...)`",
    ),
    (
        'txws2.run("chat:echo", "localhost", 8765)',
        "TypeError: handler must be a function; it is 'chat:echo'",
    ),
    (
        'txws2.run(echo(None), "localhost", 8765)',
        "TypeError: handler is a coroutine: give the function itself, and don't call it",
    ),
    (
        'txws2.run(echo, "localhost", 8765, ssl="key.pem")',
        "TypeError: run() has no option 'ssl'; "
        'endpoint="ssl:443:privateKey=key.pem:certKey=cert.pem", or another TLS endpoint of '
        "Twisted, serves over TLS",
    ),
    (
        'txws2.run(echo, "localhost", 70000)',
        "ValueError: port must be from 0 to 65535; it is 70000",
    ),
    (
        'txws2.run(echo, "localhost", 8765, open_timeout="10s")',
        "TypeError: open_timeout must be a number of seconds, or None; it is '10s', of type str",
    ),
    (
        'txws2.run(echo, "localhost", 8765, compression=5)',
        "TypeError: compression must be 'deflate', 'memory', 'balanced', 'ratio', a "
        "PerMessageDeflate or None; it is 5, of type int",
    ),
)

_NO_PROTOCOL = (
    "TypeError: WebSocketServerFactory.protocol can't be set: "
    "WebSocketServerFactory(create_protocol=Echo) makes such protocols"
)

OF_FACTORIES = (
    (
        "txws2.WebSocketServerFactory(Echo)",
        "TypeError: handler must be a function that is called with each connection; it is the "
        "class Echo: give it as create_protocol=Echo, with None for the handler",
    ),
    ("txws2.WebSocketServerFactory(echo).protocol = Echo", _NO_PROTOCOL),
    ("txws2.WebSocketServerFactory.forProtocol(Echo)", _NO_PROTOCOL),
)

IN_A_PROGRAM = (
    (
        'await txws2.serve(echo, "localhost", 8765, timeout=5)',
        "builtins.TypeError: serve() has no option 'timeout'; open_timeout is for opening, "
        "close_timeout for closing, and ping_timeout for a peer that is gone, all in seconds",
    ),
    (
        'await txws2.connect("ws://localhost:8765/", extra_headers={})',
        "builtins.TypeError: connect() has no option 'extra_headers'; here it is "
        'additional_headers, a mapping as {"Authorization": "Bearer abc"}',
    ),
    (
        'await txws2.connect("localhost", 8765)',
        "builtins.TypeError: connect() takes one URI, and options by their names: "
        "connect('ws://localhost:8765/')",
    ),
    (
        'await txws2.connect("ws://localhost:8765/", max_size="1MB")',
        "builtins.TypeError: max_size must be an int, at least 0, or None; it is '1MB', of type "
        "str",
    ),
)


class MistakesShownTests(ExampleTestCase):
    async def assertShown(self, program, line, told, depth=1):
        """Run a program; it ends soon, with this line of it and then this error text.

        In between are the lines of as many of our own functions.
        """
        path = self.make_directory() / "program.py"
        path.write_text(program)
        process = self.start(sys.executable, str(path))
        await process.ended
        self.assertEqual((process.out, process.status), ("", 1), process.err)
        self.assertEqual(process.err.rstrip().rpartition("\n")[2], told)
        *_, behind = process.err.partition(f"    {line}\n")
        self.assertLessEqual(behind.count('  File "'), depth, process.err)
        self.assertIn("Traceback", process.err)

    async def test_a_mistake_in_what_run_is_given_ends_with_the_line_and_the_message(self):
        for line, told in MISTAKES:
            await self.assertShown(f"{PROGRAM}{line}\n", line, told)

    async def test_a_mistake_in_the_arguments_of_a_factory_ends_with_the_line_and_the_message(self):
        for line, told in OF_FACTORIES:
            await self.assertShown(f"{PROGRAM}{line}\n", line, told, depth=2)

    async def test_a_mistake_within_a_program_ends_with_the_line_and_the_message(self):
        for line, told in IN_A_PROGRAM:
            await self.assertShown(PROGRAM + REACT.format(line), line, told)

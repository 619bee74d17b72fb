"""The names in the tables of docs/coming-from exist, in txws2 and in the other libraries."""

import ast
import asyncio
import contextlib
import inspect
import re
import shlex
from importlib.util import find_spec
from pathlib import Path

import aiohttp
import autobahn.twisted.resource
import autobahn.twisted.testing
import autobahn.twisted.websocket
import websockets
import websockets.exceptions
from aiohttp import web
from autobahn.websocket.types import ConnectionDeny
from twisted.internet import defer, interfaces, task, threads
from twisted.trial.unittest import SkipTest, SynchronousTestCase
from websockets.asyncio import client, connection, server

import txws2
import txws2.exceptions
from benchmarks.options import parse
from tests.command.test_commands import ROOT
from tests.support.examples import blocks
from txws2._connection.factory import ConnectionFactory
from txws2.client.connections import ConnectOptions
from txws2.client.dialer import Dialer
from txws2.server.factory import ServerOptions
from txws2.streams.byte_stream import ByteStream

PAGES = Path(ROOT, "docs", "coming-from")
ROW = re.compile(r"^   \* - (.*)\n     -(.*)\n     -", re.MULTILINE)
LITERAL = re.compile(r"``(.+?)``")
NAME = re.compile(r"[\w.]+")


def names(page, column):
    """Return the names in a column of the page's tables, each without what it is called on."""
    rows = ROW.findall((PAGES / page).read_text())
    literals = [literal for row in rows for literal in LITERAL.findall(row[column])]
    code = [literal.removeprefix("raise ").removeprefix("return ") for literal in literals]
    # Strings of endpoints aren't names.
    found = [NAME.match(text)[0] for text in code if not re.match(r"(ws|wss|autobahn):", text)]
    return {name.rpartition(".")[2] for name in found}


def code_names(page, column):
    """Return the names that the code in a column of the page's tables has from a library."""
    rows = ROW.findall((PAGES / page).read_text())
    found = set()
    for literal in (literal for row in rows for literal in LITERAL.findall(row[column])):
        with contextlib.suppress(SyntaxError):
            found |= names_in(ast.parse(f"async def f():\n {literal}"))
    return found


def names_in(tree):
    """Return the names of attributes, of arguments, and of variables that nobody passes."""
    passed = {
        name.id
        for call in ast.walk(tree)
        if isinstance(call, ast.Call)
        for value in (*call.args, *(keyword.value for keyword in call.keywords))
        for name in ast.walk(value)
        if isinstance(name, ast.Name)
    }
    called = {call.func.id for call in ast.walk(tree) if is_call_of_name(call)}
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            found.add(node.attr)
        elif isinstance(node, ast.keyword):
            found.add(node.arg)
        elif isinstance(node, ast.Name) and node.id not in passed - called:
            found.add(node.id)
    return found


def is_call_of_name(node):
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name)


def offered(*things):
    """Return the names of what classes and modules have, and of what functions take."""
    return {name for thing in things for name in [*dir(thing), *parameters(thing)]}


def parameters(thing):
    return inspect.signature(thing).parameters if callable(thing) else ()


OURS = offered(
    txws2,
    txws2.WebSocketServerProtocol,
    txws2.WebSocketClientProtocol,
    txws2.WebSocketServerFactory,
    txws2.WebSocketFactory,
    txws2.Request,
    txws2.connect,
    txws2.WebSocketServerProtocol.send,
    ConnectionFactory,
    ByteStream,
    Dialer,
) | {"testing", "serverFromString", "listenSSL", "abortConnection"}


# Names of the application's own code, and of Python.
WORDS = frozenset(
    [
        "app",
        "exc",
        "json",
        "loads",
        "message",
        "text",
        "uri",
        "work",
        "one",
        "other",
        "ws",
        "server",
        "connection",
        "deferred",
        "f",
        "session",
        "request",
        "task",
        "loop",
        "dumps",
        "main",
        "data",
        "asyncio",
        "web",
        "always",
        "TimeoutError",
    ]
)
TWISTEDS = offered(defer, task, threads, defer.Deferred, task.LoopingCall) | {
    *interfaces.IReactorTime,
    *interfaces.IReactorFromThreads,
    *interfaces.ITCPTransport,
    "defer",
    "reactor",
    "internet",
    "twisted",
}


class OurNamesTests(SynchronousTestCase):
    def assertAllThere(self, page):
        named = names(page, 1)
        self.assertTrue(named)
        self.assertEqual(named - OURS, set())

    def test_those_for_autobahn(self):
        self.assertAllThere("autobahn.rst")

    def test_those_for_libraries_of_coroutines(self):
        ours = {*OURS, *TWISTEDS, *WORDS} | offered(
            txws2.serve,
            txws2.run,
            txws2.Server,
            txws2.Server.close,
            txws2.basic_auth,
            txws2.broadcast,
            txws2.exceptions,
            txws2.Request,
            txws2.Rooms,
            txws2.WebSocketServerProtocol,
            defer.gatherResults,
        )
        ours |= ServerOptions.__optional_keys__ | ConnectOptions.__optional_keys__
        ours |= {"txws2", "relay", "js", "POST", "user"}
        for page in "websockets.rst", "aiohttp.rst", "flask-socketio.rst", "channels.rst":
            named = code_names(page, 1)
            self.assertGreater(len(named), 12)
            self.assertEqual(named - ours, set(), page)

    def test_those_for_txws(self):
        self.assertAllThere("txws.rst")

    def test_those_for_twisted(self):
        self.assertAllThere("twisted-web.rst")


class TheirNamesTests(SynchronousTestCase):
    def test_those_of_websockets(self):
        theirs = offered(
            asyncio,
            asyncio.gather,
            asyncio.Task,
            asyncio.AbstractEventLoop,
            websockets,
            websockets.exceptions,
            client.connect.__init__,
            connection.Connection,
            connection.Connection.send,
            connection.Connection.recv,
            connection.broadcast,
            server.basic_auth,
            server.serve,
            server.Server,
            server.Server.close,
            server.ServerConnection,
        )
        # Attributes of instances, and arguments that asyncio takes.
        theirs |= {"id", "latency", "request", "response", "username", "transport", "ssl"}
        theirs |= {"ClientPerMessageDeflateFactory", "sync"}
        theirs |= {"proxy_ssl", "high", "low", "fragment"}
        self.assertEqual(code_names("websockets.rst", 0) - theirs - WORDS, set())
        self.assertIn("open_timeout", code_names("websockets.rst", 0))

    def test_those_of_aiohttp(self):
        theirs = offered(
            aiohttp.ClientSession,
            aiohttp.ClientSession._ws_connect,
            aiohttp.ClientWebSocketResponse,
            web,
            web.Application,
            web.Request,
            web.WebSocketResponse,
            web.WebSocketResponse.__init__,
            web.WebSocketResponse.close,
            web.UrlDispatcher,
        )
        self.assertEqual(code_names("aiohttp.rst", 0) - theirs - WORDS, set())
        self.assertIn("heartbeat", code_names("aiohttp.rst", 0))

    def test_those_of_autobahn(self):
        websocket = autobahn.twisted.websocket
        theirs = offered(
            websocket,
            websocket.WebSocketServerProtocol,
            websocket.WebSocketClientProtocol,
            websocket.WebSocketServerFactory,
            websocket.WebSocketServerFactory.setProtocolOptions,
            websocket.WebSocketClientFactory.setProtocolOptions,
            websocket.WebSocketServerProtocol.sendMessage,
            websocket.protocol.WebSocketServerFactory.__init__,
            autobahn.twisted.resource,
            autobahn.twisted.testing,
            ConnectionDeny,
        ) | {"ConnectionDeny", "open"}
        # Attributes that instances have.
        source = inspect.getsource(websocket.protocol)
        named = names("autobahn.rst", 0) - theirs
        self.assertEqual([name for name in named if f"self.{name}" not in source], [])

    def test_those_of_twisted(self):
        if find_spec("twisted.web.websocket") is None:
            raise SkipTest("this Twisted has no twisted.web.websocket")
        from twisted.web import websocket

        theirs = offered(
            websocket,
            websocket.WebSocketProtocol,
            websocket.WebSocketTransport,
            websocket.WebSocketServerFactory,
            websocket.WebSocketClientEndpoint,
            websocket.WebSocketClientEndpoint.new,
        )
        self.assertEqual(names("twisted-web.rst", 0) - theirs, set())


class FiguresTests(SynchronousTestCase):
    def test_the_commands_of_make_bench_name_loads_and_programs_that_exist(self):
        count = 0
        for page in PAGES.glob("*.rst"):
            text = "".join(blocks(page.read_text(), "shell")).replace("\\\n", " ")
            for line in text.splitlines():
                if line.startswith("make bench "):
                    variables = [word.partition("=") for word in shlex.split(line)[2:]]
                    parse([w for n, _, v in variables for w in (f"--{n.lower()}", *v.split())])
                    count += 1
        self.assertEqual(count, 4)

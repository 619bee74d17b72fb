"""The names in the tables of docs/migrating exist, in txws2 and in the other libraries."""

import inspect
import re
from importlib.util import find_spec
from pathlib import Path

import autobahn.twisted.resource
import autobahn.twisted.testing
import autobahn.twisted.websocket
from autobahn.websocket.types import ConnectionDeny
from twisted.trial.unittest import SkipTest, SynchronousTestCase

import txws2
from tests.command.test_commands import ROOT
from txws2._connection.factory import ConnectionFactory
from txws2.client.dialer import Dialer
from txws2.streams.byte_stream import ByteStream

PAGES = Path(ROOT, "docs", "migrating")
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


class OurNamesTests(SynchronousTestCase):
    def assertAllThere(self, page):
        named = names(page, 1)
        self.assertTrue(named)
        self.assertEqual(named - OURS, set())

    def test_those_for_autobahn(self):
        self.assertAllThere("autobahn.rst")

    def test_those_for_txws(self):
        self.assertAllThere("txws.rst")

    def test_those_for_twisted(self):
        self.assertAllThere("twisted_web.rst")


class TheirNamesTests(SynchronousTestCase):
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
        self.assertEqual(names("twisted_web.rst", 0) - theirs, set())

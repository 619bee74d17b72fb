"""The names that Twisted and others don't promise: these versions have them, others needn't."""

import ast
import asyncio
import re
from importlib.metadata import version
from pathlib import Path
from unittest.mock import Mock

from cryptography.hazmat.bindings._rust import _openssl
from OpenSSL import SSL
from twisted.internet.asyncioreactor import AsyncioSelectorReactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import _WrappingProtocol
from twisted.internet.epollreactor import EPollReactor
from twisted.internet.posixbase import PosixReactorBase
from twisted.internet.ssl import optionsForClientTLS
from twisted.internet.tcp import Connection, Port
from twisted.logger import LogBeginner, LogPublisher, globalLogPublisher
from twisted.protocols.tls import BufferingTLSTransport, TLSMemoryBIOProtocol
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.http import HTTPChannel

from tests.support.loops import LoopTestCase
from txws2 import _private_names
from txws2._deferreds import asyncio_reactor, eventual, lean
from txws2._private_names import Names, can_be_lean, current_loop, tls_creator
from txws2.client import tls
from txws2.client.server_identity import ServerName

ROOT = Path(__file__).parents[1]

GROUPS = {name: each for name, each in vars(_private_names).items() if isinstance(each, Names)}

KINDS = {
    "ASYNCIO_LOOP": [AsyncioSelectorReactor],
    "CLIENT_TLS_HOST": [type(optionsForClientTLS("localhost"))],
    "ENDPOINT_WRAPPER": [_WrappingProtocol],
    "EPOLL_REACTOR": [EPollReactor],
    "INTERNAL_READERS": [PosixReactorBase],
    "LOG_OBSERVERS": [LogBeginner, LogPublisher],
    "OPENSSL_CONNECTION": [SSL.Connection],
    "OPENSSL_LIBRARY": [_openssl.lib],
    "PLATFORM_TRUST": [SSL],
    "SHORT_CONNECTIONS": [Connection, Port],
    "SITE_CHANNEL": [HTTPChannel],
    "TCP_TRANSPORT": [Connection],
    "TLS_BUFFER": [BufferingTLSTransport],
    "TLS_TRANSPORT": [TLSMemoryBIOProtocol],
    "UNHANDLED_ERROR": [Deferred],
}

# Documented by Python.
OF_PYTHON = {"_Compress", "_Decompress", "_exit", "_replace"}


class ToldTestCase(SynchronousTestCase):
    """Has what the log was told.

    Attributes:
        told: the texts, with their fields.
    """

    def setUp(self):
        self.told = []
        globalLogPublisher.addObserver(self.observe)
        self.addCleanup(globalLogPublisher.removeObserver, self.observe)

    def observe(self, event):
        self.told.append(event["log_format"].format(**event))


class NamesTests(ToldTestCase):
    def test_this_twisted_has_them_all(self):
        self.assertEqual(set(KINDS), set(GROUPS))
        for name, group in GROUPS.items():
            self.assertTrue(Names("", *group.names).are_in(*KINDS[name]), name)
        self.assertTrue(can_be_lean(Deferred))
        self.assertIs(current_loop, asyncio._get_running_loop)
        self.assertEqual(self.told, [])

    def test_the_way_to_make_openssl_connections_has_one_of_two_names(self):
        for name in ("_creatorCallable", "_createConnection"):
            self.assertEqual(tls_creator(type("Kind", (), {name: None})), name)
        self.assertEqual(self.told, [])
        self.assertIsNone(tls_creator(type("Kind", (), {})))
        [text] = self.told
        self.assertIn("so opening TLS takes more time. Everything else works.", text)

    def test_if_any_of_them_is_missing_the_log_says_so_once(self):
        for group in GROUPS.values():
            for missing in group.names:
                self.told.clear()
                there = dict.fromkeys(set(group.names) - {missing})
                kind = type("Kind", (), there)
                names = Names("it is slow", *group.names, package=group.package)
                self.assertEqual([names.are_in(kind), names.are_in(kind)], [False, False])
                [text] = self.told
                package = f"{group.package} {version(group.package)}"
                self.assertIn(f"{package} has no {missing} in Kind, so", text)
                self.assertIn("so it is slow. Everything else works.", text)

    def test_a_name_is_found_wherever_a_class_has_it(self):
        class Base:
            _of_class = None

            def __init__(self):
                self._of_instance = None

            def _method(self):
                pass

        class Kind(Base):
            pass

        for name in ("_of_class", "_of_instance", "_method"):
            self.assertTrue(Names("", name).are_in(Kind), name)
        self.assertTrue(Names("", "_of_class", "_here").are_in(Kind, type("A", (), {"_here": 1})))
        self.assertFalse(Names("", "_nowhere").are_in(Kind))

    def test_a_deferred_must_leave_its_state_to_its_class_to_be_lean(self):
        class Eager(Deferred):
            def __init__(self):
                super().__init__()
                self.called = False

        class Slots:
            __slots__ = ()
            called = paused = False

        class Stateless:
            pass

        for kind in (Eager, Slots, Stateless):
            self.told.clear()
            self.assertFalse(can_be_lean(kind))
            [text] = self.told
            self.assertIn("Deferreds of another kind, so awaiting a message takes more", text)


class WithoutThemTests(ToldTestCase):
    """The public ways that this Twisted gives no reason to take."""

    def test_an_error_that_nobody_waits_for_is_found_in_what_a_deferred_keeps(self):
        failure = Failure(ZeroDivisionError())
        for other in (Failure(KeyError()), failure):
            deferred = Deferred()
            deferred.errback(failure)
            eventual._find_and_dismiss(deferred, other)
            self.assertIs(deferred._debugInfo.failResult, None if other is failure else failure)
            self.assertIs(deferred.result, failure)
            deferred.addErrback(lambda _: None)

    def test_a_lean_deferred_may_be_whole_from_the_beginning(self):
        for kind in (lean.Done, lean.Next, lean.Received):
            deferred = kind()
            self.assertNotIn("_callbacks", vars(deferred))
            deferred.become_whole()
            self.assertLessEqual(vars(Deferred()).keys(), vars(deferred).keys())
            results = []
            deferred.addBoth(results.append)
            if not deferred.called:
                deferred.callback("a")
            self.assertEqual(results, [None if kind is lean.Done else "a"])

    def test_the_name_that_a_tls_connection_asks_for_is_verified(self):
        connection = SSL.Connection(SSL.Context(SSL.TLS_METHOD), None)
        connection.set_connect_state()
        self.patch(tls, "CLIENT_TLS_HOST", Names("it is unknown", "_nowhere"))
        demanded = []
        self.patch(ServerName, "demand", lambda name, connection: demanded.append(name.host))
        creator = tls.ClientTLS(optionsForClientTLS("localhost")).creator_for("elsewhere")
        self.patch(creator, "_creator", Mock(**{"clientConnectionForTLS.return_value": connection}))
        for asked in (b"localhost", b"example.com"):
            connection.set_tlsext_host_name(asked)
            self.assertIs(creator.clientConnectionForTLS(None), connection)
        self.assertEqual(demanded, ["localhost", "example.com"])
        self.assertEqual(len(self.told), 1)

    def test_the_loop_of_asyncios_reactor_is_unknown(self):
        self.patch(asyncio_reactor, "ASYNCIO_LOOP", Names("it is unknown", "_nowhere"))
        self.assertIsNone(asyncio_reactor._loop_of(object()))
        self.assertEqual(len(self.told), 1)


class CurrentLoopTests(LoopTestCase):
    def test_it_is_found_in_a_public_way_too(self):
        async def both():
            return current_loop(), _private_names._public_current_loop()

        self.assertEqual(self.run_on_loop(both()), (self.loop, self.loop))
        self.assertEqual((current_loop(), _private_names._public_current_loop()), (None, None))


class TableTests(SynchronousTestCase):
    """No other module uses a private name of others that isn't in the table."""

    def setUp(self):
        trees = [ast.parse(path.read_text()) for path in (ROOT / "txws2").rglob("*.py")]
        self.nodes = [node for tree in trees for node in ast.walk(tree)]
        self.ours = {name for node in self.nodes for name in defined_by(node)}
        self.table = {name for group in GROUPS.values() for name in group.names}

    def test_in_python(self):
        used = {node.attr for node in self.nodes if isinstance(node, ast.Attribute)}
        theirs = {name for name in used - self.ours if re.match("_[^_]", name)}
        self.assertIn("_tempDataLen", theirs)
        self.assertLessEqual(theirs, self.table | OF_PYTHON)

    def test_in_c(self):
        for path in (ROOT / "accelerator").glob("*.c"):
            pattern = r'(?:\] = |Attr\w*\(.*|Method\w*\(.*)"(_[a-z]\w*)"'
            looked_up = set(re.findall(pattern, path.read_text()))
            self.assertLessEqual(looked_up, self.table | self.ours, path.name)


def defined_by(node):
    """Generate the names that a node defines: in a class, on an instance, as slots."""
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        yield node.name
    elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
        if isinstance(node.value, ast.Name) and node.value.id == "self":
            yield node.attr
    elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
        yield node.id
    elif isinstance(node, ast.Assign) and "__slots__" in ast.unparse(node.targets[0]):
        yield from (each.value for each in ast.walk(node.value) if isinstance(each, ast.Constant))

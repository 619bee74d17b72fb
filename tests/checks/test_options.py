"""Unknown options: the called function names the option that is meant."""

import re
import traceback
from inspect import signature

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase as TestCase

import txws2
from txws2._checks import options as advice
from txws2.client.connections import ConnectOptions
from txws2.server.factory import ServerOptions
from txws2.testing import ScriptedServer, joined


async def handler(ws):
    pass


def serve(**options):
    return txws2.serve(handler, "localhost", 0, reactor=Clock(), **options)


def connect(**options):
    return txws2.connect("ws://localhost/", reactor=Clock(), **options)


def of(function):
    return set(signature(function).parameters) - {"options", "more"}


SERVERS = {*ServerOptions.__optional_keys__, *of(txws2.serve)}
CLIENTS = {*ConnectOptions.__optional_keys__, *of(txws2.connect)}


class UnknownOptionTests(TestCase):
    def assertTold(self, told, function, **options):
        text = str(self.assertRaises(TypeError, function, **options))
        self.assertIn(told, text)
        self.assertEqual(text.count("\n"), 0)

    def test_the_function_that_was_called_is_named(self):
        clock = Clock()
        for name, call in (
            ("serve", serve),
            ("connect", connect),
            ("unix_connect", lambda **given: txws2.unix_connect("/x", reactor=clock, **given)),
            ("run", lambda **given: txws2.run(handler, "localhost", 0, **given)),
            ("WebSocketServerFactory", txws2.WebSocketServerFactory),
            (
                "WebSocketClientFactory",
                lambda **given: txws2.WebSocketClientFactory("ws://a/", **given),
            ),
            ("WebSocketFactory", lambda **given: txws2.WebSocketFactory(None, **given)),
            ("WebSocketResource", txws2.WebSocketResource),
            ("joined", joined),
            ("ScriptedServer", ScriptedServer),
            ("WebSocketService", lambda **given: txws2.WebSocketService("tcp:0", handler, **given)),
            (
                "WebSocketClientService",
                lambda **given: txws2.WebSocketClientService("ws://a/", **given),
            ),
            (
                "WebSocketServerEndpoint",
                lambda **given: txws2.WebSocketServerEndpoint("tcp:0", **given),
            ),
            (
                "WebSocketClientEndpoint",
                lambda **given: txws2.WebSocketClientEndpoint(clock, "ws://a/", **given),
            ),
        ):
            self.assertTold(
                f"{name}() has no option 'timeout'; open_timeout is for", call, timeout=5
            )

    def test_a_class_of_the_application_is_named(self):
        class Chats(txws2.WebSocketServerFactory):
            pass

        self.assertTold(
            "Chats() has no option 'heartbeat'; here it is ping_interval", Chats, heartbeat=5
        )

    def test_the_error_names_each(self):
        told = "serve() has no option 'klass'; here it is create_protocol, a subclass or a "
        self.assertTold(told, serve, klass=1, timeout=2)
        self.assertTold(". serve() has no option 'timeout'; ", serve, klass=1, timeout=2)

    def test_the_error_for_one_of_the_other_side_names_the_side(self):
        self.assertTold("has no option 'origins'; it is an option of serve()", connect, origins=[])
        self.assertTold("has no option 'proxy'; it is an option of connect()", serve, proxy=None)
        self.assertTold("'reload'; it is an option of run()", serve, reload=True)

    def test_the_error_names_the_counterpart_on_this_side(self):
        self.assertTold('endpoint="ssl:443:privateKey=key.pem:certKey=', serve, ssl=None)
        self.assertTold("here it is tls, the file of the authorities", connect, ssl=None)
        self.assertTold("process_response can add headers", serve, extra_headers={})
        self.assertTold("here it is additional_headers, a mapping", connect, extra_headers={})

    def test_the_error_for_one_that_is_misspelt_has_the_right_spelling(self):
        for name, meant in (
            ("ping_intervall", "ping_interval"),
            ("pingInterval", "ping_interval"),
            ("ping_timout", "ping_timeout"),
            ("max_sise", "max_size"),
            ("create_protcol", "create_protocol"),
            ("subprotcols", "subprotocols"),
        ):
            for function in (serve, connect):
                self.assertTold(f"has no option '{name}'; is {meant}", function, **{name: 5})

    def test_the_error_for_any_other_lists_all_options(self):
        self.assertTold(
            "has no option 'colour'; it has close_timeout, compression, ", serve, colour=1
        )

    def test_the_error_for_host_and_port_names_the_uri(self):
        exc = self.assertRaises(TypeError, txws2.connect, "localhost", 8765)
        self.assertIn("connect() takes one URI, ", str(exc))
        self.assertIn("connect('ws://localhost:8765/')", str(exc))


class TableTests(TestCase):
    def test_it_knows_the_options_of_one_side_only(self):
        self.assertEqual(advice.OF_SERVE, SERVERS - CLIENTS - {"handler", "host", "port"})
        self.assertEqual(advice.OF_CONNECT, CLIENTS - SERVERS - {"uri"})

    def test_it_names_options_that_there_are(self):
        for table, known in (
            (advice._EITHER, SERVERS & CLIENTS),
            (advice._OF_SERVERS, SERVERS),
            (advice._OF_CLIENTS, CLIENTS),
        ):
            for key, told in table.items():
                self.assertRegex(key, "^[a-z0-9]+$")
                for name in re.findall(r"(?:here it is |^)(\w+_\w+)", told):
                    self.assertIn(name, known, key)

    def test_it_has_none_that_there_is(self):
        for table, known in (
            (advice._EITHER, SERVERS | CLIENTS),
            (advice._OF_SERVERS, SERVERS - {"endpoint", "host", "port"}),
            (advice._OF_CLIENTS, CLIENTS - {"endpoint"}),
        ):
            self.assertEqual(table.keys() & {name.replace("_", "") for name in known}, set())


class ShortenedTests(TestCase):
    def frames(self, call, *arguments, **options):
        names = []
        try:
            call(*arguments, **options)
        except TypeError as exc:
            names += [frame.filename for frame in traceback.extract_tb(exc.__traceback__)]
        return [name for name in names if "/txws2/" in name]

    def test_a_mistake_is_seen_where_it_was_made(self):
        for call in (serve, connect):
            self.assertEqual(len(self.frames(call, max_size="1MB")), 1)
        self.assertEqual(len(self.frames(txws2.run, handler, "localhost", "8765")), 1)

    def test_an_exception_of_the_application_is_seen_whole(self):
        class Headers:
            def items(self):
                raise TypeError("mine")

        try:
            connect(additional_headers=Headers())
        except TypeError as exc:
            self.assertEqual(traceback.extract_tb(exc.__traceback__)[-1].name, "items")
            self.assertEqual(str(exc), "mine")

"""Arguments that permit no connection: the Deferred fails, as it does for all other errors."""

import gc
import os

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase as TestCase

from tests.client.test_connections import ConnectTestCase
from tests.support.servers import Servers
from tests.support.sides import QuietTestCase
from txws2 import (
    Backoff,
    PerMessageDeflate,
    WebSocketClientService,
    WebSocketServerEndpoint,
    WebSocketService,
    serve,
)
from txws2.client.connections import unix_connect
from txws2.exceptions import InvalidHandshake, InvalidProxy, InvalidURI, ProtocolError
from txws2.testing import MemoryReactor, joined

URIS = "http://h/", "example.com", "ws://", "ws://a..b/", "wss://my_host:0/", ""

MISTAKES = (
    *((InvalidURI, {"uri": uri}) for uri in URIS),
    (InvalidProxy, {"proxy": "ftp://127.0.0.1/"}),
    (InvalidProxy, {"proxy": 3128}),
    (InvalidHandshake, {"additional_headers": {"X": "a\r\nb"}}),
    (InvalidHandshake, {"origin": "a\r\nb"}),
    (InvalidHandshake, {"subprotocols": ["a b"]}),
    (OSError, {"tls": "/nowhere.pem"}),
    (OSError, {"client_certificate": "/nowhere.pem"}),
    (ValueError, {"tls": __file__}),
    (ValueError, {"open_timeout": 0}),
    (ValueError, {"compression": "zip"}),
    (ValueError, {"proxy": "http://127.0.0.1/", "endpoint": Servers(None)}),
)


class MistakeTests(ConnectTestCase):
    def test_each_fails_the_deferred(self):
        for kind, options in MISTAKES:
            self.failureResultOf(self.connect(**options), kind)
        self.assertNothingLeft()

    def test_each_fails_that_of_a_unix_socket(self):
        for options in ({"uri": "http://h/"}, {"open_timeout": 0}, {"proxy": "http://h/"}):
            connecting = unix_connect("/socket", reactor=self.reactor, **options)
            self.failureResultOf(connecting, InvalidURI, ValueError)

    def test_a_proxy_of_the_environment_that_is_none_fails_it(self):
        self.patch(os, "environ", {"ws_proxy": "ftp://127.0.0.1/"})
        self.failureResultOf(self.connect("ws://example.com/"), InvalidProxy)

    def test_async_with_raises_it(self):
        async def run(connecting):
            async with connecting:
                self.fail("it is open")

        for kind, options in MISTAKES:
            running = Deferred.fromCoroutine(run(self.connect(**options)))
            self.failureResultOf(running, kind)

    async def iterate(self, connecting):
        async for _ in connecting:
            self.fail("it is open")

    def test_async_for_raises_it_and_makes_no_other_attempt(self):
        for kind, options in MISTAKES:
            asked = []
            connecting = self.connect(process_exception=asked.append, **options)
            for _ in range(2):
                running = Deferred.fromCoroutine(self.iterate(connecting))
                failure = self.failureResultOf(running, kind)
                self.assertIs(failure.value, asked.pop())
            self.assertNothingLeft()

    def test_async_for_raises_what_process_exception_has_in_its_place(self):
        mine = KeyError()
        connecting = self.connect("http://h/", process_exception=lambda exc: mine)
        failure = self.failureResultOf(Deferred.fromCoroutine(self.iterate(connecting)), KeyError)
        self.assertIs(failure.value, mine)
        self.assertIsInstance(mine.__cause__, InvalidURI)

    def test_one_that_nobody_looks_at_is_reported_once(self):
        self.connect("http://h/")
        gc.collect()
        self.assertEqual(len(self.flushLoggedErrors(InvalidURI)), 1)

    def test_an_option_that_there_is_not_is_raised_at_once(self):
        self.assertRaises(TypeError, self.connect, ping_intervall=20)
        self.assertRaises(TypeError, self.connect, additional_headers="X: a")

    def test_a_wrong_type_is_raised_at_once_with_the_value(self):
        for options, told in (
            ({"max_size": "1MB"}, "max_size must be an int, at least 0, or None; it is '1MB'"),
            ({"open_timeout": "x"}, "open_timeout must be a number of seconds, or None; it is 'x'"),
            ({"ping_interval": "20"}, "ping_interval must be a number of seconds"),
            ({"max_queue": 1.5}, "max_queue must be an int, at least 1, or None; it is 1.5"),
            ({"compression": 5}, "a PerMessageDeflate or None; it is 5, of type int"),
            ({"compression": True}, "a PerMessageDeflate or None; it is True, of type bool"),
            ({"debug": "no"}, "debug must be True or False, or None; it is 'no'"),
            ({"share_epoll": None}, "share_epoll must be True or False; it is None"),
            ({"subprotocols": "chat"}, "subprotocols is a sequence of strings, as ['chat']"),
            ({"additional_headers": 5}, "additional_headers is a mapping, or pairs, of strings"),
            ({"additional_headers": {"X": 5}}, "the value of X must be a str; it is int"),
            ({"origin": 5}, "the value of Origin must be a str; it is int"),
            ({"endpoint": "tcp:a:80"}, "clientFromString makes one"),
            ({"server_hostname": 5}, "server_hostname must be a str; it is 5"),
            ({"backoff": 5}, "backoff must be a Backoff, as Backoff(maximum=60); it is 5"),
            ({"process_exception": 5}, "process_exception must be a function; it is 5"),
            ({"trace": 5}, "trace must be a function; it is 5"),
            ({"tls": True}, "tls must be the path of a file"),
            ({"uri": None}, "a URI is a str, as 'wss://example.com/'; it is NoneType"),
        ):
            exc = self.assertRaises(TypeError, self.connect, **options)
            self.assertIn(told, str(exc))

    def test_a_wrong_number_fails_the_deferred(self):
        for value in (float("nan"), float("inf")):
            self.failureResultOf(self.connect(ping_interval=value), ValueError)

    def test_the_error_says_what_must_stand_before_the_host(self):
        for uri in ("localhost:8765", "example.com"):
            told = str(self.failureResultOf(self.connect(uri), InvalidURI).value)
            self.assertIn("it must begin with ws:// or wss://, as ws://localhost:8765/ does", told)
        told = str(self.failureResultOf(self.connect("http://h/"), InvalidURI).value)
        self.assertIn("write ws for http", told)

    def test_a_unix_socket_has_a_path(self):
        exc = self.assertRaises(TypeError, unix_connect, 5, reactor=self.reactor)
        self.assertIn("path must be the path of a Unix socket, as a str; it is 5", str(exc))


class ServerMistakeTests(TestCase):
    def serve(self, *place, handler=None, **options):
        return serve(handler, *place, reactor=Clock(), **options)

    def test_a_place_is_a_host_and_a_port(self):
        for place, told in (
            ((8810, "localhost"), "serve() takes the host first, and then the port, as serve("),
            ((8810,), "serve() takes the host first, and then the port, as serve(handler, 'local"),
            (("localhost",), "serve() takes either a host and a port or endpoint=, as "),
            (("localhost", "8810"), "port must be an int, from 0 to 65535; it is '8810'"),
            (("localhost", True), "port must be an int, from 0 to 65535; it is True"),
            (("localhost", 80.0), "port must be an int, from 0 to 65535; it is 80.0"),
            ((b"localhost", 80), "host must be a str, as 'localhost', or None; it is b'localhost'"),
        ):
            self.assertIn(told, str(self.assertRaises(TypeError, self.serve, *place)))
        exc = self.assertRaises(TypeError, self.serve, endpoint=8000)
        self.assertIn("or the description of one, as 'tcp:8765'; it is 8000", str(exc))

    def test_a_place_that_is_none_fails_the_deferred(self):
        for place, told in (
            (("localhost", 70000), "port must be from 0 to 65535; it is 70000"),
            (("localhost", -1), "port must be from 0 to 65535; it is -1"),
            (("ws://localhost", 80), "host must be a name or an address, without scheme, port"),
            (("localhost:80", 80), "host must be a name or an address, without scheme, port"),
        ):
            failure = self.failureResultOf(self.serve(*place), ValueError)
            self.assertIn(told, str(failure.value))

    def test_a_wrong_type_is_raised_at_once(self):
        for options, told in (
            ({"subprotocols": "chat"}, "subprotocols is a sequence of strings, as ['chat']"),
            ({"subprotocols": None}, "subprotocols is a sequence of strings, as ['chat']; it is"),
            ({"origins": "https://a.example"}, "as ['https://a.example']"),
            ({"origins": [b"https://a.example"]}, "an origin is a str, as 'https://example.com'"),
            ({"origins": 5}, "origins is a sequence, as ['https://example.com', None]; it is int"),
            ({"hosts": "example.com"}, "hosts is a sequence of strings, as ['example.com']"),
            ({"hosts": [5]}, "a host is a str, as 'example.com'; it is 5"),
            ({"hosts": 5}, "hosts is a sequence of strings, as ['example.com']; it is 5"),
            ({"trusted_proxies": "10.0.0.0/8"}, "trusted_proxies is a sequence of strings, as ["),
            ({"trusted_proxies": [10]}, "a network is a str, as '10.0.0.0/8'; it is 10"),
            ({"trusted_proxies": 5}, "trusted_proxies is a sequence of strings, as ['10.0.0.0/8']"),
            ({"max_connections": "5"}, "max_connections must be an int, at least 1, or None"),
            ({"process_request": "no"}, "process_request must be a function; it is 'no'"),
            ({"process_request": 5}, "process_request must be a function; it is 5"),
            ({"process_request": [5]}, "process_request must be a function; it is 5"),
        ):
            exc = self.assertRaises(TypeError, self.serve, "localhost", 0, **options)
            self.assertIn(told, str(exc))

    def test_a_mistake_in_a_service_is_reported_likewise(self):
        for arguments, options, told in (
            ((8000, None), {}, "the description of one, as 'tcp:8765'; it is 8000"),
            ((print, "tcp:80"), {}, "endpoint must be an endpoint that listens, or the"),
            (("tcp:80", None), {"drain": "10"}, "drain must be a number of seconds, or None"),
        ):
            exc = self.assertRaises(TypeError, WebSocketService, *arguments, **options)
            self.assertIn(told, str(exc))
        exc = self.assertRaises(TypeError, WebSocketServerEndpoint, 5, reactor=Clock())
        self.assertIn("endpoint must be an endpoint that listens", str(exc))

    def test_mistakes_in_the_options_of_a_class_are_reported_likewise(self):
        for make, told in (
            (lambda: Backoff(maximum="60"), "maximum must be a number; it is '60', of type str"),
            (lambda: PerMessageDeflate(level="6"), "level must be an int from 1 to 9; it is '6'"),
            (
                lambda: WebSocketClientService("ws://a/", max_waiting="5", reactor=Clock()),
                "max_waiting must be an int, at least 0; it is '5'",
            ),
        ):
            self.assertIn(told, str(self.assertRaises(TypeError, make)))


class SendingMistakeTests(QuietTestCase):
    def test_the_error_for_another_type_says_how_to_make_a_message_of_it(self):
        with joined(lambda ws: ws.wait_closed(), clock=self.clock) as both:
            for call in (both.client.send, both.client.sendMessage, both.server.send):
                for message, told in (
                    (
                        {"a": 1},
                        "a message is str or bytes-like, not dict; json.dumps() makes a str",
                    ),
                    (5, "a message is str or bytes-like, not int; str() makes a str of it"),
                    (None, "not NoneType; does a function return nothing?"),
                    (Deferred(), "not Deferred; await it, and send its result"),
                ):
                    self.assertIn(told, str(self.assertRaises(TypeError, call, message)))
            self.assertEqual(both.client.state.name, "OPEN")

    def test_a_wrong_message_is_refused_although_it_would_wait(self):
        service = WebSocketClientService("ws://a/", max_waiting=1, reactor=MemoryReactor())
        service.startService()
        exc = self.assertRaises(TypeError, service.send, {"a": 1})
        self.assertIn("json.dumps() makes a str of it", str(exc))
        service.stopService()

    def test_a_close_code_is_a_number_and_a_reason_is_a_text(self):
        with joined(lambda ws: ws.wait_closed(), clock=self.clock) as both:
            for arguments in (("bye",), (1000, b"bye"), (1000.0,), (1000, None)):
                exc = self.assertRaises(TypeError, both.client.close, *arguments)
                self.assertIn("as close(1000, 'bye'); they are ", str(exc))
            exc = self.assertRaises(ProtocolError, both.client.close, 99)
            self.assertIn("use 1000-1003, 1007-1014 (but not 1004-1006) or 3000-4999", str(exc))

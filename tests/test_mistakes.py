"""Arguments that no connection can be made with: the Deferred fails, as for all else."""

import gc
import os

from twisted.internet.defer import Deferred

from tests.servers import Servers
from tests.test_connecting import ConnectTestCase
from txws2.connecting import unix_connect
from txws2.exceptions import InvalidHandshake, InvalidProxy, InvalidURI

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

"""Mistakes in a handler are reported when it is given, wherever that is."""

import functools
import sys
import types
from functools import partial
from unittest.mock import AsyncMock, Mock

from twisted.internet.defer import inlineCallbacks
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase as TestCase
from twisted.web.resource import Resource

import txws2
from txws2._checks.signatures import check_hook
from txws2.server.handlers import check_handler


class Echo(txws2.WebSocketServerProtocol):
    def messageReceived(self, message):
        self.sendMessage(message)


class Bytes(Protocol):
    pass


class Chat:
    async def handle(self, ws):
        pass

    async def nothing():
        pass

    @inlineCallbacks
    def generating(self, ws, path):
        yield

    @staticmethod
    def static(ws):
        pass

    @classmethod
    def of_class(cls, ws):
        pass


class Called:
    def __call__(self, ws):
        pass


async def handler(ws):
    pass


async def with_path(ws, path):
    pass


async def nothing():
    pass


async def with_more(ws, *, db):
    pass


@inlineCallbacks
def inline(ws, path):
    yield


def giving_more(function):
    @functools.wraps(function)
    async def wrapper(ws):
        return await function(ws, "/")

    return wrapper


def passing_on(function):
    @functools.wraps(function)
    async def wrapper(*args):
        return await function(*args)

    return wrapper


MISTAKES = [
    (with_path, "handler with_path(ws, path) can't be called with connection: missing a required"),
    (with_path, "the path is ws.request.path, so write: async def with_path(ws)"),
    (inline, "the path is ws.request.path, so write: async def inline(ws)"),
    (partial(with_path), "the path is ws.request.path"),
    (Chat().generating, "the path is ws.request.path, so write: async def generating(ws)"),
    (nothing, "handler nothing() can't be called with connection: too many positional arguments"),
    (nothing, "write: async def nothing(ws)"),
    (lambda: None, "write: async def handler(ws)"),
    (Chat().nothing, "too many positional arguments; write: async def nothing(ws)"),
    (Chat.handle, "it is a method: give that of an object, as Chat().handle"),
    (with_more, "missing a required argument: 'db'; functools.partial(with_more, ...) can give it"),
    (Echo, "it is the class Echo: give it as create_protocol=Echo, with None for the handler"),
    (Echo(), "it is one connection, of Echo: give its class, as create_protocol=Echo"),
    (Chat, "it is the class Chat: give a function, for instance a method of an object"),
    (Bytes, "WebSocketFactory(Factory.forProtocol(Bytes)) serves such a protocol"),
    (Factory(), "it is a factory, which has a handler of its own: give it to run(factory, host"),
    (Resource(), "handler must be a function; it is <twisted.web.resource.Resource"),
    (sys, "it is the module sys: give the function in it"),
    ("ws://localhost:9000", "it is 'ws://localhost:9000': a server needs no URL"),
    ("handler", "handler must be a function; it is 'handler'"),
    (5, "handler must be a function; it is 5"),
]


class WrongHandlerTests(TestCase):
    def test_the_error_names_each_mistake(self):
        for given, told in MISTAKES:
            text = str(self.assertRaises(TypeError, check_handler, given))
            self.assertIn(told, text)
            self.assertEqual(text.count("\n"), 0)

    def test_a_coroutine_is_no_handler(self):
        text = str(self.assertRaises(TypeError, check_handler, handler(None)))
        self.assertIn("handler is a coroutine: give the function itself", text)

    def test_wherever_a_handler_is_given(self):
        clock = Clock()
        for take in (
            lambda given: txws2.serve(given, "localhost", 0, reactor=clock),
            lambda given: txws2.run(given, "localhost", 0, reactor=clock),
            partial(txws2.WebSocketServerFactory, reactor=clock),
            partial(txws2.WebSocketResource, reactor=clock),
            partial(txws2.WebSocketService, "tcp:0", reactor=clock),
            lambda given: txws2.route({"/": given}),
            lambda given: txws2.route({"/": txws2.guarded(given)}),
        ):
            for given in (with_path, nothing, Echo, Chat, sys):
                self.assertRaises(TypeError, take, given)

    def test_a_path_that_is_a_parameter_is_given_by_route(self):
        txws2.route({"/files/{path}": with_path})
        exc = self.assertRaises(TypeError, txws2.route, {"/{room}": with_path})
        self.assertIn(
            "the path is ws.request.path, so write: async def with_path(ws, room)", str(exc)
        )

    def test_a_right_handler_is_taken(self):
        for given in (
            handler,
            lambda ws: handler(ws),
            print,
            Mock(),
            AsyncMock(),
            Mock(spec=Echo),
            Called(),
            Chat().handle,
            Chat.static,
            Chat.of_class,
            partial(with_path, path="/"),
            partial(with_more, db=None),
            giving_more(with_path),
            passing_on(handler),
            inlineCallbacks(lambda ws: (yield)),
            txws2.guarded(handler),
            txws2.route({"/": handler}),
            types.MethodType(with_path, 1),
        ):
            check_handler(given)
            txws2.WebSocketServerFactory(given, reactor=Clock())

    def test_a_signature_whose_types_are_not_there_is_no_mistake(self):
        namespace = {}
        exec("async def handler(ws: 'Nothing') -> 'Nothing': ...", namespace)
        check_handler(namespace["handler"])


class WrongHookTests(TestCase):
    def test_one_that_can_not_be_called_with_the_arguments_is_refused(self):
        for name, arguments in (
            ("process_request", "connection, request"),
            ("select_subprotocol", "connection, subprotocols"),
            ("process_response", "connection, request, response"),
        ):
            make = partial(txws2.WebSocketServerFactory, reactor=Clock(), **{name: handler})
            text = str(self.assertRaises(TypeError, make))
            self.assertIn(f"{name} handler(ws) can't be called with {arguments}: too many", text)
        exc = self.assertRaises(TypeError, txws2.guarded, handler, handler)
        self.assertIn(
            "process_request handler(ws) can't be called with connection, request", str(exc)
        )

    def test_the_error_for_one_of_an_old_version_of_websockets_says_how_to_change_it(self):
        def process_request(path, request_headers):
            return None

        arguments = ("connection", "request")
        exc = self.assertRaises(
            TypeError, check_hook, "process_request", process_request, arguments
        )
        self.assertIn("the path is request.path, and the headers are request.headers", str(exc))

    def test_those_of_a_client_are_refused_likewise(self):
        connect = partial(txws2.connect, "ws://a/", reactor=Clock())
        for name in ("authentication", "proxy_authentication", "process_exception", "trace"):
            exc = self.assertRaises(TypeError, connect, **{name: nothing})
            self.assertIn(f"{name} nothing() can't be called with ", str(exc))
        self.assertRaises(TypeError, connect, additional_headers=handler)
        self.assertRaises(TypeError, txws2.connect, handler, reactor=Clock())
        for name in ("on_message", "on_connect", "on_state_change"):
            make = partial(txws2.WebSocketClientService, "ws://a/", reactor=Clock())
            exc = self.assertRaises(TypeError, make, **{name: nothing})
            self.assertIn(f"{name} nothing() can't be called with ", str(exc))

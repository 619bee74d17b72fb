"""Mistakes in create_protocol are reported when it is given, on either side."""

from dataclasses import dataclass
from functools import partial
from unittest.mock import Mock

from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase as TestCase

import txws2
from tests.support.sides import QuietTestCase
from txws2.testing import joined


class Bytes(Protocol):
    pass


class Room(txws2.WebSocketServerProtocol):
    def __init__(self, room):
        super().__init__()


class WithoutMessages(txws2.WebSocketServerProtocol):
    def dataReceived(self, data):
        self.sendMessage(data)


class Listening(txws2.WebSocketServerProtocol):
    def dataReceived(self, data):
        super().dataReceived(data)


class OpenToAll(txws2.WebSocketServerProtocol):
    def check_origin(self, origin):
        return False


class Remote(txws2.WebSocketServerProtocol):
    """Its process_request is for requests of its own, and no hook."""

    def messageReceived(self, message):
        self.process_request(message)

    def process_request(self, request):
        pass


class Legacy(txws2.WebSocketServerProtocol):
    async def process_request(self, path, request_headers):
        return 401


async def handler(ws):
    pass


async def make():
    return txws2.WebSocketServerProtocol()


def server(create_protocol, handler=None, **options):
    return txws2.WebSocketServerFactory(
        handler, create_protocol=create_protocol, reactor=Clock(), **options
    )


def client(create_protocol):
    return txws2.WebSocketClientFactory("ws://a/", create_protocol=create_protocol, reactor=Clock())


SIDES = ((server, txws2.WebSocketServerProtocol), (client, txws2.WebSocketClientProtocol))


class CreatingTests(TestCase):
    def assertTold(self, told, function, *arguments, **options):
        exc = self.assertRaises(TypeError, function, *arguments, **options)
        self.assertIn(told, str(exc))

    def test_it_must_make_protocols(self):
        for make_factory, kind in SIDES:
            for given, told in (
                (None, f"it is None: give a subclass of {kind.__name__}"),
                (kind(), "each connection has its own"),
                (Factory(), f"give a subclass of {kind.__name__}"),
                (make, "must return the protocol at once; it is a coroutine function, make()"),
                (make(), f"give a subclass of {kind.__name__}"),
                (dict, f"must make a {kind.__name__}, and dict is no subclass of that"),
                (partial(dict), "and dict is no subclass of that"),
                (lambda ws: None, "is called without arguments, and <lambda>() can't be"),
            ):
                self.assertTold(told, make_factory, given)

    def test_missing_arguments_are_reported(self):
        told = "Room() can't be: missing a required argument: 'room'; functools.partial can give it"
        self.assertTold(told, server, Room)
        server(partial(Room, "lobby"))

    def test_a_protocol_of_the_other_side_is_refused(self):
        for (make_factory, _), (_, other) in zip(SIDES, reversed(SIDES), strict=True):
            self.assertTold(
                "is no subclass of that, but one of the other side's", make_factory, other
            )

    def test_the_error_for_a_protocol_of_bytes_names_the_wrapper(self):
        self.assertTold("there is WebSocketFactory(Factory.forProtocol(Bytes))", server, Bytes)
        told = "WebSocketClientEndpoint(reactor, uri).connect(Factory.forProtocol(Bytes))"
        self.assertTold(told, client, Bytes)

    def test_the_error_for_another_library_s_hook_names_ours(self):
        def hook(self, *_):
            pass

        for theirs, ours in (
            ("onMessage", "messageReceived"),
            ("onConnect", "connectionOpened"),
            ("onClose", "connectionLost"),
            ("on_message", "messageReceived"),
            ("received_message", "messageReceived"),
            ("textMessageReceived", "messageReceived"),
            ("connection_lost", "connectionLost"),
        ):
            for make_factory, kind in SIDES:
                wrong = type("Wrong", (kind,), {theirs: hook})
                told = f"which are never called; here, {theirs}() is {ours}()"
                self.assertTold(told, make_factory, wrong)
                self.assertTold(told, make_factory, partial(wrong))
                make_factory(type("Both", (kind,), {theirs: hook, ours: hook}))
                make_factory(type("Data", (kind,), {theirs: "no hook"}))

    def test_in_pull_style_a_method_may_have_such_a_name(self):
        server(type("Chat", (txws2.WebSocketServerProtocol,), {"on_message": handler}), handler)

    def test_a_class_that_overrides_data_received_gets_advice(self):
        self.assertTold("override messageReceived() to get messages", server, WithoutMessages)
        server(Listening)

    def test_the_error_for_a_hook_of_another_library_names_the_option(self):
        self.assertTold("OpenToAll.check_origin() is a hook of another library", server, OpenToAll)
        self.assertTold("here, it is the option origins", server, partial(OpenToAll), handler)
        server(OpenToAll, origins=[None])
        told = "Legacy.process_request() is a hook of another library, which is never called; here"
        self.assertTold(told, server, Legacy, handler)
        server(Legacy, process_request=lambda ws, request: None)
        server(Remote)

    def test_a_class_is_looked_at_again_where_it_was_wrong(self):
        for _ in range(2):
            self.assertTold("never called", client, type("C", (SIDES[1][1],), {"onOpen": handler}))
            self.assertTold("is no subclass", client, dict)

    def test_a_callable_without_a_hash_is_checked_each_time(self):
        class Made:
            __hash__ = None

            def __call__(self):
                return SIDES[1][1]()

        for _ in range(2):
            client(Made())

    def test_only_the_mistake_is_reported(self):
        exc = self.assertRaises(TypeError, client, dict)
        self.assertIsNone(exc.__context__)

    def test_a_class_without_a_hash_is_refused(self):
        told = "Chat must have a hash, as its factory has a set of its connections"
        for make_factory, kind in SIDES:

            @dataclass
            class Chat(kind):
                room: str = "lobby"

            self.assertTold(told, make_factory, Chat)
            self.assertTold(told, make_factory, partial(Chat, "garden"))
            # A function shows it only when it is called.
            made = make_factory(lambda chat=Chat: chat())
            self.assertTold(told, made.buildProtocol, None)
            Chat.__hash__ = object.__hash__
            make_factory(Chat)

    def test_a_right_class_is_taken(self):
        for make_factory, kind in SIDES:
            for given in (
                kind,
                partial(kind),
                lambda kind=kind: kind(),
                Mock(),
                type("A", (kind,), {}),
            ):
                make_factory(given)
                make_factory(given)


class MadeTests(QuietTestCase):
    def test_the_object_that_a_function_makes_is_checked(self):
        both = server(lambda: Bytes())
        exc = self.assertRaises(TypeError, both.buildProtocol, None)
        self.assertIn(
            "create_protocol must make a WebSocketServerProtocol; it has made <", str(exc)
        )

    def test_a_connection_is_made_as_before(self):
        with joined(lambda ws: ws.wait_closed(), server=Listening) as both:
            self.assertIsInstance(both.server, Listening)


class FactoryAttributeTests(TestCase):
    def test_the_error_for_twisted_s_way_to_give_a_class_names_ours(self):
        told = "WebSocketServerFactory(create_protocol=Listening) makes such protocols"
        factory = server(Listening)
        self.assertIsNone(factory.protocol)
        for give in (
            lambda: setattr(factory, "protocol", Listening),
            lambda: txws2.WebSocketServerFactory.forProtocol(Listening, reactor=Clock()),
        ):
            self.assertIn(told, str(self.assertRaises(TypeError, give)))
        for base, arguments in (
            (txws2.WebSocketServerFactory, ()),
            (txws2.WebSocketClientFactory, ("ws://a/",)),
        ):
            kind = type("Mine", (base,), {"protocol": Listening})
            exc = self.assertRaises(TypeError, kind, *arguments, reactor=Clock())
            self.assertIn("Mine.protocol is never used: Mine(create_protocol=Listening)", str(exc))

    def test_a_subclass_that_uses_it_may_have_it(self):
        class Mine(txws2.WebSocketServerFactory):
            protocol = Listening

            def buildProtocol(self, addr):
                protocol = self.protocol()
                protocol.factory = self
                return protocol

        self.assertIsInstance(Mine(reactor=Clock()).buildProtocol(None), Listening)

    def test_the_wrapped_factory_must_be_one_of_bytes(self):
        for given, told in (
            (Bytes, "as Factory.forProtocol(Echo) makes one; it is the class Bytes"),
            (Bytes(), "it is an object of Bytes"),
            (server(Listening), "this one speaks WebSocket already"),
        ):
            exc = self.assertRaises(TypeError, txws2.WebSocketFactory, given, reactor=Clock())
            self.assertIn(told, str(exc))

"""Each class that claims an interface provides it, with the same signatures."""

from importlib import import_module

from twisted.internet.interfaces import IPushProducer
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementedBy
from zope.interface.exceptions import Invalid
from zope.interface.verify import verifyClass, verifyObject

from tests.project.test_house import modules
from tests.support.sides import RecordedClient, RecordedServer
from txws2._connection.protocol import WebSocketProtocol
from txws2.client.protocol import WebSocketClientProtocol
from txws2.interfaces import IWebSocketConnection, IWebSocketReceiver
from txws2.server.factory import WebSocketServerProtocol
from txws2.testing import joined

INTERFACES = IWebSocketConnection, IWebSocketReceiver


class InterfaceTests(SynchronousTestCase):
    def test_the_classes_implement_them(self):
        for interface in INTERFACES:
            for cls in WebSocketProtocol, WebSocketServerProtocol, WebSocketClientProtocol:
                verifyClass(interface, cls)

    def test_subclasses_implement_them(self):
        for interface in INTERFACES:
            for cls in RecordedServer, RecordedClient:
                verifyClass(interface, cls)

    def test_connections_provide_them(self):
        with joined() as both:
            for interface in (*INTERFACES, IPushProducer):
                verifyObject(interface, both.server)
                verifyObject(interface, both.client)

    def test_a_subclass_with_another_signature_does_not(self):
        class Wrong(WebSocketServerProtocol):
            def messageReceived(self, message, binary):
                pass

        self.assertRaises(Invalid, verifyClass, IWebSocketReceiver, Wrong)

    def test_each_class_that_claims_an_interface_implements_it(self):
        verified = set()
        for name, _ in modules():
            module = import_module(name if name == "txws2" else f"txws2.{name}")
            for cls in vars(module).values():
                if isinstance(cls, type) and cls.__module__ == module.__name__:
                    # An interface that a base class of Twisted implements isn't checked.
                    theirs = [base for base in cls.__mro__ if "txws2" not in base.__module__]
                    for interface in implementedBy(cls):
                        if any(interface in implementedBy(base) for base in theirs):
                            continue
                        verifyClass(interface, cls)
                        verified.add(cls.__name__)
        self.assertLess({"Console", "InsecureTLS", "Outbox", "RecordingTransport"}, verified)

    def test_all_that_an_application_calls_is_there(self):
        """The public names of the protocol that come from neither Twisted nor txws2 itself."""
        of_the_house = {
            "factory",
        }
        of_twisted = {
            "connected",
            "connectionMade",
            "dataReceived",
            "logPrefix",
            "makeConnection",
            "transport",
        }
        public = {name for name in dir(WebSocketProtocol) if not name.startswith("_")}
        declared = set(IWebSocketConnection.names(all=True)) | set(IWebSocketReceiver)
        self.assertEqual(declared - public, {"__aenter__", "__aexit__", "__aiter__"})
        self.assertEqual(public - declared - of_the_house - of_twisted, set())

"""An echo in which one name stands for the function in C or for its twin: MODULE NAME WAY PORT."""

import sys
from importlib import import_module

from twisted.internet import endpoints, reactor

from txws2._accelerator import PURE, load
from txws2.server import WebSocketServerFactory
from txws2.tap import Echo

module, name, way, port = sys.argv[1:]
setattr(import_module(module), name, PURE[name] if way == "Python" else getattr(load(), name))
factory = WebSocketServerFactory(create_protocol=Echo)
endpoints.serverFromString(reactor, f"tcp:{port}:backlog=1024:interface=127.0.0.1").listen(factory)
reactor.run()

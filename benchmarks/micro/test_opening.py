"""The opening and the loss of a server's connection, with hooks and without."""

import pytest
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport

from txws2.server.factory import WebSocketServerFactory
from txws2.wire.handshake.client import build_request
from txws2.wire.http.uris import parse_uri
from txws2.wire.permessage_deflate import PRESETS

HEAD = build_request(parse_uri("ws://example.com/chat"), compression=PRESETS["deflate"]).serialize()
HOOKS = {
    "none": {},
    "process_request": {"process_request": lambda *_: None},
    "all": {
        "process_request": lambda *_: None,
        "select_subprotocol": lambda *_: None,
        "process_response": lambda *_: None,
    },
}


@pytest.mark.parametrize("hooks", HOOKS)
def test_open(benchmark, hooks):
    benchmark.group = "open a connection at a server"
    factory = WebSocketServerFactory(reactor=Clock(), share_epoll=False, **HOOKS[hooks])

    def open_and_lose():
        protocol = factory.buildProtocol(None)
        protocol.makeConnection(StringTransport())
        protocol.dataReceived(HEAD)
        protocol.connectionLost()
        return protocol

    assert benchmark(open_and_lose).close_code == 1006

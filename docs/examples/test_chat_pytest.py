"""python -m pytest test_chat_pytest.py"""

import pytest
from chat import Parrot, Room
from twisted.internet.task import Clock

from txws2 import InvalidStatus, WebSocketServerFactory
from txws2.testing import Frame, Opcode, joined, opened


def test_everybody_hears_what_somebody_says():
    room = Room()
    with joined(room.handler) as alice, joined(room.handler) as bob:
        alice.client.sendMessage("hello")
        assert alice.result_of(alice.client.recv()) == "hello"
        assert bob.result_of(bob.client.recv()) == "hello"


def test_a_conversation():
    async def talk(ws):
        for line in "hello", "is there anybody?":
            await ws.send(line)
            assert await ws.recv() == line
        await ws.close()

    with joined(Room().handler) as alice:
        alice.result_of(talk(alice.client))
        assert alice.server.close_code == 1000


def test_a_silent_visitor_has_to_leave_after_a_minute():
    with joined(Room().handler) as alice:
        alice.advance(60)
        assert (alice.client.close_code, alice.client.close_reason) == (4000, "are you asleep?")


def test_other_pages_are_refused():
    with pytest.raises(InvalidStatus) as refused:
        joined(Room().handler, origins=["https://chat.example"], origin="https://evil.example")
    assert refused.value.response.status_code == 403


def test_the_parrot_says_everything_twice():
    factory = WebSocketServerFactory(create_protocol=Parrot, reactor=Clock())
    transport = opened(factory.buildProtocol(None))
    transport.feed(Opcode.TEXT, b"hello")
    assert transport.frames() == [Frame(Opcode.TEXT, b"hello")] * 2

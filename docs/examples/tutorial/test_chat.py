"""python -m pytest test_chat.py"""

import json

import pytest
from chat import handler, history
from twisted.internet.task import Clock

import txws2
from txws2.testing import joined


@pytest.fixture(autouse=True)
def empty():
    for said in history.values():
        said.clear()


def enter(name, room="lobby", clock=None):
    return joined(handler, uri=f"ws://example.com/ws/{room}?name={name}", clock=clock)


def news(visitor):
    """Return the next thing that a visitor hears."""
    return json.loads(visitor.result_of(visitor.client.recv()))


def test_everybody_hears_who_comes_what_is_said_and_who_goes():
    with enter("ann") as ann:
        assert news(ann) == {"here": ["ann"], "history": []}
        with enter("bob") as bob:
            assert news(bob) == {"here": ["ann", "bob"], "history": []}
            bob.client.sendMessage("hello")
            assert news(bob) == {"from": "bob", "text": "hello"}
        assert news(ann) == {"joined": "bob"}
        assert news(ann) == {"from": "bob", "text": "hello"}
        assert news(ann) == {"left": "bob"}


def test_a_newcomer_gets_the_history_of_the_room_and_of_no_other():
    history["lobby"].append({"from": "ann", "text": "hello"})
    with enter("bob") as bob, enter("cy", "garden") as cy:
        assert news(bob)["history"] == [{"from": "ann", "text": "hello"}]
        assert news(cy)["history"] == []


def test_a_visitor_whose_cable_is_cut_has_gone_within_a_minute():
    clock = Clock()
    with enter("ann", clock=clock) as ann, enter("bob", clock=clock) as bob:
        assert [news(ann), news(ann)][1] == {"joined": "bob"}
        bob.vanish()
        for _ in range(60):
            ann.advance(1)
            bob.pump()
        assert news(ann) == {"left": "bob"}


def test_there_is_no_cellar():
    with enter("ann", "cellar") as ann:
        ann.pump()
        assert (ann.client.close_code, ann.client.close_reason) == (4004, "there is no such room")


def test_other_paths_are_refused():
    with pytest.raises(txws2.InvalidStatus) as refused:
        joined(handler, uri="ws://example.com/elsewhere")
    assert refused.value.response.status_code == 404

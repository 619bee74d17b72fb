"""python -m twisted.trial test_chat_trial"""

import json

from chat import handler, history
from chat_push import Chat
from twisted.trial.unittest import SynchronousTestCase

from txws2.testing import joined


class ChatTests(SynchronousTestCase):
    """The chat in pull style; the class below says what is different in push style."""

    served = {"handler": handler}

    def setUp(self):
        for said in history.values():
            said.clear()

    def enter(self, name, room="lobby"):
        uri = f"ws://example.com/ws/{room}?name={name}"
        return self.enterContext(joined(uri=uri, **self.served))

    def news(self, visitor):
        """Return the next thing that a visitor hears."""
        return json.loads(visitor.result_of(visitor.client.recv()))

    def test_everybody_hears_what_is_said(self):
        ann, bob = self.enter("ann"), self.enter("bob")
        ann.client.sendMessage("hello")
        ann.pump()
        self.assertEqual(self.news(bob)["here"], ["ann", "bob"])
        self.assertEqual(self.news(bob), {"from": "ann", "text": "hello"})

    def test_the_others_hear_that_a_connection_is_lost(self):
        ann, bob = self.enter("ann"), self.enter("bob")
        bob.drop()
        self.assertEqual(self.news(ann)["here"], ["ann"])
        self.assertEqual(self.news(ann), {"joined": "bob"})
        self.assertEqual(self.news(ann), {"left": "bob"})

    def test_bytes_are_refused(self):
        ann = self.enter("ann")
        ann.client.sendMessage(b"\x00")
        ann.pump()
        self.assertEqual(ann.client.close_code, 1003)
        self.assertEqual(len(history["lobby"]), 0)

    def test_there_is_no_cellar(self):
        ann = self.enter("ann", "cellar")
        ann.pump()
        self.assertEqual(ann.client.close_code, 4004)


class PushTests(ChatTests):
    served = {"server": Chat}

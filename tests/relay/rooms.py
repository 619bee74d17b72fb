"""Base of the tests of a relay: clients of it, in memory."""

import json

from tests.support.sides import QuietTestCase
from txws2 import WebSocketServerFactory
from txws2.relay import SUBPROTOCOL, MemoryHistory, Relay
from txws2.testing import joined


def message(offset, data, room="a"):
    return {"type": "message", "room": room, "offset": offset, "data": data}


class RelayTestCase(QuietTestCase):
    """Has a relay on a clock, and clients of it."""

    def serve(self, path="/", **options):
        """Make the relay and the factory of its connections."""
        self.relay = Relay(path, reactor=self.clock, **options)
        self.factory = WebSocketServerFactory(
            self.relay, subprotocols=self.relay.subprotocols, reactor=self.clock, ping_interval=None
        )

    def enter(self, path="/", subprotocols=(SUBPROTOCOL,), **options):
        """Connect a client; return both its ends."""
        both = joined(
            self.factory,
            uri=f"ws://example.com{path}",
            clock=self.clock,
            subprotocols=list(subprotocols),
            ping_interval=None,
            **options,
        )
        both.pump()
        return both

    def enter_plainly(self, path):
        return self.enter(path, subprotocols=())

    def say(self, both, *said):
        """Send JSON messages of a client."""
        for each in said:
            both.client.sendMessage(each if isinstance(each, (str, bytes)) else json.dumps(each))
        both.pump()

    def ask(self, both, *said):
        """Send JSON messages; return the answers, and all else that has come."""
        self.say(both, *said)
        return self.heard(both)

    def heard(self, both):
        """Return the JSON messages that a client has got since the last call."""
        return [json.loads(each) for each in self.got(both)]

    def got(self, both):
        """Return the messages that a client has got since the last call."""
        both.pump()
        got = []
        while (waiting := both.client.recv()).called:
            try:
                got.append(self.successResultOf(waiting))
            except self.failureException:
                return got
            both.pump()
        waiting.addErrback(lambda _: None)
        waiting.cancel()
        return got

    def join_room(self, both, room="a", **keys):
        return self.ask(both, {"type": "join", "room": room, **keys})

    def publish(self, data, room="a", id=None):
        return self.successResultOf(self.relay.publish(room, data, id))

    def epoch(self, room="a"):
        """Return the epoch of a room."""
        history: MemoryHistory = self.relay._history
        return self.successResultOf(history.since(room, None, 0)).head.epoch

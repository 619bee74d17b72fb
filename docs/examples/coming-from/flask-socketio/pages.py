"""A site of WSGI, as Flask's `app` is one; its views run in threads."""

import json

from room_events import rooms
from twisted.internet import reactor
from twisted.internet.threads import blockingCallFromThread


def app(environ, start_response):
    """Tell everybody in the lobby; answer with their number."""
    message = json.dumps({"event": "said", "data": "from a view"})
    heard = blockingCallFromThread(reactor, rooms.broadcast, "lobby", message)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [f"{heard} heard it".encode()]

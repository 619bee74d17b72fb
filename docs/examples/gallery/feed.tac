"""Follows a feed for ever, and keeps its events in a database: twistd -ny feed.tac

FEED_URI and FEED_DATABASE name the feed and the file of the database.
"""

import json
import os
import sqlite3

from twisted.application.service import Application
from twisted.logger import Logger

from txws2 import Backoff, InvalidStatus, WebSocketClientService, process_exception

log = Logger(namespace="feed")


class Journal:
    """The events in a database. It has each event once, also after a restart or a crash."""

    def __init__(self, path):
        self.database = sqlite3.connect(path, isolation_level=None)
        # With these, an event is stored in microseconds. A power failure may take the last ones,
        # and the feed sends them again.
        self.database.execute("pragma journal_mode = wal")
        self.database.execute("pragma synchronous = normal")
        self.database.execute(
            "create table if not exists events (number integer primary key, data text)"
        )

    def last(self):
        """Return the number of the last event; 0 if there is none."""
        [number] = self.database.execute("select max(number) from events").fetchone()
        return number or 0

    def add(self, message):
        event, last = json.loads(message), self.last()
        if 0 < last < event["number"] - 1:
            # The feed was down, or this client was away for longer than the feed keeps events.
            log.warn("nothing between {last} and {number}", last=last, number=event["number"])
        self.database.execute(
            "insert or ignore into events values (?, ?)",
            (event["number"], json.dumps(event["data"])),
        )

    async def resume(self, ws):
        """Begin each connection with the number of the last event; the rest comes then."""
        await ws.send(json.dumps({"after": self.last()}))


def try_again(exc):
    """Go on after every status: the server may just be deployed. Other errors as by default."""
    if isinstance(exc, InvalidStatus):
        log.warn("the feed has answered {status}", status=exc.response.status_code)
        return None
    return process_exception(exc)


journal = Journal(os.environ.get("FEED_DATABASE", "feed.sqlite"))
feed = WebSocketClientService(
    os.environ.get("FEED_URI", "ws://localhost:8000/"),
    journal.add,
    on_connect=journal.resume,
    on_state_change=lambda state: log.info("the feed is {state}", state=state.name),
    process_exception=try_again,
    backoff=Backoff(initial=1, minimum=1, maximum=60),
)
application = Application("feed")
feed.setServiceParent(application)

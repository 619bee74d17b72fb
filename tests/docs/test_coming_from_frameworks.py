"""docs/coming-from/flask-socketio.rst and channels.rst show code that works."""

import json
import os
import runpy
import shlex
import sqlite3
import sys
from importlib import import_module
from pathlib import Path

import twisted.internet
from twisted.internet import threads
from twisted.internet.defer import maybeDeferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.command.test_commands import ROOT
from tests.support.examples import blocks
from txws2 import InvalidStatus
from txws2.tap import Options
from txws2.testing import joined

PAGES = Path(ROOT, "docs", "coming-from")
EXAMPLES = Path(ROOT, "docs", "examples", "coming-from")


def heard(both):
    """Return the next message of the client, from JSON."""
    return json.loads(both.result_of(both.client.recv()))


class EventTests(SynchronousTestCase):
    def setUp(self):
        folder = str(EXAMPLES / "flask-socketio")
        self.patch(sys, "path", [folder, *sys.path])
        self.patch(sys, "modules", dict(sys.modules))
        self.chat = import_module("room_events")

    def connect(self):
        return self.enterContext(joined(self.chat.handler))

    def say(self, both, event, data, **more):
        both.client.sendMessage(json.dumps({"event": event, "data": data, **more}))
        both.pump()

    def enter(self, name):
        both = self.connect()
        self.say(both, "join", {"room": "lobby", "name": name}, id=1)
        return both, heard(both)

    def test_an_event_with_an_id_is_answered(self):
        _, answer = self.enter("Ann")
        self.assertEqual(answer, {"id": 1, "data": 1})

    def test_a_room_hears_what_one_says(self):
        (ann, _), (bob, _) = self.enter("Ann"), self.enter("Bob")
        self.say(ann, "say", {"room": "lobby", "text": "hello"})
        for each in ann, bob:
            each.pump()
            self.assertEqual(heard(each), {"event": "said", "data": "hello"})

    def test_an_unknown_event_closes_the_connection(self):
        both = self.connect()
        self.say(both, "shout", {})
        self.assertEqual(both.client.close_code, 4400)

    def test_a_view_speaks_to_a_room(self):
        ann, _ = self.enter("Ann")
        calls = lambda reactor, function, *args: self.successResultOf(function(*args))  # noqa: E731
        self.patch(threads, "blockingCallFromThread", calls)
        started = []
        body = import_module("pages").app({}, lambda *args: started.append(args))
        self.assertEqual((body, started[0][0]), ([b"1 heard it"], "200 OK"))
        ann.pump()
        self.assertEqual(heard(ann), {"event": "said", "data": "from a view"})


class ChannelsTests(SynchronousTestCase):
    def setUp(self):
        self.patch(threads, "deferToThread", maybeDeferred)
        self.patch(twisted.internet, "reactor", Clock())
        before = os.getcwd()
        folder = Path(self.mktemp())
        folder.mkdir()
        os.chdir(folder)
        self.addCleanup(os.chdir, before)
        with sqlite3.connect("sessions.db") as database:
            database.execute("CREATE TABLE session (key, user)")
            database.execute("INSERT INTO session VALUES ('k1', 'ann')")
        self.factory = runpy.run_path(str(EXAMPLES / "channels" / "chat.py"))["factory"]

    def connect(self, **headers):
        headers = {"Origin": "https://chat.example.com", **headers}
        uri = "ws://chat.example.com/ws/chat/lobby/"
        return joined(self.factory, uri=uri, additional_headers=headers)

    def test_those_who_have_logged_in_take_part(self):
        with self.connect(Cookie="sessionid=k1") as both:
            both.client.sendMessage('{"message": "hello"}')
            both.pump()
            self.assertEqual(heard(both), {"user": "ann", "message": "hello"})

    def test_others_are_refused(self):
        exc = self.assertRaises(InvalidStatus, self.connect)
        self.assertEqual(exc.response.status_code, 403)


class CommandTests(SynchronousTestCase):
    def test_the_options_of_twistd_ws_exist(self):
        for page in "flask-socketio", "channels":
            text = (PAGES / f"{page}.rst").read_text()
            lines = "".join(blocks(text, "shell")).split("\n")
            self.assertGreater(len(lines), 1, page)
            for line in filter(None, lines):
                before, ws, after = line.partition(" ws ")
                self.assertEqual((before, ws), ("twistd -n", " ws "))
                Options().parseOptions(shlex.split(after, comments=True))

"""docs/howto/json.rst shows code that works."""

import json
import sys
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import patch

from tests.command.test_commands import ROOT
from tests.support.examples import blocks
from tests.support.printed import PrintedTestCase

PLAIN, BYTES, CAREFUL, TYPED = blocks(Path(ROOT, "docs", "howto", "json.rst").read_text(), "python")

DEEP = "[" * 100_000

NO_JSON = "", "{", "hello", DEEP, "1" * 5000

ORJSON = SimpleNamespace(loads=json.loads, dumps=lambda value: json.dumps(value).encode())


class HowtoTests(PrintedTestCase):
    def setUp(self):
        super().setUp()
        self.enterContext(patch.dict(sys.modules, orjson=ORJSON))

    def ask(self, both, message):
        """Return the answer to a message; None if the connection is closed."""
        both.client.sendMessage(message)
        both.pump()
        if both.client.close_code is not None:
            return None
        return self.successResultOf(both.client.recv())

    def test_each_answers(self):
        for example in PLAIN, BYTES, CAREFUL:
            both = self.join_printed(example)
            answer = self.ask(both, '{"a": [1, "\\u20ac"]}')
            # As text, in any case.
            self.assertIsInstance(answer, str)
            self.assertEqual(json.loads(answer), {"answer": {"a": [1, "\u20ac"]}})

    def test_invalid_json_closes_the_connection_and_is_not_logged(self):
        for message in NO_JSON:
            both = self.join_printed(CAREFUL)
            self.assertIsNone(self.ask(both, message))
            self.assertEqual(both.client.close_code, 1007)
            self.assertEqual(both.client.close_reason, "JSON was expected")
            self.assertEqual(both.take_failures(), [])

    def test_a_binary_message_closes_it_with_another_code(self):
        both = self.join_printed(CAREFUL)
        self.assertIsNone(self.ask(both, b"{}"))
        self.assertEqual(both.client.close_code, 1003)

    def test_without_that_it_is_an_error_of_the_handler(self):
        for message in "{", DEEP:
            both = self.join_printed(PLAIN)
            self.assertIsNone(self.ask(both, message))
            self.assertEqual(both.client.close_code, 1011)
            self.assertEqual(len(both.take_failures()), 1)
            self.assertEqual(len(self.take_loud()), 1)

    def test_moves_are_sent_to_all(self):
        both = self.join_printed(TYPED)
        move = '{"player": "alice", "x": 1, "y": 2}'
        self.assertEqual(self.ask(both, move), move)

    def test_an_invalid_move_closes_the_connection(self):
        wrong = (
            '{"player": "alice", "x": "1", "y": 2}',
            "[]",
            "null",
            '{"player": "alice"}',
            b"\xff",
        )
        for message in (*NO_JSON, *wrong):
            both = self.join_printed(TYPED)
            self.assertIsNone(self.ask(both, message))
            self.assertEqual(both.client.close_code, 1007)
            self.assertEqual(both.take_failures(), [])

    def test_a_dict_is_refused_and_a_list_is_taken_for_fragments(self):
        both = self.join_printed(PLAIN)
        for send in both.client.send, both.client.sendMessage:
            exc = self.assertRaises(TypeError, send, {"a": 1})
            self.assertIn("not dict; json.dumps() makes a str of it", str(exc))
        exc = self.assertRaises(TypeError, both.client.sendMessage, [1])
        self.assertIn("not list; json.dumps() makes a str of it", str(exc))
        both.client.send(["[1,", "2]"])
        self.assertEqual(both.result_of(both.client.recv()), '{"answer": [1, 2]}')

    def test_half_a_surrogate_pair_is_escaped_by_default(self):
        both = self.join_printed(PLAIN)
        self.assertEqual(self.ask(both, '"\\ud800"'), '{"answer": "\\ud800"}')
        sending = both.client.send(json.dumps("\ud800", ensure_ascii=False))
        self.failureResultOf(sending, UnicodeError)

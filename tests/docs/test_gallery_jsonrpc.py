"""docs/examples/gallery/jsonrpc.py in memory: both ends, and the answers that JSON-RPC asks for."""

import json

from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.task import deferLater
from twisted.trial.unittest import SynchronousTestCase

from tests.support.gallery import example
from txws2 import ConnectionClosed
from txws2.testing import joined


def answer(number, result):
    return {"jsonrpc": "2.0", "result": result, "id": number}


def error(number, code, message):
    return {"jsonrpc": "2.0", "error": {"code": code, "message": message}, "id": number}


class JSONRPCTestCase(SynchronousTestCase):
    def setUp(self):
        self.jsonrpc = example(self, "jsonrpc")
        self.handler = example(self, "jsonrpc_server").handler
        self.noted = []

    def connect(self, handler=None):
        return self.enterContext(joined(handler or self.handler))

    def serve(self, **methods):
        return self.connect(lambda ws: self.jsonrpc.Peer(ws, methods).run())

    def ask(self, both, *messages):
        """Send these; return the answers."""
        for message in messages:
            text = message if isinstance(message, (str, bytes)) else json.dumps(message)
            both.client.sendMessage(text)
        both.pump()
        return json.loads(both.result_of(both.client.recv(timeout=0)))


class AnswerTests(JSONRPCTestCase):
    """The examples of the specification, and its neighbours."""

    def call(self, method, params=None, number=1):
        call = {"jsonrpc": "2.0", "method": method, "id": number}
        return call if params is None else {**call, "params": params}

    def test_positional_and_named_parameters(self):
        both = self.connect()
        self.assertEqual(self.ask(both, self.call("divide", [6, 3], "x")), answer("x", 2))
        self.assertEqual(self.ask(both, self.call("divide", {"b": 3, "a": 6})), answer(1, 2))

    def test_the_errors_of_the_specification(self):
        both = self.connect()
        for message, expected in (
            ('{"jsonrpc": "2.0", "method": "foobar, "params"', error(None, -32700, "parse error")),
            ("[" * 100_000, error(None, -32700, "parse error")),
            (b"\xff", error(None, -32700, "parse error")),
            ({"jsonrpc": "2.0", "method": 1}, error(None, -32600, "invalid request")),
            ({"method": "greet", "id": 1}, error(None, -32600, "invalid request")),
            ([], error(None, -32600, "invalid request")),
            ([1], [error(None, -32600, "invalid request")]),
            (self.call("nothing"), error(1, -32601, "method not found")),
            (self.call("divide", [1]), error(1, -32602, "invalid params")),
            (self.call("divide", {"c": 1}), error(1, -32602, "invalid params")),
            (self.call("divide", 5), error(1, -32602, "invalid params")),
            (self.call("divide", [1, 0]), error(1, 1, "division by zero")),
        ):
            self.assertEqual(self.ask(both, message), expected)

    def test_a_batch_is_answered_by_a_batch_without_the_notifications(self):
        notification = {"jsonrpc": "2.0", "method": "greet", "params": ["Bob"]}
        batch = [self.call("greet", ["Ann"]), notification, 1]
        expected = [answer(1, "Hello, Ann!"), error(None, -32600, "invalid request")]
        self.assertEqual(self.ask(self.connect(), batch), expected)
        # Notifications alone get no answer; the next call does.
        after = self.call("greet", ["Cem"], 2)
        answered = self.ask(self.connect(), [notification], notification, after)
        self.assertEqual(answered, answer(2, "Hello, Cem!"))

    def test_a_method_that_fails_is_logged_and_the_caller_learns_no_detail(self):
        both = self.serve(fail=lambda: {}["secret"])
        self.assertEqual(self.ask(both, self.call("fail")), error(1, -32603, "internal error"))
        self.assertEqual(len(self.flushLoggedErrors(KeyError)), 1)

    def test_a_result_that_is_no_json_is_such_a_failure(self):
        both = self.serve(fail=lambda: b"bytes")
        self.assertEqual(self.ask(both, self.call("fail")), error(1, -32603, "internal error"))
        self.assertEqual(len(self.flushLoggedErrors(TypeError)), 1)

    def test_no_more_than_a_hundred_calls_at_once(self):
        both = self.serve(wait=Deferred)
        calls = [self.call("wait", number=number) for number in range(100)]
        for call in calls:
            both.client.sendMessage(json.dumps(call))
        refused = error(100, -32000, "too many calls at once")
        self.assertEqual(self.ask(both, self.call("wait", number=100)), refused)
        both.drop()


class CallTests(JSONRPCTestCase):
    def start(self, both):
        peer = self.jsonrpc.Peer(both.client, {"note": self.noted.append})
        Deferred.fromCoroutine(peer.run())
        return peer

    def call(self, both, peer, *arguments, **options):
        calling = Deferred.fromCoroutine(peer.call(*arguments, **options))
        both.pump()
        return calling

    def test_each_of_several_calls_gets_its_own_result_in_whatever_order_they_come(self):
        both = self.serve(wait=lambda time: deferLater(both.clock, time, str, time))
        peer = self.start(both)
        calls = [self.call(both, peer, "wait", time) for time in (3, 1, 2)]
        both.advance(2)
        self.assertEqual([call.called for call in calls], [False, True, True])
        both.advance(1)
        self.assertEqual(self.successResultOf(gatherResults(calls)), ["3", "1", "2"])
        self.assertEqual(peer.calls, {})

    def test_an_error_is_raised_with_its_code(self):
        both = self.connect()
        failure = self.failureResultOf(self.call(both, self.start(both), "divide", 1, 0))
        self.assertIsInstance(failure.value, self.jsonrpc.RPCError)
        self.assertEqual(str(failure.value), "division by zero (1)")

    def test_a_call_that_takes_too_long_fails_and_its_late_answer_is_dropped(self):
        both = self.serve(wait=lambda: deferLater(both.clock, 10))
        peer = self.start(both)
        calling = self.call(both, peer, "wait", timeout=5)
        both.advance(5)
        self.assertEqual(str(self.failureResultOf(calling, TimeoutError).value),
                         "no answer within 5 s")  # fmt: skip
        both.advance(5)
        again = self.call(both, peer, "wait", timeout=20)
        both.advance(10)
        self.assertIsNone(self.successResultOf(again))

    def test_the_end_of_the_connection_fails_the_calls_and_cancels_the_methods(self):
        for leave in lambda both: both.drop(), lambda both: both.client.close():
            working = Deferred()
            both = self.serve(wait=lambda working=working: working)
            calling = self.call(both, self.start(both), "wait")
            leave(both)
            both.pump()
            self.failureResultOf(calling, ConnectionClosed)
            self.assertTrue(working.called)
            self.assertEqual(both.take_failures(), [])

    def test_a_call_on_a_closed_connection_fails(self):
        both = self.connect()
        peer = self.start(both)
        both.drop()
        self.failureResultOf(self.call(both, peer, "greet", "Ada"), ConnectionClosed)

    def test_an_answer_is_never_answered(self):
        both = self.connect()
        self.start(both)
        # The client gets an error without an id; nothing else follows, or this would never end.
        both.client.sendMessage("no JSON")
        both.pump()
        for wrong in {"error": "?"}, {"result": 1}, {"jsonrpc": "2.0", "id": [], "error": {}}:
            both.client.sendMessage(json.dumps(wrong))
        both.pump()
        counters = both.client.counters
        self.assertEqual((counters.messages_out, counters.messages_in), (4, 1))

    def test_the_server_can_call_the_client_too(self):
        async def handler(ws):
            peer = self.jsonrpc.Peer(ws)
            running = Deferred.fromCoroutine(peer.run())
            await peer.call("note", "from the server")
            await peer.notify("note", "without an answer")
            await running

        both = self.connect(handler)
        self.start(both)
        both.pump()
        self.assertEqual(self.noted, ["from the server", "without an answer"])

"""docs/examples/gallery/tokens.py in memory: an answer goes on exactly where it was."""

import json

from twisted.internet.task import Clock, deferLater
from twisted.trial.unittest import SynchronousTestCase

from tests.support.gallery import example
from txws2 import ConnectionClosed
from txws2.testing import Close, Drop, Refuse, ScriptedServer, Vanish, joined

KEY, OTHER = "0" * 32, "1" * 32


class TokensTestCase(SynchronousTestCase):
    def setUp(self):
        self.tokens = example(self, "tokens")
        self.answers = self.tokens.Answers(self.tokens.model)
        self.clock = Clock()


class TokensTests(TokensTestCase):
    def ask(self, have=0, key=KEY, prompt="Why?"):
        both = self.enterContext(joined(self.answers.handler, clock=self.clock))
        both.client.sendMessage(json.dumps({"key": key, "have": have, "prompt": prompt}))
        both.pump()
        return both

    def heard(self, both):
        """Return all tokens that have come, and the end of the answer, if it is there."""
        tokens, end = [], None
        for message in self.messages(both):
            if "token" in message:
                tokens.append(message["token"])
            else:
                end = message["end"]
        return tokens, end

    def messages(self, both):
        both.pump()
        while True:
            receiving = both.client.recv(timeout=0)
            receiving.addErrback(lambda _: None)
            message = self.successResultOf(receiving)
            if message is None:
                return
            yield json.loads(message)

    def whole(self):
        both = self.ask(key=OTHER)
        both.advance(60)
        return self.heard(both)

    def test_the_tokens_come_one_by_one(self):
        both = self.ask(prompt="Why so slow?")
        both.advance(0.35)
        self.assertEqual(self.heard(both), (["You ", "have ", "asked: "], None))
        both.advance(60)
        tokens, end = self.heard(both)
        self.assertEqual(tokens[:3], ["Why ", "so ", "slow? "])
        self.assertEqual((end, both.client.close_code), ("complete", 1000))

    def test_an_answer_goes_on_exactly_where_it_was_and_no_token_is_lost_or_doubled(self):
        read = []
        for seconds in 0.5, 0.1, 3, 0, 60:
            both = self.ask(have=len(read))
            both.advance(seconds)
            tokens, end = self.heard(both)
            read += tokens
            if not end:
                both.drop()
                # The answer grows meanwhile.
                self.clock.advance(0.1)
        self.assertEqual((read, end), self.whole())

    def test_tokens_on_their_way_when_the_connection_breaks_come_again(self):
        both = self.ask()
        both.vanish()
        self.clock.advance(0.1)
        self.assertEqual(self.heard(both), ([], None))
        both.drop()
        self.assertEqual(self.heard(self.ask()), (["You "], None))

    def test_two_pages_read_the_same_answer(self):
        one, two = self.ask(), self.ask()
        one.advance(15)
        self.assertEqual(self.heard(one), self.heard(two))

    def test_an_answer_is_gone_after_ten_minutes_and_so_is_one_of_another_server(self):
        self.ask().advance(600)
        self.assertEqual(self.answers.answers, {})
        both = self.ask(have=5)
        self.assertEqual(both.client.close_code, 4410)
        self.assertEqual(both.client.close_reason, "this answer is gone; ask again")

    def test_no_more_answers_than_there_is_room_for(self):
        self.patch(self.tokens, "MOST", 1)
        self.ask()
        self.assertEqual(self.ask(key=OTHER).client.close_code, 1013)

    def test_a_model_that_fails_is_logged_and_its_reader_is_told(self):
        async def model(prompt, reactor):
            yield "You "
            raise ValueError("no more")

        self.answers.model = model
        self.assertEqual(self.heard(self.ask()), (["You "], "failed"))
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)

    def test_a_wrong_request_is_refused(self):
        for request in (
            "hello",
            "[" * 50_000,
            "[]",
            '{"key": "x", "have": 0, "prompt": ""}',
            b"\xff",
        ):
            both = self.enterContext(joined(self.answers.handler, clock=self.clock))
            both.client.sendMessage(request)
            both.pump()
            self.assertEqual(both.client.close_code, 1008)
        self.assertEqual(self.ask(have=-1).client.close_code, 1008)
        self.assertEqual(self.answers.answers, {})


class ClientTests(TokensTestCase):
    def ask_by_client(self, *steps):
        """Let the client ask a server that has this script; return its tokens, and its end."""
        read = []
        server = ScriptedServer(self.answers.handler, at="ws://model.example/").script(*steps)
        client = example(self, "tokens_client")

        async def ask():
            async for token in client.ask("ws://model.example/answers", "Why?"):
                read.append(token)

        with server:
            asking = server.start(ask())
            server.advance(300)
        return read, asking

    def test_it_gets_each_token_once_whatever_happens_to_the_connection(self):
        async def model(prompt, reactor):
            for number in range(100):
                yield f"{number} "
                await deferLater(reactor, 2)

        self.answers.model = model
        steps = Drop(after=5), ConnectionRefusedError(), Refuse(503), Close(1001, after=5)
        read, asking = self.ask_by_client(*steps, Vanish(after=5))
        self.successResultOf(asking)
        self.assertEqual(read, [f"{number} " for number in range(100)])

    def test_it_ends_when_the_answer_is_gone(self):
        self.patch(self.tokens, "KEPT", 1)
        read, asking = self.ask_by_client(Drop(after=0.35), ConnectionRefusedError())
        self.assertEqual(read, ["You ", "have ", "asked: "])
        self.failureResultOf(asking, ConnectionClosed)

"""Publishing over HTTP, with a token."""

import json
import os

from twisted.internet.defer import Deferred

from tests.relay.site import HTTPTestCase


class PublishingTests(HTTPTestCase):
    def test_a_token_publishes_and_the_answer_is_the_position(self):
        self.serve()
        status, head, body = self.post("héllo")
        self.assertEqual(status, 200)
        self.assertIn("application/json", head)
        self.assertEqual(json.loads(body)["offset"], 1)
        self.assertEqual(json.loads(self.post(token="other==")[2])["offset"], 2)
        batch = self.successResultOf(self.relay._history.since("a", None, 9))
        self.assertEqual([each.data for each in batch.messages], ["héllo", "hi"])

    def test_each_refusal_has_a_status_and_a_sentence(self):
        self.serve(max_message=4)
        for status, answer in (
            (401, self.ask("POST", body="hi")),
            (401, self.ask("POST", body="hi", Authorization="Basic c2VjcmV0")),
            (403, self.post(token="secre")),
            (403, self.post(token="publishers")),
            (413, self.post("hello")),
            (413, self.post(b"\xff" * 5)),
            (400, self.post(path="/chat/room/%0a")),
            (400, self.post(path="/chat/room/%ff")),
            (404, self.post(path="/chat/room/a/b")),
            (404, self.post(path="/chat/room")),
            (404, self.post(path="/chat/")),
            (404, self.post(path="/chat/other")),
            (405, self.ask("PUT", body="hi")),
            (400, self.post(Idempotency_Key="x" * 65)),
        ):
            self.assertEqual(answer[0], status, answer)
            self.assertRegex(answer[2], r"^[A-Z].*\.\n$")
        self.assertIn('WWW-Authenticate: Bearer realm="relay"', self.ask("POST")[1])
        self.assertNotIn("Access-Control", self.post("hi")[1])

    def test_without_tokens_nobody_publishes(self):
        self.serve(tokens=None)
        self.assertEqual(self.post()[0], 403)

    def test_a_changed_file_of_tokens_is_read_again(self):
        self.serve()
        self.write_tokens("changed\n")
        os.utime(self.tokens, ns=(1, 1))
        self.assertEqual((self.post()[0], self.post(token="changed")[0]), (403, 200))

    def test_a_wrong_file_is_refused_without_showing_it(self):
        self.write_tokens("secret\np%ss word\n")
        refused = self.assertRaises(ValueError, self.serve)
        self.assertIn(":2: a token must have letters", str(refused))
        self.assertNotIn("p%ss", str(refused))

    def test_a_file_that_has_become_wrong_is_told_and_what_was_read_still_counts(self):
        self.serve()
        self.write_tokens("p%ss\n")
        os.utime(self.tokens, ns=(1, 1))
        self.assertEqual(self.post()[0], 200)
        self.assertIn("still counts", self.take_loud()[0]["log_format"])

    def test_tokens_may_have_the_names_of_their_owners(self):
        self.write_tokens("secret billing service\n")
        self.serve()
        self.assertEqual((self.post()[0], self.post(token="billing")[0]), (200, 403))

    def test_the_token_may_have_a_header_of_its_own(self):
        self.serve()
        basic = {"Authorization": "Basic YTpi"}
        self.assertEqual(self.ask("POST", body="hi", Publish_Token="secret", **basic)[0], 200)
        self.assertEqual(self.post(Publish_Token="wrong")[0], 403)
        self.assertEqual(self.post(Publish_Token="no token")[0], 401)

    def test_each_token_publishes_at_a_rate(self):
        self.serve(publish_rate=2)
        self.assertEqual([self.post()[0] for _ in range(2)], [200, 200])
        status, head, body = self.post()
        self.assertEqual(status, 429)
        self.assertIn("Retry-After: 1\r\n", head)
        self.assertEqual(body, "At most 2 requests a second are allowed here.\n")
        self.assertEqual(self.post(token="other==")[0], 200)
        self.clock.advance(0.5)
        self.assertEqual([self.post()[0] for _ in range(2)], [200, 429])

    def test_tokens_that_are_quiet_again_are_forgotten(self):
        self.serve(tokens=lambda token, room: token != "wrong")
        for number in range(100):
            self.post(token=f"t{number}")
            self.post(token="wrong")
            self.clock.advance(0.1)
        self.assertLessEqual(len(self.resource.allowances), 11)

    def test_a_function_checks_tokens_and_its_exceptions_stay_here(self):
        async def check(token, room):
            return {"good": True, "bad": False}[token] and room == "a"

        self.serve(tokens=check)
        self.assertEqual(self.post(token="good")[0], 200)
        self.assertEqual(self.post(token="good", path="/chat/room/b")[0], 403)
        self.assertEqual(self.post(token="bad")[0], 403)
        status, _, body = self.post(token="ugly")
        self.assertEqual((status, "ugly" in body), (500, False))
        self.assertEqual(len(self.take_loud()), 1)

    def test_a_client_that_leaves_while_a_function_decides_needs_no_answer(self):
        decision = Deferred()
        self.serve(tokens=lambda token, room: decision)
        self.request("POST", body="hi", Authorization="Bearer x").drop()
        decision.callback(False)

    def test_a_message_with_the_same_key_is_not_doubled(self):
        self.serve()
        first, again = (json.loads(self.post(Idempotency_Key="k")[2]) for _ in range(2))
        self.assertEqual(first, again)

    def test_bytes_that_are_no_text_are_binary(self):
        self.serve()
        self.post(b"\xff")
        self.post(b"text", Content_Type="application/octet-stream")
        batch = self.successResultOf(self.relay._history.since("a", None, 9))
        self.assertEqual([each.data for each in batch.messages], [b"\xff", b"text"])

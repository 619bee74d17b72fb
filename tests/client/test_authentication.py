"""Rounds of authentication: the demands that a hook gets, and the values that it may return."""

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from txws2.client.authentication import MAX_ROUNDS, Authentication, digest_auth
from txws2.exceptions import InvalidHeader
from txws2.wire.http.heads import Response


def refusal(*challenges, status=401, header="WWW-Authenticate"):
    response = Response(status, "No")
    for challenge in challenges:
        response.headers.addRawHeader(header, challenge)
    return response


class HookTests(SynchronousTestCase):
    def rounds(self, hook, is_proxy=False):
        self.authentication = Authentication(hook, "example.com", 81, is_proxy)

    def answer(self, response):
        coroutine = self.authentication.answer(response, "GET", "/chat")
        return Deferred.fromCoroutine(coroutine)

    def test_a_hook_gets_the_challenges(self):
        demands = []
        self.rounds(demands.append)
        response = refusal('Digest realm="x", nonce="y"', "NTLM")
        self.assertIsNone(self.successResultOf(self.answer(response)))
        [demand] = demands
        self.assertEqual([each.scheme for each in demand.challenges], ["Digest", "NTLM"])
        self.assertEqual((demand.host, demand.port, demand.is_proxy), ("example.com", 81, False))
        self.assertEqual((demand.method, demand.target, demand.round), ("GET", "/chat", 1))
        self.assertIs(demand.response, response)
        self.assertEqual(demand.offers("digest").parameters["nonce"], "y")
        self.assertIsNone(demand.offers("Basic"))

    def test_it_returns_a_value_a_deferred_or_a_coroutine(self):
        async def coroutine(demand):
            return "Bearer c"

        class Awaited:
            def __await__(self):
                yield from ()
                return "Bearer d"

        waiting = Deferred()
        for hook, expected in (
            (lambda demand: Awaited(), "Bearer d"),
            (lambda demand: "Bearer a", "Bearer a"),
            (lambda demand: waiting, "Bearer b"),
            (coroutine, "Bearer c"),
        ):
            self.rounds(hook)
            answer = self.answer(refusal("Bearer"))
            if expected == "Bearer b":
                self.assertNoResult(answer)
                waiting.callback(expected)
            self.assertEqual(self.successResultOf(answer), expected)

    def test_it_has_a_memory_from_round_to_round_and_rounds_have_an_end(self):
        def hook(demand):
            demand.memory.setdefault("rounds", []).append(demand.round)
            memories.append(demand.memory)
            return "X y"

        memories = []
        self.rounds(hook)
        answers = [self.successResultOf(self.answer(refusal("X"))) for _ in range(MAX_ROUNDS + 2)]
        self.assertEqual(answers, ["X y"] * MAX_ROUNDS + [None, None])
        self.assertEqual(memories[-1], {"rounds": [1, 2, 3, 4, 5]})

    def test_only_its_own_status_and_header_are_for_it(self):
        for is_proxy, response in (
            (False, refusal("X", status=407)),
            (False, refusal("X", header="Proxy-Authenticate")),
            (False, refusal()),
            (False, refusal("@")),
            (True, refusal("X")),
            (True, refusal("X", status=407)),
            (True, refusal("X", status=403, header="Proxy-Authenticate")),
        ):
            self.rounds(lambda demand: self.fail("asked"), is_proxy)
            self.assertIsNone(self.successResultOf(self.answer(response)))
        self.rounds(lambda demand: "X y", is_proxy=True)
        response = refusal("X", status=407, header="Proxy-Authenticate")
        self.assertEqual(self.successResultOf(self.answer(response)), "X y")

    def test_an_exception_of_the_hook_comes_through(self):
        self.rounds(lambda demand: 1 / 0)
        self.failureResultOf(self.answer(refusal("X")), ZeroDivisionError)

    def test_a_value_that_no_header_can_have_is_refused_and_not_shown(self):
        """Attack 9."""
        for value in ("secret\r\nX: y", "sécret", "", " secret", b"secret", 7, "secret\0"):
            for is_proxy, name in ((False, "Authorization"), (True, "Proxy-Authorization")):
                self.rounds(lambda demand, value=value: value, is_proxy)
                status, header = (
                    (407, "Proxy-Authenticate") if is_proxy else (401, "WWW-Authenticate")
                )
                answer = self.answer(refusal("X", status=status, header=header))
                error = self.failureResultOf(answer, InvalidHeader).value
                self.assertIn(f"invalid {name} header: the hook must return", str(error))
                self.assertNotIn("secret", str(error) + repr(error))


class DigestTests(SynchronousTestCase):
    def answers(self, *responses):
        authentication = Authentication(digest_auth("me", "secret"), "h", 80, is_proxy=False)
        answers = []
        for response in responses:
            answer = Deferred.fromCoroutine(authentication.answer(response, "GET", "/"))
            answers.append(self.successResultOf(answer))
        return answers

    def test_it_answers_once(self):
        challenge = refusal('Digest realm="x", nonce="y", qop="auth"', 'Basic realm="x"')
        first, second = self.answers(challenge, challenge)
        self.assertIn('Digest username="me"', first)
        self.assertIsNone(second)

    def test_it_answers_once_more_if_the_nonce_was_too_old(self):
        first = refusal('Digest realm="x", nonce="y", qop="auth"')
        stale = refusal('Digest realm="x", nonce="z", qop="auth", stale=TRUE')
        answers = self.answers(first, stale, stale)
        self.assertIn('nonce="y"', answers[0])
        self.assertIn('nonce="z"', answers[1])
        self.assertIsNone(answers[2])

    def test_it_prefers_the_strongest(self):
        offers = [f'Digest realm="x", nonce="{a}", algorithm={a}' for a in ("MD5", "SHA-256")]
        for order in (offers, offers[::-1]):
            [answer] = self.answers(refusal(*order))
            self.assertIn('nonce="SHA-256"', answer)

    def test_without_digest_there_is_no_answer(self):
        self.assertEqual(self.answers(refusal('Basic realm="x"', "Negotiate")), [None])

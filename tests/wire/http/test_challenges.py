"""WWW-Authenticate and Proxy-Authenticate, well-formed and not."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.wire import same_each_time
from txws2.wire.http.challenges import Challenge, parse_challenges

SIZE = 64 * 1024


class ParseTests(SynchronousTestCase):
    def assertParsed(self, *lines_and_expected):
        *lines, expected = lines_and_expected
        self.assertEqual(parse_challenges(lines), [Challenge(*each) for each in expected])

    def test_the_example_of_the_rfc(self):
        """RFC 9110 section 11.6.1."""
        self.assertParsed(
            'Basic realm="simple", Newauth realm="apps", type=1, title="Login to \\"apps\\""',
            [
                ("Basic", {"realm": "simple"}),
                ("Newauth", {"realm": "apps", "type": "1", "title": 'Login to "apps"'}),
            ],
        )

    def test_several_are_in_one_line_or_in_several(self):
        first, second = ("Digest", {"realm": "a, b", "nonce": "x"}), ("Basic", {"realm": "c"})
        one, other = 'Digest realm="a, b", nonce=x', "Basic realm=c"
        self.assertParsed(one, other, [first, second])
        self.assertParsed(f"{one}, {other}", [first, second])
        self.assertParsed(f"{other},{one}", [second, first])
        self.assertParsed(f", ,{other}\t,, {one} , ", [second, first])

    def test_a_scheme_may_stand_alone(self):
        self.assertParsed("Negotiate", "NTLM", [("Negotiate",), ("NTLM",)])
        self.assertParsed("Negotiate, NTLM", [("Negotiate",), ("NTLM",)])
        self.assertParsed("NTLM, Basic realm=x", [("NTLM",), ("Basic", {"realm": "x"})])

    def test_a_scheme_may_have_a_token(self):
        self.assertParsed("NTLM TlRMTVNTUAAC==", [("NTLM", {}, "TlRMTVNTUAAC==")])
        self.assertParsed("A YWJj , B x/+-._~=", [("A", {}, "YWJj"), ("B", {}, "x/+-._~=")])
        self.assertParsed("A abc, B c=d", [("A", {}, "abc"), ("B", {"c": "d"})])

    def test_names_are_in_any_case_and_may_have_blanks_round_the_equals_sign(self):
        self.assertParsed(
            'Digest ReAlm \t= "X", NONCE =y', [("Digest", {"realm": "X", "nonce": "y"})]
        )

    def test_the_first_of_two_equal_names_counts(self):
        self.assertParsed("A x=1, X=2", [("A", {"x": "1"})])

    def test_a_value_may_have_escapes_and_be_empty(self):
        self.assertParsed(r'A x="\"\\\a", y=""', [("A", {"x": '"\\a', "y": ""})])

    def test_nothing_is_none(self):
        self.assertParsed([])
        for line in ("", " ", ",", '"', "=", "@", '"a" b'):
            self.assertParsed(line, [])

    def test_an_unreadable_challenge_ends_its_line(self):
        self.assertParsed(
            'A x=1, B y="open', "C z=2", [("A", {"x": "1"}), ("B",), ("C", {"z": "2"})]
        )
        self.assertParsed("A x=1 y=2, B", [("A", {"x": "1"})])
        self.assertParsed("A x y, B", [("A",)])
        self.assertParsed("A x=, B", [("A", {}, "x="), ("B",)])
        self.assertParsed('A x="é\x01", B', [("A",)])

    def test_64_kib_of_each_shape(self):
        """Attack 7: linear in what a peer sends."""
        shapes = ('"', '\\"', "a=", 'a="', "a,", "a=b,", "a ", "=", " ", ",", 'a="b",', "a =", "\\")
        for shape in shapes:
            for before in ("", "Digest ", 'Digest a="', "Digest a=b, "):
                parse_challenges([before + shape * (SIZE // len(shape))])

    @same_each_time
    @given(st.text('aB=", \t\\/@é') | st.text())
    def test_any_header_gives_a_list(self, text):
        for challenge in parse_challenges([text]):
            self.assertTrue(challenge.scheme)
            self.assertTrue(challenge.token is None or challenge.parameters == {})

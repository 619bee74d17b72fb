"""Digest: the examples of RFC 7616 and of RFC 2617, and the choice of a challenge."""

import hashlib

from twisted.trial.unittest import SynchronousTestCase

from txws2.wire.http.challenges import Challenge, parse_challenges
from txws2.wire.http.digest import answer_digest, strongest_digest

NONCE = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v"
CNONCE = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"
OPAQUE = "FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"


def digest(**parameters):
    return Challenge("Digest", {"realm": "r", "nonce": "n", **parameters})


def answered(challenge, username="me", password="secret", cnonce=None):
    """Return the answer's parts."""
    answer = answer_digest(challenge, username, password, "GET", "/", cnonce)
    [read] = parse_challenges([answer])
    return answer, read.parameters


def md5(*parts):
    return hashlib.md5(":".join(parts).encode()).hexdigest()


class RFCTests(SynchronousTestCase):
    def test_md5_and_sha_256(self):
        """RFC 7616 section 3.9.1."""
        for algorithm, response in (
            ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
            ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
        ):
            challenge = digest(
                realm="http-auth@example.org",
                qop="auth, auth-int",
                algorithm=algorithm,
                nonce=NONCE,
                opaque=OPAQUE,
            )
            answer = answer_digest(
                challenge, "Mufasa", "Circle of Life", "GET", "/dir/index.html", CNONCE
            )
            self.assertEqual(
                answer,
                'Digest username="Mufasa", realm="http-auth@example.org", '
                f'nonce="{NONCE}", uri="/dir/index.html", response="{response}", '
                f'algorithm={algorithm}, opaque="{OPAQUE}", '
                f'qop=auth, nc=00000001, cnonce="{CNONCE}"',
            )

    def test_sha_512_256_and_a_user_s_name_that_is_hashed(self):
        """RFC 7616 section 3.9.2, with the hashes of its erratum 4897."""
        if "sha512_256" not in hashlib.algorithms_available:
            self.skipTest("OpenSSL has no SHA-512/256 here")
        challenge = digest(
            realm="api@example.org",
            qop="auth",
            algorithm="SHA-512-256",
            nonce="5TsQWLVdgBdmrQ0XsxbDODV+57QdFR34I9HAbC/RVvkK",
            opaque="HRPCssKJSGjCrkzDg8OhwpzCiGPChXYjwrI2QmXDnsOS",
            charset="UTF-8",
            userhash="true",
        )
        answer = answer_digest(
            challenge,
            "J\u00e4s\u00f8n Doe",
            "Secret, or not?",
            "GET",
            "/doe.json",
            "NTg6RKcb9boFIAS3KrFK9BGeh+iDa/sm6jUMp2wds69v",
        )
        for part in (
            'username="793263caabb707a56211940d90411ea4a575adeccb7e360aeb624ed06ece9b0b"',
            'response="3798d4131c277846293534c3edc11bd8a5e4cdcbff78b05db9d95eeb1cec68a5"',
            "userhash=true",
        ):
            self.assertIn(part, answer)

    def test_without_qop_it_is_that_of_old_servers(self):
        """RFC 2069 section 2.4, with the response of its erratum 749."""
        challenge = digest(realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093")
        answer = answer_digest(challenge, "Mufasa", "CircleOfLife", "GET", "/dir/index.html")
        self.assertIn('response="1949323746fe6a43ef61f9606e7febea"', answer)
        self.assertNotIn("nc=", answer)
        self.assertNotIn("algorithm=", answer)


class AnswerTests(SynchronousTestCase):
    def test_the_secret_of_a_session_has_both_nonces_in_it(self):
        """RFC 7616 section 3.4.2."""
        answer, parts = answered(digest(algorithm="md5-Sess", qop="auth"), cnonce="c")
        secret = md5(md5("me", "r", "secret"), "n", "c")
        expected = md5(secret, "n", "00000001", "c", "auth", md5("GET", "/"))
        self.assertEqual(parts["response"], expected)
        self.assertIn("algorithm=md5-Sess", answer)

    def test_each_answer_has_a_nonce_of_its_own(self):
        nonces = {answered(digest(qop="auth"))[1]["cnonce"] for _ in range(9)}
        self.assertEqual(len(nonces), 9)

    def test_a_user_s_name_may_have_any_characters(self):
        for name, sent in (
            ('a "b" \\', r'username="a \"b\" \\"'),
            ("Jäsøn, D", "username*=UTF-8''J%C3%A4s%C3%B8n%2C%20D"),
            ("a\r\nX: y", "username*=UTF-8''a%0D%0AX%3A%20y"),
        ):
            answer, parts = answered(digest(), username=name)
            self.assertIn(sent, answer)
            secret = md5(name, "r", "secret")
            self.assertEqual(parts["response"], md5(secret, "n", md5("GET", "/")))

    def test_the_realm_comes_back_as_it_came(self):
        answer, _ = answered(digest(realm='a "b"'))
        self.assertIn(r'realm="a \"b\""', answer)

    def test_the_password_is_not_in_it(self):
        self.assertNotIn("secret", answered(digest(qop="auth"))[0])


class StrongestTests(SynchronousTestCase):
    def test_the_strongest_is_taken_whatever_the_order(self):
        md5, sha, none = digest(algorithm="MD5"), digest(algorithm="sha-256"), digest()
        for offered, best in (
            ([md5, sha], sha),
            ([sha, md5], sha),
            ([none, md5], none),
            ([digest(algorithm="MD5-sess"), digest(algorithm="SHA-256-sess")], None),
            ([Challenge("Basic", {"realm": "r"}), md5], md5),
        ):
            self.assertEqual(strongest_digest(offered), best or offered[-1])

    def test_one_that_cannot_be_answered_is_none(self):
        for challenge in (
            Challenge("Basic", {"realm": "r", "nonce": "n"}),
            Challenge("Digest", {"realm": "r"}),
            Challenge("Digest", {}, "token"),
            digest(algorithm="SHA-3"),
            digest(algorithm="\u017fHA-256"),
            digest(algorithm=""),
            digest(qop="auth-int"),
            digest(qop=""),
            digest(realm="é"),
            digest(nonce="\x80"),
            digest(opaque="\ufffd"),
        ):
            self.assertIsNone(strongest_digest([challenge]))
        self.assertIsNone(strongest_digest([]))

    def test_a_system_without_an_algorithm_takes_another(self):
        self.patch(hashlib, "algorithms_available", {"md5", "sha256"})
        sha = digest(algorithm="SHA-256")
        self.assertIs(strongest_digest([digest(algorithm="SHA-512-256"), sha]), sha)

    def test_the_scheme_and_the_quality_are_in_any_case(self):
        for challenge in (Challenge("DIGEST", {"nonce": "n"}), digest(qop="auth-int , AUTH")):
            self.assertIs(strongest_digest([challenge]), challenge)

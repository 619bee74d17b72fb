from base64 import b64encode
from hashlib import sha1
from random import Random

from twisted.trial.unittest import SynchronousTestCase as TestCase

from tests.support.heads import headers_of
from tests.support.opening import ACCEPT, KEY, HandshakeTestCase
from tests.support.twins import in_c, pure
from txws2.exceptions import InvalidHeader, InvalidHeaderFormat, InvalidUpgrade, NegotiationError
from txws2.wire.handshake.rules import (
    VERSION,
    accept_key,
    check_subprotocols,
    check_upgrade,
    single,
)


class KeyTests(TestCase):
    accept_key = pure("accept_key")

    def test_the_example_of_the_rfc(self):
        """Section 1.3."""
        self.assertEqual(self.accept_key(KEY), ACCEPT)

    def test_a_key_of_any_length_has_the_answer_that_hashlib_gives(self):
        random = Random(1)
        for size in [*range(300), 2**16]:
            key = b64encode(random.randbytes(size)).decode()[:size]
            digest = sha1(key.encode() + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()
            self.assertEqual(self.accept_key(key), b64encode(digest).decode(), size)

    def test_a_key_is_a_str(self):
        with self.assertRaises((TypeError, AttributeError)):
            self.accept_key(1)
        self.assertRaises(UnicodeEncodeError, self.accept_key, "\udc80")

    def test_the_version_is_13(self):
        self.assertEqual(VERSION, "13")


@in_c
class KeyInCTests(KeyTests):
    accept_key = staticmethod(accept_key)


class SingleTests(HandshakeTestCase):
    def test_there_is_one_value(self):
        self.assertEqual(single(headers_of(("Host", "h"), ("X", "a")), "host"), "h")
        self.assertEqual(single(headers_of(("X", "")), "X"), "")

    def test_none_or_two_are_refused(self):
        expected = InvalidHeader, "missing X header"
        self.assertEqual(self.complaint(single, headers_of(), "X"), expected)
        expected = InvalidHeader, "invalid X header: it occurs more than once"
        headers = headers_of(("X", "a"), ("x", "a"))
        self.assertEqual(self.complaint(single, headers, "X"), expected)


class CheckUpgradeTests(HandshakeTestCase):
    def judged(self, connection, upgrade):
        headers = headers_of(("Connection", connection), ("Upgrade", upgrade))
        return self.complaint(check_upgrade, headers)

    def test_both_may_say_more_in_any_case(self):
        for connection, upgrade in (
            ("Upgrade", "websocket"),
            ("keep-alive, UPGRADE", "h2c/1,\tWebSocket "),
        ):
            self.assertIsNone(self.judged(connection, upgrade))

    def test_the_words_alone_and_the_words_among_others_are_judged_alike(self):
        for connection in ("Upgrade", "upgrade", "UPGRADE", "upgrade,", "Upgrade, a"):
            for upgrade in ("websocket", "WebSocket", "websocket, h2c"):
                self.assertIsNone(self.judged(connection, upgrade))
            self.assertIsNotNone(self.judged(connection, "websockets"))

    def test_both_are_needed(self):
        expected = InvalidUpgrade, "invalid Connection header: close"
        self.assertEqual(self.judged("close", "websocket"), expected)
        expected = InvalidUpgrade, "invalid Upgrade header: h2c"
        self.assertEqual(self.judged("upgrade", "h2c"), expected)
        expected = InvalidUpgrade, "missing Connection header"
        self.assertEqual(self.complaint(check_upgrade, headers_of()), expected)

    def test_connection_is_a_list_of_tokens(self):
        message = "invalid Connection header: expected a comma at 2 in 'a Upgrade'"
        self.assertEqual(self.judged("a Upgrade", "websocket"), (InvalidHeaderFormat, message))


class SubprotocolsTests(HandshakeTestCase):
    def test_subprotocols_are_a_sequence(self):
        exc = self.assertRaises(TypeError, check_subprotocols, "chat")
        self.assertEqual(str(exc), "subprotocols is a sequence of strings, as ['chat']")

    def test_subprotocols_are_tokens_each_once(self):
        """Attack 9, among others."""
        check_subprotocols(())
        check_subprotocols(["chat", "Chat"])
        for name in ("", "a b", "a,b", "a\r\nX: y", "a\x00", "é"):
            expected = NegotiationError, f"invalid subprotocol: {name!r} isn't a token"
            self.assertEqual(self.complaint(check_subprotocols, ["a", name]), expected)
        expected = NegotiationError, "invalid subprotocols: one occurs twice"
        self.assertEqual(self.complaint(check_subprotocols, ["a", "b", "a"]), expected)

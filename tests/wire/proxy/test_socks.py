"""SOCKS, version by version; each conversation comes at once, and byte by byte."""

from twisted.trial.unittest import SynchronousTestCase

from txws2.exceptions import ProxyError, UnreachableThroughProxy
from txws2.wire.proxy.socks import SOCKSTunnel
from txws2.wire.proxy.urls import parse_proxy

NAME = b"\x03\x0bexample.com\x01\xbb"
BOUND = b"\x01\x7f\x00\x00\x01\x04\x38"


class SOCKSTestCase(SynchronousTestCase):
    url = "socks5h://p"

    def tunnel(self, url=None, host="example.com", port=443):
        self.ours = SOCKSTunnel(parse_proxy(url or self.url), host, port)
        return self.ours.begin()

    def converse(self, *steps, **options):
        """Assert the bytes that are sent first, and after each reply, however it arrives."""
        first, *answers = steps
        for whole in (True, False):
            self.assertEqual(self.tunnel(**options), first)
            for answer, reply in answers:
                pieces = [answer] if whole else [bytes([byte]) for byte in answer]
                self.assertFalse(self.ours.complete)
                self.assertEqual(b"".join(map(self.ours.receive, pieces)), reply)

    def assertRefused(self, words, *answers, kind=ProxyError, **options):
        for whole in (True, False):
            with self.assertRaises(ProxyError) as caught:
                self.tunnel(**options)
                for answer in answers:
                    for piece in [answer] if whole else [bytes([byte]) for byte in answer]:
                        self.ours.receive(piece)
            self.assertIs(type(caught.exception), kind)
            self.assertIn("did not let us through: ", str(caught.exception))
            self.assertIn(words, str(caught.exception))


class Version5Tests(SOCKSTestCase):
    def test_a_name_is_the_proxy_s_to_look_up(self):
        request = b"\x05\x01\x00" + NAME
        self.converse(b"\x05\x01\x00", (b"\x05\x00", request), (b"\x05\x00\x00" + BOUND, b""))
        self.assertTrue(self.ours.complete)

    def test_addresses_are_sent_as_such(self):
        for host, target in (
            ("1.2.3.4", b"\x01\x01\x02\x03\x04"),
            ("::1", b"\x04" + b"\0" * 15 + b"\x01"),
        ):
            request = b"\x05\x01\x00" + target + b"\x01\xbb"
            self.converse(b"\x05\x01\x00", (b"\x05\x00", request), host=host)

    def test_each_form_of_the_bound_address_is_read(self):
        for bound in (BOUND, b"\x03\x03abc\x00\x50", b"\x03\x00\x00\x50", b"\x04" + b"\0" * 18):
            self.converse(
                b"\x05\x01\x00",
                (b"\x05\x00", b"\x05\x01\x00" + NAME),
                (b"\x05\x00\x00" + bound, b""),
            )
            self.assertTrue(self.ours.complete)

    def test_with_a_password_if_the_proxy_wants_it(self):
        self.converse(
            b"\x05\x02\x00\x02",
            (b"\x05\x02", b"\x01\x02me\x06secret"),
            (b"\x01\x00", b"\x05\x01\x00" + NAME),
            url="socks5://me:secret@p",
        )
        self.converse(
            b"\x05\x02\x00\x02",
            (b"\x05\x00", b"\x05\x01\x00" + NAME),
            url="socks5://me:secret@p",
        )

    def test_a_password_may_be_none(self):
        self.converse(b"\x05\x02\x00\x02", (b"\x05\x02", b"\x01\x02me\x00"), url="socks5://me@p")

    def test_the_bytes_behind_the_reply_have_come_through(self):
        self.tunnel()
        self.ours.receive(b"\x05\x00")
        self.ours.receive(b"\x05\x00\x00" + BOUND + b"hello")
        self.assertEqual(self.ours.rest, b"hello")

    def test_each_refusal_has_its_words(self):
        ready = b"\x05\x00"
        for words, *answers in (
            ("another way to log in than one without a password", b"\x05\xff"),
            ("the authentication method 2, which was not offered", b"\x05\x02"),
            ("isn't SOCKS 5", b"HT"),
            ("isn't SOCKS 5", ready, b"HTTP/"),
            ("its rules forbid it", ready, b"\x05\x02\x00\x01\x00"),
            ("it can't connect to anything", ready, b"\x05\x07\x00\x01\x00"),
            ("its reply has the code 99", ready, b"\x05\x63\x00\x01\x00"),
            ("an address of the unknown type 9", ready, b"\x05\x00\x00\x09\x00"),
        ):
            self.assertRefused(words, *answers)
        login = {"url": "socks5://me:secret@p"}
        self.assertRefused("than one with or without a password", b"\x05\xff", **login)
        self.assertRefused("user name or password is wrong", b"\x05\x02", b"\x01\x01", **login)

    def test_an_unreachable_server_is_distinguished(self):
        for words, code in (
            ("it failed", 1),
            ("the network can't be reached", 3),
            ("the host can't be reached", 4),
            ("the connection was refused", 5),
            ("it took too long", 6),
        ):
            answer = bytes([5, code, 0, 1, 0])
            self.assertRefused(words, b"\x05\x00", answer, kind=UnreachableThroughProxy)

    def test_a_name_that_is_too_long_is_not_cut(self):
        self.assertRefused("longer than 255 bytes", b"\x05\x00", host="x" * 256)

    def test_an_end_is_reported(self):
        self.tunnel()
        self.assertIn("it closed the connection", str(self.ours.ended()))


class Version4Tests(SOCKSTestCase):
    url = "socks4a://me@p"

    def test_a_name_is_the_proxy_s_to_look_up(self):
        request = b"\x04\x01\x01\xbb\x00\x00\x00\x01me\x00example.com\x00"
        self.converse(request, (b"\x00\x5a" + b"\x00" * 6, b""))
        self.assertTrue(self.ours.complete)

    def test_an_address_is_sent_as_such(self):
        request = b"\x04\x01\x01\xbb\x01\x02\x03\x04\x00"
        self.converse(request, (b"\x00\x5a" + b"\x00" * 6, b""), url="socks4://p", host="1.2.3.4")

    def test_each_refusal_has_its_words(self):
        for words, answer in (
            ("we aren't who we say", b"\x00\x5d"),
            ("its reply has the code 1", b"\x00\x01"),
            ("isn't SOCKS 4", b"\x04\x5a"),
        ):
            self.assertRefused(words, answer + b"\x00" * 6)

    def test_an_unreachable_server_is_distinguished_if_the_proxy_says_so(self):
        answer = b"\x00\x5b" + b"\x00" * 6
        self.assertRefused("it refused, or failed", answer, kind=UnreachableThroughProxy)

    def test_it_cannot_carry_everything(self):
        self.assertRefused("knows no IPv6", host="::1")
        self.assertRefused("a zero byte", url="socks4://a%00b@p")

from itertools import product

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase as TestCase

from tests.support.strategies import wishes
from tests.wire import same_each_time
from txws2.exceptions import NegotiationError
from txws2.wire.http.grammar import parse_extensions
from txws2.wire.permessage_deflate import (
    PRESETS,
    Deflate,
    PerMessageDeflate,
    accept_offer,
    check_answer,
    make_offers,
)

NAME = "permessage-deflate"


def options(words="", **more):
    """Options in the words of a header; as permessage-deflate's parameters, with values."""
    [(_, pairs)] = parse_extensions([f"{NAME}{words and '; '}{words}"])
    values = {name: True if value is None else int(value) for name, value in pairs}
    return PerMessageDeflate(**values, **more)


def accepted(offers, ours=""):
    """Return the agreed parameters, and those of the answer; None if all offers are declined."""
    offered = [f"{NAME}{offer and '; '}{offer}" for offer in offers]
    found = accept_offer(parse_extensions(offered), options(ours))
    if found is None:
        return None
    agreed, answer = found
    return agreed, answer.removeprefix(NAME).removeprefix("; ")


def checked(answer, ours=""):
    """Return the agreed parameters, or the reason why there are none."""
    extensions = parse_extensions([f"{NAME}{answer and '; '}{answer}"])
    try:
        return check_answer(extensions, options(ours))
    except NegotiationError as exc:
        return str(exc)


# Attack 8: parameters that nobody may send, and the errors for them.
ILLEGAL = {
    "constructor": "unknown parameter: constructor",
    "__proto__=1": "unknown parameter: __proto__",
    "Server_no_context_takeover": "unknown parameter: Server_no_context_takeover",
    "x" * 100: "unknown parameter: " + "x" * 80,
    **{
        f"{side}_no_context_takeover={value}": (
            f"invalid value of parameter {side}_no_context_takeover: {value}"
        )
        for side, value in product(("server", "client"), ("1", "true", "x"))
    },
    **{
        f"{side}_max_window_bits={value}": (
            f"invalid value of parameter {side}_max_window_bits: {value[:80]}"
        )
        for side in ("server", "client")
        for value in ("0", "7", "16", "99", "-1", "08", "+9", "8.0", "1e1", "010", "9" * 5000)
    },
    "server_max_window_bits": "invalid value of parameter server_max_window_bits: None",
    **{
        f"{one}; {two}": f"duplicate parameter: {one.partition('=')[0]}"
        for one, two in (
            ("server_no_context_takeover", "server_no_context_takeover"),
            ("client_no_context_takeover", "client_no_context_takeover"),
            ("server_max_window_bits=10", "server_max_window_bits=10"),
            ("client_max_window_bits=10", "client_max_window_bits=11"),
            ("client_max_window_bits=10", "client_max_window_bits"),
        )
    },
}


class OptionsTests(TestCase):
    RANGES = {
        "server_max_window_bits": (9, 15),
        "client_max_window_bits": (9, 15),
        "level": (1, 9),
        "memory_level": (1, 9),
    }

    def test_all_of_a_range_may_be_asked_for(self):
        for name, (least, most) in self.RANGES.items():
            for value in range(least, most + 1):
                self.assertEqual(getattr(PerMessageDeflate(**{name: value}), name), value)

    def test_nothing_else_may_be(self):
        for name, (least, most) in self.RANGES.items():
            for value in (least - 1, most + 1, 0, -15):
                exc = self.assertRaises(ValueError, PerMessageDeflate, **{name: value})
                message = f"{name} must be from {least} to {most}; it is {value}"
                self.assertEqual(str(exc), message)

    def test_the_threshold_is_any_number_of_bytes(self):
        for threshold in (0, 1, 2**40):
            self.assertEqual(PerMessageDeflate(threshold=threshold).threshold, threshold)
        exc = self.assertRaises(ValueError, PerMessageDeflate, threshold=-1)
        self.assertEqual(str(exc), "threshold must be at least 0; it is -1")

    def test_they_do_not_change(self):
        self.assertRaises(AttributeError, setattr, PerMessageDeflate(), "level", 9)

    def test_presets_have_names(self):
        self.assertEqual(set(PRESETS), {"deflate", "memory", "balanced", "ratio"})
        self.assertEqual(PRESETS["deflate"], PRESETS["balanced"])
        for preset in PRESETS.values():
            self.assertIsInstance(preset, PerMessageDeflate)


class MakeOffersTests(TestCase):
    def test_offers_are_best_first(self):
        server, client = "server_no_context_takeover", "client_no_context_takeover"
        for wish, expected in {
            "": ["client_max_window_bits"],
            server: [f"{server}; client_max_window_bits"],
            client: [f"{client}; client_max_window_bits"],
            "client_max_window_bits=15": ["client_max_window_bits=15"],
            "server_max_window_bits=10": [
                "server_max_window_bits=10; client_max_window_bits",
                "client_max_window_bits",
            ],
            f"{server}; {client}; server_max_window_bits=15; client_max_window_bits=9": [
                f"{server}; {client}; server_max_window_bits=15; client_max_window_bits=9",
                f"{server}; {client}; client_max_window_bits=9",
            ],
        }.items():
            offers = [f"{NAME}; {words}" for words in expected]
            self.assertEqual(make_offers(options(wish)), offers)

    def test_a_caller_may_change_the_list(self):
        mine = PerMessageDeflate()
        make_offers(mine).clear()
        self.assertEqual(make_offers(mine), [f"{NAME}; client_max_window_bits"])

    def test_a_flag_may_be_any_true_value(self):
        first = make_offers(PerMessageDeflate(server_no_context_takeover=1))
        second = make_offers(PerMessageDeflate(server_no_context_takeover=True))
        self.assertEqual(first, second)
        self.assertIn("; server_no_context_takeover;", first[0])

    def test_the_level_of_our_compression_is_not_negotiated(self):
        mine = PerMessageDeflate(level=9, memory_level=9, threshold=0)
        self.assertEqual(make_offers(mine), [f"{NAME}; client_max_window_bits"])


class AcceptOfferTests(TestCase):
    def test_without_parameters(self):
        self.assertEqual(accepted([""]), (Deflate(), ""))

    def test_takeover_is_what_both_want(self):
        words = ["server_no_context_takeover", "client_no_context_takeover"]
        choices = [(), words[:1], words[1:], words]
        for offer, ours in product(choices, choices):
            wanted = [word for word in words if word in offer or word in ours]
            agreed = Deflate(words[0] not in wanted, words[1] not in wanted)
            found = accepted(["; ".join(offer)], "; ".join(ours))
            self.assertEqual(found, (agreed, "; ".join(wanted)))

    def test_the_server_s_window_is_the_smaller(self):
        name = "server_max_window_bits"
        for offer, ours in product((None, *range(9, 16)), repeat=2):
            bits = min(offer or 15, ours or 15)
            stated = f"{name}={bits}" if offer or bits < 15 else ""
            found = accepted([f"{name}={offer}" if offer else ""], f"{name}={ours}" if ours else "")
            self.assertEqual(found, (Deflate(server_window_bits=bits), stated))

    def test_the_client_s_window_is_the_smaller_if_it_can(self):
        name = "client_max_window_bits"
        for offer, ours in product(("", *range(8, 16)), (None, *range(9, 16))):
            bits = min(offer or 15, ours or 15)
            stated = f"{name}={bits}" if bits < 15 else ""
            found = accepted(
                [f"{name}={offer}" if offer else name], f"{name}={ours}" if ours else ""
            )
            self.assertEqual(found, (Deflate(client_window_bits=bits), stated))

    def test_a_client_that_cannot_is_not_asked_for_a_smaller_window(self):
        """RFC 7692 section 7.1.2.2."""
        for ours in range(9, 16):
            found = accepted([""], f"client_max_window_bits={ours}")
            self.assertEqual(found, (Deflate(), ""))

    def test_all_at_once(self):
        offer = (
            "client_max_window_bits=12; server_max_window_bits=11; "
            "client_no_context_takeover; server_no_context_takeover"
        )
        answer = (
            "server_no_context_takeover; client_no_context_takeover; "
            "server_max_window_bits=11; client_max_window_bits=10"
        )
        found = accepted([offer], "client_max_window_bits=10; server_max_window_bits=13")
        self.assertEqual(found, (Deflate(False, False, 11, 10), answer))

    def test_values_may_be_quoted(self):
        found = accepted(['server_max_window_bits="10"; client_max_window_bits="1\\2"'])
        answer = "server_max_window_bits=10; client_max_window_bits=12"
        self.assertEqual(found, (Deflate(True, True, 10, 12), answer))

    def test_a_window_that_zlib_cannot_compress_with_is_declined(self):
        self.assertIsNone(accepted(["server_max_window_bits=8"]))

    def test_an_illegal_offer_is_declined(self):
        for offer in ILLEGAL:
            self.assertIsNone(accepted([offer]), msg=offer)
            self.assertIsNone(accepted([f"{offer}; client_no_context_takeover"]), msg=offer)

    def test_the_first_that_can_be_accepted_is(self):
        offers = [*ILLEGAL, "server_max_window_bits=8", "server_max_window_bits=9", "", "x"]
        expected = Deflate(server_window_bits=9), "server_max_window_bits=9"
        self.assertEqual(accepted(offers), expected)
        self.assertEqual(accepted(["", "server_max_window_bits=9"]), (Deflate(), ""))

    def test_other_extensions_are_passed_over(self):
        for offered in ("", "foo", "x-webkit-deflate-frame", "permessage-deflat", "bbf-usp; x=1"):
            self.assertIsNone(accept_offer(parse_extensions([offered]), options()))
        offered = parse_extensions([f"foo; server_max_window_bits=9, {NAME}, bar"])
        self.assertEqual(accept_offer(offered, options()), (Deflate(), NAME))


class CheckAnswerTests(TestCase):
    def test_no_answer_is_no_compression(self):
        for ours in (None, options()):
            self.assertIsNone(check_answer([], ours))

    def test_without_parameters(self):
        self.assertEqual(checked(""), Deflate())

    def test_the_server_may_go_without_takeover_of_its_own_accord(self):
        for ours in ("", "server_no_context_takeover"):
            found = checked("server_no_context_takeover", ours)
            self.assertEqual(found, Deflate(server_takeover=False))

    def test_if_it_was_asked_to_it_must(self):
        asked = "server_no_context_takeover"
        message = f"{NAME} lacks {asked}, which was offered"
        self.assertEqual(checked("", asked), message)

    def test_the_client_goes_without_takeover_if_either_says_so(self):
        word = "client_no_context_takeover"
        for answer, ours in ((word, ""), ("", word), (word, word)):
            self.assertEqual(checked(answer, ours), Deflate(client_takeover=False))

    def test_the_server_s_window_is_as_it_says(self):
        """A server that can't use a smaller window may accept our second offer."""
        for ours in ("", "server_max_window_bits=10"):
            self.assertEqual(checked("", ours), Deflate())
            for bits in range(8, 16):
                found = checked(f"server_max_window_bits={bits}", ours)
                self.assertEqual(found, Deflate(server_window_bits=bits))

    def test_the_client_s_window_is_the_smaller(self):
        for answer, ours in product((None, *range(9, 16)), repeat=2):
            words = [f"client_max_window_bits={bits}" if bits else "" for bits in (answer, ours)]
            bits = min(answer or 15, ours or 15)
            self.assertEqual(checked(*words), Deflate(client_window_bits=bits))

    def test_a_window_that_zlib_cannot_compress_with_is_refused(self):
        message = (
            "the server asks for client_max_window_bits=8; zlib can't compress with less than 9"
        )
        for ours in ("", "client_max_window_bits=9"):
            self.assertEqual(checked("client_max_window_bits=8", ours), message)

    def test_the_client_s_window_must_have_a_value(self):
        """The parameter may go without a value only in an offer (RFC 7692 section 7.1.2.2)."""
        message = "invalid value of parameter client_max_window_bits: None"
        self.assertEqual(checked("client_max_window_bits"), message)

    def test_an_illegal_answer_is_refused(self):
        for answer, message in ILLEGAL.items():
            self.assertEqual(checked(answer), message)

    def test_values_may_be_quoted(self):
        self.assertEqual(checked('server_max_window_bits="9"'), Deflate(server_window_bits=9))

    def refused(self, answered, ours):
        extensions = parse_extensions([answered])
        return str(self.assertRaises(NegotiationError, check_answer, extensions, ours))

    def test_a_parameter_that_was_not_offered_is_refused(self):
        message = f"unsupported extensions: {NAME}; nothing was offered"
        self.assertEqual(self.refused(NAME, None), message)
        for answered in ("foo", "permessage-deflat", "x" * 80):
            message = f"unsupported extensions: {answered}; {NAME} was offered"
            self.assertEqual(self.refused(f"{answered}; x=1", options()), message)
        message = f"unsupported extensions: {'x' * 80}; {NAME} was offered"
        self.assertEqual(self.refused("x" * 100, options()), message)

    def test_there_is_one_at_most(self):
        for answered in (f"{NAME}, {NAME}", f"{NAME}, foo", f"foo, {NAME}"):
            message = f"unsupported extensions: {answered}; {NAME} was offered"
            self.assertEqual(self.refused(answered, options()), message)


class DeflateTests(TestCase):
    def test_each_side_inflates_what_the_other_compresses(self):
        agreed = Deflate(server_window_bits=9, client_window_bits=15)
        for client in (False, True):
            ours = agreed.deflater(PerMessageDeflate(), client=client)
            theirs = agreed.inflater(client=not client)
            self.assertEqual(theirs.finish(None, ours.compress(b"Hello" * 99)), b"Hello" * 99)

    def test_takeover_is_each_side_s_own(self):
        agreed = Deflate(server_takeover=True, client_takeover=False)
        for client in (False, True):
            ours = agreed.deflater(PerMessageDeflate(), client=client)
            self.assertEqual(ours.compress(b"Hello") == ours.compress(b"Hello"), client)


class AnyParametersTests(TestCase):
    """Attack 8: a wrong offer is declined, and a wrong answer is a NegotiationError."""

    NAMES = [
        "server_no_context_takeover",
        "client_no_context_takeover",
        "server_max_window_bits",
        "client_max_window_bits",
    ]
    values = st.one_of(st.none(), st.integers(-1, 17).map(str), st.text(max_size=3))
    pairs = st.lists(st.tuples(st.one_of(st.sampled_from(NAMES), st.text(max_size=3)), values))
    names = st.one_of(st.just(NAME), st.text(max_size=3))
    extensions = st.lists(st.tuples(names, pairs), max_size=3)

    def works(self, agreed, wish, *, client):
        """Zlib accepts all parameters that can be agreed on."""
        ours = agreed.deflater(wish, client=client)
        self.assertEqual(ours.compress(b"Hello"), bytes.fromhex("f248cdc9c90700"))
        theirs = agreed.inflater(client=client)
        self.assertEqual(theirs.finish(None, bytes.fromhex("f248cdc9c90700")), b"Hello")

    @same_each_time
    @given(extensions, wishes)
    def test_as_an_offer(self, offered, wish):
        found = accept_offer(offered, wish)
        if found is not None:
            self.works(found[0], wish, client=False)
            [(name, pairs)] = parse_extensions([found[1]])
            self.assertEqual(name, NAME)
            self.assertEqual([name for name in self.NAMES if name in dict(pairs)], [*dict(pairs)])

    @same_each_time
    @given(extensions, st.one_of(st.none(), wishes))
    def test_as_an_answer(self, answered, wish):
        try:
            agreed = check_answer(answered, wish)
        except NegotiationError:
            return
        if agreed is None:
            self.assertEqual(answered, [])
        else:
            self.works(agreed, wish, client=True)

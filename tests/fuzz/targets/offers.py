"""Negotiating compression with any peer: the agreed parameters work, and are those of the answer.

The text is taken once for a client's offers and once for a server's answer.
"""

from tests.fuzz.choices import Choices
from tests.fuzz.documented import raises_only
from txws2.exceptions import InvalidHeaderFormat, NegotiationError
from txws2.wire.http.grammar import parse_extensions
from txws2.wire.permessage_deflate import PerMessageDeflate, accept_offer, check_answer, make_offers

BITS = [None, *range(9, 16)]
HELLO = b"Hello Hello"


def target(data):
    choices = Choices(data)
    wish = PerMessageDeflate(
        choices.flag(), choices.flag(), choices.one_of(BITS), choices.one_of(BITS)
    )
    try:
        extensions = parse_extensions([choices.rest().decode(errors="replace")])
    except InvalidHeaderFormat:
        return
    _as_offers(extensions, wish)
    _as_an_answer(extensions, wish)


def _as_offers(extensions, wish):
    with raises_only():
        found = accept_offer(extensions, wish)
    if found is None:
        return
    agreed, answer = found
    _works(agreed, wish, client=False)
    [(name, pairs)] = parse_extensions([answer])
    said = dict(pairs)
    assert name == "permessage-deflate", name
    assert len(said) == len(pairs), answer
    assert agreed.server_takeover is ("server_no_context_takeover" not in said), answer
    assert agreed.client_takeover is ("client_no_context_takeover" not in said), answer
    assert agreed.server_window_bits == int(said.get("server_max_window_bits", 15)), answer
    assert agreed.client_window_bits == int(said.get("client_max_window_bits", 15)), answer
    # The answer has all that our options want. It may limit the client's window only if the client
    # allows that.
    assert not (agreed.server_takeover and wish.server_no_context_takeover), answer
    assert agreed.server_window_bits <= (wish.server_max_window_bits or 15), answer


def _as_an_answer(extensions, wish):
    with raises_only(NegotiationError):
        try:
            agreed = check_answer(extensions, wish)
        except NegotiationError:
            return
    if agreed is None:
        assert not extensions
        return
    _works(agreed, wish, client=True)
    # Our client accepts the answer of our server to its offers.
    answered = accept_offer(parse_extensions(make_offers(wish)), wish)
    assert answered is not None
    with raises_only():
        check_answer(parse_extensions([answered[1]]), wish)


def _works(agreed, wish, *, client):
    with raises_only():
        compressed = agreed.deflater(wish, client=client).compress(HELLO)
        # Such a short message fits into the smallest window of either side.
        for side in client, not client:
            back = agreed.inflater(client=side).finish(len(HELLO), compressed)
            assert back == HELLO, back

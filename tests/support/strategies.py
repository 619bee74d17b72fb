"""The strategies of hypothesis: messages, frames, cuts, negotiations, handshakes."""

import string
from itertools import pairwise

from hypothesis import strategies as st

from txws2.wire.frames import BINARY, CLOSE, CONT, PING, PONG, TEXT
from txws2.wire.permessage_deflate import Deflate, PerMessageDeflate

cuts = st.lists(st.integers(0, 9999), max_size=8)
"""Places to cut data of any length; `pieces` applies them."""


def pieces(data, cuts):
    """Cut bytes or a str; there is one piece more than cuts."""
    places = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    return [data[start:end] for start, end in pairwise(places)]


messages = st.one_of(st.text(max_size=300), st.binary(max_size=300))

fragmented = st.lists(st.tuples(messages, cuts), max_size=8)
"""Messages, each with the places where it is cut into fragments."""

frames = st.lists(
    st.tuples(
        st.sampled_from([TEXT, BINARY, CONT, PING, PONG, CLOSE]),
        st.binary(max_size=125),
        st.booleans(),
    ),
    min_size=1,
)
"""Opcode, payload and FIN of frames, in an order that may make no sense."""

agreements = st.sampled_from([None, Deflate(), Deflate(False, False, 9, 9)])

_bits = st.one_of(st.none(), st.integers(9, 15))
wishes = st.builds(
    PerMessageDeflate,
    *(st.booleans(), st.booleans(), _bits, _bits),
    *(st.integers(1, 9), st.integers(1, 9), st.integers(0, 100)),
)
"""The compression options of one side."""

tokens = st.text(string.ascii_letters + string.digits + "!#$%&'*+-.^_`|~", min_size=1, max_size=20)

subprotocols = st.lists(tokens, max_size=4, unique=True)

headers = st.lists(
    st.tuples(
        tokens.map("X-".__add__),
        # RFC 9110 section 5.5: space around a value isn't a part of it.
        st.text(string.printable.strip() + " \t", max_size=40).map(lambda text: text.strip(" \t")),
    ),
    max_size=4,
)
"""Names and values of headers that mean nothing to the handshake; names may occur again."""

_hosts = st.one_of(
    st.text(string.ascii_lowercase + string.digits + "-_", min_size=1, max_size=30),
    st.ip_addresses(v=4).map(str),
    st.ip_addresses(v=6).map("[{}]".format),
    st.just("bücher.example"),
)
_characters = st.characters(
    exclude_characters="#\x7f", min_codepoint=0x21, exclude_categories=["Cs"]
)
uris = st.builds(
    "{}://{}{}{}{}".format,
    st.sampled_from(["ws", "wss"]),
    st.sampled_from(["", "me@", "me:p%40ss@"]),
    _hosts,
    st.one_of(st.just(""), st.integers(1, 65535).map(":{}".format)),
    st.one_of(st.just(""), st.text(_characters, max_size=60).map("/".__add__)),
)

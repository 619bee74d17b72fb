"""Responses to our client: any bytes, any reads.

It refuses a response with a documented exception, and keeps no more of the body than the limit; or
it accepts the response. The result doesn't depend on the cuts between reads.
"""

from contextlib import nullcontext

from tests.fuzz.choices import Choices, cut
from tests.fuzz.documented import raises_only
from tests.fuzz.heads import SMALL, read_head, small_bodies
from tests.support.opening import a_request
from txws2.exceptions import InvalidHandshake
from txws2.wire.handshake.client import check_compression, check_response
from txws2.wire.http import bodies as body
from txws2.wire.http.bodies import BodyReader
from txws2.wire.http.heads import Response
from txws2.wire.http.readers import DEFAULT_LIMITS, ResponseReader
from txws2.wire.permessage_deflate import PRESETS

SUBPROTOCOLS = ["chat", "superchat"]
REQUEST = a_request(Sec_WebSocket_Protocol=", ".join(SUBPROTOCOLS))
COMPRESSIONS = [None, *PRESETS.values()]


def target(data):
    choices = Choices(data)
    bodies, limits = (small_bodies, SMALL) if choices.flag() else (nullcontext, DEFAULT_LIMITS)
    compression = choices.one_of(COMPRESSIONS)
    sizes = choices.sizes()
    stream = choices.rest()
    with bodies():
        apart = read_head(ResponseReader, limits, cut(stream, sizes))
        response, rest = whole = read_head(ResponseReader, limits, [stream])
        assert apart == whole, f"{apart} if cut, but {whole}"
        if isinstance(response, Response):
            _judged(response, compression)
            apart = _read_body(response, cut(rest, sizes))
            whole = _read_body(response, [rest])
            assert apart == whole, f"{apart} if cut, but {whole}"


def _judged(response, compression):
    try:
        with raises_only(InvalidHandshake):
            subprotocol = check_response(REQUEST, response)
            agreed = check_compression(response, compression)
    except InvalidHandshake:
        return
    assert response.status_code == 101
    assert subprotocol is None or subprotocol in SUBPROTOCOLS, subprotocol
    assert agreed is None or compression is not None, agreed


def _read_body(response, reads):
    """Return the body, and True if it is complete."""
    reader = BodyReader(response)
    for read in reads:
        with raises_only():
            reader.receive(read)
        assert len(reader.body) <= body.MAX_BODY_SIZE, f"{len(reader.body)} bytes are kept"
    return reader.body, reader.complete

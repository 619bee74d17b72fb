"""Requests to our server: any bytes, any reads.

It refuses a request with a documented exception and a valid response, or accepts it with a response
that our client accepts. The result doesn't depend on the cuts between reads.
"""

from tests.fuzz.choices import Choices, cut
from tests.fuzz.documented import raises_only
from tests.fuzz.heads import SMALL, read_head
from txws2.exceptions import InvalidHandshake, InvalidMessage
from txws2.wire.handshake.client import check_response
from txws2.wire.handshake.origins import SAME_ORIGIN, check_origin, normal_origin
from txws2.wire.handshake.server import (
    accept,
    check_request,
    refusal,
    select_compression,
    select_subprotocol,
)
from txws2.wire.http.credentials import parse_basic
from txws2.wire.http.heads import Request
from txws2.wire.http.hosts import Hosts, check_host
from txws2.wire.http.readers import DEFAULT_LIMITS, RequestReader, ResponseReader
from txws2.wire.http.routes import Routes
from txws2.wire.permessage_deflate import PRESETS

ORIGINS = [None, ["https://example.com", None], [], [SAME_ORIGIN]]
HOSTS = Hosts(["server.example.com", "127.0.0.0/8", "fe80::/16"])
ROUTES = Routes(dict.fromkeys(["/", "/chat", "/{a}", "/chat/{a}", "/{a}/{b}/"]))
SUBPROTOCOLS = [[], ["chat", "superchat"]]
COMPRESSIONS = [None, *PRESETS.values()]


def target(data):
    choices = Choices(data)
    limits = SMALL if choices.flag() else DEFAULT_LIMITS
    origins, subprotocols = choices.one_of(ORIGINS), choices.one_of(SUBPROTOCOLS)
    compression = choices.one_of(COMPRESSIONS)
    sizes = choices.sizes()
    stream = choices.rest()
    apart = read_head(RequestReader, limits, cut(stream, sizes))
    request, rest = whole = read_head(RequestReader, limits, [stream])
    assert apart == whole, f"{apart} if cut, but {whole}"
    if isinstance(request, Request):
        assert stream.endswith(b"\r\n\r\n" + rest)
        _read(request)
        _answered(request, origins, subprotocols, compression)
        _serialized(request)


def _read(request):
    """Read all that an application may ask of a request."""
    with raises_only():
        ROUTES.find(request.path)
        parse_basic(request.fields.get("Authorization", ""))
        origin = normal_origin(request.fields.get("Origin", ""))
        assert normal_origin(origin) == origin, origin
        for name, value in [*request.query.items(), *request.cookies.items()]:
            assert isinstance(name + value, str)


def _answered(request, origins, subprotocols, compression):
    try:
        with raises_only(InvalidHandshake):
            check_request(request)
            if origins is not None:
                check_host(request, HOSTS)
            check_origin(request, origins)
            subprotocol = select_subprotocol(request, subprotocols)
            compressed = select_compression(request, compression)
    except InvalidHandshake as exc:
        with raises_only():
            response = refusal(exc)
            sent = response.serialize()
        reader = ResponseReader()
        received = reader.receive(sent)
        assert received is not None
        assert received.status_code >= 400, sent
        assert reader.rest == response.body
        return
    with raises_only():
        response = accept(request, subprotocol, compressed and compressed[1])
        received = ResponseReader().receive(response.serialize())
        assert received == response, received
        assert check_response(request, received) == subprotocol


def _serialized(request):
    """Serialize a request: it is refused, or is the same when it is read again."""
    try:
        with raises_only(InvalidMessage):
            data = request.serialize()
    except InvalidMessage:
        return
    assert RequestReader().receive(data) == request, data

"""URIs: our client refuses one as documented, or makes a request that our server accepts."""

from tests.fuzz.choices import Choices
from tests.fuzz.documented import raises_only
from txws2.exceptions import HeaderLineTooLong, InvalidURI, RequestLineTooLong
from txws2.wire.handshake.client import build_request
from txws2.wire.handshake.server import check_request
from txws2.wire.http.readers import RequestReader
from txws2.wire.http.uris import parse_uri


def target(data):
    choices = Choices(data)
    before = choices.one_of(["ws://", "wss://", "ws://h/", ""])
    # Text from a program's arguments may have halves of surrogate pairs.
    text = before + choices.rest().decode(errors="surrogateescape")
    try:
        with raises_only(InvalidURI):
            uri = parse_uri(text)
    except InvalidURI:
        return

    assert 0 < uri.port < 65536, uri
    with raises_only():
        head = build_request(uri).serialize()
    try:
        request = RequestReader().receive(head)
    except (RequestLineTooLong, HeaderLineTooLong):
        return
    assert request is not None
    assert request.path == uri.resource_name, request
    assert request.headers["Host"] == uri.host_header, request
    with raises_only():
        check_request(request)
    # Without its user information, the URI is the same when it is written again.
    again = parse_uri(f"{'wss' if uri.secure else 'ws'}://{uri.host_header}{uri.resource_name}")
    assert _without_user(again) == _without_user(uri), again


def _without_user(uri):
    return uri.secure, uri.host, uri.port, uri.resource_name

"""The head of a request, taken at once or line by line."""

import pytest

FIELDS = {
    "program": {},
    "browser": {
        "Pragma": "no-cache",
        "Cache-Control": "no-cache",
        "User-Agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
        "Chrome/140.0.0.0 Safari/537.36",
        "Origin": "http://example.com",
        "Accept-Encoding": "gzip, deflate, br, zstd",
        "Accept-Language": "en-US,en;q=0.9",
        "Cookie": "session=0123456789abcdef0123456789abcdef; theme=dark",
    },
}


@pytest.mark.parametrize("at_once", [True, False])
@pytest.mark.parametrize("client", FIELDS)
def test_read(benchmark, monkeypatch, wire, client, at_once):
    benchmark.group = f"read the head of a {client}"
    options = wire.permessage_deflate.PRESETS["deflate"]
    uri = wire.uris.parse_uri("ws://example.com/chat")
    request = wire.client.build_request(uri, compression=options)
    for name, value in FIELDS[client].items():
        request.headers.setRawHeaders(name, [value])
    head = request.serialize()
    if not at_once:
        monkeypatch.setattr(wire.readers, "end_of_head", lambda *_: -1)
    assert benchmark(lambda: wire.readers.RequestReader().receive(head)).path == "/chat"

"""The opening handshake."""


def test_answer(benchmark, wire):
    benchmark.group = "read, check and answer a request"
    options = wire.permessage_deflate.PRESETS["deflate"]
    uri = wire.http_uris.parse_uri("ws://example.com/chat")
    head = wire.handshake_client.build_request(uri, compression=options).serialize()

    def answer():
        request = wire.http_readers.RequestReader().receive(head)
        wire.handshake_server.check_request(request)
        _, extensions = wire.handshake_server.select_compression(request, options)
        return wire.handshake_server.accept(request, None, extensions).serialize()

    assert benchmark(answer).startswith(b"HTTP/1.1 101 ")


def test_request(benchmark, wire):
    benchmark.group = "make a request"
    uri = wire.http_uris.parse_uri("ws://example.com/chat")
    benchmark(lambda: wire.handshake_client.build_request(uri).serialize())

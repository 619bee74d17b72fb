"""The opening handshake."""


def test_answer(benchmark, wire):
    benchmark.group = "read, check and answer a request"
    options = wire.permessage_deflate.PRESETS["deflate"]
    uri = wire.uris.parse_uri("ws://example.com/chat")
    head = wire.client.build_request(uri, compression=options).serialize()

    def answer():
        request = wire.readers.RequestReader().receive(head)
        wire.server.check_request(request)
        _, extensions = wire.server.select_compression(request, options)
        return wire.server.accept(request, None, extensions).serialize()

    assert benchmark(answer).startswith(b"HTTP/1.1 101 ")


def test_request(benchmark, wire):
    benchmark.group = "make a request"
    uri = wire.uris.parse_uri("ws://example.com/chat")
    benchmark(lambda: wire.client.build_request(uri).serialize())

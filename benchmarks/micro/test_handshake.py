"""The opening handshake."""


def test_answer(benchmark, wire):
    benchmark.group = "read, check and answer a request"
    options = wire.deflate.PRESETS["deflate"]
    uri = wire.uri.parse_uri("ws://example.com/chat")
    head = wire.requesting.build_request(uri, compression=options).serialize()

    def answer():
        request = wire.gathering.RequestReader().receive(head)
        wire.accepting.check_request(request)
        _, extensions = wire.accepting.select_compression(request, options)
        return wire.accepting.accept(request, None, extensions).serialize()

    assert benchmark(answer).startswith(b"HTTP/1.1 101 ")


def test_request(benchmark, wire):
    benchmark.group = "make a request"
    uri = wire.uri.parse_uri("ws://example.com/chat")
    benchmark(lambda: wire.requesting.build_request(uri).serialize())

"""Compressed messages, with the default preset."""

import pytest

from benchmarks.deflate_presets import feed


def ends(wire):
    """Return the server's and the client's end of a connection with compression."""
    options = wire.permessage_deflate.PRESETS["deflate"]
    offered = wire.grammar.parse_extensions(wire.permessage_deflate.make_offers(options))
    agreed, _ = wire.permessage_deflate.accept_offer(offered, options)
    return [
        wire.connection.Connection(client=client, deflate=agreed, compression=options)
        for client in (False, True)
    ]


@pytest.mark.parametrize("trades", [1, 70])
def test_compress(benchmark, wire, trades):
    message = next(feed(trades))
    benchmark.group = f"compress {len(message)} B of JSON"
    server, _ = ends(wire)
    benchmark(server.send_message, message)


@pytest.mark.parametrize("trades", [1, 70])
def test_inflate(benchmark, wire, trades):
    message = next(feed(trades))
    benchmark.group = f"inflate {len(message)} B of JSON"
    server, client = ends(wire)
    # A first message refers to no earlier one, so it can arrive again and again.
    frame = client.send_message(message)
    assert benchmark(server.receive, frame) == [message]

"""Encoding messages as frames."""

import pytest


@pytest.mark.parametrize("size", [32, 2**16])
@pytest.mark.parametrize("side", ["server", "client"])
def test_encode(benchmark, wire, side, size):
    benchmark.group = f"encode {size} B of text, {side}"
    connection = wire.connection.Connection(client=side == "client")
    benchmark(connection.send_message, "x" * size)

"""The cost of counting messages: the same work with a Tally, and without."""

import pytest

SIZE = 32


@pytest.mark.parametrize("counted", [False, True])
def test_encode(benchmark, wire, counted):
    benchmark.group = f"encode {SIZE} B, counted or not"
    server, message = wire.counts.Tally(), "x" * SIZE
    if counted:
        frame = benchmark(server.encode, message)
    else:
        frame = benchmark(wire.whole_messages.encode_message, message, False)
    assert len(frame) == SIZE + 2

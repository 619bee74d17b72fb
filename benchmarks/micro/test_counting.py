"""The cost of counting messages: the same work with a Tally, and without."""

import pytest

COUNT, SIZE = 64, 32


@pytest.mark.parametrize("counted", [False, True])
def test_decode(benchmark, wire, counted):
    benchmark.group = f"decode {COUNT} x {SIZE} B, counted or not"
    client, server = wire.counts.Tally(), wire.counts.Tally()
    client.client = True
    data = b"".join(client.encode("x" * SIZE) for _ in range(COUNT))
    decode_messages = wire.whole_messages.decode_messages

    def decode():
        messages = []
        if counted:
            server.decode(data, 0, messages)
        else:
            decode_messages(data, 0, True, None, messages)
        return messages

    assert len(benchmark(decode)) == COUNT


@pytest.mark.parametrize("counted", [False, True])
def test_encode(benchmark, wire, counted):
    benchmark.group = f"encode {SIZE} B, counted or not"
    server, message = wire.counts.Tally(), "x" * SIZE
    if counted:
        frame = benchmark(server.encode, message)
    else:
        frame = benchmark(wire.whole_messages.encode_message, message, False)
    assert len(frame) == SIZE + 2

"""Decoding messages from a client's bytes."""

import pytest


@pytest.mark.parametrize(("count", "size"), [(1, 32), (64, 32), (1, 4096), (1, 2**16)])
def test_decode_one_read(benchmark, wire, count, size):
    benchmark.group = f"decode {count} x {size} B of text"
    client = wire.connection.Connection(client=True)
    server = wire.connection.Connection(client=False)
    data = b"".join(client.send_message("x" * size) for _ in range(count))
    assert len(benchmark(server.receive, data)) == count


def test_decode_many_reads(benchmark, wire):
    benchmark.group = "decode 1 MiB in reads of 64 KiB"
    client = wire.connection.Connection(client=True)
    server = wire.connection.Connection(client=False)
    data = client.send_message(bytes(2**20))
    reads = [data[start : start + 2**16] for start in range(0, len(data), 2**16)]

    def receive():
        return sum(len(server.receive(read)) for read in reads)

    assert benchmark(receive) == 1

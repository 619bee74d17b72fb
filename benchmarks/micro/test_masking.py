"""Masking and unmasking; in Python also by the algorithm that isn't used for that size."""

import sys
from random import Random

import pytest

# From which size on bytes are translated.
ALGORITHMS = {"as it is": None, "integers": sys.maxsize, "translation": 0}


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("offset", [0, 1])
@pytest.mark.parametrize("size", [1, 32, 512, 2048, 4096, 2**16, 2**20])
def test_mask(benchmark, monkeypatch, request, wire, size, offset, algorithm):
    benchmark.group = f"mask {size} B at offset {offset}"
    large = ALGORITHMS[algorithm]
    if large is not None:
        if "accelerated" in request.node.name:
            pytest.skip("the twin in C has one algorithm")
        monkeypatch.setattr(wire.masking, "_LARGE", large)
    # Zeros would make integers with few digits.
    data = Random(size).randbytes(size)
    benchmark(wire.masking.apply_mask, data, b"\x37\xfa\x21\x3d", offset)

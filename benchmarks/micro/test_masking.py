"""Masking and unmasking."""

import pytest


@pytest.mark.parametrize("size", [32, 4096, 2**20])
def test_mask(benchmark, wire, size):
    benchmark.group = f"mask {size} B"
    benchmark(wire.masking.apply_mask, bytes(size), b"\x37\xfa\x21\x3d")

"""The package txws2.wire, twice: in Python alone, and with the accelerator if it is built."""

import os
import sys
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from types import SimpleNamespace
from unittest.mock import patch

import pytest

MODULES = [
    "connection",
    "counts",
    "handshake.client",
    "handshake.server",
    "http.grammar",
    "http.readers",
    "http.uris",
    "masking",
    "permessage_deflate",
    "whole_messages",
]
SWITCH = "TXWS2_NO_SPEEDUPS"


@cache
def load(implementation):
    """Import txws2.wire again, so that it chooses its implementation again."""
    with patch.dict(os.environ), patch.dict(sys.modules):
        os.environ.pop(SWITCH, None)
        if implementation == "pure":
            os.environ[SWITCH] = "1"
        for name in [name for name in sys.modules if name.partition(".")[0] == "txws2"]:
            del sys.modules[name]
        modules = {name.rpartition(".")[2]: import_module(f"txws2.wire.{name}") for name in MODULES}
    return SimpleNamespace(**modules)


@pytest.fixture(params=["pure", "accelerated"])
def wire(request):
    """The modules of txws2.wire, each as an attribute with the last part of its name."""
    if request.param == "accelerated" and find_spec("txws2._speedups") is None:
        pytest.skip("the speedups aren't built")
    return load(request.param)

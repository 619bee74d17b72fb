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
    "accepting",
    "connection",
    "deflate",
    "headers",
    "http",
    "masking",
    "ordinary",
    "requesting",
    "tally",
    "uri",
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
        modules = {name: import_module(f"txws2.wire.{name}") for name in MODULES}
    return SimpleNamespace(**modules)


@pytest.fixture(params=["pure", "accelerated"])
def wire(request):
    """The modules of txws2.wire, as attributes."""
    if request.param == "accelerated" and find_spec("txws2._speedups") is None:
        pytest.skip("the speedups aren't built")
    return load(request.param)

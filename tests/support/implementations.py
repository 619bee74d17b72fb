"""The Python implementation that runs the tests."""

from platform import python_implementation
from unittest import skipIf

counts_references = skipIf(
    python_implementation() != "CPython", "what nobody has any more is there until it is collected"
)

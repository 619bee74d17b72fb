"""Measures the memory that a test uses, where Python can."""

from contextlib import contextmanager
from unittest import SkipTest

try:
    import tracemalloc
except ImportError:
    # PyPy doesn't count blocks.
    tracemalloc = None


@contextmanager
def traced():
    """Yield a function that returns the bytes allocated since, now and at the peak."""
    if tracemalloc is None:
        raise SkipTest("this Python can't tell what memory is used for")
    tracemalloc.start()
    try:
        yield tracemalloc.get_traced_memory
    finally:
        tracemalloc.stop()

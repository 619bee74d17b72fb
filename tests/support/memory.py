"""What a test takes of memory, where Python can tell."""

from contextlib import contextmanager
from unittest import SkipTest

try:
    import tracemalloc
except ImportError:
    # PyPy counts no blocks.
    tracemalloc = None


@contextmanager
def traced():
    """Give what returns how much is kept since the beginning, and how much was at most."""
    if tracemalloc is None:
        raise SkipTest("this Python can't tell what memory is used for")
    tracemalloc.start()
    try:
        yield tracemalloc.get_traced_memory
    finally:
        tracemalloc.stop()

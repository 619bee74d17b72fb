"""Counting the bytes of a peer that an object keeps."""

import gc
import io
from types import FunctionType, ModuleType


def held(thing):
    """Return the number of bytes and characters that the object refers to, code excepted."""
    size = 0
    seen = set()
    found = [thing]
    while found:
        one = found.pop()
        if id(one) in seen or isinstance(one, (type, FunctionType, ModuleType)):
            continue
        seen.add(id(one))
        if isinstance(one, (bytes, bytearray, str)):
            size += len(one)
        elif isinstance(one, io.StringIO):
            size += one.tell()
        else:
            # zlib's objects don't show the garbage collector their bytes.
            found += [getattr(one, name, b"") for name in ("unconsumed_tail", "unused_data")]
            found += gc.get_referents(one)
    return size

"""How many bytes an object keeps of what a peer sent."""

import gc
import io
from types import FunctionType, ModuleType


def held(thing):
    """Count the bytes and characters of all that the object refers to, but for its code."""
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
            # zlib doesn't tell the collector what its objects keep.
            found += [getattr(one, name, b"") for name in ("unconsumed_tail", "unused_data")]
            found += gc.get_referents(one)
    return size

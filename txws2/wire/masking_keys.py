"""Unpredictable masking keys (RFC 6455 sections 5.3 and 10.3)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from struct import Struct

__all__ = ["new_mask"]

# Keys are fetched in batches: the kernel takes as long for 64 of them as for two or three. Why
# not the `random` module, which is faster: its next numbers can be computed from those before.
_BATCH = 64
_KEY = Struct("4s")

_keys: Iterator[tuple[bytes]]


def _fetch() -> None:
    global _keys
    _keys = _KEY.iter_unpack(os.urandom(_BATCH * _KEY.size))


_fetch()
# A fork leaves parent and child with the same batch. The child fetches another, since a key that
# both use is one that the other's peer can predict.
os.register_at_fork(after_in_child=_fetch)


def new_mask() -> bytes:
    """Return a masking key of four bytes that nobody can predict, and that is used once.

    With a predictable key, a web page could choose the bytes that a proxy between client and
    server sees.
    """
    # Section 5.3: "the masking key MUST be derived from a strong source of entropy, and the
    # masking key for a given frame MUST NOT make it simple for a server/proxy to predict the
    # masking key for a subsequent frame."
    while True:
        for (key,) in _keys:
            return key
        _fetch()

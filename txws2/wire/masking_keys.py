"""Masking keys that nobody can predict (RFC 6455 section 10.3)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from struct import Struct

__all__ = ["new_mask"]

# Asking the kernel takes as long for all of them as for two or three.
_BATCH = 64
_KEY = Struct("4s")

_keys: Iterator[tuple[bytes]]


def _fetch() -> None:
    global _keys
    _keys = _KEY.iter_unpack(os.urandom(_BATCH * _KEY.size))


_fetch()
# A fork leaves parent and child with the same keys. The child gets others.
os.register_at_fork(after_in_child=_fetch)


def new_mask() -> bytes:
    """Return a masking key that nobody can predict, and that is used once.

    Section 10.3: the key must come from a strong source of entropy, or a page could
    choose what a proxy between us sees.
    """
    while True:
        for (key,) in _keys:
            return key
        _fetch()

"""Where TLS records end, which is all that is to be seen of them from outside."""

from __future__ import annotations

import sys

__all__ = ["Records"]

# A record begins with its type, two bytes of version, and its length (RFC 8446 section 5.1). The
# first byte of the version has been the same since SSL 3.
_HEADER_SIZE = 5
_MAJOR_VERSION = 3

_UNKNOWN = -_HEADER_SIZE


class Records:
    """Counts the records of one direction of a connection, from its first byte on."""

    __slots__ = ("_header", "_rest")

    def __init__(self) -> None:
        # How many bytes of the last record are still to come. As long as its header isn't complete,
        # it is how many bytes of that have come, below zero.
        self._rest = 0
        self._header = b""

    def count(self, data: bytes) -> int:
        """Return how many records end in this data.

        Where something else than a record has come, there is no telling from then on, and the
        number is larger than any. OpenSSL will refuse it, or it was a greeting in the form of
        SSL 2, which a server may take (RFC 5246 appendix E.2).
        """
        end = self._rest
        if not end and len(data) > 4 and _HEADER_SIZE + (data[3] << 8 | data[4]) == len(data):
            # Nearly always.
            return 1
        if end == _UNKNOWN:
            return sys.maxsize
        if end < 0:
            data, end = self._header + data, 0
        size = len(data)
        number = 1 if 0 < end <= size else 0
        while end + _HEADER_SIZE <= size:
            if data[end + 1] != _MAJOR_VERSION:
                self._rest = _UNKNOWN
                return sys.maxsize
            end += _HEADER_SIZE + (data[end + 3] << 8 | data[end + 4])
            if end <= size:
                number += 1
        self._rest = end - size
        self._header = data[end:]
        return number

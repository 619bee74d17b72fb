"""The ends of TLS records, which can be found without decrypting."""

from __future__ import annotations

import sys

__all__ = ["Records"]

# A record begins with its type, two bytes of version, and its length (RFC 8446 section 5.1). The
# first byte of the version has been the same since SSL 3.
_HEADER_SIZE = 5
_MAJOR_VERSION = 3

_UNKNOWN = -_HEADER_SIZE


class Records:
    """Counts the records of one direction of a connection, from the first byte on."""

    __slots__ = ("_header", "_rest")

    def __init__(self) -> None:
        # The number of bytes of the last record that are still to come. While its header isn't
        # complete, this is the number of bytes of the header that have come, as a negative number.
        self._rest = 0
        self._header = b""

    def count(self, data: bytes) -> int:
        """Return the number of records that end in this data.

        After bytes that aren't a record, the ends are not known any more, and the number is
        `sys.maxsize`. Either OpenSSL will refuse the bytes, or they are a greeting in the form of
        SSL 2, which a server may accept (RFC 5246 appendix E.2).
        """
        end = self._rest
        if not end and len(data) > 4 and _HEADER_SIZE + (data[3] << 8 | data[4]) == len(data):
            # Nearly all reads have exactly one record.
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

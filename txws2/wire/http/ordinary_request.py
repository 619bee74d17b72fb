"""The ordinary request (RFC 9112): what nearly every client sends, read in one go."""

from __future__ import annotations

import re

from txws2._accelerator import accelerated
from txws2.wire.http.fields import HEADER_LINES

__all__ = ["read_request"]

# RFC 9112 section 3.2: no form of a target has a fragment. As with the lines, no character of one
# part can begin the next: the time is linear.
_REQUEST = re.compile(rb"GET (/[!\"$-~]*) HTTP/1\.1(" + HEADER_LINES + rb")\r\n\r\n")


@accelerated
def read_request(data: bytes, size: int, count: int, /) -> tuple[str, dict[str, str], int] | None:
    """Read the head of an ordinary request.

    That is a GET of HTTP/1.1 whose head is whole, and in which no header occurs twice. What is
    anything else goes the general way, which also knows what is wrong.

    Args:
        data: what has come.
        size: bytes that the head may have, with the empty line.
        count: header lines that it may have.

    Returns:
        Its path with the query, its headers by their names in lower case, and where its last line
        ends; None if it isn't ordinary.
    """
    match = _REQUEST.match(data, 0, size)
    if match is None:
        return None
    path, lines = match.groups()
    # The first is what comes before the first CRLF.
    fields = [line.partition(":") for line in lines.decode("utf-8", "replace").split("\r\n")[1:]]
    values = {name.lower(): value.strip(" \t") for name, _, value in fields}
    if len(fields) > count or len(values) < len(fields):
        return None
    return path.decode("ascii"), values, match.end(2)

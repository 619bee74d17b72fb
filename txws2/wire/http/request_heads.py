"""The head of a request in its parts (RFC 9112 sections 3 and 5)."""

from __future__ import annotations

import re
from collections.abc import Iterable

from txws2._accelerator import accelerated
from txws2.wire.exceptions import InvalidMessage
from txws2.wire.http.fields import HEADER_LINES, wrong_header

__all__ = ["REQUEST_LINE", "Split", "split_request", "wrong_request"]

Split = tuple[str, str, str, dict[str, str | tuple[str, ...]]]
"""Method, target, protocol, and the values of the headers by their names in lower case: a str for a
header that occurs once, a tuple of str for others."""

# RFC 9112 section 3: request-line = method SP request-target SP HTTP-version. Why not "parse on
# whitespace-delimited word boundaries", as the section allows: parsers that disagree about the
# target have let requests be smuggled.
REQUEST_LINE = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+) ([\x21-\x7e]+) (HTTP/\d\.\d)")
"""A pattern of request lines."""
# No character of one part can begin the next part, so the time is linear in the number of bytes.
_HEAD = re.compile(REQUEST_LINE.pattern + b"(" + HEADER_LINES + b")")


@accelerated
def split_request(head: bytes, /) -> Split | None:
    """Split the head of a request.

    Args:
        head: its lines as they came, without the end of the last one.

    Returns:
        The parts of the head; None if a line is malformed. `wrong_request` tells which line.
    """
    match = _HEAD.fullmatch(head)
    if match is None:
        return None
    method, target, protocol, lines = match.groups()
    # The first element is empty: each header line begins with a CRLF.
    fields = [line.partition(":") for line in lines.decode("utf-8", "replace").split("\r\n")[1:]]
    values: dict[str, str | tuple[str, ...]] = {
        name.lower(): value.strip(" \t") for name, _, value in fields
    }
    if len(values) < len(fields):
        values = _gathered(fields)
    return method.decode("ascii"), target.decode("ascii"), protocol.decode("ascii"), values


def _gathered(fields: Iterable[tuple[str, str, str]]) -> dict[str, str | tuple[str, ...]]:
    """Return the values of headers if some occur more than once."""
    # RFC 9110 section 5.3: "The order in which field lines with the same name are received is
    # therefore significant".
    values: dict[str, tuple[str, ...]] = {}
    for name, _, value in fields:
        key = name.lower()
        values[key] = (*values.get(key, ()), value.strip(" \t"))
    return {name: each if len(each) > 1 else each[0] for name, each in values.items()}


def wrong_request(head: bytes) -> InvalidMessage:
    """Return the exception for a head that can't be split; it names the first malformed line."""
    line, _, lines = head.partition(b"\r\n")
    if not REQUEST_LINE.fullmatch(line):
        return InvalidMessage(f"invalid request line: {line[:80]!r}")
    return wrong_header(lines)

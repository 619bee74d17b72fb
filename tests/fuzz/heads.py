"""Reading heads from any reads, with limits that a fuzzer can reach."""

from contextlib import ExitStack
from unittest import mock

from tests.fuzz.documented import raises_only
from tests.fuzz.held import held
from txws2.exceptions import InvalidMessage, InvalidProtocol, SecurityError
from txws2.wire.http import bodies as body
from txws2.wire.http.readers import HeadLimits

LINE, BODY = 100, 200

SMALL = HeadLimits(LINE, 30)
"""Limits that are as small as most inputs."""


def small_bodies():
    """Make the limits of bodies as small as most inputs."""
    limits = ExitStack()
    limits.enter_context(mock.patch.object(body, "MAX_LINE_SIZE", LINE))
    limits.enter_context(mock.patch.object(body, "MAX_BODY_SIZE", BODY))
    return limits


def read_head(kind, limits, reads):
    """Return the head, or its error as a type and text, and the bytes after the head."""
    reader = kind(limits)
    for number, read in enumerate(reads):
        try:
            with raises_only(InvalidMessage, InvalidProtocol, SecurityError):
                head = reader.receive(read)
        except (InvalidMessage, InvalidProtocol, SecurityError) as exc:
            return (type(exc), str(exc)), b""
        if head is not None:
            return head, reader.rest + b"".join(reads[number + 1 :])
    most = min(limits.headers + 2, 16) * limits.line_size
    assert held(reader) <= most, f"{held(reader)} bytes are kept"
    return None, b""

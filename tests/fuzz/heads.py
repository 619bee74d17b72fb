"""What a reader of heads makes of reads, under limits that a fuzzer reaches."""

from contextlib import ExitStack
from unittest import mock

from tests.fuzz.documented import raises_only
from tests.fuzz.held import held
from txws2.exceptions import InvalidMessage, InvalidProtocol, SecurityError
from txws2.wire import body, gathering

LINE, LINES, BODY = 100, 10, 200


def small_limits():
    """Let heads and bodies be as small as most inputs are."""
    limits = ExitStack()
    limits.enter_context(mock.patch.object(gathering, "MAX_LINE_SIZE", LINE))
    limits.enter_context(mock.patch.object(gathering, "MAX_HEADERS", LINES))
    limits.enter_context(mock.patch.object(body, "MAX_LINE_SIZE", LINE))
    limits.enter_context(mock.patch.object(body, "MAX_BODY_SIZE", BODY))
    return limits


def read_head(reader, reads):
    """Return the head or what is wrong with it, and all that follows the head."""
    for number, read in enumerate(reads):
        try:
            with raises_only(InvalidMessage, InvalidProtocol, SecurityError):
                head = reader.receive(read)
        except (InvalidMessage, InvalidProtocol, SecurityError) as exc:
            return (type(exc), str(exc)), b""
        if head is not None:
            return head, reader.rest + b"".join(reads[number + 1 :])
    most = (gathering.MAX_HEADERS + 2) * gathering.MAX_LINE_SIZE
    assert held(reader) <= most, f"{held(reader)} bytes are kept"
    return None, b""

"""Runs a peer's bytes through a Connection: at both ends, whole, and byte by byte."""

from collections.abc import Callable
from functools import partial

from txws2.wire.connection import Connection
from txws2.wire.events import Closing, Failed, Ping, Pong
from txws2.wire.frames import encode_frame, parse_header
from txws2.wire.masking import apply_mask

Said = Callable[..., bytes]
"""Bytes of a peer; called with `masked`, which says if the peer must mask."""


def frame(opcode, payload=b"", *, fin=True, rsv1=False) -> Said:
    return partial(encode_frame, opcode, payload, fin=fin, rsv1=rsv1)


def header(first, second, rest=b"") -> Said:
    """The first bytes of a frame, with the mask bit as it must be."""
    return lambda masked: bytes([first, second | (0x80 if masked else 0)]) + rest


def start_of(said, size) -> Said:
    """Return a short frame up to this many bytes of its payload."""
    return lambda masked: said(masked=masked)[: size + (6 if masked else 2)]


def frames_in(data, *, masked):
    """Split a stream into frames: the opcode and the payload of each."""
    found = []
    position = 0
    while position < len(data):
        head = parse_header(data, position, masked=masked, fragmented=False)
        position = head.end + head.length
        payload = data[head.end : position]
        found.append((head.opcode, apply_mask(payload, head.mask) if masked else payload))
    return found


def told(event, connection, *, client):
    """Convert an event for comparison: its answer into frames, its exception into text."""
    if isinstance(event, (str, bytes)):
        return event
    answer = frames_in(connection.answer(event), masked=client)
    match event:
        case Ping(payload):
            return ("ping", payload, answer)
        case Pong(payload):
            return ("pong", payload, answer)
        case Closing(close):
            return ("closing", str(close), answer)
        case Failed(cause):
            return ("failed", cause.code, str(cause), answer)


def bytewise(data):
    return [data[at : at + 1] for at in range(len(data))]


def heard_from(*said, client, chop, closing=False, **options):
    connection = Connection(client=client, **options)
    if closing:
        connection.send_close(1000)
    stream = b"".join(one(masked=not client) for one in said)
    return [
        told(event, connection, client=client)
        for part in chop(stream)
        for event in connection.receive(part)
    ]


def heard(*said, **options):
    """Return the events of the peer's frames; assert that they are the same at either end."""
    ways = [
        heard_from(*said, client=client, chop=chop, **options)
        for client in (False, True)
        for chop in (bytewise, lambda stream: [stream])
    ]
    assert all(way == ways[0] for way in ways), ways
    return ways[0]


def failed(code, reason):
    """The event of a connection that fails while it is open, as `heard` says it."""
    return ("failed", code, reason, [(0x8, code.to_bytes(2, "big") + reason.encode())])

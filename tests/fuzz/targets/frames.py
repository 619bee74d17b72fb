"""A connection's frames: both sides, compressed or not, large and small limits, any reads.

For any bytes, `Connection.receive` doesn't raise, no event follows Closing or Failed, no message is
larger than max_size, and no more than max_size is kept. The result doesn't depend on the cuts
between reads, nor on taking parts of an unfinished message.
"""

from tests.fuzz.choices import Choices, cut
from tests.fuzz.documented import raises_only
from tests.fuzz.held import held
from tests.support.both_ends import told
from txws2.wire.connection import Connection
from txws2.wire.events import Closing, Failed, Remainder
from txws2.wire.permessage_deflate import Deflate

# All have the largest window. With a smaller one, the cuts decide if zlib notices a reference
# beyond the window.
AGREED = [
    None,
    Deflate(),
    Deflate(server_takeover=False, client_takeover=False),
]
LIMITS = [2**20, 16, 1000, 2**16, None]
# A connection also keeps a frame header, and two payloads of control frames: an incomplete one, and
# that of the peer's close frame.
BESIDES = 14 + 2 * 125


def target(data):
    choices = Choices(data)
    client, closing, taking = choices.flag(), choices.flag(), choices.flag()
    deflate, max_size = choices.one_of(AGREED), choices.one_of(LIMITS)
    sizes = choices.sizes()
    stream = choices.rest()

    def heard(reads, taking):
        connection = Connection(client=client, max_size=max_size, deflate=deflate)
        if closing:
            connection.send_close(1000)
        return [
            # The cuts decide which error in compressed data is found first.
            said[:1] if deflate and isinstance(said, tuple) and said[0] == "failed" else said
            for said in _hear(connection, reads, client, max_size, taking)
        ]

    apart, whole = heard(cut(stream, sizes), taking), heard([stream], False)
    assert apart == whole, f"{apart} if cut, but {whole}"


def _hear(connection, reads, client, max_size, taking):
    said, parts = [], []
    over = False
    for read in reads:
        with raises_only():
            events = connection.receive(read)
        assert not (over and events), f"{events} after the end"
        for event in events:
            assert not over, f"{event} after the end"
            if isinstance(event, Remainder):
                event = event.rest[:0].join([*parts, event.rest])
                parts.clear()
            over = isinstance(event, (Closing, Failed))
            with raises_only():
                said.append(told(event, connection, client=client))
            if isinstance(event, (str, bytes)):
                size = len(event.encode() if isinstance(event, str) else event)
                assert max_size is None or size <= max_size, f"a message of {size} bytes"
        if taking and connection.unfinished:
            with raises_only():
                parts.append(connection.take_part())
            assert connection.unfinished == 0
    # Counting takes long, so it is done only at the end of an input. Shorter inputs count earlier.
    if max_size is not None and not over:
        assert held(connection) <= max_size + BESIDES, f"{held(connection)} bytes are kept"
    return said

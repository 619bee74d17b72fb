"""All data of a connection, in and out: the code in Python and in C does the same.

This holds for any bytes and any reads, while the application answers, raises or stops reading.
"""

from tests.fuzz.choices import Choices, cut
from tests.fuzz.documented import raises_only
from tests.support.exchanges import exchange_of
from tests.support.tallies import counted
from tests.support.twins import PURE, load
from txws2.wire.permessage_deflate import Deflate, PerMessageDeflate

AGREED = [None, Deflate(), Deflate(server_takeover=False, client_takeover=False)]
LIMITS = [2**20, 16, 1000, None]
THRESHOLDS = [0, 64]

TWINS = [
    exchange_of(exchange, cork)
    for exchange, cork in [
        (PURE["Exchange"], PURE["Cork"]),
        *([(load().Exchange, load().Cork)] if load() is not None else []),
    ]
]


def target(data):
    choices = Choices(data)
    client = choices.flag()
    options = {
        "client": client,
        "deflate": choices.one_of(AGREED),
        "max_size": choices.one_of(LIMITS),
        "compression": PerMessageDeflate(threshold=choices.one_of(THRESHOLDS)),
    }
    enough = choices.number()
    sizes = choices.sizes()
    reads = cut(choices.rest(), sizes)
    outcomes = [_outcome(twin(**options), reads, enough) for twin in TWINS]
    assert all(outcome == outcomes[0] for outcome in outcomes), outcomes


def _outcome(exchange, reads, enough):
    def answer(message):
        if len(exchange.told) == enough:
            exchange.shut()
        exchange.sendMessage(message)
        if len(message) % 16 == 15:
            raise ValueError

    exchange.answer = answer
    for read in reads:
        with raises_only():
            exchange.dataReceived(read)
    # A client's frames differ, because each has a masking key of its own.
    writes = [len(write) if exchange._connection.client else write for write in exchange.writes]
    return exchange.told, writes, len(exchange.failed), counted(exchange._connection)

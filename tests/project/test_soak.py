"""A million messages leave memory flat. `make soak` runs this; the other tests don't."""

from pathlib import Path
from resource import getpagesize
from unittest import SkipTest

import pytest

from tests.support.exchanges import exchange_of
from tests.support.twins import PURE, load
from txws2.wire.exceptions import ProtocolError

pytestmark = [
    pytest.mark.soak,
    pytest.mark.parametrize("twins", ["Python", "C"], indirect=True),
]

MESSAGES = ["Hello", b"Hello", "", "héllo €" * 20, "x" * 300, bytes(1000), "\x7f", b"\xff" * 125]
ROUNDS = 10
TIMES = 1_000_000 // (ROUNDS * len(MESSAGES))
SLACK = 2**20


@pytest.fixture
def twins(request):
    module = load()
    if request.param == "Python":
        return PURE
    if module is None:
        raise SkipTest("the accelerator isn't there, or isn't wanted")
    return vars(module)


def resident():
    """Bytes of memory that this process has."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * getpagesize()


def stays_flat(work):
    """After a first round, memory grows no more."""
    work()
    before = resident()
    for _ in range(ROUNDS - 1):
        work()
    assert resident() - before < SLACK


def test_a_million_messages(twins):
    encode, decoders = twins["encode_message"], {}
    for masked in (False, True):
        decoders[masked] = twins["Decoder"]()
        decoders[masked].client = not masked

    def work():
        for _ in range(TIMES):
            for masked in (False, True):
                data = b"".join([encode(message, masked) for message in MESSAGES])
                messages = []
                assert decoders[masked].decode(data, 0, messages) == len(data)
            assert messages == MESSAGES

    stays_flat(work)


def test_a_million_echoes(twins):
    example = exchange_of(twins["Exchange"], twins["Cork"], twins["Handle"])
    data = b"".join(twins["encode_message"](message, True) for message in MESSAGES)

    def work():
        exchange = example(client=False)
        exchange.messageReceived = exchange.send_message
        for _ in range(TIMES):
            exchange.data_received(data + b"\x81")
            exchange.data_received(b"\x80" + bytes(4))
            exchange.writes.clear()

    stays_flat(work)


def test_a_million_messages_that_reads_and_frames_cut(twins):
    class Inflating(twins["Decoder"]):
        """Takes a payload for a compressed one."""

        def inflate_part(self, part, before, last):
            return part

    encode, decoder = twins["encode_frame"], Inflating()
    decoder.inflates = True
    stream = b"".join(
        encode(first, payload, masked=True, fin=False, rsv1=rsv1)
        + encode(0, payload, masked=True, fin=True)
        for first, payload in ((1, b"abc"), (1, "é€".encode()), (2, bytes(1000)))
        for rsv1 in (False, True)
    )
    reads = [stream[at : at + 37] for at in range(0, len(stream), 37)]

    def work():
        for _ in range(1_000_000 // (ROUNDS * 6)):
            messages = []
            for read in reads:
                decoder.decode(read, 0, messages)
            assert len(messages) == 6

    stays_flat(work)


def test_a_hundred_thousand_that_are_wrong(twins):
    mask, encode = twins["apply_mask"], twins["encode_frame"]
    bad = encode(1, b"good \xff", masked=True)

    def fails(function, *args):
        with pytest.raises((TypeError, ValueError)):
            function(*args)

    def work():
        for _ in range(100_000 // ROUNDS):
            fails(twins["Decoder"]().decode, bad, 99, [])
            with pytest.raises(ProtocolError):
                twins["Decoder"]().decode(bad, 0, [])
            fails(twins["encode_message"], "\ud800", True)
            fails(mask, memoryview(bad)[::2], b"abc")
            fails(mask, "Hello", b"abcd")

    stays_flat(work)


def test_ten_thousand_large_payloads(twins):
    frame = twins["encode_frame"](2, bytes(300_000), masked=True)
    reads = [frame[at : at + 50_000] for at in range(0, len(frame), 50_000)]

    def work():
        for number in range(10_000 // ROUNDS):
            decoder, messages = twins["Decoder"](), []
            for read in reads[: number % 8]:
                decoder.decode(read, 0, messages)
            if number % 3 and decoder.fragmented:
                decoder.take_part()

    stays_flat(work)
